/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Packets for the tests: built from a description with every checksum computed in full, verified by
 * computing them in full again, compared byte by byte. Knows no map and no program, and shares no
 * code with them.
 */
#ifndef TEST_PACKET_H
#define TEST_PACKET_H

#include <stdbool.h>
#include <stddef.h>

#include "xdplb/types.h"

#define PACKET_MAX 2048
#define ETH_LEN    14

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define IP_FLAG_DF 0x4000
#define IP_FLAG_MF 0x2000

/* Hop-by-hop options, whose protocol number is 0, as an ext_header. */
#define EXT_HOPOPTS 0xff

struct test_packet {
	size_t len;
	__u8 data[PACKET_MAX];
};

/* An end of a flow; port in host byte order. */
struct packet_end {
	struct xdplb_addr addr;
	__u16 port;
	__u8 mac[6];
};

/* What packet_build() builds; numbers in host byte order. */
struct packet_spec {
	__u8 family; /* XDPLB_IPV4 or XDPLB_IPV6 */
	__u8 proto; /* TCP, UDP, ICMP, ICMPv6; any other: the payload follows the IP header */
	struct packet_end source;
	struct packet_end dest;
	__u8 ttl;
	__u8 tos; /* or traffic class */
	__u16 id;
	__u16 frag_off; /* IPv4: flags and offset as in the header; IPv6: as in a fragment header */
	__u32 frag_id; /* IPv6: of a fragment header */
	__u32 flow_label;
	__u8 ip_options; /* IPv4: bytes of options, a multiple of 4 */
	__u8 vlan_tags; /* 0 .. 2: 802.1ad before 802.1Q */
	__u8 ext_header; /* IPv6: an extension header of 8 bytes, of this protocol; 0: none */
	__u8 ext_more; /* further ones after it, all destination options */
	__u8 tcp_flags;
	__u8 tcp_options; /* bytes, a multiple of 4 */
	bool no_checksum; /* UDP: send 0 */
	__u8 icmp_type;
	__u8 icmp_code;
	__u32 icmp_rest;
	bool raw; /* the payload follows the IP header, whatever the protocol */
	const void *payload; /* NULL: bytes that follow from `seed` */
	__u16 payload_len;
	__u32 seed;
};

/**
 * packet_addr() - An address from its text, as the maps know it.
 *
 * Aborts if the text is no address: a mistake in a test.
 */
struct xdplb_addr packet_addr(const char *text);

/**
 * packet_build() - The Ethernet frame that a description means, with full checksums.
 */
void packet_build(const struct packet_spec *spec, struct test_packet *ret_packet);

/**
 * packet_l3_offset() - Where the IP header starts in a frame: behind its tags.
 */
size_t packet_l3_offset(const struct test_packet *packet);

/**
 * packet_fill() - Bytes that look random and follow from a seed.
 */
void packet_fill(void *bytes, size_t len, __u32 seed);

/**
 * packet_l4_offset() - Where the transport header starts in the frame that a description means.
 */
size_t packet_l4_offset(const struct packet_spec *spec);

/**
 * packet_fault() - Recomputes in full the checksum of the IPv4 header, of TCP, UDP, ICMP or ICMPv6, and
 * in an ICMP error those of the quoted headers, as far as the quote is whole; also looks at lengths.
 * IP may lie under MPLS labels. Frames without IP have no fault.
 *
 * Return: NULL if all are right, else a text that says which is wrong; valid until the next call.
 */
const char *packet_fault(const struct test_packet *packet);

/**
 * packet_same() - Are two packets equal to the last byte?
 */
bool packet_same(const struct test_packet *a, const struct test_packet *b);

/**
 * packet_diff() - Both packets in hex, the rows of 16 bytes that differ; valid until the next call.
 */
const char *packet_diff(const struct test_packet *want, const struct test_packet *got);

#endif
