/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * How the reference model changes packets, and what it makes up itself.
 */
#ifndef TEST_MODEL_SEND_H
#define TEST_MODEL_SEND_H

#include "model.h"
#include "model_parse.h"

/* Checksums follow what is changed by RFC 1624, equation 3: a wrong one stays wrong. */
void model_change_sum(struct test_packet *packet, size_t sum_at, const void *old, const void *new,
		      size_t len);

/* The transport checksum of a packet or quote that ends at @end; 0: there is none to keep right. */
size_t model_l4_sum(const struct test_packet *packet, const struct model_parsed *parsed,
		    size_t end);

/* Puts an address (family's length) in, at `at`; IPv4's header checksum and one more follow (0: none). */
void model_put_addr(struct test_packet *packet, const struct model_parsed *parsed, size_t at,
		    const struct xdplb_addr *addr, size_t sum_at);

/* Puts a 16-bit word in; the checksum at sum_at follows (0: none). */
void model_put_word(struct test_packet *packet, size_t at, __be16 word, size_t sum_at);

/* UDP's checksum is never 0 if there is one. */
void model_settle_udp(struct test_packet *packet, size_t sum_at);

/* The admission mark in the IP header. */
void model_put_mark(struct test_packet *packet, const struct model_parsed *parsed, __u64 hash);

void model_take_ttl(struct test_packet *packet, const struct model_parsed *parsed);

/* ---- what the balancer sends of its own: from the VIP, back to where the packet came from ---- */

/* An ICMP error that quotes the IP headers and eight bytes. */
void model_report(const struct test_packet *in, const struct model_parsed *parsed, __u8 type,
		  __u8 code, __u32 rest, struct test_packet *ret_out);

/* The reset of RFC 9293, section 3.10.7.1; false: there is none to such a packet. */
bool model_reset(const struct test_packet *in, const struct model_parsed *parsed,
		 struct test_packet *ret_out);

/* Addresses swapped, both kinds, and a TTL of its own: what a later fragment of a ping becomes. */
void model_turn_round(const struct test_packet *in, const struct model_parsed *parsed,
		      struct test_packet *ret_out);
void model_echo_reply(const struct test_packet *in, const struct model_parsed *parsed,
		      struct test_packet *ret_out);

#endif
