/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Packets to VIPs drawn at random, of every kind that reaches a path of its own in lb_xdp, half of them with
 * faults. The same numbers for the same seed.
 */
#ifndef TEST_PACKET_FUZZ_H
#define TEST_PACKET_FUZZ_H

#include "packet.h"

/* Who is who in one family. */
struct fuzz_cast {
	struct packet_end client; /* the first of 64: the lowest bits of the address vary */
	struct packet_end vip; /* served at this port and the next one */
	struct xdplb_addr stranger;
};

/* Between whom packets went a short while ago. */
struct fuzz_flow {
	__u8 family, proto; /* 0: nobody yet */
	struct packet_end client, vip;
};

#define FUZZ_RECENT 8

struct packet_fuzz {
	__u64 random;
	struct fuzz_flow recent[FUZZ_RECENT];
	struct fuzz_cast casts[2]; /* IPv4, IPv6 */
	__u32 first_id; /* server ids of QUIC in datagrams, FUZZ_IDS of them from this one on; 0: none */
	__u8 quic_config; /* the upper three bits of most connection ids */
};

#define FUZZ_IDS 8

void fuzz_seed(struct packet_fuzz *fuzz, __u64 seed);

/* A number below `below`. */
__u32 fuzz_draw(struct packet_fuzz *fuzz, __u32 below);

/* A frame of at least 14 bytes, and at most PACKET_MAX. */
void fuzz_draw_packet(struct packet_fuzz *fuzz, struct test_packet *ret_packet);

/* What surrounds the ends of a flow: TTL, options, extension headers, flags, payload. */
void fuzz_draw_shape(struct packet_fuzz *fuzz, struct packet_spec *spec);

/* No fault at all for one of two packets, else up to three; the frame keeps 14 bytes. */
void fuzz_spoil(struct packet_fuzz *fuzz, struct test_packet *packet);

#endif
