// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp beside its reference model: packets made up and then spoiled at random, through both. Verdict, bytes,
 * reason, events and members' counters must be the same. The environment may say how many (FUZZ_PACKETS) and
 * which (FUZZ_SEED); `make fuzz-datapath` does.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "model_hash.h"
#include "model_judge.h"
#include "model_lab.h"

TestSuite(model);

#define PACKETS          40000
#define PACKETS_A_WORLD  2000
#define PACKETS_A_HEALTH 400
#define DIFFERENCES_MOST 5

struct fuzz {
	struct model_lab lab;
	struct judge judge;
	unsigned long verdicts[XDP_REDIRECT + 1];
	unsigned long reasons[XDPLB_DROP_COUNT], happened[XDPLB_EVENT_COUNT];
	unsigned long paths[MODEL_PATH_COUNT];
};

static void count(struct fuzz *fuzz, const struct test_packet *in, const struct model_result *want)
{
	fuzz->verdicts[want->verdict]++;
	if (want->drop >= 0)
		fuzz->reasons[want->drop]++;
	for (int i = 0; i < XDPLB_EVENT_COUNT; i++)
		fuzz->happened[i] += want->events >> i & 1;
	for (int i = 0; i < MODEL_PATH_COUNT; i++)
		fuzz->paths[i] += want->paths >> i & 1;
	if (want->opened)
		fuzz->lab.opened[want->opened->index]++;
	if (!want->member)
		return;
	fuzz->lab.traffic[want->member->index].packets++;
	fuzz->lab.traffic[want->member->index].bytes += in->len;
}

static void meet(struct fuzz *fuzz, const struct test_packet *in)
{
	struct outcome got;
	struct model_result want;
	struct verdict verdict;

	judge_run(&fuzz->judge, fuzz->lab.lb.skel->progs.lb_xdp, in, &got);
	model_run(&fuzz->lab.model, in, &want);
	verdict =
		(struct verdict){ want.verdict, want.drop, want.events, want.paths, &want.packet };
	judge_compare(&fuzz->judge, in, &verdict, &got);
	count(fuzz, in, &want);
}

/* Packets, bytes and new flows of each member, from the beginning on. */
static void check_traffic(struct fuzz *fuzz)
{
	int map = bpf_map__fd(fuzz->lab.lb.skel->maps.member_flows);

	for (__u32 i = 0; i < LAB_SERVICES * LAB_MEMBERS; i++) {
		struct xdplb_traffic got = lb_setup_traffic(&fuzz->lab.lb, i);
		const struct xdplb_traffic *want = &fuzz->lab.traffic[i];

		cr_expect(got.packets == want->packets && got.bytes == want->bytes,
			  "member %u: %llu packets, %llu bytes; must be %llu, %llu", i, got.packets,
			  got.bytes, want->packets, want->bytes);
		cr_expect_eq(sum_counter(map, i, 1, 0), fuzz->lab.opened[i],
			     "member %u: %llu new flows; must be %llu", i,
			     sum_counter(map, i, 1, 0), fuzz->lab.opened[i]);
	}
}

/* ---- what was reached ---- */

/* Of lb_xdp's, all but those that ask the kernel, and BAD_TABLE, which no packet is the cause of. */
static const enum xdplb_drop reachable_drops[] = {
	XDPLB_DROP_TRUNCATED,     XDPLB_DROP_FRAGMENT,         XDPLB_DROP_TTL_EXPIRED,
	XDPLB_DROP_NO_MEMBER,     XDPLB_DROP_NO_USABLE_MEMBER, XDPLB_DROP_EXTENSIONS,
	XDPLB_DROP_ANSWER_RATE,   XDPLB_DROP_FRAGMENT_UNKNOWN, XDPLB_DROP_TOO_BIG,
	XDPLB_DROP_SOURCE_DENIED, XDPLB_DROP_SOURCE_LIMIT,
};

static const enum xdplb_event reachable_events[] = {
	XDPLB_EVENT_LEFT_TO_KERNEL,  XDPLB_EVENT_NEXT_OWNER,      XDPLB_EVENT_LAST_SEARCH,
	XDPLB_EVENT_USED_WHILE_DOWN, XDPLB_EVENT_RESET_SENT,      XDPLB_EVENT_ECHO_ANSWERED,
	XDPLB_EVENT_ICMP_RELAYED,    XDPLB_EVENT_FRAGMENT_NOTED,  XDPLB_EVENT_TIME_EXCEEDED_SENT,
	XDPLB_EVENT_TOO_BIG_SENT,    XDPLB_EVENT_QUIC_ROUTED,     XDPLB_EVENT_QUIC_UNKNOWN,
	XDPLB_EVENT_FLOW_MOVED,      XDPLB_EVENT_FLOW_PUSHED_OUT,
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
	const struct judge *judge = &fuzz->judge;

	for (int i = XDP_DROP; i <= XDP_REDIRECT; i++)
		judge_reach(judge, fuzz->verdicts[i], verdicts[i]);
	for (int i = 0; i < MODEL_PATH_COUNT; i++)
		judge_reach(judge, fuzz->paths[i], paths[i]);
	for (size_t i = 0; i < sizeof(reachable_drops) / sizeof(reachable_drops[0]); i++)
		judge_reach(judge, fuzz->reasons[reachable_drops[i]], drops[reachable_drops[i]]);
	for (size_t i = 0; i < sizeof(reachable_events) / sizeof(reachable_events[0]); i++)
		judge_reach(judge, fuzz->happened[reachable_events[i]],
			    events[reachable_events[i]]);
}

Test(model, agrees)
{
	uint64_t packets = judge_number("FUZZ_PACKETS", PACKETS);
	struct fuzz *fuzz = calloc(1, sizeof(*fuzz));
	struct judge *judge = &fuzz->judge;
	struct test_packet packet;

	lab_open(&fuzz->lab, judge_number("FUZZ_SEED", 1));
	judge_open(judge, fuzz->lab.lb.counters);
	while (judge->packets < packets && judge->differences < DIFFERENCES_MOST) {
		if (judge->packets % PACKETS_A_HEALTH == 0 && judge->packets)
			lab_check_flows(&fuzz->lab);
		if (judge->packets % PACKETS_A_WORLD == 0)
			lab_make_world(&fuzz->lab);
		else if (judge->packets % PACKETS_A_HEALTH == 0)
			lab_change_health(&fuzz->lab);
		fuzz_draw_packet(&fuzz->lab.fuzz, &packet);
		meet(fuzz, &packet);
	}
	if (!judge->differences) {
		check_traffic(fuzz);
		check_reach(fuzz);
	}
	printf("model: %lu packets, %d differ\n", judge->packets, judge->differences);
	judge_close(judge);
	lab_close(&fuzz->lab);
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
		want = family == XDPLB_IPV4
			       ? flow_hash4(numbers, ends[0].addr.word[0], ends[1].addr.word[0],
					    word)
			       : flow_hash6(numbers, ends[0].addr.word, ends[1].addr.word, word);
		cr_assert_eq(model_flow_hash(key, &ends[0], &ends[1], proto, family), want,
			     "flow %u", i);
	}
}
