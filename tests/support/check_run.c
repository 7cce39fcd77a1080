// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Running a row and judging what came of it.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>

#include "check_run.h"

#define CPUS_MAX 1024

struct counters {
	__u64 drops[XDPLB_COUNTERS_CAPACITY];
	__u64 events[XDPLB_COUNTERS_CAPACITY];
};

static const char *const drop_names[] = {
#define X(NAME, name, help) #name,
	XDPLB_DROP_REASONS(X)
#undef X
};

static const char *const event_names[] = {
#define X(NAME, name, help) #name,
	XDPLB_EVENTS(X)
#undef X
};

/* Adds up element `index` of a per-CPU array, word by word. */
static void sum_cpus(int map, __u32 index, __u32 words, __u64 *ret_sums)
{
	static __u64 values[CPUS_MAX * XDPLB_COUNTERS_CAPACITY];
	int cpus = libbpf_num_possible_cpus();

	memset(ret_sums, 0, words * sizeof(*ret_sums));
	cr_assert(cpus > 0 && cpus <= CPUS_MAX);
	cr_assert_eq(bpf_map_lookup_elem(map, &index, values), 0, "cannot read counters");
	for (__u32 i = 0; i < cpus * words; i++)
		ret_sums[i % words] += values[i];
}

__u64 sum_counter(int map, __u32 index, __u32 words, __u32 word)
{
	__u64 sums[XDPLB_COUNTERS_CAPACITY];

	sum_cpus(map, index, words, sums);
	return sums[word];
}

static void read_counters(struct counter_maps maps, struct counters *ret_counters)
{
	sum_cpus(maps.drops, 0, XDPLB_COUNTERS_CAPACITY, ret_counters->drops);
	sum_cpus(maps.events, 0, XDPLB_COUNTERS_CAPACITY, ret_counters->events);
}

static void check_counters(const char *row, const struct counters *before,
			   const struct counters *after, const struct expected *expected)
{
	for (int i = 0; i < XDPLB_COUNTERS_CAPACITY; i++) {
		__u64 drops = after->drops[i] - before->drops[i];
		__u64 events = after->events[i] - before->events[i];
		__u64 want_events = i < XDPLB_EVENT_COUNT ? expected->events >> i & 1 : 0;

		cr_assert_eq(drops, i == expected->drop, "%s: drop %s counted %llu times", row,
			     i < XDPLB_DROP_COUNT ? drop_names[i] : "(none)", drops);
		cr_assert_eq(events, want_events, "%s: event %s counted %llu times, want %llu", row,
			     i < XDPLB_EVENT_COUNT ? event_names[i] : "(none)", events,
			     want_events);
	}
}

struct test_packet observe_run(const char *row, const struct bpf_program *prog,
			       struct counter_maps maps, const struct test_packet *in,
			       __u32 ifindex, const struct expected *expected)
{
	struct counters before, after;
	struct run_result result;
	const char *fault;
	int err;

	read_counters(maps, &before);
	err = prog_run(prog, in, ifindex, &result);
	cr_assert_eq(err, 0, "%s: the kernel does not run the program: %s", row, strerror(-err));
	read_counters(maps, &after);
	cr_assert_eq(result.verdict, expected->verdict, "%s: verdict %d, want %d", row,
		     result.verdict, expected->verdict);
	check_counters(row, &before, &after, expected);
	if (expected->drop == NO_DROP && !packet_same(in, &result.packet)) {
		fault = packet_fault(&result.packet);
		cr_assert_null(fault, "%s: %s", row, fault);
	}
	return result.packet;
}

void check_run(const char *row, const struct bpf_program *prog, struct counter_maps maps,
	       const struct test_packet *in, __u32 ifindex, const struct expected *expected)
{
	struct test_packet out = observe_run(row, prog, maps, in, ifindex, expected);

	if (expected->packet)
		cr_assert(packet_same(expected->packet, &out), "%s: other bytes than expected\n%s",
			  row, packet_diff(expected->packet, &out));
}
