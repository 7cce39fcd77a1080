// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc, `source`: notes of established TCP flows stand apart from all others, so that no flood evicts them.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "node_world.h"

TestSuite(node_established);

static void open_world(struct world *world, int number)
{
	world_open(world, number);
	world_add(world, 0, XDPLB_RESTORE_SOURCE);
	world_add(world, 1, XDPLB_RESTORE_SOURCE);
}

/* A packet to the backend, whatever becomes of it. */
static __u16 send_to(struct world *world, const struct packet_spec *spec)
{
	struct test_packet packet;
	struct run_result result;

	packet_build(spec, &packet);
	cr_assert_eq(prog_run(world_to_backend(world), &packet, 0, &result), 0);
	cr_assert_eq(result.verdict, TC_UNSPEC);
	return world_source_port(spec, &result.packet);
}

/* The backend answers with these flags; the client of a VIP gets it from the VIP. */
static void answers(struct world *world, const char *row, __u32 vip, __u16 port, __u8 flags)
{
	struct packet_spec in = world_reply(world, port);
	struct packet_spec out = world_restored(world, vip, CLIENT_PORT);

	in.tcp_flags = out.tcp_flags = flags;
	world_check_from(world, row, &in, &out, 0);
}

static void check_notes(struct world *world, const char *row, int fresh, int established)
{
	int found = node_setup_established(&world->node);

	cr_expect_eq(found, established, "%s, %s: %d established notes, not %d", world->name, row,
		     found, established);
	found = node_setup_notes(&world->node) - found;
	cr_expect_eq(found, fresh, "%s, %s: %d new notes, not %d", world->name, row, found, fresh);
}

static const struct {
	const char *name;
	__u8 flags;
	bool proves; /* TCP: the flow is established */
} replies[] = {
	{ "SYN-ACK, which anybody gets", TCP_SYN | TCP_ACK, false },
	{ "RST", TCP_RST, false },
	{ "RST-ACK", TCP_RST | TCP_ACK, false },
	{ "ACK", TCP_ACK, true },
	{ "FIN-ACK", TCP_FIN | TCP_ACK, true },
};

Test(node_established, what_proves_a_flow)
{
	for (int n = 0; n < WORLDS; n++) {
		for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
			struct packet_spec in;
			struct world world;
			bool proves;

			open_world(&world, n);
			proves = replies[i].proves && world.proto == IPPROTO_TCP;
			in = world_tagged(&world, 0);
			in.tcp_flags = TCP_SYN;
			send_to(&world, &in);
			check_notes(&world, "SYN", 1, 0);
			answers(&world, replies[i].name, 0, CLIENT_PORT, replies[i].flags);
			check_notes(&world, replies[i].name, !proves, proves);
			answers(&world, "again", 0, CLIENT_PORT, replies[i].flags);
			check_notes(&world, "again", !proves, proves);
			in.tcp_flags = TCP_ACK;
			cr_expect_eq(send_to(&world, &in), CLIENT_PORT);
			check_notes(&world, "and on", !proves, proves);
			world_close(&world);
		}
	}
}

/* A flow that was given another client port has two notes. */
Test(node_established, remapped)
{
	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in;
		struct world world;
		bool tcp;
		__u16 port;

		open_world(&world, n);
		tcp = world.proto == IPPROTO_TCP;
		in = world_tagged(&world, 0);
		in.tcp_flags = TCP_SYN;
		send_to(&world, &in);
		in = world_tagged(&world, 1);
		in.tcp_flags = TCP_SYN;
		port = send_to(&world, &in);
		cr_assert_neq(port, CLIENT_PORT);
		check_notes(&world, "two flows", 3, 0);
		answers(&world, "remapped", 1, port, TCP_ACK);
		check_notes(&world, "one established", tcp ? 1 : 3, tcp ? 2 : 0);
		in.tcp_flags = TCP_ACK;
		cr_expect_eq(send_to(&world, &in), port);
		check_notes(&world, "and on", tcp ? 1 : 3, tcp ? 2 : 0);
		world_close(&world);
	}
}

/* Another client. */
static struct packet_spec stranger(const struct world *world, __u32 number, __u8 flags)
{
	struct packet_spec spec = setup_spec(world->family, world->proto);
	struct packet_end vip = spec.dest;

	spec.source.addr.word[world->family == XDPLB_IPV4 ? 0 : 3] = htonl(0x0b000000 + number);
	setup_mark(&spec, &vip);
	spec.dest.addr = setup_addrs(world->family)->backends[0];
	spec.dest.port = SETUP_TAG_FIRST;
	spec.tcp_flags = flags;
	return spec;
}

/*
 * More SYNs, and packets of no connection, than there is room for notes. What is established stays, also if it
 * is remapped; what was only begun is forgotten, which shows that the flood was one.
 */
static void check_flood(int number)
{
	struct packet_spec in, begun;
	struct world world;
	__u16 port;

	open_world(&world, number);
	for (__u32 vip = 0; vip < 2; vip++) {
		in = world_tagged(&world, vip);
		in.tcp_flags = TCP_SYN;
		port = send_to(&world, &in);
		answers(&world, "established", vip, port, TCP_ACK);
	}
	begun = stranger(&world, 0xffffff, TCP_SYN);
	send_to(&world, &begun);
	check_notes(&world, "before the flood", 1, 3);
	for (__u32 i = 0; i < 3 * SETUP_FLOWS; i++) {
		in = stranger(&world, i, i & 1 ? TCP_ACK : TCP_SYN);
		send_to(&world, &in);
	}
	cr_expect_eq(node_setup_established(&world.node), 3);
	answers(&world, "after the flood", 0, CLIENT_PORT, TCP_ACK);
	answers(&world, "after the flood, remapped", 1, port, TCP_ACK);
	begun = world_reply(&world, CLIENT_PORT);
	begun.dest.addr = stranger(&world, 0xffffff, 0).source.addr;
	world_check_from_passes(&world, "what was only begun", &begun);
	world_close(&world);
}

Test(node_established, flood)
{
	for (int n = 0; n < WORLDS; n++) {
		struct world world;
		bool tcp;

		world_open(&world, n);
		tcp = world.proto == IPPROTO_TCP;
		world_close(&world);
		if (tcp)
			check_flood(n);
	}
}
