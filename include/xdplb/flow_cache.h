/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What an access node remembers of flows, for services that ask for it (XDPLB_SERVICE_CACHE): the map
 * `flow_cache`, shared by all CPUs. Its first lines are sets of eight flows each, found by the lower half
 * of the flow hash and told apart by the upper one. Behind them lie newcomers, of which one packet has been seen, each
 * in the one place that its hash has: however many come, they push out nothing but each other.
 */
#ifndef XDPLB_FLOW_CACHE_H
#define XDPLB_FLOW_CACHE_H

#include "types.h"

#define XDPLB_FLOWS_PER_LINE 8

/*
 * A flow is one word, read and written whole. From the lowest bit on:
 *   20 bits: index into `members`
 *    1 bit:  set
 *   11 bits: when it was last seen, in units of 2^cache_shift jiffies
 *   32 bits: upper half of its hash
 */
struct xdplb_flow_line {
	__u64 flow[XDPLB_FLOWS_PER_LINE];
};
XDPLB_ASSERT_SIZE(struct xdplb_flow_line, 64);

#define XDPLB_FLOW_MEMBER   0xfffffULL
#define XDPLB_FLOW_SET      (1ULL << 20)
#define XDPLB_FLOW_AGE_BIT  21
#define XDPLB_FLOW_AGE_MASK 0x7ffU

#endif
