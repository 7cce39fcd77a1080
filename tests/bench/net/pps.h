/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What pps and its programs share.
 */
#ifndef BENCH_NET_PPS_H
#define BENCH_NET_PPS_H

#include "tests/bench/bench_input.h"

#define PPS_CPUS 64

/* Of one CPU, in a line of its own: two may send at once. */
struct pps_tally {
	__u64 received;
	__u32 random; /* state of the generator, never 0 */
	__u32 pad[13];
};
XDPLB_ASSERT_SIZE(struct pps_tally, 64);

#endif
