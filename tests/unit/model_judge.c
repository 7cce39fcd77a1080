// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "model_judge.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_parse.h"

void judge_open(struct judge *judge, struct counter_maps maps)
{
	*judge = (struct judge){ .cpus = libbpf_num_possible_cpus(),
				 .drops.map = maps.drops,
				 .events.map = maps.events };
	judge->of_cpus = calloc(judge->cpus * XDPLB_COUNTERS_CAPACITY, sizeof(*judge->of_cpus));
	cr_assert_not_null(judge->of_cpus);
}

void judge_close(struct judge *judge)
{
	free(judge->of_cpus);
}

static __u64 read_counts(struct judge *judge, struct judge_counts *counts, bool *ret_twice)
{
	__u64 moved = 0;
	__u32 zero = 0;

	cr_assert_eq(bpf_map_lookup_elem(counts->map, &zero, judge->of_cpus), 0);
	for (int i = 0; i < XDPLB_COUNTERS_CAPACITY; i++) {
		__u64 sum = 0;

		for (int cpu = 0; cpu < judge->cpus; cpu++)
			sum += judge->of_cpus[cpu * XDPLB_COUNTERS_CAPACITY + i];
		if (sum != counts->last[i])
			moved |= 1ULL << i;
		if (sum > counts->last[i] + 1)
			*ret_twice = true;
		counts->last[i] = sum;
	}
	return moved;
}

void judge_run(struct judge *judge, const struct bpf_program *prog, const struct test_packet *in,
	       struct outcome *ret_outcome)
{
	ret_outcome->twice = false;
	cr_assert_eq(prog_run(prog, in, 0, &ret_outcome->run), 0);
	ret_outcome->drops = read_counts(judge, &judge->drops, &ret_outcome->twice);
	ret_outcome->events = read_counts(judge, &judge->events, &ret_outcome->twice);
}

/* 0xffff and 0 are one sum of IPv4, TCP and ICMP to whoever verifies it; which one is not told. */
static void settle_sum(struct test_packet *packet, size_t at)
{
	if (at + 2 <= packet->len && model_word(packet, at) == 0xffff)
		packet->data[at] = packet->data[at + 1] = 0;
}

static void settle_sums(const struct model_parsed *parsed, struct test_packet *packet)
{
	if (parsed->family == XDPLB_IPV4)
		settle_sum(packet, parsed->l3 + 10);
	if (parsed->kind == MODEL_TRANSPORT && parsed->proto == IPPROTO_TCP)
		settle_sum(packet, parsed->l4 + 16);
	if (parsed->kind == MODEL_ICMP || parsed->kind == MODEL_ICMP_FIRST)
		settle_sum(packet, parsed->l4 + 2);
}

static bool same_packet(const struct test_packet *want, const struct test_packet *got)
{
	struct test_packet a = *want, b = *got;
	struct model_parsed parsed, quote;

	if (packet_same(want, got))
		return true;
	if (want->len != got->len)
		return false;
	model_parse(want, &parsed);
	settle_sums(&parsed, &a);
	settle_sums(&parsed, &b);
	if (parsed.kind == MODEL_ICMP &&
	    model_parse_quote(want, parsed.l4 + 8, parsed.end, &quote)) {
		settle_sums(&quote, &a);
		settle_sums(&quote, &b);
	}
	return packet_same(&a, &b);
}

/* NULL: as it must be. */
static const char *fault_of(const struct verdict *want, const struct outcome *got)
{
	if (want->verdict != got->run.verdict)
		return "the verdict";
	if (got->twice || got->drops != (want->drop < 0 ? 0 : 1ULL << want->drop))
		return "the reason";
	if (got->events != want->events)
		return "the events";
	if (want->drop < 0 && !same_packet(want->packet, &got->run.packet))
		return "the bytes";
	return NULL;
}

/* packet_diff() keeps one text at a time, and against an empty packet it is a dump. */
void judge_compare(struct judge *judge, const struct test_packet *in, const struct verdict *want,
		   const struct outcome *got)
{
	static const struct test_packet empty;
	const char *wrong = fault_of(want, got);

	judge->packets++;
	if (!wrong)
		return;
	judge->differences++;
	cr_expect(false,
		  "packet %lu: %s: verdict %d, drops %#llx, events %#llx; "
		  "must be %d, drop %d, events %#llx, paths %#llx; came in:\n%s",
		  judge->packets, wrong, got->run.verdict, got->drops, got->events, want->verdict,
		  want->drop, want->events, want->paths, packet_diff(in, &empty));
	cr_expect(false, "came out:\n%s",
		  packet_diff(want->drop < 0 ? want->packet : &empty, &got->run.packet));
}

uint64_t judge_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

void judge_reach(const struct judge *judge, unsigned long times, const char *name)
{
	if (getenv("FUZZ_PACKETS"))
		printf("%12lu %s\n", times, name);
	cr_expect_gt(times, judge->packets / 40000, "%s: %lu", name, times);
}
