// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: datagrams in fragments, both ways.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fragments.h"
#include "node_world.h"

TestSuite(node_fragments);

#define PIECES 3
#define PIECE  512

static const enum xdplb_restore restores[] = { XDPLB_RESTORE_INTERFACE, XDPLB_RESTORE_SOURCE };

/* What the access node has added to the checksum of an IPv4 datagram's first fragment. */
static __u16 mark_of(const struct world *world, __u32 vip)
{
	struct packet_spec spec = setup_spec(world->family, world->proto);
	struct packet_end to = { setup_addrs(world->family)->vips[vip], VIP_PORT };

	if (world->family == XDPLB_IPV6)
		return 0;
	return setup_flow_hash(&spec.source, &to, spec.proto, spec.family) >> 16 & 0xffff;
}

/* A datagram of VIP `vip` as it comes from an access node. */
static struct packet_spec datagram(const struct world *world, __u32 vip, __u16 id)
{
	struct packet_spec spec = world_tagged(world, vip);

	spec.tcp_flags = TCP_SYN;
	spec.id = id;
	spec.frag_id = id * 0x10001;
	spec.frag_off = 0;
	spec.payload_len = 1400;
	spec.seed = id;
	return spec;
}

static void check_piece(const struct world *world, const char *row, const struct bpf_program *prog,
			int number, const struct packet_spec *specs[2], const __u16 adds[2],
			__u64 events)
{
	struct fragment_piece piece = { number * PIECE, PIECE };
	struct test_packet packet, want;
	struct expected expected = { TC_UNSPEC, &want, NO_DROP, events };
	char name[120];

	fragment_build(specs[0], piece, adds[0], &packet);
	fragment_build(specs[1], piece, adds[1], &want);
	snprintf(name, sizeof(name), "%s, %s, piece %d", world->name, row, number);
	check_run(name, prog, world->node.counters, &packet, 0, &expected);
}

static void check_to(const struct world *world, enum xdplb_restore restore, __u16 id, __u32 noted)
{
	struct packet_spec in = datagram(world, 0, id), out = in;
	const struct packet_spec *specs[2] = { &in, &out };
	__u16 adds[2] = { mark_of(world, 0), 0 };
	__u64 events = noted;

	if (restore == XDPLB_RESTORE_INTERFACE) {
		out.dest.addr = setup_addrs(world->family)->vips[0];
		out.dest.port = VIP_PORT;
		events |= EVENT(FRAGMENT_NOTED);
	} else {
		out.dest.port = BACKEND_PORT;
	}
	for (int n = 0; n < PIECES; n++)
		check_piece(world, "to the backend", world_to_backend(world), n, specs, adds,
			    n ? 0 : events);
}

Test(node_fragments, to_backend)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		enum xdplb_restore restore = restores[n % 2];

		world_open(&world, n / 2);
		world_add(&world, 0, restore);
		for (int id = 1; id < 50; id++)
			check_to(&world, restore, id,
				 id == 1 && restore == XDPLB_RESTORE_SOURCE ? EVENT(FLOW_NOTED)
									    : 0);
		world_close(&world);
	}
}

/* Of a flow that has been opened: the VIP stands in all fragments, its port in the first. */
Test(node_fragments, from_backend)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		world_open(&world, n);
		world_add(&world, 0, XDPLB_RESTORE_SOURCE);
		check_to(&world, XDPLB_RESTORE_SOURCE, 1, EVENT(FLOW_NOTED));
		for (int id = 1; id < 50; id++) {
			struct packet_spec in = world_reply(&world, CLIENT_PORT), out;
			const struct packet_spec *specs[2] = { &in, &out };

			in.id = id;
			in.frag_id = id;
			in.payload_len = 1400;
			out = in;
			out.source.addr = setup_addrs(world.family)->vips[0];
			out.source.port = VIP_PORT;
			for (int p = 0; p < PIECES; p++)
				check_piece(&world, "reply", world_from_backend(&world), p, specs,
					    (__u16[]){ 0, 0 }, p ? 0 : EVENT(FRAGMENT_NOTED));
		}
		world_close(&world);
	}
}

/* Whose flow clashes gets another client port; the checksum of the whole datagram must still be right. */
Test(node_fragments, remapped)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in, out;
		struct test_packet packet, want;
		struct run_result result;

		world_open(&world, n);
		world_add(&world, 0, XDPLB_RESTORE_SOURCE);
		world_add(&world, 1, XDPLB_RESTORE_SOURCE);
		for (__u32 vip = 0; vip < 2; vip++) {
			in = datagram(&world, vip, 5);
			fragment_build(&in, (struct fragment_piece){ 0, PIECE },
				       mark_of(&world, vip), &packet);
			cr_assert_eq(prog_run(world_to_backend(&world), &packet, 0, &result), 0);
		}
		out = in;
		out.dest.port = BACKEND_PORT;
		memcpy(&out.source.port, result.packet.data + result.packet.len - PIECE, 2);
		out.source.port = out.source.port << 8 | out.source.port >> 8;
		cr_assert_neq(out.source.port, CLIENT_PORT);
		fragment_build(&out, (struct fragment_piece){ 0, PIECE }, 0, &want);
		cr_assert(packet_same(&want, &result.packet), "%s\n%s", world.name,
			  packet_diff(&want, &result.packet));
		world_close(&world);
	}
}

/* Without the right mark the checksum is wrong for the backend, or the fragment refused. */
Test(node_fragments, not_admitted)
{
	struct fragment_piece first = { 0, PIECE };
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct packet_spec in, out;
		struct test_packet packet, want;
		struct run_result result;

		world_open(&world, n / 2);
		world_add(&world, 0, restores[n % 2]);
		in = datagram(&world, 0, 5);
		in.flow_label ^= 1;
		fragment_build(&in, first, 0, &packet);
		cr_assert_eq(prog_run(world_to_backend(&world), &packet, 0, &result), 0);
		if (world.family == XDPLB_IPV6) {
			cr_assert_eq(result.verdict, TC_SHOT);
			world_close(&world);
			continue;
		}
		out = in;
		out.dest.port = BACKEND_PORT;
		if (restores[n % 2] == XDPLB_RESTORE_INTERFACE) {
			out.dest.addr = setup_addrs(world.family)->vips[0];
			out.dest.port = VIP_PORT;
		}
		fragment_build(&out, first, 0, &want);
		cr_assert_eq(result.verdict, TC_UNSPEC);
		cr_assert_not(packet_same(&want, &result.packet), "%s: a right checksum",
			      world.name);
		fragment_build(&out, first, (__u16)~mark_of(&world, 0), &want);
		cr_assert(packet_same(&want, &result.packet), "%s\n%s", world.name,
			  packet_diff(&want, &result.packet));
		in.no_checksum = true;
		if (world.proto == IPPROTO_UDP) {
			fragment_build(&in, first, 0, &packet);
			check_run(world.name, world_to_backend(&world), world.node.counters,
				  &packet, 0,
				  &(struct expected){ TC_SHOT, NULL, XDPLB_DROP_NOT_ADMITTED, 0 });
		}
		world_close(&world);
	}
}

/* Fragments that are none of ours: direct ones, and later ones that nobody has announced. */
Test(node_fragments, strange)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct packet_spec in;
		struct test_packet packet;

		world_open(&world, n / 2);
		world_add(&world, 0, restores[n % 2]);
		for (int p = 0; p < PIECES; p++) {
			struct fragment_piece piece = { p * PIECE, PIECE };

			in = datagram(&world, 0, 5);
			fragment_build(&in, piece, 0, &packet);
			if (p)
				world_check_untouched(&world, "later", world_to_backend(&world),
						      &packet);
			in.dest.port = SETUP_TAG_FIRST + 7;
			fragment_build(&in, piece, 0, &packet);
			world_check_untouched(&world, "tag of nobody", world_to_backend(&world),
					      &packet);
			in = world_reply(&world, CLIENT_PORT);
			in.payload_len = 1400;
			fragment_build(&in, piece, 0, &packet);
			world_check_untouched(&world, "reply of no flow",
					      world_from_backend(&world), &packet);
		}
		world_close(&world);
	}
}

/* Towards a virtual NIC the other hook sees later fragments when the first has been noted already. */
Test(node_fragments, later_ones_at_the_other_hook)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		const struct bpf_program *other;
		struct packet_spec in;
		struct test_packet packet;

		world_open(&world, n);
		other = world.hook == WORLD_AT_UPLINK ? world.node.skel->progs.vnic_egress
						      : world.node.skel->progs.uplink_ingress;
		world_add(&world, 0, XDPLB_RESTORE_INTERFACE);
		check_to(&world, XDPLB_RESTORE_INTERFACE, 5, 0);
		in = datagram(&world, 0, 5);
		fragment_build(&in, (struct fragment_piece){ PIECE, PIECE }, 0, &packet);
		world_check_untouched(&world, "another hook", other, &packet);
		world_close(&world);
	}
}
