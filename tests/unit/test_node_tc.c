// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: tag port to VIP or backend port and back again, admission, and what passes untouched. Flows
 * that clash are in test_node_flow.c.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node_world.h"

TestSuite(node_tc);

static const enum xdplb_restore restores[2] = { XDPLB_RESTORE_INTERFACE, XDPLB_RESTORE_SOURCE };

/* What a tagged packet of VIP 0 looks like to the backend. */
static struct packet_spec at_backend(const struct world *world, const struct packet_spec *tagged,
				     enum xdplb_restore restore)
{
	struct packet_spec out = *tagged;

	if (restore == XDPLB_RESTORE_INTERFACE) {
		out.dest.addr = setup_addrs(world->family)->vips[0];
		out.dest.port = VIP_PORT;
	} else {
		out.dest.port = BACKEND_PORT;
	}
	return out;
}

/* Up to four extension headers in every other row of five. */
static void extend(struct packet_spec *spec, int i)
{
	static const __u8 kinds[] = { EXT_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING };

	if (spec->family == XDPLB_IPV4 || !(i % 5))
		return;
	spec->ext_header = kinds[i % 3];
	spec->ext_more = i % 5 - 1;
}

/* Payloads of any length, with options and without, UDP checksums there or not. */
static void check_shapes(struct world *world, enum xdplb_restore restore)
{
	bool source = restore == XDPLB_RESTORE_SOURCE;
	__u64 events = source ? EVENT(FLOW_NOTED) : 0;
	char row[64];

	for (int i = 0; i < 40; i++) {
		struct packet_spec in = world_tagged(world, 0), out;

		in.payload_len = i < 20 ? i : 1400 - i;
		in.seed = i;
		in.ttl = i ? i : 255;
		in.tos = i * 7;
		in.tcp_options = i % 11 * 4;
		if (world->family == XDPLB_IPV4) {
			in.ip_options = i % 11 * 4;
			in.no_checksum = i % 3 == 1;
			in.frag_off = i & 1 ? IP_FLAG_DF : 0;
		}
		extend(&in, i);
		out = at_backend(world, &in, restore);
		snprintf(row, sizeof(row), "%s, shape %d", source ? "source" : "interface", i);
		world_check_to(world, row, &in, &out, i ? 0 : events);
	}
	cr_assert_eq(node_setup_notes(&world->node), source ? 1 : 0);
}

Test(node_tc, to_backend)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		world_open(&world, n / 2);
		world_add(&world, 0, restores[n % 2]);
		check_shapes(&world, restores[n % 2]);
		world_close(&world);
	}
}

/* Interface: the backend answers from the VIP. Source: the reply's source is put back. */
Test(node_tc, from_backend)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in, out;

		world_open(&world, n);
		world_add(&world, 0, XDPLB_RESTORE_SOURCE);
		in = world_tagged(&world, 0);
		out = at_backend(&world, &in, XDPLB_RESTORE_SOURCE);
		world_check_to(&world, "to the backend", &in, &out, EVENT(FLOW_NOTED));
		for (int i = 0; i < 40; i++) {
			in = world_reply(&world, CLIENT_PORT);
			in.payload_len = i < 20 ? i : 1400 - i;
			in.tcp_options = i % 11 * 4;
			if (world.family == XDPLB_IPV4) {
				in.ip_options = i % 11 * 4;
				in.no_checksum = i % 3 == 1;
			}
			extend(&in, i);
			out = in;
			out.source.addr = setup_addrs(world.family)->vips[0];
			out.source.port = VIP_PORT;
			world_check_from(&world, "reply", &in, &out, 0);
		}
		world_close(&world);
	}
}

/* Source: what has no note, or differs from it in one thing, passes. */
Test(node_tc, from_backend_passes)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		const struct setup_addrs *addrs;
		struct packet_spec in, out;

		world_open(&world, n);
		world_add(&world, 0, XDPLB_RESTORE_SOURCE);
		addrs = setup_addrs(world.family);
		in = world_reply(&world, CLIENT_PORT);
		world_check_from_passes(&world, "no note yet", &in);
		in = world_tagged(&world, 0);
		out = at_backend(&world, &in, XDPLB_RESTORE_SOURCE);
		world_check_to(&world, "to the backend", &in, &out, EVENT(FLOW_NOTED));
		in = world_reply(&world, CLIENT_PORT + 1);
		world_check_from_passes(&world, "another client port", &in);
		in = world_reply(&world, CLIENT_PORT);
		in.source.port++;
		world_check_from_passes(&world, "another port of the backend", &in);
		in = world_reply(&world, CLIENT_PORT);
		in.dest.addr = addrs->stranger;
		world_check_from_passes(&world, "another client", &in);
		in = world_reply(&world, CLIENT_PORT);
		in.source.addr = addrs->backends[1];
		world_check_from_passes(&world, "another backend", &in);
		in = world_reply(&world, CLIENT_PORT);
		in.proto = setup_protos[world.proto == IPPROTO_TCP];
		world_check_from_passes(&world, "another protocol", &in);
		in = world_reply(&world, CLIENT_PORT);
		in.frag_off = 0x100;
		in.ext_header = IPPROTO_FRAGMENT;
		world_check_from_passes(&world, "later fragment", &in);
		world_close(&world);
	}
}

/* Services restored by `interface` need nothing on the way back. */
Test(node_tc, from_backend_of_interface_passes)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in, out;

		world_open(&world, n);
		world_add(&world, 0, XDPLB_RESTORE_INTERFACE);
		in = world_tagged(&world, 0);
		out = at_backend(&world, &in, XDPLB_RESTORE_INTERFACE);
		world_check_to(&world, "to the backend", &in, &out, 0);
		in = world_restored(&world, 0, CLIENT_PORT);
		world_check_from_passes(&world, "reply from the VIP", &in);
		in = world_reply(&world, CLIENT_PORT);
		in.source.port = VIP_PORT;
		world_check_from_passes(&world, "the backend as itself", &in);
		world_close(&world);
	}
}

/* Each bit of the mark counts, none else of its field does, and so does every part of the flow. */
Test(node_tc, admission)
{
	struct world world;
	char row[64];

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct packet_spec in;

		world_open(&world, n / 2);
		world_add(&world, 0, restores[n % 2]);
		world_add(&world, 1, restores[n % 2]);
		for (int bit = 0; bit < (world.family == XDPLB_IPV4 ? 16 : 20); bit++) {
			in = world_tagged(&world, 0);
			in.id ^= 1 << bit;
			in.flow_label ^= 1 << bit;
			snprintf(row, sizeof(row), "mark with bit %d turned", bit);
			world_check_to_refused(&world, row, &in, XDPLB_DROP_NOT_ADMITTED);
		}
		in = world_tagged(&world, 0);
		in.source.port++;
		world_check_to_refused(&world, "mark of another client port", &in,
				       XDPLB_DROP_NOT_ADMITTED);
		in = world_tagged(&world, 0);
		in.source.addr = setup_addrs(world.family)->stranger;
		world_check_to_refused(&world, "mark of another client", &in,
				       XDPLB_DROP_NOT_ADMITTED);
		in = world_tagged(&world, 0);
		in.dest.port++;
		world_check_to_refused(&world, "mark of another VIP", &in, XDPLB_DROP_NOT_ADMITTED);
		in = world_tagged(&world, 0);
		in.proto = setup_protos[world.proto == IPPROTO_TCP];
		world_check_to_refused(&world, "mark of the other protocol", &in,
				       XDPLB_DROP_NOT_ADMITTED);
		world_close(&world);
	}
}

/* Admitted, but with the protocol that the mapping is not for. */
Test(node_tc, wrong_protocol)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct packet_end vip;
		struct packet_spec in;

		world_open(&world, n / 2);
		world_add(&world, 0, restores[n % 2]);
		in = world_tagged(&world, 0);
		in.proto = setup_protos[world.proto == IPPROTO_TCP];
		vip = (struct packet_end){ setup_addrs(world.family)->vips[0], VIP_PORT };
		setup_mark(&in, &vip);
		world_check_to_refused(&world, "the other protocol", &in,
				       XDPLB_DROP_WRONG_PROTOCOL);
		world_close(&world);
	}
}

/* The same mapping, at another interface's hook. */
Test(node_tc, mapping_of_another_hook)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct xdplb_mapping mapping;
		struct packet_spec in;

		world_open(&world, n / 2);
		mapping = world_mapping(&world, 0, restores[n % 2]);
		mapping.ifindex = world.hook == WORLD_AT_VNIC ? 0 : WORLD_VNIC;
		node_setup_mapping(&world.node, 0, &mapping);
		in = world_tagged(&world, 0);
		world_check_to_passes(&world, "uplink and virtual NIC", &in);
		in.id ^= 1;
		world_check_to_passes(&world, "without mark", &in);
		in = world_direct(&world);
		world_check_to_passes(&world, "direct", &in);
		mapping.ifindex = 77;
		node_setup_change(&world.node, 0, &mapping);
		in = world_tagged(&world, 0);
		world_check_to_passes(&world, "another virtual NIC", &in);
		cr_assert_eq(node_setup_notes(&world.node), 0);
		world_close(&world);
	}
}

/* A flow that one hook has noted is nothing to the programs of another. */
Test(node_tc, reply_at_another_hook)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in, out;
		struct test_packet reply;

		world_open(&world, n);
		world_add(&world, 0, XDPLB_RESTORE_SOURCE);
		in = world_tagged(&world, 0);
		out = at_backend(&world, &in, XDPLB_RESTORE_SOURCE);
		world_check_to(&world, "to the backend", &in, &out, EVENT(FLOW_NOTED));
		in = world_reply(&world, CLIENT_PORT);
		packet_build(&in, &reply);
		world_check_untouched(&world, "reply at another hook",
				      world.hook == WORLD_AT_VNIC
					      ? world.node.skel->progs.uplink_egress
					      : world.node.skel->progs.vnic_ingress,
				      &reply);
		world_close(&world);
	}
}

/* The range of tags is inclusive; what lies outside is an own port of the backend. */
Test(node_tc, tag_range)
{
	static const struct {
		__u16 port;
		bool restored;
	} rows[] = {
		{ SETUP_TAG_FIRST - 1, false },
		{ SETUP_TAG_FIRST, true },
		{ SETUP_TAG_LAST, true },
		{ SETUP_TAG_LAST + 1, false },
	};
	struct world world;

	for (int n = 0; n < 4 * WORLDS; n++) {
		struct xdplb_mapping mapping;
		struct packet_spec in, out;

		world_open(&world, n / 4);
		mapping = world_mapping(&world, 0, XDPLB_RESTORE_INTERFACE);
		mapping.tag = htons(rows[n % 4].port);
		node_setup_mapping(&world.node, 0, &mapping);
		in = world_tagged(&world, 0);
		in.dest.port = rows[n % 4].port;
		out = at_backend(&world, &in, XDPLB_RESTORE_INTERFACE);
		world_check_to(&world, "edge of the tag range", &in,
			       rows[n % 4].restored ? &out : &in, 0);
		world_close(&world);
	}
}

/* A resting mapping still restores. */
Test(node_tc, resting_mapping)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		enum xdplb_restore restore = restores[n % 2];
		struct xdplb_mapping mapping;
		struct packet_spec in, out;

		world_open(&world, n / 2);
		mapping = world_mapping(&world, 0, restore);
		mapping.state = XDPLB_MAPPING_RESTING;
		node_setup_mapping(&world.node, 0, &mapping);
		in = world_tagged(&world, 0);
		out = at_backend(&world, &in, restore);
		world_check_to(&world, "resting", &in, &out,
			       restore == XDPLB_RESTORE_SOURCE ? EVENT(FLOW_NOTED) : 0);
		if (restore == XDPLB_RESTORE_SOURCE) {
			in = world_reply(&world, CLIENT_PORT);
			out = world_restored(&world, 0, CLIENT_PORT);
			world_check_from(&world, "reply, resting", &in, &out, 0);
		}
		world_close(&world);
	}
}

/* Two backends of one service on the node, each at its own hook or address. */
Test(node_tc, two_backends)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		enum xdplb_restore restore = restores[n % 2];
		struct packet_spec in, out;

		world_open(&world, n / 2);
		for (__u32 b = 0; b < 2; b++) {
			struct xdplb_mapping mapping = world_mapping(&world, 0, restore);

			mapping.backend = setup_addrs(world.family)->backends[b];
			node_setup_mapping(&world.node, b, &mapping);
		}
		for (__u32 b = 0; b < 2; b++) {
			in = world_tagged(&world, 0);
			in.dest.addr = setup_addrs(world.family)->backends[b];
			out = at_backend(&world, &in, restore);
			world_check_to(&world, "each of two backends", &in, &out,
				       restore == XDPLB_RESTORE_SOURCE ? EVENT(FLOW_NOTED) : 0);
		}
		world_close(&world);
	}
}
