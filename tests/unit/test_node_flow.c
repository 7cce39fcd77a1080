// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc, `source`: two VIPs, and clients who come directly, behind one port of a backend. No flow may
 * be taken for another; what can't be told apart gets another client port.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node_world.h"

TestSuite(node_flow);

/* A world with `mappings` VIPs, all at the backend's port 8080. */
static void open_with_vips(struct world *world, int number, __u32 mappings)
{
	world_open(world, number);
	for (__u32 i = 0; i < mappings; i++)
		world_add(world, i, XDPLB_RESTORE_SOURCE);
}

static struct packet_spec opening(struct packet_spec spec)
{
	spec.tcp_flags = TCP_SYN;
	return spec;
}

/* A packet on the way to the backend, whose client port becomes `port`. */
static void check_to_with_port(struct world *world, const char *row, const struct packet_spec *in,
			       __u16 port, __u64 events)
{
	struct packet_spec out = *in;

	out.source.port = port;
	out.dest.port = BACKEND_PORT;
	world_check_to(world, row, in, &out, events);
}

/* A packet that is to be remapped: returns the client port it was given; all else must be right. */
static __u16 check_remapped(struct world *world, const char *row, const struct packet_spec *in)
{
	struct expected expected = { TC_UNSPEC, NULL, NO_DROP, EVENT(FLOW_REMAPPED) };
	struct packet_spec spec = *in;
	struct test_packet packet, out, want;
	char name[120];

	snprintf(name, sizeof(name), "%s, %s", world->name, row);
	packet_build(in, &packet);
	out = observe_run(name, world_to_backend(world), world->node.counters, &packet, 0,
			  &expected);
	spec.source.port = world_source_port(in, &out);
	spec.dest.port = BACKEND_PORT;
	packet_build(&spec, &want);
	cr_assert(packet_same(&want, &out), "%s\n%s", name, packet_diff(&want, &out));
	cr_assert_neq(spec.source.port, in->source.port, "%s: not remapped", name);
	cr_assert_geq(spec.source.port, 1024, "%s: remapped to port %u", name, spec.source.port);
	return spec.source.port;
}

/* A reply to the port that the backend sees must reach VIP `number`'s client at its own port. */
static void check_reply(struct world *world, const char *row, __u32 number, __u16 seen_port)
{
	struct packet_spec in = world_reply(world, seen_port);
	struct packet_spec out = world_restored(world, number, CLIENT_PORT);

	world_check_from(world, row, &in, &out, 0);
}

/* A reply of a direct flow: from the backend itself, to the client's own port. */
static void check_direct_reply(struct world *world, const char *row, __u16 seen_port)
{
	struct packet_spec in = world_reply(world, seen_port);
	struct packet_spec out = world_reply(world, CLIENT_PORT);

	world_check_from(world, row, &in, &out, 0);
}

Test(node_flow, same_client_port_at_three_vips)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in;
		__u16 second, third;

		open_with_vips(&world, n, 3);
		in = opening(world_tagged(&world, 0));
		check_to_with_port(&world, "first VIP", &in, CLIENT_PORT, EVENT(FLOW_NOTED));
		in = opening(world_tagged(&world, 1));
		second = check_remapped(&world, "second VIP", &in);
		in = opening(world_tagged(&world, 2));
		third = check_remapped(&world, "third VIP", &in);
		cr_assert_neq(second, third, "%s: two flows with one port", world.name);
		for (int round = 0; round < 3; round++) {
			in = world_tagged(&world, 0);
			check_to_with_port(&world, "first goes on", &in, CLIENT_PORT, 0);
			in = world_tagged(&world, 1);
			check_to_with_port(&world, "second goes on", &in, second, 0);
			in = world_tagged(&world, 2);
			check_to_with_port(&world, "third goes on", &in, third, 0);
			check_reply(&world, "reply of the first", 0, CLIENT_PORT);
			check_reply(&world, "reply of the second", 1, second);
			check_reply(&world, "reply of the third", 2, third);
		}
		in = opening(world_tagged(&world, 1));
		check_to_with_port(&world, "second SYN again", &in, second, 0);
		world_close(&world);
	}
}

/* Packets without payload checksum and with any length, after a remapping. */
Test(node_flow, checksums_of_remapped_packets)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in, out;
		__u16 second;

		open_with_vips(&world, n, 2);
		in = opening(world_tagged(&world, 0));
		check_to_with_port(&world, "first VIP", &in, CLIENT_PORT, EVENT(FLOW_NOTED));
		in = opening(world_tagged(&world, 1));
		second = check_remapped(&world, "second VIP", &in);
		for (int i = 0; i < 50; i++) {
			in = world_tagged(&world, 1);
			in.payload_len = i;
			in.seed = i;
			in.no_checksum = world.family == XDPLB_IPV4 && i & 1;
			check_to_with_port(&world, "to the backend", &in, second, 0);
			in = world_reply(&world, second);
			in.payload_len = i;
			in.no_checksum = world.family == XDPLB_IPV4 && i & 1;
			out = in;
			out.source = world_restored(&world, 1, CLIENT_PORT).source;
			out.dest.port = CLIENT_PORT;
			world_check_from(&world, "from the backend", &in, &out, 0);
		}
		world_close(&world);
	}
}

/* The port given to a flow may be another client's own: that one is remapped in its turn. */
Test(node_flow, own_port_given_to_another)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_end vip;
		struct packet_spec in;
		__u16 second;

		open_with_vips(&world, n, 2);
		in = opening(world_tagged(&world, 0));
		check_to_with_port(&world, "first VIP", &in, CLIENT_PORT, EVENT(FLOW_NOTED));
		in = opening(world_tagged(&world, 1));
		second = check_remapped(&world, "second VIP", &in);
		in = opening(world_tagged(&world, 0));
		in.source.port = second;
		vip = (struct packet_end){ setup_addrs(world.family)->vips[0], VIP_PORT };
		setup_mark(&in, &vip);
		check_remapped(&world, "a client whose port was given away", &in);
		check_reply(&world, "reply of the second", 1, second);
		world_close(&world);
	}
}

/* In the middle of a connection no port can be given; UDP knows no middle. */
Test(node_flow, clash_in_mid_connection)
{
	static const __u8 flags[] = { TCP_ACK, TCP_SYN | TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST, 0 };
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in;

		open_with_vips(&world, n, 2);
		in = opening(world_tagged(&world, 0));
		check_to_with_port(&world, "first VIP", &in, CLIENT_PORT, EVENT(FLOW_NOTED));
		for (size_t i = 0; i < sizeof(flags) && world.proto == IPPROTO_TCP; i++) {
			in = world_tagged(&world, 1);
			in.tcp_flags = flags[i];
			world_check_to_refused(&world, "mid-connection", &in,
					       XDPLB_DROP_FLOW_CLASH);
		}
		in = world_tagged(&world, 1);
		if (world.proto == IPPROTO_UDP)
			check_remapped(&world, "a datagram", &in);
		check_reply(&world, "reply of the first", 0, CLIENT_PORT);
		world_close(&world);
	}
}

/* A connection older than the program, or whose note was evicted, is noted by any packet. */
Test(node_flow, mid_connection_without_note)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in;

		open_with_vips(&world, n, 2);
		for (int round = 0; round < 2; round++) {
			in = world_tagged(&world, 0);
			check_to_with_port(&world, "mid-connection", &in, CLIENT_PORT,
					   EVENT(FLOW_NOTED));
			check_reply(&world, "reply", 0, CLIENT_PORT);
			cr_assert_eq(node_setup_evict(&world.node, XDPLB_NOTE_REPLY), 1);
		}
		world_close(&world);
	}
}

/* A remapped flow goes on when its reply note was evicted, and its replies with it. */
Test(node_flow, remapped_note_evicted)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in;
		__u16 second;

		open_with_vips(&world, n, 2);
		in = opening(world_tagged(&world, 0));
		check_to_with_port(&world, "first VIP", &in, CLIENT_PORT, EVENT(FLOW_NOTED));
		in = opening(world_tagged(&world, 1));
		second = check_remapped(&world, "second VIP", &in);
		cr_assert_eq(node_setup_evict(&world.node, XDPLB_NOTE_REPLY), 2);
		in = world_tagged(&world, 1);
		check_to_with_port(&world, "second goes on", &in, second, 0);
		check_reply(&world, "reply of the second", 1, second);
		in = world_tagged(&world, 0);
		check_to_with_port(&world, "first goes on", &in, CLIENT_PORT, EVENT(FLOW_NOTED));
		check_reply(&world, "reply of the first", 0, CLIENT_PORT);
		world_close(&world);
	}
}

/* A note whose mapping is free, or another's now, is as good as none. */
Test(node_flow, dead_notes)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct xdplb_mapping mapping;
		struct packet_spec in;

		open_with_vips(&world, n / 2, 2);
		in = opening(world_tagged(&world, 0));
		check_to_with_port(&world, "first VIP", &in, CLIENT_PORT, EVENT(FLOW_NOTED));
		mapping = world_mapping(&world, 0, XDPLB_RESTORE_SOURCE);
		if (n & 1) {
			mapping.epoch++;
			mapping.vip = setup_addrs(world.family)->vips[2];
		} else {
			mapping.state = XDPLB_MAPPING_FREE;
		}
		node_setup_change(&world.node, 0, &mapping);
		in = world_reply(&world, CLIENT_PORT);
		world_check_from_passes(&world, "reply of a dead note", &in);
		in = opening(world_tagged(&world, 1));
		check_to_with_port(&world, "no clash with a dead note", &in, CLIENT_PORT,
				   EVENT(FLOW_NOTED));
		check_reply(&world, "reply of the new flow", 1, CLIENT_PORT);
		cr_assert_eq(node_setup_notes(&world.node), 1);
		world_close(&world);
	}
}

/* Direct flows: noted when they open, else let alone; replies untouched. */
Test(node_flow, direct)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		bool tcp;
		struct packet_spec in;

		open_with_vips(&world, n, 1);
		tcp = world.proto == IPPROTO_TCP;
		in = world_direct(&world);
		world_check_to(&world, "without note", &in, &in, tcp ? 0 : EVENT(FLOW_NOTED));
		cr_assert_eq(node_setup_notes(&world.node), tcp ? 0 : 1);
		in = opening(in);
		world_check_to(&world, "SYN", &in, &in, tcp ? EVENT(FLOW_NOTED) : 0);
		cr_assert_eq(node_setup_notes(&world.node), 1);
		in = world_direct(&world);
		world_check_to_passes(&world, "goes on", &in);
		in = world_reply(&world, CLIENT_PORT);
		world_check_from_passes(&world, "reply", &in);
		world_close(&world);
	}
}

Test(node_flow, direct_first_then_balanced)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in;
		__u16 given;

		open_with_vips(&world, n, 2);
		in = opening(world_direct(&world));
		world_check_to(&world, "direct", &in, &in, EVENT(FLOW_NOTED));
		if (world.proto == IPPROTO_TCP) {
			in = world_tagged(&world, 0);
			world_check_to_refused(&world, "balanced, mid-connection", &in,
					       XDPLB_DROP_FLOW_CLASH);
		}
		in = opening(world_tagged(&world, 0));
		given = check_remapped(&world, "balanced", &in);
		in = world_direct(&world);
		world_check_to_passes(&world, "direct goes on", &in);
		in = world_reply(&world, CLIENT_PORT);
		world_check_from_passes(&world, "reply of the direct flow", &in);
		check_reply(&world, "reply of the balanced flow", 0, given);
		world_close(&world);
	}
}

Test(node_flow, balanced_first_then_direct)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in;
		__u16 given;

		open_with_vips(&world, n, 1);
		in = opening(world_tagged(&world, 0));
		check_to_with_port(&world, "balanced", &in, CLIENT_PORT, EVENT(FLOW_NOTED));
		if (world.proto == IPPROTO_TCP) {
			in = world_direct(&world);
			world_check_to_refused(&world, "direct, mid-connection", &in,
					       XDPLB_DROP_DIRECT_CLASH);
		}
		in = opening(world_direct(&world));
		given = check_remapped(&world, "direct", &in);
		in = world_direct(&world);
		check_to_with_port(&world, "direct goes on", &in, given, 0);
		check_direct_reply(&world, "reply of the direct flow", given);
		check_reply(&world, "reply of the balanced flow", 0, CLIENT_PORT);
		cr_assert_eq(node_setup_evict(&world.node, XDPLB_NOTE_REPLY), 2);
		check_to_with_port(&world, "direct goes on, note evicted", &in, given, 0);
		check_direct_reply(&world, "its reply", given);
		world_close(&world);
	}
}
