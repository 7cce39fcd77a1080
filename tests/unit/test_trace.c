// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * xdplb-load trace: what is worked out from the tables is what lb_xdp does, for every way a search may
 * end; and where the tables have changed in between it is told.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>

#include "lb_world.h"
#include "map_view.h"
#include "plan_world.h"
#include "show/trace.h"

TestSuite(trace);

#define IN_IFINDEX 1
#define MEMBERS    8

#define SERVER_ID   0xa9007700
#define RANGE_FIRST 50000
#define BUCKETS     61
#define FLOWS       40

static void open_view(const struct lb_world *world, struct access_view *ret)
{
	const struct lb_xdp_bpf *skel = world->lb.skel;

	*ret = (struct access_view){ .traffic_fd = -1,
				     .flows_fd = -1,
				     .sources_fd = bpf_map__fd(skel->maps.sources) };
	map_view_open(skel->maps.vips, &ret->vips);
	map_view_open(skel->maps.data_lb_control, &ret->control);
	map_view_open(skel->maps.services, &ret->services);
	map_view_open(skel->maps.buckets, &ret->buckets);
	map_view_open(skel->maps.members, &ret->members);
	map_view_open(skel->maps.health, &ret->health);
	map_view_open(skel->maps.flow_cache, &ret->flow_cache);
}

static void close_view(struct access_view *view)
{
	struct map_array *arrays[] = { &view->vips,      &view->control, &view->services,
				       &view->buckets,   &view->members, &view->health,
				       &view->flow_cache };

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		map_view_close(arrays[i]);
}

static struct trace_flow flow_of(const struct lb_world *world, uint32_t number)
{
	struct packet_spec spec = lb_world_flow(world, number);

	return (struct trace_flow){ .proto = spec.proto,
				    .family = spec.family,
				    .source = spec.source.addr,
				    .vip = spec.dest.addr,
				    .source_port = htons(spec.source.port),
				    .vip_port = htons(spec.dest.port) };
}

/* How often each verdict and each kind of search was met: a row that is never met proves nothing. */
struct tally {
	int verdicts[TRACE_LEFT + 1];
	int searches[TRACE_NONE + 1];
	int listed;
	int ranged; /* to a port that is in a range */
};

static void check_flow(const struct lb_world *world, const struct trace_node *node,
		       const struct trace_flow *flow, struct tally *tally)
{
	struct trace_outcome outcome;
	static struct trace trace;
	const char *fault;

	trace_compute(node, flow, &trace);
	cr_assert_eq(trace_run(bpf_program__fd(world->lb.skel->progs.lb_xdp), IN_IFINDEX, flow,
			       &outcome),
		     0);
	fault = trace_fault(node, &trace, &outcome);
	cr_expect_null(fault, "%s: %s: flags %#x, port %u, worked out %d, done %d",
		       setup_kind(world->family, world->proto), fault, trace.flags,
		       ntohs(flow->source_port), trace.verdict, outcome.verdict);
	tally->verdicts[trace.verdict]++;
	tally->searches[trace.search]++;
	tally->listed += trace.in_list;
	tally->ranged += trace.verdict == TRACE_SENT && ntohs(flow->vip_port) >= RANGE_FIRST;
}

static uint32_t quic_flags(const struct lb_world *world, uint64_t *random)
{
	if (world->proto != IPPROTO_UDP || next_random(random, 2))
		return 0;
	return XDPLB_SERVICE_QUIC | next_random(random, 7) << XDPLB_SERVICE_QUIC_CONFIG;
}

/* Health, leases and confirmations at random; each state of the service as likely as any other. */
static void shuffle(struct lb_world *world, const struct trace_node *node, uint64_t *random)
{
	uint32_t down_of_4 = next_random(random, 5);

	for (uint32_t i = 0; i < MEMBERS; i++) {
		bool is_down = next_random(random, 4) < down_of_4;
		struct xdplb_health health = {
			.state = is_down ? XDPLB_HEALTH_DOWN : next_random(random, 3),
			.cause = next_random(random, XDPLB_CAUSE_COUNT),
			.weight = next_random(random, 2) ? 0 : next_random(random, 120),
			.reported = next_random(random, 5),
			.reported_weight = next_random(random, 2) ? 0 : next_random(random, 120),
			.lease = next_random(random, 2)
					 ? 0
					 : node->jiffies + (next_random(random, 2)
								    ? 1000000
								    : (uint64_t)-1000),
		};

		lb_setup_target(&world->lb, i, &health);
		lb_setup_confirm(&world->lb, i, next_random(random, 8) != 0);
	}
	lb_world_serve(world, next_random(random, 16) ? BUCKETS : 0,
		       next_random(random, 128) | quic_flags(world, random) |
			       (next_random(random, 2) ? XDPLB_SERVICE_CACHE : 0));
}

static void fill_list(const struct lb_world *world)
{
	const __u32 value = 1;

	/* Odd client addresses, in both versions: those of flows 60,000 and on. */
	for (int version = 0; version < 2; version++) {
		struct packet_spec spec = lb_world_flow(world, 60000);
		struct xdplb_source_key key = {
			.prefix_len =
				XDPLB_SOURCE_KEY_BITS + (world->family == XDPLB_IPV4 ? 32 : 128),
			.service = LB_SERVICE,
			.version = version,
			.family = world->family,
			.addr = spec.source.addr,
		};

		cr_assert_eq(bpf_map_update_elem(bpf_map__fd(world->lb.skel->maps.sources), &key,
						 &value, BPF_ANY),
			     0);
	}
}

/* A range of ports of the same service, and a server id for each member. */
static void fill_vips(const struct lb_world *world)
{
	struct packet_spec spec = lb_world_flow(world, 0);
	struct setup_endpoint range = { .addr = spec.dest.addr,
					.proto = spec.proto | XDPLB_RANGE,
					.family = spec.family,
					.index = LB_SERVICE,
					.first_port = RANGE_FIRST,
					.last_port = RANGE_FIRST + FLOWS / 2 };

	lb_setup_vip((struct lb_setup *)&world->lb, &range);
	lb_setup_ranges((struct lb_setup *)&world->lb, true);
	for (__u32 i = 0; i < MEMBERS; i++) {
		struct setup_endpoint entry = { .addr = { { LB_SERVICE, htonl(SERVER_ID + i) } },
						.proto = XDPLB_QUIC_ENTRY,
						.family = XDPLB_IPV6,
						.index = i };

		lb_setup_vip((struct lb_setup *)&world->lb, &entry);
	}
}

/* Mostly one that the service would read, of a member or of nobody. */
static void put_cid(struct trace_flow *flow, uint32_t flags, uint64_t *random)
{
	__be32 id = htonl(SERVER_ID + next_random(random, MEMBERS + 1));

	flow->cid_len = XDPLB_QUIC_CID_MIN + next_random(random, 15);
	flow->cid[0] = next_random(random, 8) ? (flags >> XDPLB_SERVICE_QUIC_CONFIG & 7) << 5
					      : next_random(random, 256);
	memcpy(flow->cid + 1, &id, sizeof(id));
}

static void walk(__u8 family, __u8 proto, struct tally *tally)
{
	struct lb_setup_options options = { .members = MEMBERS,
					    .resets_at_once = 1000000,
					    .cache_lines = 64 };
	struct trace_node node = { .key = { { SETUP_KEY0, SETUP_KEY1 } } };
	uint64_t random = 7 * family + proto;
	struct access_view view;
	struct lb_world world;

	lb_world_open(&world, family, proto, &options);
	lb_world_deal(&world, NULL, BUCKETS, MEMBERS);
	fill_list(&world);
	fill_vips(&world);
	open_view(&world, &view);
	node.view = &view;
	for (int round = 0; round < 300; round++) {
		node.jiffies = lb_world_tick(&world);
		shuffle(&world, &node, &random);
		for (uint32_t i = 0; i < FLOWS; i++) {
			struct trace_flow flow = flow_of(&world, 59980 + i);

			if (i % 10 == 9)
				flow.vip_port = htons(9);
			if (i % 20 == 19)
				flow.vip = flow.source;
			if (i % 4 == 1)
				put_cid(&flow, access_service(&view, LB_SERVICE)->flags, &random);
			if (i % 16 == 5)
				flow.vip_port = htons(RANGE_FIRST + i);
			check_flow(&world, &node, &flow, tally);
		}
	}
	close_view(&view);
	lb_world_close(&world);
}

Test(trace, agrees_with_lb_xdp)
{
	struct tally tally = { 0 };

	for (int i = 0; i < 4; i++)
		walk(setup_families[i / 2], setup_protos[i % 2], &tally);
	for (int i = 0; i < TRACE_LEFT; i++)
		cr_expect_gt(tally.verdicts[i], 100, "verdict %d: %d times", i, tally.verdicts[i]);
	for (int i = 0; i <= TRACE_NONE; i++)
		if (i != TRACE_ANY) /* 256 owners of 61 buckets are all there are */
			cr_expect_gt(tally.searches[i], 100, "search %d: %d times", i,
				     tally.searches[i]);
	cr_expect_gt(tally.listed, 100);
	cr_expect_gt(tally.ranged, 100);
}

/* A member that has no bucket is found by the chain alone. */
Test(trace, search_over_all)
{
	struct lb_setup_options options = { .members = MEMBERS };
	struct trace_node node = { .key = { { SETUP_KEY0, SETUP_KEY1 } } };
	struct tally tally = { 0 };
	struct access_view view;
	struct lb_world world;

	lb_world_open(&world, XDPLB_IPV4, IPPROTO_TCP, &options);
	lb_world_deal(&world, NULL, BUCKETS, 2);
	lb_world_serve(&world, BUCKETS, 0);
	lb_setup_health(&world.lb, 0, XDPLB_HEALTH_DOWN);
	lb_setup_health(&world.lb, 1, XDPLB_HEALTH_DOWN);
	open_view(&world, &view);
	node.view = &view;
	node.jiffies = lb_world_tick(&world);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct trace_flow flow = flow_of(&world, i);

		check_flow(&world, &node, &flow, &tally);
	}
	cr_expect_eq(tally.searches[TRACE_ANY], FLOWS);
	close_view(&view);
	lb_world_close(&world);
}

/* A server id whose index another service's member has got names nobody, here and there. */
Test(trace, server_id_of_another_service)
{
	struct lb_setup_options options = { .members = MEMBERS };
	struct trace_node node = { .key = { { SETUP_KEY0, SETUP_KEY1 } } };
	struct tally tally = { 0 };
	const __be32 id = htonl(SERVER_ID + 3);
	struct xdplb_member member;
	struct access_view view;
	struct lb_world world;

	lb_world_open(&world, XDPLB_IPV4, IPPROTO_UDP, &options);
	lb_world_deal(&world, NULL, BUCKETS, 3);
	lb_world_serve(&world, BUCKETS, XDPLB_SERVICE_QUIC);
	fill_vips(&world);
	member = lb_setup_read(&world.lb, 3);
	member.service = LB_SERVICE + 1;
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(world.lb.skel->maps.members), &(__u32){ 3 },
					 &member, BPF_ANY),
		     0);
	open_view(&world, &view);
	node.view = &view;
	node.jiffies = lb_world_tick(&world);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct trace_flow flow = flow_of(&world, i);

		flow.cid_len = XDPLB_QUIC_CID_MIN;
		memcpy(flow.cid + 1, &id, sizeof(id));
		check_flow(&world, &node, &flow, &tally);
	}
	cr_expect_eq(tally.searches[TRACE_OWNER], FLOWS);
	close_view(&view);
	lb_world_close(&world);
}

/* What changes between the two is told: so the comparison can fail. */
Test(trace, differences_are_told)
{
	struct lb_setup_options options = { .members = MEMBERS };
	struct trace_node node = { .key = { { SETUP_KEY0, SETUP_KEY1 } } };
	struct trace_outcome outcome;
	struct access_view view;
	struct trace_flow flow;
	struct lb_world world;
	static struct trace trace;
	int program;

	lb_world_open(&world, XDPLB_IPV6, IPPROTO_UDP, &options);
	lb_world_deal(&world, NULL, BUCKETS, MEMBERS);
	lb_world_serve(&world, BUCKETS, 0);
	open_view(&world, &view);
	node.view = &view;
	node.jiffies = lb_world_tick(&world);
	program = bpf_program__fd(world.lb.skel->progs.lb_xdp);
	flow = flow_of(&world, 1);
	trace_compute(&node, &flow, &trace);
	cr_assert_eq(trace.search, TRACE_OWNER);
	lb_setup_health(&world.lb, trace.member, XDPLB_HEALTH_DOWN);
	cr_assert_eq(trace_run(program, IN_IFINDEX, &flow, &outcome), 0);
	cr_expect_str_eq(trace_fault(&node, &trace, &outcome), "the destination");
	lb_setup_health(&world.lb, trace.member, XDPLB_HEALTH_UP);
	lb_world_serve(&world, BUCKETS, XDPLB_SERVICE_SOURCES_ALLOWED);
	cr_assert_eq(trace_run(program, IN_IFINDEX, &flow, &outcome), 0);
	cr_expect_str_eq(trace_fault(&node, &trace, &outcome), "the verdict");
	lb_world_serve(&world, BUCKETS, 0);
	node.key.word[0] ^= 1;
	for (uint32_t i = 0;; i++) { /* the other key, and by chance the same member */
		flow = flow_of(&world, i);
		trace_compute(&node, &flow, &trace);
		cr_assert_eq(trace_run(program, IN_IFINDEX, &flow, &outcome), 0);
		if (!memcmp(&outcome.port, &access_member(&view, trace.member)->tag, 2))
			break;
	}
	cr_expect_str_eq(trace_fault(&node, &trace, &outcome), "the mark");
	close_view(&view);
	lb_world_close(&world);
}
