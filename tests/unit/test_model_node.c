// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc beside its reference model, as test_model.c does it with lb_xdp: both directions, at an uplink or at
 * a virtual NIC.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_judge.h"
#include "model_node_lab.h"

TestSuite(model_node);

#define PACKETS          40000
#define PACKETS_A_WORLD  1000
#define DIFFERENCES_MOST 5

struct fuzz {
	struct node_lab lab;
	struct judge judge;
	unsigned long reasons[XDPLB_DROP_COUNT], happened[XDPLB_EVENT_COUNT];
	unsigned long paths[NODE_PATH_COUNT];
};

static const struct bpf_program *program(const struct node_lab *lab, bool is_to)
{
	if (lab->model.ifindex)
		return is_to ? lab->node.skel->progs.vnic_egress
			     : lab->node.skel->progs.vnic_ingress;
	return is_to ? lab->node.skel->progs.uplink_ingress : lab->node.skel->progs.uplink_egress;
}

static void meet(struct fuzz *fuzz, const struct test_packet *in, bool is_to)
{
	struct node_result want;
	struct outcome got;
	struct verdict verdict;

	judge_run(&fuzz->judge, program(&fuzz->lab, is_to), in, &got);
	if (is_to)
		node_model_to(&fuzz->lab.model, in, &want);
	else
		node_model_from(&fuzz->lab.model, in, &want);
	if (want.takes_port && got.run.verdict == want.verdict)
		cr_expect(node_model_take(&fuzz->lab.model, in, &got.run.packet, &want),
			  "packet %lu: another flow has this port", fuzz->judge.packets);
	verdict =
		(struct verdict){ want.verdict, want.drop, want.events, want.paths, &want.packet };
	judge_compare(&fuzz->judge, in, &verdict, &got);
	if (want.drop >= 0)
		fuzz->reasons[want.drop]++;
	for (int i = 0; i < XDPLB_EVENT_COUNT; i++)
		fuzz->happened[i] += want.events >> i & 1;
	for (int i = 0; i < NODE_PATH_COUNT; i++)
		fuzz->paths[i] += want.paths >> i & 1;
}

static void check_reach(const struct fuzz *fuzz)
{
	static const struct {
		enum xdplb_drop drop;
		const char *name;
	} drops[] = {
		{ XDPLB_DROP_NOT_ADMITTED, "not_admitted" },
		{ XDPLB_DROP_WRONG_PROTOCOL, "wrong_protocol" },
		{ XDPLB_DROP_FLOW_CLASH, "flow_clash" },
		{ XDPLB_DROP_DIRECT_CLASH, "direct_clash" },
		{ XDPLB_DROP_UNKNOWN_FLOW, "unknown_flow" },
	};
	static const struct {
		enum xdplb_event event;
		const char *name;
	} events[] = {
		{ XDPLB_EVENT_FLOW_NOTED, "flow_noted" },
		{ XDPLB_EVENT_FLOW_REMAPPED, "flow_remapped" },
		{ XDPLB_EVENT_FRAGMENT_NOTED, "fragment_noted" },
		{ XDPLB_EVENT_QUERY_ANSWERED, "query_answered" },
		{ XDPLB_EVENT_ICMP_DELIVERED, "icmp_delivered" },
		{ XDPLB_EVENT_ICMP_RESTORED, "icmp_restored" },
	};
	static const char *const paths[] = {
#define X(NAME, help) help,
		NODE_PATHS(X)
#undef X
	};

	for (int i = 0; i < NODE_PATH_COUNT; i++)
		judge_reach(&fuzz->judge, fuzz->paths[i], paths[i]);
	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++)
		judge_reach(&fuzz->judge, fuzz->reasons[drops[i].drop], drops[i].name);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		judge_reach(&fuzz->judge, fuzz->happened[events[i].event], events[i].name);
}

Test(model_node, agrees)
{
	uint64_t packets = judge_number("FUZZ_PACKETS", PACKETS);
	struct fuzz *fuzz = calloc(1, sizeof(*fuzz));
	struct judge *judge = &fuzz->judge;
	struct test_packet packet;

	node_lab_open(&fuzz->lab, judge_number("FUZZ_SEED", 1));
	judge_open(judge, fuzz->lab.node.counters);
	while (judge->packets < packets && judge->differences < DIFFERENCES_MOST) {
		bool is_to;

		if (judge->packets % PACKETS_A_WORLD == 0)
			node_lab_make_world(&fuzz->lab);
		is_to = node_lab_draw_packet(&fuzz->lab, &packet);
		meet(fuzz, &packet, is_to);
	}
	if (!judge->differences)
		check_reach(fuzz);
	printf("model of node_tc: %lu packets, %d differ\n", judge->packets, judge->differences);
	judge_close(judge);
	node_lab_close(&fuzz->lab);
	free(fuzz);
}
