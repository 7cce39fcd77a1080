// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp beside its reference model: packets made up and then spoiled at random, through both. Verdict, bytes,
 * reason, events and members' counters must be the same. The environment may say how many (FUZZ_PACKETS) and
 * which (FUZZ_SEED); `make fuzz-datapath` does.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "model_hash.h"
#include "model_lab.h"
#include "model_parse.h"

TestSuite(model);

#define PACKETS          40000
#define PACKETS_A_WORLD  2000
#define PACKETS_A_HEALTH 400
#define DIFFERENCES_MOST 5

/* A per-CPU map of counters, as last read. */
struct counts {
	int map;
	__u64 last[XDPLB_COUNTERS_CAPACITY];
};

struct fuzz {
	struct model_lab lab;
	int cpus;
	__u64 *of_cpus;
	struct counts drops, events;
	unsigned long packets, verdicts[XDP_REDIRECT + 1];
	unsigned long reasons[XDPLB_DROP_COUNT], happened[XDPLB_EVENT_COUNT];
	unsigned long paths[MODEL_PATH_COUNT];
	int differences;
};

/* What lb_xdp has done with a packet. */
struct outcome {
	struct run_result run;
	__u64 drops, events; /* a bit for each counter that has moved by one */
	bool twice; /* one has moved by more */
};

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* ---- comparing ---- */

static __u64 read_counts(struct fuzz *fuzz, struct counts *counts, bool *ret_twice)
{
	__u64 moved = 0;
	__u32 zero = 0;

	cr_assert_eq(bpf_map_lookup_elem(counts->map, &zero, fuzz->of_cpus), 0);
	for (int i = 0; i < XDPLB_COUNTERS_CAPACITY; i++) {
		__u64 sum = 0;

		for (int cpu = 0; cpu < fuzz->cpus; cpu++)
			sum += fuzz->of_cpus[cpu * XDPLB_COUNTERS_CAPACITY + i];
		if (sum != counts->last[i])
			moved |= 1ULL << i;
		if (sum > counts->last[i] + 1)
			*ret_twice = true;
		counts->last[i] = sum;
	}
	return moved;
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
	if (parsed->kind == MODEL_ICMP)
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

/* NULL: as the model says. */
static const char *judge(const struct model_result *want, const struct outcome *got)
{
	if (want->verdict != got->run.verdict)
		return "the verdict";
	if (got->twice || got->drops != (want->drop < 0 ? 0 : 1ULL << want->drop))
		return "the reason";
	if (got->events != want->events)
		return "the events";
	if (want->verdict != XDP_DROP && !same_packet(&want->packet, &got->run.packet))
		return "the bytes";
	return NULL;
}

/* packet_diff() keeps one text at a time, and against an empty packet it is a dump. */
static void show(const struct fuzz *fuzz, const char *wrong, const struct test_packet *in,
		 const struct model_result *want, const struct outcome *got)
{
	static const struct test_packet empty;

	cr_expect(false,
		  "packet %lu: %s: verdict %d, drops %#llx, events %#llx; "
		  "must be %d, drop %d, events %#x, paths %#x; came in:\n%s",
		  fuzz->packets, wrong, got->run.verdict, got->drops, got->events, want->verdict,
		  want->drop, want->events, want->paths, packet_diff(in, &empty));
	cr_expect(
		false, "came out:\n%s",
		packet_diff(want->verdict == XDP_DROP ? &empty : &want->packet, &got->run.packet));
}

static void count(struct fuzz *fuzz, const struct test_packet *in, const struct model_result *want)
{
	fuzz->verdicts[want->verdict]++;
	if (want->drop >= 0)
		fuzz->reasons[want->drop]++;
	for (int i = 0; i < XDPLB_EVENT_COUNT; i++)
		fuzz->happened[i] += want->events >> i & 1;
	for (int i = 0; i < MODEL_PATH_COUNT; i++)
		fuzz->paths[i] += want->paths >> i & 1;
	if (!want->member)
		return;
	fuzz->lab.traffic[want->member->index].packets++;
	fuzz->lab.traffic[want->member->index].bytes += in->len;
}

static void meet(struct fuzz *fuzz, const struct test_packet *in)
{
	struct outcome got = { .twice = false };
	struct model_result want;
	const char *wrong;

	cr_assert_eq(prog_run(fuzz->lab.lb.skel->progs.lb_xdp, in, 0, &got.run), 0);
	got.drops = read_counts(fuzz, &fuzz->drops, &got.twice);
	got.events = read_counts(fuzz, &fuzz->events, &got.twice);
	model_run(&fuzz->lab.model, in, &want);
	wrong = judge(&want, &got);
	fuzz->packets++;
	count(fuzz, in, &want);
	if (!wrong)
		return;
	fuzz->differences++;
	show(fuzz, wrong, in, &want, &got);
}

/* Packets and bytes of each member, from the beginning on. */
static void check_traffic(struct fuzz *fuzz)
{
	for (__u32 i = 0; i < LAB_SERVICES * LAB_MEMBERS; i++) {
		struct xdplb_traffic got = lb_setup_traffic(&fuzz->lab.lb, i);
		const struct xdplb_traffic *want = &fuzz->lab.traffic[i];

		cr_expect(got.packets == want->packets && got.bytes == want->bytes,
			  "member %u: %llu packets, %llu bytes; must be %llu, %llu", i, got.packets,
			  got.bytes, want->packets, want->bytes);
	}
}

/* ---- what was reached ---- */

/* Of lb_xdp's, all but those that ask the kernel, and BAD_TABLE, which no packet is the cause of. */
static const enum xdplb_drop reachable_drops[] = {
	XDPLB_DROP_TRUNCATED,     XDPLB_DROP_FRAGMENT,         XDPLB_DROP_TTL_EXPIRED,
	XDPLB_DROP_NO_MEMBER,     XDPLB_DROP_NO_USABLE_MEMBER, XDPLB_DROP_EXTENSIONS,
	XDPLB_DROP_ANSWER_RATE,   XDPLB_DROP_FRAGMENT_UNKNOWN, XDPLB_DROP_TOO_BIG,
	XDPLB_DROP_SOURCE_DENIED,
};

static const enum xdplb_event reachable_events[] = {
	XDPLB_EVENT_LEFT_TO_KERNEL,  XDPLB_EVENT_NEXT_OWNER,     XDPLB_EVENT_LAST_SEARCH,
	XDPLB_EVENT_USED_WHILE_DOWN, XDPLB_EVENT_RESET_SENT,     XDPLB_EVENT_ECHO_ANSWERED,
	XDPLB_EVENT_ICMP_RELAYED,    XDPLB_EVENT_FRAGMENT_NOTED, XDPLB_EVENT_TIME_EXCEEDED_SENT,
	XDPLB_EVENT_TOO_BIG_SENT,
};

/* What was never met was not compared. */
static void check_reach(const struct fuzz *fuzz)
{
	static const char *const verdicts[] = { "aborted", "dropped", "passed", "sent",
						"redirected" };
	static const char *const paths[] = {
#define X(NAME, help) help,
		MODEL_PATHS(X)
#undef X
	};
	static const char *const drops[] = {
#define X(NAME, name, help) #name,
		XDPLB_DROP_REASONS(X)
#undef X
	};
	static const char *const events[] = {
#define X(NAME, name, help) #name,
		XDPLB_EVENTS(X)
#undef X
	};
	bool tell = getenv("FUZZ_PACKETS");

#define CHECK(of, name)                                                  \
	do {                                                             \
		if (tell)                                                \
			printf("%12lu %s\n", (of), (name));              \
		cr_expect_gt((of), fuzz->packets / 40000, "%s", (name)); \
	} while (0)
	for (int i = XDP_DROP; i <= XDP_REDIRECT; i++)
		CHECK(fuzz->verdicts[i], verdicts[i]);
	for (int i = 0; i < MODEL_PATH_COUNT; i++)
		CHECK(fuzz->paths[i], paths[i]);
	for (size_t i = 0; i < sizeof(reachable_drops) / sizeof(reachable_drops[0]); i++)
		CHECK(fuzz->reasons[reachable_drops[i]], drops[reachable_drops[i]]);
	for (size_t i = 0; i < sizeof(reachable_events) / sizeof(reachable_events[0]); i++)
		CHECK(fuzz->happened[reachable_events[i]], events[reachable_events[i]]);
#undef CHECK
}

Test(model, agrees)
{
	uint64_t packets = number_from("FUZZ_PACKETS", PACKETS);
	struct fuzz *fuzz = calloc(1, sizeof(*fuzz));
	struct test_packet packet;

	cr_assert_not_null(fuzz);
	fuzz->cpus = libbpf_num_possible_cpus();
	fuzz->of_cpus = calloc(fuzz->cpus * XDPLB_COUNTERS_CAPACITY, sizeof(*fuzz->of_cpus));
	cr_assert_not_null(fuzz->of_cpus);
	lab_open(&fuzz->lab, number_from("FUZZ_SEED", 1));
	fuzz->drops.map = fuzz->lab.lb.counters.drops;
	fuzz->events.map = fuzz->lab.lb.counters.events;
	while (fuzz->packets < packets && fuzz->differences < DIFFERENCES_MOST) {
		if (fuzz->packets % PACKETS_A_WORLD == 0)
			lab_make_world(&fuzz->lab);
		else if (fuzz->packets % PACKETS_A_HEALTH == 0)
			lab_change_health(&fuzz->lab);
		fuzz_draw_packet(&fuzz->lab.fuzz, &packet);
		meet(fuzz, &packet);
	}
	if (!fuzz->differences) {
		check_traffic(fuzz);
		check_reach(fuzz);
	}
	printf("model: %lu packets, %d differ\n", fuzz->packets, fuzz->differences);
	lab_close(&fuzz->lab);
	free(fuzz->of_cpus);
	free(fuzz);
}

/* The model's hash is the one that nodes agree on. */
Test(model, hash)
{
	__u8 key[16];
	__u64 words[2], numbers[FLOW_KEY_WORDS];

	for (__u32 i = 0; i < 2000; i++) {
		__u8 family = setup_families[i & 1], proto = setup_protos[i >> 1 & 1];
		struct model_end ends[2];
		__u64 word, want;

		packet_fill(key, sizeof(key), i);
		packet_fill(ends, sizeof(ends), i + 5000);
		memcpy(words, key, sizeof(key));
		word = flow_word(ends[0].port, ends[1].port, proto, family);
		flow_key_expand(words[0], words[1], numbers);
		want = family == XDPLB_IPV4 ? flow_hash4(numbers, ends[0].addr.word[0],
							 ends[1].addr.word[0], word)
					    : flow_hash6(numbers, ends[0].addr.word,
							 ends[1].addr.word, word);
		cr_assert_eq(model_flow_hash(key, &ends[0], &ends[1], proto, family), want,
			     "flow %u", i);
	}
}
