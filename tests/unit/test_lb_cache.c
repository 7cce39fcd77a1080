// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp, services that remember flows: what keeps its backend when the table changes, what moves, and
 * what a flood of new flows can't do.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "icmp_error.h"
#include "lb_world.h"
#include "xdplb/flow_cache.h"

TestSuite(lb_cache);

#define MEMBERS 8
#define BUCKETS 251
#define LINES   64
#define FLOWS   64
#define CACHE   XDPLB_SERVICE_CACHE

static const struct lb_setup_options options = { .members = MEMBERS, .cache_lines = LINES };

/* Bucket i names member (i + shift) % members. */
static void deal(struct lb_world *world, __u32 shift, __u32 members)
{
	__u32 table[BUCKETS];

	for (__u32 i = 0; i < BUCKETS; i++)
		table[i] = (i + shift) % members;
	lb_world_deal(world, table, BUCKETS, 0);
}

static void open_world(struct lb_world *world, int kind, __u32 flags)
{
	lb_world_open(world, setup_families[kind / 2], setup_protos[kind % 2], &options);
	deal(world, 0, MEMBERS);
	lb_world_serve(world, BUCKETS, flags);
}

static __u32 by_table(const struct packet_spec *spec, __u32 shift)
{
	return (lb_world_bucket(spec, BUCKETS) + shift) % MEMBERS;
}

static __u32 by_table_of(const struct lb_world *world, __u32 number, __u32 shift)
{
	struct packet_spec spec = lb_world_flow(world, number);

	return by_table(&spec, shift);
}

/* Packet `n` of a flow; the first one of TCP is a SYN. */
static int send_flow(struct lb_world *world, __u32 number, __u32 n)
{
	struct packet_spec spec = lb_world_flow(world, number);

	spec.tcp_flags = n ? TCP_ACK : TCP_SYN;
	return lb_world_run(world, &spec);
}

static __u64 count_new(struct lb_world *world)
{
	int map = bpf_map__fd(world->lb.skel->maps.member_flows);
	__u64 sum = 0;

	for (__u32 i = 0; i < MEMBERS; i++)
		sum += sum_counter(map, i, 1, 0);
	return sum;
}

static __u64 pushed_out(struct lb_world *world)
{
	return sum_counter(world->lb.counters.events, 0, XDPLB_COUNTERS_CAPACITY,
			   XDPLB_EVENT_FLOW_PUSHED_OUT);
}

/* How many places of the cache are taken: by flows, or by newcomers. */
static __u32 count_places(struct lb_world *world, bool newcomers)
{
	int map = bpf_map__fd(world->lb.skel->maps.flow_cache);
	struct xdplb_flow_line line;
	__u32 first = newcomers ? LINES : 0, sum = 0;

	for (__u32 i = first; i < first + LINES; i++) {
		cr_assert_eq(bpf_map_lookup_elem(map, &i, &line), 0);
		for (int way = 0; way < XDPLB_FLOWS_PER_LINE; way++)
			sum += !!(line.flow[way] & XDPLB_FLOW_SET);
	}
	return sum;
}

/* With a cache flows stay, without they follow the table; new ones always do. */
Test(lb_cache, table_changes)
{
	for (int kind = 0; kind < 8; kind++) {
		bool has_cache = kind >= 4, is_tcp = setup_protos[kind % 2] == IPPROTO_TCP;
		struct lb_world world;

		open_world(&world, kind % 4, has_cache ? CACHE : 0);
		for (__u32 i = 0; i < FLOWS; i++)
			for (__u32 n = 0; n < 2 + i % 2; n++)
				send_flow(&world, i, n);
		cr_expect_eq(count_new(&world), is_tcp || has_cache ? FLOWS : 0, "kind %d", kind);
		deal(&world, 3, MEMBERS);
		for (__u32 i = 0; i < 2 * FLOWS; i++) {
			struct packet_spec spec = lb_world_flow(&world, i);
			__u32 want = by_table(&spec, has_cache && i < FLOWS ? 0 : 3);

			cr_expect_eq(send_flow(&world, i, 1), (int)want, "kind %d, flow %u", kind,
				     i);
		}
		lb_world_close(&world);
	}
}

/* What has been seen once is kept apart until a second packet that is no repeated SYN. */
Test(lb_cache, newcomers)
{
	for (int kind = 0; kind < 4; kind++) {
		bool is_tcp = setup_protos[kind % 2] == IPPROTO_TCP;
		struct lb_world world;

		open_world(&world, kind, CACHE);
		send_flow(&world, 1, 0);
		cr_expect_eq(count_places(&world, true), 1, "kind %d", kind);
		cr_expect_eq(count_places(&world, false), 0, "kind %d", kind);
		send_flow(&world, 1, 0);
		cr_expect_eq(count_places(&world, true), is_tcp, "kind %d", kind);
		cr_expect_eq(count_places(&world, false), !is_tcp, "kind %d", kind);
		send_flow(&world, 1, 1);
		cr_expect_eq(count_places(&world, true), 0, "kind %d", kind);
		cr_expect_eq(count_places(&world, false), 1, "kind %d", kind);
		cr_expect_eq(count_new(&world), 1 + is_tcp, "kind %d: SYNs, or flows", kind);
		lb_world_close(&world);
	}
}

/* Twenty new flows for each place there is: the established ones are all where they were. */
Test(lb_cache, flood)
{
	for (int kind = 0; kind < 4; kind++) {
		__u32 places = 2 * LINES * XDPLB_FLOWS_PER_LINE, established;
		struct lb_world world;

		open_world(&world, kind, CACHE);
		for (__u32 i = 0; i < FLOWS; i++)
			for (__u32 n = 0; n < 3; n++)
				send_flow(&world, i, n);
		established = count_places(&world, false);
		cr_expect_eq(established, FLOWS);
		for (__u32 i = 0; i < 20 * places; i++)
			send_flow(&world, FLOWS + i, 0);
		cr_expect_eq(count_places(&world, false), established, "kind %d", kind);
		deal(&world, 1, MEMBERS);
		for (__u32 i = 0; i < FLOWS; i++) {
			struct packet_spec spec = lb_world_flow(&world, i);

			cr_expect_eq(send_flow(&world, i, 1), (int)by_table(&spec, 0),
				     "kind %d, flow %u", kind, i);
		}
		lb_world_close(&world);
	}
}

/* More flows than places: each is served by the table, and it is counted that some gave way. */
Test(lb_cache, too_small)
{
	const __u32 flows = 2 * LINES * XDPLB_FLOWS_PER_LINE;
	struct lb_world world;
	__u64 before, after;

	open_world(&world, 1, CACHE);
	before = pushed_out(&world);
	for (__u32 i = 0; i < flows; i++)
		for (__u32 n = 0; n < 2; n++) {
			struct packet_spec spec = lb_world_flow(&world, i);

			cr_expect_eq(send_flow(&world, i, n), (int)by_table(&spec, 0));
		}
	after = pushed_out(&world);
	cr_expect_geq(after - before, flows / 2, "pushed out: %llu", after - before);
	cr_expect_leq(count_places(&world, false), flows / 2);
	lb_world_close(&world);
}

/* Of a full set that flow goes which was not seen for longest. */
Test(lb_cache, oldest_gives_way)
{
	const struct lb_setup_options one_line = { .members = MEMBERS,
						   .cache_lines = 1,
						   .ages = SETUP_AGES_FINE };
	const __u32 oldest = 3, flows = XDPLB_FLOWS_PER_LINE;
	struct lb_world world;
	__u64 tick;

	lb_world_open(&world, XDPLB_IPV4, IPPROTO_UDP, &one_line);
	deal(&world, 0, MEMBERS);
	lb_world_serve(&world, BUCKETS, CACHE);
	for (__u32 i = 0; i < flows; i++)
		for (__u32 n = 0; n < 2; n++)
			send_flow(&world, i, n);
	tick = lb_world_tick(&world);
	while (lb_world_tick(&world) < tick + 2)
		;
	for (__u32 i = 0; i < flows; i++)
		if (i != oldest)
			send_flow(&world, i, 1);
	for (__u32 n = 0; n < 2; n++)
		send_flow(&world, flows, n);
	deal(&world, 1, MEMBERS);
	for (__u32 i = 0; i <= flows; i++) {
		struct packet_spec spec = lb_world_flow(&world, i);

		if (i != oldest)
			cr_expect_eq(send_flow(&world, i, 1), (int)by_table(&spec, 0), "flow %u",
				     i);
	}
	cr_expect_eq(pushed_out(&world), 1);
	cr_expect_eq(send_flow(&world, oldest, 1), (int)by_table_of(&world, oldest, 1));
	lb_world_close(&world);
}

/* A flow whose backend goes down moves, says so, and stays with the other when the first is back. */
Test(lb_cache, health)
{
	for (int kind = 0; kind < 4; kind++) {
		struct lb_world world;
		struct packet_spec spec;
		int first, second;

		open_world(&world, kind, CACHE);
		spec = lb_world_flow(&world, 5);
		spec.tcp_flags = TCP_ACK;
		send_flow(&world, 5, 0);
		first = send_flow(&world, 5, 1);
		lb_setup_health(&world.lb, first, XDPLB_HEALTH_DOWN);
		second = lb_world_check("down", &world, &spec, NO_DROP,
					EVENT(NEXT_OWNER) | EVENT(FLOW_MOVED));
		cr_expect_neq(second, first);
		lb_setup_health(&world.lb, first, XDPLB_HEALTH_UP);
		cr_expect_eq(lb_world_check("up again", &world, &spec, NO_DROP, 0), second);
		lb_setup_confirm(&world.lb, second, false);
		cr_expect_eq(lb_world_run(&world, &spec), first, "not confirmed");
		lb_world_close(&world);
	}
}

/* Everybody is down and used all the same: who keeps its backend has not moved. */
Test(lb_cache, all_down)
{
	for (int kind = 0; kind < 4; kind++) {
		struct lb_world world;
		struct packet_spec spec;
		int first;

		open_world(&world, kind, CACHE | XDPLB_SERVICE_ALL_IF_DOWN);
		spec = lb_world_flow(&world, 5);
		spec.tcp_flags = TCP_ACK;
		send_flow(&world, 5, 0);
		first = send_flow(&world, 5, 1);
		for (int i = 0; i < MEMBERS; i++)
			lb_setup_health(&world.lb, i, XDPLB_HEALTH_DOWN);
		cr_expect_eq(
			lb_world_check("the same", &world, &spec, NO_DROP, EVENT(USED_WHILE_DOWN)),
			first);
		deal(&world, 3, MEMBERS);
		cr_expect_eq(lb_world_check("another", &world, &spec, NO_DROP,
					    EVENT(USED_WHILE_DOWN) | EVENT(FLOW_MOVED)),
			     (int)by_table(&spec, 3));
		/* Noted with that one, whose it is from now on. */
		cr_expect_eq(lb_world_check("the other again", &world, &spec, NO_DROP,
					    EVENT(USED_WHILE_DOWN)),
			     (int)by_table(&spec, 3));
		lb_world_close(&world);
	}
}

/* A backend that drains keeps the flows it has, of UDP too, and gets no new ones. */
Test(lb_cache, draining)
{
	for (int kind = 0; kind < 4; kind++) {
		struct lb_world world;
		int first;

		open_world(&world, kind, CACHE);
		first = send_flow(&world, 5, 0);
		lb_setup_health(&world.lb, first, XDPLB_HEALTH_DRAINING);
		cr_expect_eq(send_flow(&world, 5, 1), first, "kind %d", kind);
		for (__u32 i = 100; i < 100 + FLOWS; i++)
			cr_expect_neq(send_flow(&world, i, 0), first, "kind %d, flow %u", kind, i);
		lb_world_close(&world);
	}
}

/* An index that belongs to another service now is nobody that the flow could go to. */
Test(lb_cache, member_of_another)
{
	int map;
	struct xdplb_member member;
	struct packet_spec spec;
	struct lb_world world;
	__u32 first;

	open_world(&world, 1, CACHE);
	spec = lb_world_flow(&world, 5);
	send_flow(&world, 5, 0);
	first = send_flow(&world, 5, 1);
	map = bpf_map__fd(world.lb.skel->maps.members);
	cr_assert_eq(bpf_map_lookup_elem(map, &first, &member), 0);
	member.service = LB_SERVICE + 1;
	cr_assert_eq(bpf_map_update_elem(map, &first, &member, BPF_ANY), 0);
	deal(&world, 1, MEMBERS);
	cr_expect_eq(lb_world_run(&world, &spec), (int)by_table(&spec, 1));
	lb_world_close(&world);
}

/* An ICMP error goes where the flow is remembered, and leaves no trace in the cache. */
Test(lb_cache, icmp_error)
{
	for (int kind = 0; kind < 8; kind++) {
		__u8 family = setup_families[kind % 4 / 2];
		bool established = kind >= 4;
		struct test_packet quoted, in;
		struct icmp_error error = { .sender = setup_addrs(family)->stranger,
					    .type = family == XDPLB_IPV4 ? 3 : 1,
					    .l4_bytes = QUOTE_WHOLE };
		struct packet_spec usual, reply, spec;
		struct run_result result;
		struct xdplb_member member;
		struct lb_world world;
		int first;

		open_world(&world, kind % 4, CACHE);
		first = send_flow(&world, 5, 0);
		if (established)
			send_flow(&world, 5, 1);
		deal(&world, 1, MEMBERS);
		usual = lb_world_flow(&world, 5);
		reply = usual;
		reply.source = usual.dest;
		reply.dest = usual.source;
		error.recipient = usual.dest.addr;
		error.about = &reply;
		spec = icmp_error_spec(&error, &usual, &quoted);
		packet_build(&spec, &in);
		cr_assert_eq(prog_run(world.lb.skel->progs.lb_xdp, &in, 0, &result), 0);
		cr_assert_eq(result.verdict, XDP_TX, "kind %d", kind);
		member = lb_setup_read(&world.lb, first);
		/* The quote's source port, behind the outer IP, ICMP and the quoted IP headers. */
		cr_expect_eq(
			memcmp(result.packet.data + 14 + 2 * (family == XDPLB_IPV4 ? 20 : 40) + 8,
			       &member.tag, 2),
			0, "kind %d", kind);
		cr_expect_eq(count_places(&world, false), established, "kind %d", kind);
		cr_expect_eq(count_places(&world, true), !established, "kind %d", kind);
		lb_world_close(&world);
	}
}
