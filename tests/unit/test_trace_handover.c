// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * xdplb-load trace on a service node: what is worked out from the tables is what node_tc does, for tables at
 * random and whoever has handed the packet on.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "map_view.h"
#include "node_setup.h"
#include "show/trace_handover.h"
#include "plan_world.h"

TestSuite(trace_handover);

#define ROUNDS 400
#define FLOWS  8

static void open_view(const struct node_setup *setup, struct node_view *ret)
{
	const struct node_tc_bpf *skel = setup->skel;

	*ret = (struct node_view){ 0 };
	map_view_open(skel->maps.mappings, &ret->mappings);
	map_view_open(skel->maps.successions, &ret->successions);
	map_view_open(skel->maps.owners, &ret->owners);
	map_view_open(skel->maps.peers, &ret->peers);
}

static void close_view(struct node_view *view)
{
	map_view_close(&view->mappings);
	map_view_close(&view->successions);
	map_view_close(&view->owners);
	map_view_close(&view->peers);
}

static struct trace_flow flow_of(__u8 family, __u16 port)
{
	const struct setup_addrs *addrs = setup_addrs(family);

	return (struct trace_flow){ .proto = IPPROTO_TCP,
				    .family = family,
				    .source = addrs->client,
				    .vip = addrs->vips[0],
				    .source_port = htons(port),
				    .vip_port = htons(VIP_PORT) };
}

/* Tables of one to four buckets, whose owners are the peers 0 to 2, or nobody. */
struct tables {
	char text[XDPLB_GENERATIONS][5];
	const char *list[XDPLB_GENERATIONS + 1];
};

static void deal(struct tables *tables, uint64_t *random)
{
	uint32_t count = next_random(random, XDPLB_GENERATIONS + 1);

	memset(tables, 0, sizeof(*tables));
	for (uint32_t g = 0; g < count; g++) {
		uint32_t buckets = 1 + next_random(random, 4);

		for (uint32_t i = 0; i < buckets; i++)
			tables->text[g][i] = "0012123"[next_random(random, 7)];
		tables->list[g] = tables->text[g];
	}
}

/* How often each was met: what is never met proves nothing. */
struct tally {
	int left, sent;
	int by_handed[XDPLB_HANDED_BY_OTHER + 1]; /* that went on */
	int second_steps;
};

/* What is worked out for a packet with that mark, as if it had no steps before. */
static void take_up(const struct node_view *view, const struct trace_flow *flow, uint32_t handed,
		    struct handover_trace *trace)
{
	const struct xdplb_addr *own = &node_mapping(view, trace->mapping)->backend;
	struct handover_step step = handover_next(view, trace, own, handed);

	trace->mark = handover_mark(flow->family, trace->hash, handed);
	step.mark = handover_mark(flow->family, trace->hash, step.handed);
	trace->steps[0] = step;
	trace->step_count = step.peer != HANDOVER_NOBODY;
}

static void check_flow(const struct node_setup *setup, const struct handover_node *node,
		       const struct trace_flow *flow, struct tally *tally)
{
	struct handover_trace trace;
	struct trace_outcome outcome;
	const char *fault;

	handover_compute(node, flow, 0, &trace);
	tally->second_steps += trace.step_count == 2;
	for (uint32_t handed = 0; handed <= XDPLB_HANDED_BY_OTHER; handed++) {
		if (handed)
			take_up(node->view, flow, handed, &trace);
		cr_assert_eq(handover_run(bpf_program__fd(setup->skel->progs.uplink_ingress), 1,
					  flow, node_mapping(node->view, 0), trace.mark, &outcome),
			     0);
		fault = handover_fault(node->view, &trace, &outcome);
		cr_expect_null(fault, "port %u, handed %u: %s: done %d", ntohs(flow->source_port),
			       handed, fault, outcome.verdict);
		/* There is no socket: what could go on has gone on. */
		cr_expect_eq(outcome.verdict, trace.step_count ? TRACE_SENT : TRACE_LEFT,
			     "port %u, handed %u: %d", ntohs(flow->source_port), handed,
			     outcome.verdict);
		tally->left += outcome.verdict == TRACE_LEFT;
		tally->sent += outcome.verdict == TRACE_SENT;
		tally->by_handed[handed] += outcome.verdict == TRACE_SENT;
	}
}

static void walk(__u8 family, bool keeps_ports, struct tally *tally)
{
	struct xdplb_mapping mapping =
		setup_mapping(family, IPPROTO_TCP, 0, XDPLB_RESTORE_INTERFACE);
	struct handover_node node = { .key = { { SETUP_KEY0, SETUP_KEY1 } } };
	uint64_t random = 3 * family + keeps_ports;
	struct node_setup setup;
	struct node_view view;
	struct tables tables;

	mapping.succession = 1;
	mapping.netns = XDPLB_NETNS_OWN;
	if (keeps_ports)
		mapping.vport = mapping.port = 0;
	node_setup_open(&setup);
	node_setup_mapping(&setup, 0, &mapping);
	node_setup_peers(&setup, family);
	open_view(&setup, &view);
	node.view = &view;
	for (int round = 0; round < ROUNDS; round++) {
		deal(&tables, &random);
		node_setup_owners(&setup, tables.list);
		node_setup_by_source(&setup, next_random(&random, 1 << XDPLB_GENERATIONS));
		for (uint32_t i = 0; i < FLOWS; i++) {
			struct trace_flow flow = flow_of(family, 1024 + FLOWS * round + i);

			check_flow(&setup, &node, &flow, tally);
		}
	}
	close_view(&view);
	node_setup_close(&setup);
}

Test(trace_handover, agrees_with_node_tc)
{
	struct tally tally = { 0 };

	for (int i = 0; i < 4; i++)
		walk(setup_families[i / 2], i % 2, &tally);
	cr_expect_gt(tally.left, 1000);
	cr_expect_gt(tally.sent, 1000);
	cr_expect_gt(tally.second_steps, 1000);
	for (int handed = 0; handed <= XDPLB_HANDED_BY_OTHER; handed++)
		if (handed == XDPLB_HANDED_TWICE)
			cr_expect_eq(tally.by_handed[handed], 0);
		else
			cr_expect_gt(tally.by_handed[handed], 300, "handed %d: %d", handed,
				     tally.by_handed[handed]);
}

/* What changes between the two is told: so the comparison can fail. */
Test(trace_handover, differences_are_told)
{
	static const char *const now[] = { "1", NULL }, *const later[] = { "2", NULL };
	static const char *const never[] = { "0", NULL };
	struct xdplb_mapping mapping =
		setup_mapping(XDPLB_IPV6, IPPROTO_TCP, 0, XDPLB_RESTORE_INTERFACE);
	struct handover_node node = { .key = { { SETUP_KEY0, SETUP_KEY1 } } };
	struct trace_flow flow = flow_of(XDPLB_IPV6, CLIENT_PORT);
	struct handover_trace trace;
	struct trace_outcome outcome;
	struct node_setup setup;
	struct node_view view;
	int program;

	mapping.succession = 1;
	mapping.netns = XDPLB_NETNS_OWN;
	node_setup_open(&setup);
	node_setup_mapping(&setup, 0, &mapping);
	node_setup_peers(&setup, XDPLB_IPV6);
	open_view(&setup, &view);
	node.view = &view;
	program = bpf_program__fd(setup.skel->progs.uplink_ingress);
	node_setup_owners(&setup, now);
	handover_compute(&node, &flow, 0, &trace);
	node_setup_owners(&setup, later);
	cr_assert_eq(handover_run(program, 1, &flow, &mapping, trace.mark, &outcome), 0);
	cr_expect_str_eq(handover_fault(&view, &trace, &outcome), "the destination");
	trace.steps[0].mark ^= 1;
	node_setup_owners(&setup, now);
	cr_assert_eq(handover_run(program, 1, &flow, &mapping, trace.mark, &outcome), 0);
	cr_expect_str_eq(handover_fault(&view, &trace, &outcome), "the mark");
	cr_assert_eq(handover_run(program, 1, &flow, &mapping, trace.mark ^ 1, &outcome), 0);
	cr_expect_str_eq(handover_fault(&view, &trace, &outcome), "the verdict");
	node_setup_owners(&setup, never);
	handover_compute(&node, &flow, 0, &trace);
	node_setup_owners(&setup, now);
	cr_assert_eq(handover_run(program, 1, &flow, &mapping, trace.mark, &outcome), 0);
	cr_expect_str_eq(handover_fault(&view, &trace, &outcome), "the verdict");
	close_view(&view);
	node_setup_close(&setup);
}

/* Which mappings a flow may come to. */
Test(trace_handover, mappings_of_a_flow)
{
	struct xdplb_mapping mappings[] = {
		setup_mapping(XDPLB_IPV4, IPPROTO_TCP, 0, XDPLB_RESTORE_SOURCE),
		setup_mapping(XDPLB_IPV4, IPPROTO_UDP, 0, XDPLB_RESTORE_SOURCE),
		setup_mapping(XDPLB_IPV4, IPPROTO_TCP, 1, XDPLB_RESTORE_SOURCE),
		setup_mapping(XDPLB_IPV6, IPPROTO_TCP, 0, XDPLB_RESTORE_SOURCE),
		setup_mapping(XDPLB_IPV4, IPPROTO_TCP, 0, XDPLB_RESTORE_SOURCE),
		setup_mapping(XDPLB_IPV4, IPPROTO_TCP, 0, XDPLB_RESTORE_SOURCE),
	};
	struct node_view view = {
		.mappings = { .values = mappings, .stride = sizeof(mappings[0]), .count = 6 }
	};
	struct trace_flow flow = flow_of(XDPLB_IPV4, CLIENT_PORT);
	uint32_t i = 0;

	mappings[4].vport = 0;
	mappings[5].state = XDPLB_MAPPING_FREE;
	cr_assert(handover_find(&view, &flow, &i));
	cr_expect_eq(i++, 0);
	cr_assert(handover_find(&view, &flow, &i));
	cr_expect_eq(i++, 4);
	cr_expect_not(handover_find(&view, &flow, &i));
	i = 0;
	flow.vip_port = htons(81);
	cr_assert(handover_find(&view, &flow, &i));
	cr_expect_eq(i, 4);
}
