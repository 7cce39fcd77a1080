// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: datagrams in fragments. All of one go to one member, the first with a mark that the others need
 * not have.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fragments.h"
#include "lb_world.h"

TestSuite(lb_fragments);

#define IN_IFINDEX 1

/* Datagrams of 1400 bytes in three pieces of 512. */
#define PIECES 3
#define PIECE  512

static struct packet_spec datagram(__u8 family, __u8 proto, __u32 id)
{
	struct packet_spec spec = setup_spec(family, proto);

	spec.frag_off = 0;
	spec.id = id;
	spec.frag_id = id * 0x10001;
	spec.payload_len = 1400;
	spec.seed = id;
	return spec;
}

/* As it is to leave; *ret_add is what its first fragment's checksum carries. */
static struct packet_spec sent(const struct packet_spec *in, const struct packet_end *to,
			       __u16 *ret_add)
{
	struct packet_spec out = *in;
	__u64 hash = setup_flow_hash(&in->source, &in->dest, in->proto, in->family);

	*ret_add = in->family == XDPLB_IPV4 ? (hash >> 16) & 0xffff : 0;
	out.flow_label = hash & 0xfffff;
	out.dest = *to;
	memcpy(out.source.mac, setup_lb_mac, 6);
	out.ttl--;
	return out;
}

static void check_piece(struct lb_setup *lb, const struct packet_spec *in, int number)
{
	struct setup_member member = setup_member(in->family, in->proto, IN_IFINDEX);
	struct expected expected = { XDP_TX, NULL, NO_DROP, number ? 0 : EVENT(FRAGMENT_NOTED) };
	struct fragment_piece piece = { number * PIECE, PIECE };
	struct test_packet packet, want;
	struct packet_spec out;
	__u16 add;
	char name[80];

	out = sent(in, &member.to, &add);
	fragment_build(in, piece, 0, &packet);
	fragment_build(&out, piece, add, &want);
	expected.packet = &want;
	snprintf(name, sizeof(name), "%s, id %u, piece %d", setup_kind(in->family, in->proto),
		 in->id, number);
	check_run(name, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

static void check_refused(struct lb_setup *lb, const char *row, const struct packet_spec *in,
			  int number, int drop)
{
	struct expected expected = { XDP_DROP, NULL, drop, 0 };
	struct test_packet packet;

	fragment_build(in, (struct fragment_piece){ number * PIECE, PIECE }, 0, &packet);
	check_run(row, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

Test(lb_fragments, follow_the_first)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 200; i++) {
		__u8 family = setup_families[i & 1], proto = setup_protos[i >> 1 & 1];
		struct packet_spec in = datagram(family, proto, i + 1);
		__u32 service = setup_service(family, proto);
		__u64 before = lb_setup_traffic(&lb, service).packets;

		in.vlan_tags = i % 3;
		in.source.port = 1024 + i;
		if (family == XDPLB_IPV4)
			in.ip_options = i % 11 * 4;
		/* the later ones in any order, and twice */
		for (int n = 0; n < PIECES; n++)
			check_piece(&lb, &in, n);
		for (int n = PIECES - 1; n >= 0; n--)
			check_piece(&lb, &in, n);
		cr_assert_eq(lb_setup_traffic(&lb, service).packets, before + 2 * PIECES);
	}
	lb_setup_close(&lb);
}

/* Two datagrams of different flows, mixed: they go to members of their own. */
Test(lb_fragments, datagrams_are_told_apart)
{
	struct packet_spec in[4];
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++)
		in[i] = datagram(setup_families[i / 2], setup_protos[i % 2], 7);
	for (int n = 0; n < PIECES; n++)
		for (int i = 0; i < 4; i++)
			check_piece(&lb, &in[i], n);
	lb_setup_close(&lb);
}

/* One thing at a time that makes it no fragment of the datagram that was noted. */
Test(lb_fragments, of_another_datagram)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct packet_spec in = datagram(family, proto, 7), other = in;

		check_refused(&lb, "before the first", &in, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
		check_piece(&lb, &in, 0);
		check_piece(&lb, &in, 1);
		other.id++;
		other.frag_id += 1 << 24;
		check_refused(&lb, "identification", &other, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
		other = in;
		other.source.addr = setup_addrs(family)->stranger;
		check_refused(&lb, "source", &other, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
		other = in;
		other.ttl = 1;
		check_refused(&lb, "TTL", &other, 1, XDPLB_DROP_TTL_EXPIRED);
		check_refused(&lb, "TTL", &other, 0, XDPLB_DROP_TTL_EXPIRED);
	}
	lb_setup_close(&lb);
}

/* Without a checksum there is no room for the mark. */
Test(lb_fragments, without_checksum)
{
	struct packet_spec in = datagram(XDPLB_IPV4, IPPROTO_UDP, 7);
	struct lb_setup lb;

	in.no_checksum = true;
	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	check_refused(&lb, "no checksum", &in, 0, XDPLB_DROP_FRAGMENT);
	check_refused(&lb, "the next one", &in, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
	lb_setup_close(&lb);
}

Test(lb_fragments, notes_expire)
{
	struct lb_setup lb;

	lb_setup_open_as(&lb, &(struct lb_setup_options){ .fragment_lifetime = 1 });
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++) {
		struct packet_spec in = datagram(setup_families[i / 2], setup_protos[i % 2], 7);

		check_piece(&lb, &in, 0);
		usleep(20000); /* longer than a tick of any kernel: what is tested is that time */
		check_refused(&lb, "too late", &in, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
	}
	lb_setup_close(&lb);
}

Test(lb_fragments, no_usable_member)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct packet_spec in = datagram(family, proto, 7);

		lb_setup_confirm(&lb, setup_service(family, proto), false);
		check_refused(&lb, "not confirmed", &in, 0, XDPLB_DROP_NO_USABLE_MEMBER);
		check_refused(&lb, "the next one", &in, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
	}
	lb_setup_close(&lb);
}

/* A TCP service of two members, whose bucket 6 names member 1. */
static void open_tcp_world(struct lb_world *world, __u8 family)
{
	lb_world_open(world, family, IPPROTO_TCP, &(struct lb_setup_options){ .members = 2 });
	lb_setup_vip(&world->lb,
		     &(struct setup_endpoint){ .addr = lb_world_flow(world, 0).dest.addr,
					       .family = family,
					       .index = XDPLB_INDEX_ADDRESS });
	lb_world_deal(world, (__u32[]){ 0, 0, 0, 0, 0, 0, 1 }, 7, 2);
	lb_world_serve(world, 7, 0);
}

/* How a TCP segment comes. */
struct coming {
	const char *name;
	struct fragment_piece piece; /* len 0: it is whole */
	__u16 frag_off; /* of what is whole */
	__u16 mtu;
	int verdict;
	bool is_sent, may_open;
};

static const struct coming comings[] = {
	{ "first fragment", { 0, PIECE }, 0, 0, XDP_TX, true, true },
	{ "first fragment, too long", { 0, PIECE }, 0, 400, XDP_PASS, true, true },
	{ "later fragment", { PIECE, PIECE }, 0, 0, XDP_TX, true, false },
	{ "whole", { 0 }, IP_FLAG_DF, 0, XDP_TX, true, true },
	{ "whole, too long", { 0 }, 0, 900, XDP_PASS, true, true },
	{ "whole, too long, DF", { 0 }, IP_FLAG_DF, 900, XDP_TX, false, false },
};

/* What comes in so, and whether it is counted as a new flow; once, and if it is a SYN. */
static void check_coming(struct lb_world *world, const struct coming *coming, __u8 flags)
{
	int map = bpf_map__fd(world->lb.skel->maps.member_flows);
	bool opens = flags & TCP_SYN && !(flags & TCP_ACK);
	struct packet_spec in = datagram(world->family, IPPROTO_TCP, 7);
	__u64 flows = sum_counter(map, 0, 1, 0), packets = lb_setup_traffic(&world->lb, 0).packets;
	struct test_packet packet;
	struct run_result result;
	__u8 payload[1400];

	/* So that each piece, read as a header, were a SYN. */
	memset(payload, TCP_SYN, sizeof(payload));
	in.payload = payload;
	in.tcp_flags = flags;
	in.frag_off = in.family == XDPLB_IPV4 ? coming->frag_off : 0;
	lb_setup_mtu(&world->lb, 0, coming->mtu);
	if (coming->piece.len)
		fragment_build(&in, coming->piece, 0, &packet);
	else
		packet_build(&in, &packet);
	cr_assert_eq(prog_run(world->lb.skel->progs.lb_xdp, &packet, 0, &result), 0);
	cr_assert_eq(result.verdict, coming->verdict, "%s", coming->name);
	cr_expect_eq(sum_counter(map, 0, 1, 0) - flows, coming->may_open && opens,
		     "%s, flags %#x: new flows", coming->name, flags);
	cr_expect_eq(lb_setup_traffic(&world->lb, 0).packets - packets, coming->is_sent,
		     "%s, flags %#x: packets", coming->name, flags);
}

/* A first fragment, and what the kernel is to cut, opens a TCP flow as any other packet does. */
Test(lb_fragments, new_flows)
{
	static const __u8 flags[] = { TCP_SYN, TCP_SYN | TCP_FIN | TCP_RST, TCP_SYN | TCP_ACK,
				      TCP_ACK };

	for (int f = 0; f < 2; f++) {
		struct lb_world world;

		open_tcp_world(&world, setup_families[f]);
		lb_world_deal(&world, NULL, 7, 1);
		for (size_t c = 0; c < sizeof(comings) / sizeof(comings[0]); c++) {
			/* Over IPv6 nobody on the way cuts. */
			if (world.family == XDPLB_IPV6 && comings[c].verdict == XDP_PASS)
				continue;
			for (size_t i = 0; i < sizeof(flags); i++)
				check_coming(&world, &comings[c], flags[i]);
		}
		lb_world_close(&world);
	}
}

/* What drains keeps its connections: only a first fragment that may open one goes elsewhere. */
Test(lb_fragments, draining_member)
{
	for (int f = 0; f < 2; f++) {
		struct lb_world world;
		struct test_packet packet;
		struct packet_spec in;

		open_tcp_world(&world, setup_families[f]);
		lb_setup_health(&world.lb, 0, XDPLB_HEALTH_DRAINING);
		for (__u32 n = 0; n < 64; n++) {
			struct expected expected = { XDP_TX, NULL, NO_DROP, EVENT(FRAGMENT_NOTED) };
			bool drains;
			__u64 before;

			in = lb_world_flow(&world, n);
			in.frag_off = 0;
			in.payload_len = 1400;
			drains = lb_world_bucket(&in, 7) != 6;
			in.tcp_flags = n & 1 ? TCP_SYN : TCP_ACK;
			before = lb_setup_traffic(&world.lb, 0).packets;
			if (drains && n & 1)
				expected.events |= EVENT(NEXT_OWNER);
			fragment_build(&in, (struct fragment_piece){ 0, PIECE }, 0, &packet);
			observe_run("draining", world.lb.skel->progs.lb_xdp, world.lb.counters,
				    &packet, 0, &expected);
			cr_assert_eq(lb_setup_traffic(&world.lb, 0).packets - before,
				     drains && !(n & 1), "flow %u", n);
		}
		lb_world_close(&world);
	}
}
