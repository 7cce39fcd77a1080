/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The elements of Katran's maps as far as the bench fills them, described anew. Addresses take 16 bytes,
 * an IPv4 one the first four and zeros; addresses and ports are in network byte order.
 *
 *   vip_map      VIP, port, protocol      -> number of the VIP
 *   ch_rings     number * ring size + hash -> number of a backend; not 0, which is none
 *   reals        number of a backend       -> its address
 *   lru_mapping  CPU                       -> its flow table: flow -> number of a backend
 *   ctl_array    0                         -> MAC address of the router
 *   reals_stats  number of a backend       -> packets, bytes
 *   stats        VIPs at first, then counters, two 64-bit words each
 */
#ifndef BENCH_KATRAN_MAPS_H
#define BENCH_KATRAN_MAPS_H

#include "xdplb/types.h"

struct katran_vip {
	__be32 addr[4];
	__be16 port;
	__u8 proto;
	__u8 pad;
};
XDPLB_ASSERT_SIZE(struct katran_vip, 20);

struct katran_vip_meta {
	__u32 flags; /* 0: flows by the full 5-tuple, in the flow table */
	__u32 number;
};
XDPLB_ASSERT_SIZE(struct katran_vip_meta, 8);

struct katran_real {
	__be32 addr[4];
	__u8 flags; /* 0: IPv4, by IPIP */
	__u8 pad[3];
};
XDPLB_ASSERT_SIZE(struct katran_real, 20);

struct katran_flow {
	__be32 source[4];
	__be32 dest[4];
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 pad[3];
};
XDPLB_ASSERT_SIZE(struct katran_flow, 40);

struct katran_flow_real {
	__u32 real;
	__u32 pad;
	__u64 last_use; /* ns, for UDP alone */
};
XDPLB_ASSERT_SIZE(struct katran_flow_real, 16);

/* In `stats`, behind the VIPs; its second word: packets but SYNs whose flow was not in the table. */
#define KATRAN_COUNTER_TCP_MISSES 1

#endif
