/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What a frame is to the reference model, and what an IP packet is that an ICMP error quotes.
 */
#ifndef TEST_MODEL_PARSE_H
#define TEST_MODEL_PARSE_H

#include "model_hash.h"
#include "packet.h"
#include "xdplb/fragment.h"

enum model_kind {
	MODEL_FOREIGN, /* nothing that lb_xdp looks at: passes, whatever its address */
	MODEL_TRUNCATED,
	MODEL_TOO_MANY, /* IPv6: more extension headers than are looked through */
	MODEL_LATER, /* a fragment but the first */
	MODEL_ICMP,
	MODEL_CUT_ICMP, /* longer or shorter than it says; lb_xdp lets it pass, node_tc reads what is there */
	MODEL_ICMP_FIRST, /* the first fragment of one, its header whole */
	MODEL_ICMP_LATER,
	MODEL_TRANSPORT, /* TCP or UDP, or the first fragment of it */
};

struct model_parsed {
	enum model_kind kind;
	__u8 family;
	__u8 proto;
	__u8 ttl;
	int tags;
	bool is_first; /* of fragments */
	bool may_fragment; /* IPv4 without DF */
	size_t l3, l4; /* offsets in the frame */
	size_t end; /* of the packet, by its IP length */
	struct model_end source, dest; /* ports: MODEL_TRANSPORT */
	struct xdplb_fragment_key key; /* of fragments */
};

void model_parse(const struct test_packet *packet, struct model_parsed *ret_parsed);

/**
 * model_parse_quote() - The packet that an ICMP error quotes, from offset @at on; of its transport header
 * eight bytes are enough.
 * Return: whether it is TCP or UDP, and no later fragment.
 */
bool model_parse_quote(const struct test_packet *packet, size_t at, size_t end,
		       struct model_parsed *ret_parsed);

/* Bytes of a packet in network byte order, as a number. */
unsigned int model_word(const struct test_packet *packet, size_t at);

#endif
