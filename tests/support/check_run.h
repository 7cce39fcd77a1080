/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A packet through a program and everything that is to come of it: verdict, bytes, counters.
 */
#ifndef TEST_CHECK_RUN_H
#define TEST_CHECK_RUN_H

#include "prog_run.h"
#include "xdplb/counters.h"

#define NO_DROP     (-1)
#define EVENT(NAME) (1ULL << XDPLB_EVENT_##NAME)

/* Where the counters of a program lie. */
struct counter_maps {
	int drops;
	int events;
};

/* What is to come out. */
struct expected {
	int verdict;
	const struct test_packet *packet; /* NULL: does not matter, the packet is dropped */
	int drop; /* the reason that is counted, once; NO_DROP: none is */
	__u64 events; /* EVENT()s that are counted, each once; no others are */
};

/**
 * sum_counter() - A counter over all CPUs: the 64-bit word number `word` of element `index` of a per-CPU
 * array whose values have `words` words.
 */
__u64 sum_counter(int map, __u32 index, __u32 words, __u32 word);

/**
 * check_run() - Fails the test, naming the row, unless all is as expected and no other counter has
 * moved; of a packet that goes on (and is not the one that came in) all checksums are recomputed.
 */
void check_run(const char *row, const struct bpf_program *prog, struct counter_maps maps,
	       const struct test_packet *in, __u32 ifindex, const struct expected *expected);

/**
 * observe_run() - As check_run(), for a packet whose bytes the caller can't know beforehand: it returns
 * them. expected->packet does not count.
 */
struct test_packet observe_run(const char *row, const struct bpf_program *prog,
			       struct counter_maps maps, const struct test_packet *in,
			       __u32 ifindex, const struct expected *expected);

#endif
