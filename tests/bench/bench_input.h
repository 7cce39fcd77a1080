/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What the bench and its driver programs share: the frame to rebuild, and which flow comes next.
 */
#ifndef BENCH_INPUT_H
#define BENCH_INPUT_H

#include "xdplb/types.h"

/*
 * Frame sizes, a TCP segment with time stamps: two bytes and then whole 32-bit words, because the
 * driver writes each field with one store that covers it. A program that reads across two stores
 * that are still on their way to the cache would wait for them, as it never does for a frame that
 * a NIC has written.
 */
#define BENCH_FRAME4_LEN 66
#define BENCH_FRAME6_LEN 86

/* A PTP Sync over UDP and IPv4, and the same under two labels. */
#define BENCH_PTP_LEN      86
#define BENCH_LABELLED_LEN 94
#define BENCH_PTP_LABELS   2

/*
 * Programs that take labels away or put them in front make the frame shorter or longer with each repeat.
 * So it comes in with so many bytes more behind it, which a driver turns into room in front again.
 */
#define BENCH_POP_ROOM  2048
#define BENCH_PUSH_ROOM 1024

/* Repeats that BENCH_PUSH_ROOM is enough for. */
#define BENCH_PUSHES (BENCH_PUSH_ROOM / (4 * BENCH_PTP_LABELS))

struct bench_frame {
	__u16 pad;
	__u8 bytes[BENCH_LABELLED_LEN]; /* words from bytes[2] on are aligned */
	__u8 pad2[8];
};
XDPLB_ASSERT_SIZE(struct bench_frame, 104);

struct bench_input {
	struct bench_frame frame; /* fixed drivers copy it, flow drivers put in the client */
	__u32 flows; /* the flow is one of so many, at random; 0: each one is new */
	__u32 random; /* state of the generator, never 0 */
	__u32 sequence; /* the next new flow */
	__be16 dport;
	__u16 pad;
	__u64 stamp; /* for drive_egress: when its frames have come in, by CLOCK_MONOTONIC, ns */
	__u32 vip; /* host byte order: the first of `services` VIPs that flows are spread over */
	__u32 services;
	__s32 encap; /* bytes that the target put before the frame when it ran last, see DRIVER() */
	__u32 pad2;
};
XDPLB_ASSERT_SIZE(struct bench_input, 144);

/* The client end of flow `number`, host byte order. */
struct bench_client {
	__u32 addr; /* IPv4; the last word of an IPv6 address */
	__u16 port;
};

/* 10.0.0.0/8, ports 32768 .. 65535: scattered, and another one for each of 2^32 numbers, since an
 * odd factor makes x a permutation and addr and port together hold all of its bits. */
static inline __attribute__((always_inline)) struct bench_client bench_client_of(__u32 number)
{
	__u32 x = number * 0x9e3779b1U;

	return (struct bench_client){ .addr = 0x0a000000 | (x & 0xffffff),
				      .port = 0x8000 | (x >> 17) };
}

/* One of so many flows at random: Marsaglia's xorshift32, of full period but for 0, and no helper call. */
static inline __attribute__((always_inline)) __u32 bench_random_flow(__u32 *state, __u32 flows)
{
	__u32 x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return (__u64)x * flows >> 32;
}

/* Which of so many services flow `number` belongs to: another factor, so that it has nothing to do with
 * the client. */
static inline __attribute__((always_inline)) __u32 bench_service_of(__u32 number, __u32 services)
{
	return (__u64)(number * 0x85ebca6bU) * services >> 32;
}

/* Key of the reference map: the 5-tuple. */
struct bench_tuple {
	__be32 saddr;
	__be32 daddr;
	__u32 ports; /* source and destination as they stand in the packet */
	__u32 proto;
};
XDPLB_ASSERT_SIZE(struct bench_tuple, 16);

#endif
