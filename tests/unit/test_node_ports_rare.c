// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: fragments, ICMP errors and hand-over of services of many ports.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "fragments.h"
#include "icmp_error.h"
#include "node_world.h"
#include "xdplb/handover.h"

TestSuite(node_ports_rare);

static const enum xdplb_restore restores[2] = { XDPLB_RESTORE_INTERFACE, XDPLB_RESTORE_SOURCE };

/* Ports of the service: the lowest, the tag of the mapping, the highest. */
static const __u16 ports[] = { 1, SETUP_TAG_FIRST, 65535 };

#define PORTS (sizeof(ports) / sizeof(ports[0]))

/* Opens a flow. */
static void check_to(struct world *world, enum xdplb_restore restore, const struct packet_spec *in,
		     __u64 events)
{
	struct packet_spec out = *in;

	if (restore == XDPLB_RESTORE_INTERFACE)
		out.dest.addr = setup_addrs(world->family)->vips[0];
	world_check_to(world, "to the backend", in, &out,
		       restore == XDPLB_RESTORE_SOURCE ? events : 0);
}

/* ---- fragments ---- */

static void check_piece(struct world *world, int number, const struct packet_spec *specs[2],
			__u16 add, __u64 events)
{
	struct fragment_piece piece = { number * 512, 512 };
	struct expected expected = { TC_UNSPEC, NULL, NO_DROP, events };
	struct test_packet packet, want;
	char name[80];

	fragment_build(specs[0], piece, add, &packet);
	fragment_build(specs[1], piece, 0, &want);
	expected.packet = &want;
	snprintf(name, sizeof(name), "%s, piece %d", world->name, number);
	check_run(name, world_to_backend(world), world->node.counters, &packet, 0, &expected);
}

Test(node_ports_rare, fragments)
{
	for (int n = 0; n < 2 * WORLDS; n++) {
		bool source = n & 1;
		struct world world;

		world_open_kept(&world, n / 2, restores[n % 2]);
		for (size_t p = 0; p < PORTS; p++) {
			struct packet_spec in = world_balanced(&world, ports[p]), out;
			struct packet_end vip = { setup_addrs(world.family)->vips[0], ports[p] };
			__u64 hash = setup_flow_hash(&in.source, &vip, in.proto, in.family);
			const struct packet_spec *specs[2] = { &in, &out };
			__u64 events = source ? EVENT(FLOW_NOTED) : EVENT(FRAGMENT_NOTED);

			in.tcp_flags = TCP_SYN;
			in.frag_off = 0;
			in.id = in.family == XDPLB_IPV4 ? 100 + p : in.id;
			in.frag_id = 100 + p;
			in.payload_len = 1400;
			out = in;
			if (!source)
				out.dest.addr = vip.addr;
			for (int i = 0; i < 3; i++)
				check_piece(&world, i, specs,
					    in.family == XDPLB_IPV4 ? hash >> 16 & 0xffff : 0,
					    i ? 0 : events);
		}
		world_close(&world);
	}
}

/* ---- ICMP errors ---- */

static struct icmp_error too_big(const struct world *world)
{
	return (struct icmp_error){ .type = world->family == XDPLB_IPV4 ? 3 : 2,
				    .code = world->family == XDPLB_IPV4 ? 4 : 0,
				    .rest = 1400,
				    .l4_bytes = QUOTE_WHOLE };
}

Test(node_ports_rare, errors_are_delivered)
{
	for (int n = 0; n < 2 * WORLDS; n++) {
		enum xdplb_restore restore = restores[n % 2];
		const struct setup_addrs *addrs;
		struct packet_spec in, out, about, own;
		struct test_packet quotes[2];
		struct icmp_error error;
		struct world world;

		world_open_kept(&world, n / 2, restore);
		addrs = setup_addrs(world.family);
		in = world_balanced(&world, 5000);
		in.tcp_flags = TCP_SYN;
		check_to(&world, restore, &in, EVENT(FLOW_NOTED));
		about = world_port_reply(&world, 5000, CLIENT_PORT);
		own = about;
		if (restore == XDPLB_RESTORE_INTERFACE)
			own.source.addr = addrs->vips[0];
		error = too_big(&world);
		error.sender = addrs->stranger;
		error.recipient = addrs->backends[0];
		error.about = &about;
		in = icmp_error_spec(&error, &in, &quotes[0]);
		error.recipient = own.source.addr;
		error.about = &own;
		out = icmp_error_spec(&error, &in, &quotes[1]);
		world_check_to(&world, "balanced", &in, &out, EVENT(ICMP_DELIVERED));
		in.id ^= 1;
		in.flow_label ^= 1;
		world_check_to_passes(&world, "about the backend's own packet", &in);
		world_close(&world);
	}
}

/* An error that the backend sends about a packet of a balanced flow comes from the VIP. */
Test(node_ports_rare, errors_are_restored)
{
	for (int n = 0; n < WORLDS; n++) {
		const struct setup_addrs *addrs;
		struct packet_spec in, out, seen, usual;
		struct test_packet quotes[2];
		struct icmp_error error;
		struct world world;

		world_open_kept(&world, n, XDPLB_RESTORE_SOURCE);
		addrs = setup_addrs(world.family);
		in = world_balanced(&world, 5000);
		in.tcp_flags = TCP_SYN;
		world_check_to(&world, "opens", &in, &in, EVENT(FLOW_NOTED));
		seen = in;
		usual = world_port_reply(&world, 5000, CLIENT_PORT);
		error = too_big(&world);
		error.type = world.family == XDPLB_IPV4 ? 3 : 1;
		error.code = world.family == XDPLB_IPV4 ? 3 : 4;
		error.sender = addrs->backends[0];
		error.recipient = addrs->client;
		error.about = &seen;
		in = icmp_error_spec(&error, &usual, &quotes[0]);
		error.sender = addrs->vips[0];
		seen.dest.addr = addrs->vips[0];
		out = icmp_error_spec(&error, &usual, &quotes[1]);
		world_check_from(&world, "restored", &in, &out, EVENT(ICMP_RESTORED));
		world_close(&world);
	}
}

/* ---- hand-over ---- */

/* A TCP packet that nobody expects goes to the peer at the port it has. */
Test(node_ports_rare, handed_over)
{
	static const char *const tables[] = { "1", NULL };

	for (int n = 0; n < 4; n++) {
		struct world world = { .family = setup_families[n / 2], .proto = IPPROTO_TCP };
		struct expected expected = { TC_REDIRECT, NULL, NO_DROP, EVENT(HANDED_OVER) };
		struct xdplb_mapping mapping;
		struct test_packet packet, want;
		struct packet_spec in, out;
		struct packet_end vip;
		__u64 hash;

		node_setup_open(&world.node);
		mapping = world_kept_mapping(&world, restores[n % 2]);
		mapping.ifindex = 0;
		mapping.succession = 1;
		mapping.netns = XDPLB_NETNS_OWN;
		node_setup_mapping(&world.node, 0, &mapping);
		node_setup_peers(&world.node, world.family);
		node_setup_owners(&world.node, tables);
		in = world_balanced(&world, 5000);
		vip = (struct packet_end){ mapping.vip, 5000 };
		hash = setup_flow_hash(&in.source, &vip, IPPROTO_TCP, world.family);
		out = in;
		out.dest.addr = setup_addrs(world.family)->backends[1];
		out.ttl--;
		out.id = out.flow_label = handover_mark(world.family, hash, XDPLB_HANDED_BY_OTHER);
		packet_build(&in, &packet);
		packet_build(&out, &want);
		expected.packet = &want;
		check_run(setup_kind(world.family, IPPROTO_TCP),
			  world.node.skel->progs.uplink_ingress, world.node.counters, &packet, 0,
			  &expected);
		node_setup_close(&world.node);
	}
}
