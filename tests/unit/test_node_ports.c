// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: services of many ports. Their backends are known by the address alone, and packets keep their
 * ports both ways; what has no mark is the backend's own traffic. Fragments, errors and hand-over are in
 * test_node_ports_rare.c.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "node_world.h"
#include "xdplb/query.h"

TestSuite(node_ports);

static const enum xdplb_restore restores[2] = { XDPLB_RESTORE_INTERFACE, XDPLB_RESTORE_SOURCE };

/* Ports of the service: the lowest, the highest, the tag of the mapping, a tag of nobody. */
static const __u16 ports[] = { 1, 21, 5000, 65535, SETUP_TAG_FIRST, SETUP_TAG_FIRST + 7 };

#define PORTS (sizeof(ports) / sizeof(ports[0]))

/* The client's packet straight to the backend. */
static struct packet_spec direct(const struct world *world, __u16 port)
{
	struct packet_spec spec = world_balanced(world, port);

	spec.id ^= 0x0770;
	spec.flow_label ^= 0x07070;
	return spec;
}

static void check_to(struct world *world, enum xdplb_restore restore, const struct packet_spec *in,
		     __u64 events)
{
	struct packet_spec out = *in;

	if (restore == XDPLB_RESTORE_INTERFACE)
		out.dest.addr = setup_addrs(world->family)->vips[0];
	world_check_to(world, "to the backend", in, &out,
		       restore == XDPLB_RESTORE_SOURCE ? events : 0);
}

Test(node_ports, both_ways)
{
	for (int n = 0; n < 2 * WORLDS; n++) {
		enum xdplb_restore restore = restores[n % 2];
		struct world world;

		world_open_kept(&world, n / 2, restore);
		for (size_t p = 0; p < PORTS; p++) {
			struct packet_spec in = world_balanced(&world, ports[p]), out;

			in.tcp_flags = TCP_SYN;
			check_to(&world, restore, &in, EVENT(FLOW_NOTED));
			in.tcp_flags = TCP_ACK;
			check_to(&world, restore, &in, 0);
			in = world_port_reply(&world, ports[p], CLIENT_PORT);
			out = in;
			if (restore == XDPLB_RESTORE_SOURCE)
				out.source.addr = setup_addrs(world.family)->vips[0];
			world_check_from(&world, "from the backend", &in, &out, 0);
			in = world_port_reply(&world, ports[p], CLIENT_PORT + 1);
			world_check_from_passes(&world, "of no flow", &in);
		}
		world_close(&world);
	}
}

/* Without a mark it is for no VIP, at another address or protocol too; nothing is dropped. */
Test(node_ports, what_is_not_balanced_passes)
{
	for (int n = 0; n < 2 * WORLDS; n++) {
		enum xdplb_restore restore = restores[n % 2];
		struct world world;

		world_open_kept(&world, n / 2, restore);
		for (size_t p = 0; p < PORTS; p++) {
			struct packet_spec in = direct(&world, ports[p]);
			bool opens = world.proto == IPPROTO_UDP && restore == XDPLB_RESTORE_SOURCE;

			world_check_to(&world, "without a mark", &in, &in,
				       opens ? EVENT(FLOW_NOTED) : 0);
			world_check_to(&world, "again", &in, &in, 0);
			in = world_balanced(&world, ports[p]);
			in.dest.addr = setup_addrs(world.family)->backends[1];
			world_check_to_passes(&world, "to another address", &in);
			in = world_balanced(&world, ports[p]);
			in.proto = setup_protos[world.proto == IPPROTO_TCP];
			world_check_to_passes(&world, "another protocol", &in);
			in = world_port_reply(&world, ports[p], CLIENT_PORT);
			world_check_from_passes(&world, "a direct flow's reply", &in);
		}
		node_setup_keeps(&world.node, false);
		struct packet_spec in = world_balanced(&world, 5000);
		world_check_to_passes(&world, "not looked for", &in);
		world_close(&world);
	}
}

/* A direct and a balanced flow of one client port are kept apart, whichever comes first. */
Test(node_ports, direct_and_balanced)
{
	for (int n = 0; n < 2 * WORLDS; n++) {
		bool direct_first = n & 1;
		struct packet_spec in, out;
		struct test_packet packet, got;
		struct expected expected = { TC_UNSPEC, NULL, NO_DROP, 0 };
		struct world world;
		__u16 port;

		world_open_kept(&world, n / 2, XDPLB_RESTORE_SOURCE);
		in = direct_first ? direct(&world, 5000) : world_balanced(&world, 5000);
		in.tcp_flags = TCP_SYN;
		world_check_to(&world, "the first", &in, &in, EVENT(FLOW_NOTED));
		in = direct_first ? world_balanced(&world, 5000) : direct(&world, 5000);
		in.tcp_flags = TCP_SYN;
		packet_build(&in, &packet);
		expected.events = EVENT(FLOW_REMAPPED);
		got = observe_run(world.name, world_to_backend(&world), world.node.counters,
				  &packet, 0, &expected);
		port = world_source_port(&in, &got);
		cr_assert_neq(port, CLIENT_PORT);
		in = world_port_reply(&world, 5000, port);
		out = in;
		out.dest.port = CLIENT_PORT;
		if (direct_first)
			out.source.addr = setup_addrs(world.family)->vips[0];
		world_check_from(&world, "the second's reply", &in, &out, 0);
		in = world_port_reply(&world, 5000, CLIENT_PORT);
		out = in;
		if (!direct_first)
			out.source.addr = setup_addrs(world.family)->vips[0];
		world_check_from(&world, "the first's reply", &in, &out, 0);
		world_close(&world);
	}
}

/* Ordinary services of other addresses work beside it; their tag ports keep out what has no mark. */
Test(node_ports, beside_tags)
{
	for (int n = 0; n < 2 * WORLDS; n++) {
		enum xdplb_restore restore = restores[n % 2];
		struct xdplb_mapping mapping;
		struct packet_spec in, out;
		struct world world;

		world_open_kept(&world, n / 2, XDPLB_RESTORE_INTERFACE);
		mapping = world_mapping(&world, 1, restore);
		mapping.backend = setup_addrs(world.family)->backends[1];
		node_setup_mapping(&world.node, 1, &mapping);
		in = world_tagged(&world, 1);
		in.dest.addr = mapping.backend;
		out = in;
		out.dest.port = ntohs(mapping.port);
		if (restore == XDPLB_RESTORE_INTERFACE)
			out.dest.addr = mapping.vip;
		world_check_to(&world, "a tag", &in, &out,
			       restore == XDPLB_RESTORE_SOURCE ? EVENT(FLOW_NOTED) : 0);
		in.id ^= 1;
		in.flow_label ^= 1;
		world_check_to_refused(&world, "a tag without the mark", &in,
				       XDPLB_DROP_NOT_ADMITTED);
		world_close(&world);
	}
}

/* ---- the mapping query ---- */

static void sign(struct xdplb_query *query)
{
	unsigned char key[16];

	for (int i = 0; i < 16; i++)
		key[i] = i; /* SETUP_KEY0, SETUP_KEY1 */
	crypto_shorthash((void *)&query->mac, (void *)query, offsetof(struct xdplb_query, mac),
			 key);
}

static void check_query(struct world *world, const char *row, __be16 vport, __u16 to, __u8 answer)
{
	const struct setup_addrs *addrs = setup_addrs(world->family);
	struct xdplb_query query = {
		.magic = htonl(XDPLB_QUERY_MAGIC),
		.version = XDPLB_QUERY_VERSION,
		.type = XDPLB_QUERY_ASK,
		.proto = world->proto,
		.family = world->family,
		.tag = htons(SETUP_TAG_FIRST),
		.vport = vport,
		.vip = addrs->vips[0],
		.nonce = 77,
	};
	struct packet_spec in = setup_spec(world->family, IPPROTO_UDP), out;
	struct expected expected = { TC_REDIRECT, NULL, NO_DROP, EVENT(QUERY_ANSWERED) };
	struct test_packet packet, want;
	struct xdplb_query back;

	sign(&query);
	in.source.port = 50001;
	in.dest.addr = addrs->backends[0];
	in.dest.port = to;
	in.payload = &query;
	in.payload_len = sizeof(query);
	if (!answer) {
		world_check_to_passes(world, row, &in);
		return;
	}
	back = query;
	back.type = answer;
	sign(&back);
	out = in;
	out.source = in.dest;
	out.dest = in.source;
	out.payload = &back;
	packet_build(&in, &packet);
	packet_build(&out, &want);
	expected.packet = &want;
	check_run(row, world_to_backend(world), world->node.counters, &packet, 0, &expected);
}

Test(node_ports, queries)
{
	for (int n = 0; n < WORLDS; n++) {
		struct world world;

		world_open_kept(&world, n, XDPLB_RESTORE_INTERFACE);
		check_query(&world, "at the tag port", 0, SETUP_TAG_FIRST, XDPLB_QUERY_YES);
		check_query(&world, "for one port", htons(80), SETUP_TAG_FIRST, XDPLB_QUERY_OTHER);
		check_query(&world, "at another port", 0, 5000, 0);
		world_close(&world);
	}
}
