// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: what it has found out about a flow within this tick of the clock is not looked up again, and is
 * in the next.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "handover_world.h"
#include "node_world.h"

TestSuite(node_recent);

/* A tick may end at any time: how often it is tried to be faster. */
#define TRIES 200

static __u64 clock_of_ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void wait_for_tick(void)
{
	for (int i = 0; i < 2; i++) {
		__u64 before = clock_of_ticks();

		while (clock_of_ticks() == before)
			;
	}
}

static int run(const struct bpf_program *prog, const struct packet_spec *spec,
	       struct test_packet *ret_packet)
{
	struct run_result result;
	struct test_packet packet;

	packet_build(spec, &packet);
	cr_assert_eq(prog_run(prog, &packet, 0, &result), 0);
	*ret_packet = result.packet;
	return result.verdict;
}

/* Is the flow noted by this packet? */
static bool is_noted_by(struct world *world, const struct packet_spec *in,
			struct test_packet *ret_packet)
{
	__u64 before = sum_counter(world->node.counters.events, 0, XDPLB_COUNTERS_CAPACITY,
				   XDPLB_EVENT_FLOW_NOTED);

	cr_assert_eq(run(world_to_backend(world), in, ret_packet), TC_UNSPEC, "%s", world->name);
	return sum_counter(world->node.counters.events, 0, XDPLB_COUNTERS_CAPACITY,
			   XDPLB_EVENT_FLOW_NOTED) != before;
}

static void check_note(struct world *world)
{
	struct packet_spec in = world_tagged(world, 0);
	struct test_packet first, second;
	bool again = true;

	for (int i = 0; i < TRIES && again; i++) {
		wait_for_tick();
		is_noted_by(world, &in, &first);
		cr_assert_eq(node_setup_evict(&world->node, XDPLB_NOTE_REPLY), 1);
		again = is_noted_by(world, &in, &second);
	}
	cr_assert(!again, "%s: a note is looked up again within the tick", world->name);
	cr_assert(packet_same(&first, &second), "%s: another packet", world->name);
	wait_for_tick();
	cr_assert(is_noted_by(world, &in, &second), "%s: not looked up in another tick",
		  world->name);
	cr_assert(packet_same(&first, &second), "%s: another packet", world->name);
}

Test(node_recent, note)
{
	struct world world;

	node_setup_recalls = true;
	for (int n = 0; n < WORLDS; n++) {
		world_open(&world, n);
		if (world.hook == WORLD_AT_UPLINK) {
			world_add(&world, 0, XDPLB_RESTORE_SOURCE);
			check_note(&world);
		}
		world_close(&world);
	}
}

static void check_connection(__u8 family)
{
	static const char *const tables[] = { "1", NULL };
	struct xdplb_mapping mapping = handover_mapping(family, IPPROTO_TCP, XDPLB_RESTORE_SOURCE);
	struct packet_spec in = handover_arriving(family, 0), syn = in;
	struct test_packet packet;
	struct node_setup node;
	int verdict = TC_REDIRECT;

	mapping.netns = XDPLB_NETNS_UNSEEN;
	syn.tcp_flags = TCP_SYN;
	handover_open(&node, &mapping, tables);
	for (int i = 0; i < TRIES && verdict != TC_UNSPEC; i++) {
		wait_for_tick();
		cr_assert_eq(run(node.skel->progs.uplink_ingress, &syn, &packet), TC_UNSPEC);
		cr_assert_eq(run(node.skel->progs.uplink_ingress, &in, &packet), TC_UNSPEC);
		cr_assert_eq(node_setup_evict(&node, XDPLB_NOTE_REPLY), 1);
		verdict = run(node.skel->progs.uplink_ingress, &in, &packet);
	}
	cr_assert_eq(verdict, TC_UNSPEC, "IPv%u: looked for again within the tick", family);
	wait_for_tick();
	cr_assert_eq(run(node.skel->progs.uplink_ingress, &in, &packet), TC_REDIRECT,
		     "IPv%u: not looked for in another tick", family);
	node_setup_close(&node);
}

Test(node_recent, connection)
{
	node_setup_recalls = true;
	check_connection(XDPLB_IPV4);
	check_connection(XDPLB_IPV6);
}

static void check_syn(enum xdplb_restore restore)
{
	static const char *const tables[] = { "1", NULL };
	struct xdplb_mapping mapping = handover_mapping(XDPLB_IPV4, IPPROTO_TCP, restore);
	struct packet_spec in = handover_arriving(XDPLB_IPV4, 0), syn = in;
	struct test_packet packet;
	struct node_setup node;

	syn.tcp_flags = TCP_SYN;
	handover_open(&node, &mapping, tables);
	for (int i = 0; i < TRIES; i++) {
		cr_assert_eq(run(node.skel->progs.uplink_ingress, &syn, &packet), TC_UNSPEC);
		cr_assert_eq(run(node.skel->progs.uplink_ingress, &in, &packet), TC_REDIRECT);
	}
	node_setup_close(&node);
}

/* That a SYN was let through says nothing of whose the connection is. */
Test(node_recent, syn_is_no_connection)
{
	node_setup_recalls = true;
	check_syn(XDPLB_RESTORE_SOURCE);
	check_syn(XDPLB_RESTORE_INTERFACE);
}

/* Two backends of one service, and a client's flow, whose hash is the same at both. */
Test(node_recent, two_backends)
{
	struct world world;

	node_setup_recalls = true;
	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in[2], out;
		struct xdplb_mapping other;

		world_open(&world, n);
		world_add(&world, 0, XDPLB_RESTORE_SOURCE);
		other = world_mapping(&world, 0, XDPLB_RESTORE_SOURCE);
		other.backend = setup_addrs(world.family)->backends[1];
		other.port = htons(BACKEND_PORT + 1);
		node_setup_mapping(&world.node, 1, &other);
		in[0] = in[1] = world_tagged(&world, 0);
		in[1].dest.addr = other.backend;
		for (int i = 0; i < 20; i++) {
			out = in[i & 1];
			out.dest.port = BACKEND_PORT + (i & 1);
			world_check_to(&world, "one of two", &in[i & 1], &out,
				       i < 2 ? EVENT(FLOW_NOTED) : 0);
		}
		world_close(&world);
	}
}

/* More flows than there are places, each with its own port. */
Test(node_recent, many_flows)
{
	struct world world;

	node_setup_recalls = true;
	for (int n = 0; n < WORLDS; n++) {
		struct packet_end vip;

		world_open(&world, n);
		world_add(&world, 0, XDPLB_RESTORE_SOURCE);
		vip = (struct packet_end){ setup_addrs(world.family)->vips[0], VIP_PORT };
		for (int i = 0; i < 1200; i++) {
			struct packet_spec in = world_tagged(&world, 0), out;

			in.source.port = 2000 + i % 400;
			setup_mark(&in, &vip);
			out = in;
			out.dest.port = BACKEND_PORT;
			world_check_to(&world, "one of many", &in, &out,
				       i < 400 ? EVENT(FLOW_NOTED) : 0);
		}
		world_close(&world);
	}
}
