/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A packet through a program, and whether what came of it is what a reference model says.
 */
#ifndef TEST_MODEL_JUDGE_H
#define TEST_MODEL_JUDGE_H

#include "check_run.h"

/* A per-CPU map of counters, as last read. */
struct judge_counts {
	int map;
	__u64 last[XDPLB_COUNTERS_CAPACITY];
};

struct judge {
	int cpus;
	__u64 *of_cpus;
	struct judge_counts drops, events;
	unsigned long packets;
	int differences;
};

/* What a program has done with a packet. */
struct outcome {
	struct run_result run;
	__u64 drops, events; /* a bit for each counter that has moved by one */
	bool twice; /* one has moved by more */
};

/* What it must have done. */
struct verdict {
	int verdict;
	int drop; /* enum xdplb_drop; -1: none is counted, and the packet goes on */
	__u64 events;
	__u64 paths; /* for messages */
	const struct test_packet *packet;
};

void judge_open(struct judge *judge, struct counter_maps maps);
void judge_close(struct judge *judge);

void judge_run(struct judge *judge, const struct bpf_program *prog, const struct test_packet *in,
	       struct outcome *ret_outcome);

/* Fails the test, showing the packet, unless all is as it must be. */
void judge_compare(struct judge *judge, const struct test_packet *in, const struct verdict *want,
		   const struct outcome *got);

/* A number from the environment. */
uint64_t judge_number(const char *name, uint64_t otherwise);

/* Fails unless `times` is more than a share of all packets; tells it if FUZZ_PACKETS is set. */
void judge_reach(const struct judge *judge, unsigned long times, const char *name);

#endif
