/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * ICMP and ICMPv6 errors for the tests: who says what to whom about which packet.
 */
#ifndef TEST_ICMP_ERROR_H
#define TEST_ICMP_ERROR_H

#include "packet.h"

/* All of the quoted packet. */
#define QUOTE_WHOLE 9999

struct icmp_error {
	struct xdplb_addr sender;
	struct xdplb_addr recipient;
	__u8 type;
	__u8 code;
	__u32 rest;
	const struct packet_spec *about;
	size_t l4_bytes; /* of the quoted packet, from its transport header on */
};

/**
 * icmp_error_spec() - The description of an error; its payload lies in *ret_quoted, which must live as
 * long. TTL, MAC addresses, marks are those of `usual`.
 */
struct packet_spec icmp_error_spec(const struct icmp_error *error, const struct packet_spec *usual,
				   struct test_packet *ret_quoted);

/* The types that are errors, of either family: with 4 columns as they stand in the message. */
struct icmp_kind {
	__u8 family;
	__u8 type;
	__u8 code;
	__u32 rest;
};

#define ICMP_KINDS 12

extern const struct icmp_kind icmp_kinds[ICMP_KINDS];

#endif
