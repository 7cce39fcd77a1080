/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A datagram cut into fragments, as its sender or a router would do it.
 */
#ifndef TEST_FRAGMENTS_H
#define TEST_FRAGMENTS_H

#include "packet.h"

/* Which piece of a datagram: bytes from its transport header on; from is a multiple of 8. */
struct fragment_piece {
	size_t from;
	size_t len; /* as far as there are so many: the last one is known by that */
};

/**
 * fragment_build() - One fragment of the datagram that a description means; spec->id (IPv4) or
 * spec->frag_id (IPv6) is its identification.
 * @check_add: what to add to the datagram's transport checksum as if the pseudo header had one more word
 */
void fragment_build(const struct packet_spec *spec, struct fragment_piece piece, __u16 check_add,
		    struct test_packet *ret_packet);

#endif
