// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: what is not surely ours passes untouched, at every hook, in both directions.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node_world.h"

TestSuite(node_pass);

#define ANY 0

typedef void edit_fn(struct test_packet *packet);

struct pass_row {
	const char *name;
	__u8 family; /* ANY: both */
	__u8 proto; /* ANY: the world's */
	__u16 frag_off;
	__u8 ext_header, ext_more;
	int cut; /* bytes of the transport header that are left; -1: all */
	edit_fn *edit;
};

static void to_arp(struct test_packet *packet)
{
	packet->data[12] = 0x08;
	packet->data[13] = 0x06;
}

static void add_vlan(struct test_packet *packet)
{
	static const __u8 tag[] = { 0x81, 0, 0, 100 };

	memmove(packet->data + 16, packet->data + 12, packet->len - 12);
	memcpy(packet->data + 12, tag, 4);
	packet->len += 4;
}

static void set_version(struct test_packet *packet)
{
	packet->data[ETH_LEN] = (packet->data[ETH_LEN] & 15) | 5 << 4;
}

static void set_ihl4(struct test_packet *packet)
{
	packet->data[ETH_LEN] = 0x44;
}

static void cut_options(struct test_packet *packet)
{
	packet->data[ETH_LEN] = 0x4f;
	packet->len = ETH_LEN + 60 + 7;
}

static const struct pass_row rows[] = {
	{ "ARP", ANY, ANY, .cut = -1, .edit = to_arp },
	{ "VLAN", ANY, ANY, .cut = -1, .edit = add_vlan },
	{ "version 5", ANY, ANY, .cut = -1, .edit = set_version },
	{ "ihl 4", XDPLB_IPV4, ANY, .cut = -1, .edit = set_ihl4 },
	{ "options cut off", XDPLB_IPV4, ANY, .cut = -1, .edit = cut_options },
	{ "SCTP", ANY, IPPROTO_SCTP, .cut = -1 },
	{ "GRE", ANY, IPPROTO_GRE, .cut = -1 },
	{ "ping", XDPLB_IPV4, IPPROTO_ICMP, .cut = -1 },
	{ "ping", XDPLB_IPV6, IPPROTO_ICMPV6, .cut = -1 },
	{ "fragment of ICMP", XDPLB_IPV4, IPPROTO_ICMP, .frag_off = IP_FLAG_MF, .cut = -1 },
	{ "last fragment", XDPLB_IPV4, ANY, .frag_off = 3, .cut = -1 },
	{ "later fragment", XDPLB_IPV6, ANY, .frag_off = 0x100, .ext_header = IPPROTO_FRAGMENT,
	  .cut = -1 },
	{ "authentication header", XDPLB_IPV6, ANY, .ext_header = IPPROTO_AH, .cut = -1 },
	{ "five extension headers", XDPLB_IPV6, ANY, .ext_header = IPPROTO_DSTOPTS, .ext_more = 4,
	  .cut = -1 },
	{ "no byte of its header", ANY, ANY, .cut = 0 },
	{ "ports alone", ANY, ANY, .cut = 4 },
	{ "7 bytes", ANY, ANY, .cut = 7 },
	{ "19 bytes", ANY, IPPROTO_TCP, .cut = 19 },
};

static void run_row(struct world *world, const struct pass_row *row, struct packet_spec spec,
		    const struct bpf_program *prog)
{
	struct test_packet packet;

	if (row->family && row->family != world->family)
		return;
	if (row->proto)
		spec.proto = row->proto;
	if (row->frag_off)
		spec.frag_off = row->frag_off;
	spec.ext_header = row->ext_header;
	spec.ext_more = row->ext_more;
	spec.icmp_type = world->family == XDPLB_IPV4 ? 8 : 128;
	packet_build(&spec, &packet);
	if (row->edit)
		row->edit(&packet);
	if (row->cut >= 0)
		packet.len = packet_l4_offset(&spec) + row->cut;
	world_check_untouched(world, row->name, prog, &packet);
}

Test(node_pass, rows)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct packet_spec in, out;

		world_open(&world, n / 2);
		world_add(&world, 0, n & 1 ? XDPLB_RESTORE_SOURCE : XDPLB_RESTORE_INTERFACE);
		if (n & 1) {
			in = out = world_tagged(&world, 0);
			out.dest.port = BACKEND_PORT;
			world_check_to(&world, "a flow is noted", &in, &out, EVENT(FLOW_NOTED));
		}
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
			run_row(&world, &rows[r], world_tagged(&world, 0),
				world_to_backend(&world));
			run_row(&world, &rows[r], world_direct(&world), world_to_backend(&world));
			run_row(&world, &rows[r], world_reply(&world, CLIENT_PORT),
				world_from_backend(&world));
		}
		cr_assert_eq(node_setup_notes(&world.node), n & 1);
		world_close(&world);
	}
}

/* Packets to a port in the tag range that no table names. */
Test(node_pass, tag_not_known)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct packet_spec in;

		world_open(&world, n / 2);
		in = world_tagged(&world, 0);
		world_check_to_passes(&world, "empty tables", &in);
		world_add(&world, 0, n & 1 ? XDPLB_RESTORE_SOURCE : XDPLB_RESTORE_INTERFACE);
		in = world_tagged(&world, 1);
		world_check_to_passes(&world, "tag of no mapping", &in);
		in = world_tagged(&world, 0);
		in.dest.addr = setup_addrs(world.family)->backends[1];
		world_check_to_passes(&world, "tag at another address", &in);
		in = world_tagged(&world, 0);
		in.dest.addr = setup_addrs(world.family)->vips[0];
		world_check_to_passes(&world, "tag at the VIP", &in);
		world_close(&world);
	}
}

/* No packet to a port that is neither a tag nor a `source` backend's own is noted. */
Test(node_pass, other_ports_are_not_noted)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct packet_spec in;

		world_open(&world, n);
		world_add(&world, 0, XDPLB_RESTORE_SOURCE);
		world_add(&world, 1, XDPLB_RESTORE_INTERFACE);
		in = world_direct(&world);
		in.tcp_flags = TCP_SYN;
		in.dest.port = BACKEND_PORT + 1;
		world_check_to_passes(&world, "port nobody restores", &in);
		in.dest.port = VIP_PORT;
		world_check_to_passes(&world, "port of an interface service", &in);
		in.dest.port = BACKEND_PORT;
		in.dest.addr = setup_addrs(world.family)->backends[1];
		world_check_to_passes(&world, "own port at another address", &in);
		in = world_direct(&world);
		in.tcp_flags = TCP_SYN;
		in.proto = setup_protos[world.proto == IPPROTO_TCP];
		world_check_to_passes(&world, "own port, other protocol", &in);
		cr_assert_eq(node_setup_notes(&world.node), 0, "%s", world.name);
		world_close(&world);
	}
}
