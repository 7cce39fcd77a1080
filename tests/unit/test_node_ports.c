// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: services of many ports. Their backends are known by the address alone, and packets keep their
 * ports both ways; what has no mark is the backend's own traffic.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "fragments.h"
#include "icmp_error.h"
#include "node_world.h"
#include "xdplb/handover.h"
#include "xdplb/query.h"

TestSuite(node_ports);

static const enum xdplb_restore restores[2] = { XDPLB_RESTORE_INTERFACE, XDPLB_RESTORE_SOURCE };

/* Ports of the service: the lowest, the highest, the tag of the mapping, a tag of nobody. */
static const __u16 ports[] = { 1, 21, 5000, 65535, SETUP_TAG_FIRST, SETUP_TAG_FIRST + 7 };

#define PORTS (sizeof(ports) / sizeof(ports[0]))

static struct xdplb_mapping kept_mapping(const struct world *world, enum xdplb_restore restore)
{
	struct xdplb_mapping mapping = world_mapping(world, 0, restore);

	mapping.vport = 0;
	mapping.port = 0;
	return mapping;
}

static void open_world(struct world *world, int number, enum xdplb_restore restore)
{
	struct xdplb_mapping mapping;

	world_open(world, number);
	mapping = kept_mapping(world, restore);
	node_setup_mapping(&world->node, 0, &mapping);
}

/* As an access node sends it: the address is the backend's, the port is still the VIP's. */
static struct packet_spec balanced(const struct world *world, __u16 port)
{
	struct packet_spec spec = world_tagged(world, 0);
	struct packet_end vip = { setup_addrs(world->family)->vips[0], port };

	spec.dest.port = port;
	setup_mark(&spec, &vip);
	return spec;
}

/* The client's packet straight to the backend. */
static struct packet_spec direct(const struct world *world, __u16 port)
{
	struct packet_spec spec = balanced(world, port);

	spec.id ^= 0x0770;
	spec.flow_label ^= 0x07070;
	return spec;
}

static struct packet_spec reply(const struct world *world, __u16 port, __u16 client_port)
{
	struct packet_spec spec = world_reply(world, client_port);

	spec.source.port = port;
	return spec;
}

static void check_to(struct world *world, enum xdplb_restore restore, const struct packet_spec *in,
		     __u32 events)
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

		open_world(&world, n / 2, restore);
		for (size_t p = 0; p < PORTS; p++) {
			struct packet_spec in = balanced(&world, ports[p]), out;

			in.tcp_flags = TCP_SYN;
			check_to(&world, restore, &in, EVENT(FLOW_NOTED));
			in.tcp_flags = TCP_ACK;
			check_to(&world, restore, &in, 0);
			in = reply(&world, ports[p], CLIENT_PORT);
			out = in;
			if (restore == XDPLB_RESTORE_SOURCE)
				out.source.addr = setup_addrs(world.family)->vips[0];
			world_check_from(&world, "from the backend", &in, &out, 0);
			in = reply(&world, ports[p], CLIENT_PORT + 1);
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

		open_world(&world, n / 2, restore);
		for (size_t p = 0; p < PORTS; p++) {
			struct packet_spec in = direct(&world, ports[p]);
			bool opens = world.proto == IPPROTO_UDP && restore == XDPLB_RESTORE_SOURCE;

			world_check_to(&world, "without a mark", &in, &in,
				       opens ? EVENT(FLOW_NOTED) : 0);
			world_check_to(&world, "again", &in, &in, 0);
			in = balanced(&world, ports[p]);
			in.dest.addr = setup_addrs(world.family)->backends[1];
			world_check_to_passes(&world, "to another address", &in);
			in = balanced(&world, ports[p]);
			in.proto = setup_protos[world.proto == IPPROTO_TCP];
			world_check_to_passes(&world, "another protocol", &in);
			in = reply(&world, ports[p], CLIENT_PORT);
			world_check_from_passes(&world, "a direct flow's reply", &in);
		}
		node_setup_keeps(&world.node, false);
		struct packet_spec in = balanced(&world, 5000);
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

		open_world(&world, n / 2, XDPLB_RESTORE_SOURCE);
		in = direct_first ? direct(&world, 5000) : balanced(&world, 5000);
		in.tcp_flags = TCP_SYN;
		world_check_to(&world, "the first", &in, &in, EVENT(FLOW_NOTED));
		in = direct_first ? balanced(&world, 5000) : direct(&world, 5000);
		in.tcp_flags = TCP_SYN;
		packet_build(&in, &packet);
		expected.events = EVENT(FLOW_REMAPPED);
		got = observe_run(world.name, world_to_backend(&world), world.node.counters, &packet,
				  0, &expected);
		port = world_source_port(&in, &got);
		cr_assert_neq(port, CLIENT_PORT);
		in = reply(&world, 5000, port);
		out = in;
		out.dest.port = CLIENT_PORT;
		if (direct_first)
			out.source.addr = setup_addrs(world.family)->vips[0];
		world_check_from(&world, "the second's reply", &in, &out, 0);
		in = reply(&world, 5000, CLIENT_PORT);
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

		open_world(&world, n / 2, XDPLB_RESTORE_INTERFACE);
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

		open_world(&world, n, XDPLB_RESTORE_INTERFACE);
		check_query(&world, "at the tag port", 0, SETUP_TAG_FIRST, XDPLB_QUERY_YES);
		check_query(&world, "for one port", htons(80), SETUP_TAG_FIRST, XDPLB_QUERY_OTHER);
		check_query(&world, "at another port", 0, 5000, 0);
		world_close(&world);
	}
}

/* ---- fragments ---- */

static void check_piece(struct world *world, int number, const struct packet_spec *specs[2],
			__u16 add, __u32 events)
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

Test(node_ports, fragments)
{
	for (int n = 0; n < 2 * WORLDS; n++) {
		bool source = n & 1;
		struct world world;

		open_world(&world, n / 2, restores[n % 2]);
		for (size_t p = 0; p < PORTS; p++) {
			struct packet_spec in = balanced(&world, ports[p]), out;
			struct packet_end vip = { setup_addrs(world.family)->vips[0], ports[p] };
			__u64 hash = setup_flow_hash(&in.source, &vip, in.proto, in.family);
			const struct packet_spec *specs[2] = { &in, &out };
			__u32 events = source ? EVENT(FLOW_NOTED) : EVENT(FRAGMENT_NOTED);

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

Test(node_ports, errors_are_delivered)
{
	for (int n = 0; n < 2 * WORLDS; n++) {
		enum xdplb_restore restore = restores[n % 2];
		const struct setup_addrs *addrs;
		struct packet_spec in, out, about, own;
		struct test_packet quotes[2];
		struct icmp_error error;
		struct world world;

		open_world(&world, n / 2, restore);
		addrs = setup_addrs(world.family);
		in = balanced(&world, 5000);
		in.tcp_flags = TCP_SYN;
		check_to(&world, restore, &in, EVENT(FLOW_NOTED));
		about = reply(&world, 5000, CLIENT_PORT);
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
Test(node_ports, errors_are_restored)
{
	for (int n = 0; n < WORLDS; n++) {
		const struct setup_addrs *addrs;
		struct packet_spec in, out, seen, usual;
		struct test_packet quotes[2];
		struct icmp_error error;
		struct world world;

		open_world(&world, n, XDPLB_RESTORE_SOURCE);
		addrs = setup_addrs(world.family);
		in = balanced(&world, 5000);
		in.tcp_flags = TCP_SYN;
		world_check_to(&world, "opens", &in, &in, EVENT(FLOW_NOTED));
		seen = in;
		usual = reply(&world, 5000, CLIENT_PORT);
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
Test(node_ports, handed_over)
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
		mapping = kept_mapping(&world, restores[n % 2]);
		mapping.ifindex = 0;
		mapping.succession = 1;
		mapping.netns = XDPLB_NETNS_OWN;
		node_setup_mapping(&world.node, 0, &mapping);
		node_setup_peers(&world.node, world.family);
		node_setup_owners(&world.node, tables);
		in = balanced(&world, 5000);
		vip = (struct packet_end){ mapping.vip, 5000 };
		hash = setup_flow_hash(&in.source, &vip, IPPROTO_TCP, world.family);
		out = in;
		out.dest.addr = setup_addrs(world.family)->backends[1];
		out.ttl--;
		out.id = out.flow_label =
			handover_mark(world.family, hash, XDPLB_HANDED_BY_OTHER);
		packet_build(&in, &packet);
		packet_build(&out, &want);
		expected.packet = &want;
		check_run(setup_kind(world.family, IPPROTO_TCP),
			  world.node.skel->progs.uplink_ingress, world.node.counters, &packet, 0,
			  &expected);
		node_setup_close(&world.node);
	}
}
