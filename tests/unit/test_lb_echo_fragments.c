// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: pings of a VIP that come in fragments. Put together, what goes back is the right reply.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "echo_spec.h"
#include "fragments.h"
#include "node_setup.h"

TestSuite(lb_echo_fragments);

#define IN_IFINDEX 1
#define PIECE      512
#define PIECES     3

static struct packet_spec ping(__u8 family, __u32 id)
{
	struct packet_spec spec = echo_request(family);

	spec.icmp_rest = id * 0x01010101U;
	spec.id = id;
	spec.frag_off = 0;
	spec.frag_id = id * 0x10001;
	spec.payload_len = 1400;
	spec.seed = id;
	return spec;
}

static void check_piece(const char *row, struct lb_setup *lb, const struct packet_spec *in,
			int number)
{
	struct expected expected = { XDP_TX, NULL, NO_DROP,
				     EVENT(ECHO_ANSWERED) | (number ? 0 : EVENT(FRAGMENT_NOTED)) };
	struct fragment_piece piece = { number * PIECE, PIECE };
	struct packet_spec out = echo_reply(in);
	struct test_packet packet, want;
	char name[80];

	fragment_build(in, piece, 0, &packet);
	fragment_build(&out, piece, 0, &want);
	expected.packet = &want;
	snprintf(name, sizeof(name), "%s: IPv%u, id %u, piece %d", row, in->family, in->id, number);
	check_run(name, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

static void check_refused(const char *row, struct lb_setup *lb, const struct packet_spec *in,
			  int number, int drop)
{
	struct expected expected = { XDP_DROP, NULL, drop, 0 };
	struct test_packet packet;

	fragment_build(in, (struct fragment_piece){ number * PIECE, PIECE }, 0, &packet);
	check_run(row, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

static void check_passes(const char *row, struct lb_setup *lb, const struct packet_spec *in,
			 int number)
{
	struct expected expected = { XDP_PASS, NULL, NO_DROP, 0 };
	struct test_packet packet;

	fragment_build(in, (struct fragment_piece){ number * PIECE, PIECE }, 0, &packet);
	expected.packet = &packet;
	check_run(row, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

Test(lb_echo_fragments, are_answered)
{
	struct lb_setup lb;

	lb_setup_open_as(&lb, &(struct lb_setup_options){ .answers_at_once = 10000 });
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 200; i++) {
		struct packet_spec in = ping(setup_families[i & 1], i + 1);

		in.vlan_tags = i % 3;
		in.ttl = i % 255 + 1;
		/* the later ones in any order, and twice */
		for (int n = 0; n < PIECES; n++)
			check_piece("in order", &lb, &in, n);
		for (int n = PIECES - 1; n >= 0; n--)
			check_piece("again", &lb, &in, n);
	}
	for (__u32 i = 0; i < SETUP_MEMBERS; i++)
		cr_assert_eq(lb_setup_traffic(&lb, i).packets, 0, "member %u", i);
	lb_setup_close(&lb);
}

/* Zeros alone but for the type: the reply's checksum is 0xffff, which increments take for 0. */
Test(lb_echo_fragments, of_zeros)
{
	static const __u8 zeros[1400];
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int f = 0; f < 2; f++) {
		struct packet_spec in = ping(setup_families[f], 1);

		in.icmp_rest = 0;
		in.payload = zeros;
		for (int n = 0; n < PIECES; n++)
			check_piece("zeros", &lb, &in, n);
	}
	lb_setup_close(&lb);
}

/* Later ones follow only what was answered: its identification, source, VIP, protocol. */
Test(lb_echo_fragments, without_a_note)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int f = 0; f < 2; f++) {
		struct packet_spec in = ping(setup_families[f], 7), other = in;

		check_refused("before the first", &lb, &in, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
		check_piece("the first", &lb, &in, 0);
		other.id++;
		other.frag_id++;
		check_refused("identification", &lb, &other, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
		other = in;
		other.source.addr = setup_addrs(in.family)->stranger;
		check_refused("source", &lb, &other, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
		other = in;
		other.proto = IPPROTO_UDP;
		check_refused("protocol", &lb, &other, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
		other = in;
		other.dest.addr = setup_addrs(in.family)->stranger;
		check_passes("to a stranger", &lb, &other, 0);
		check_passes("to a stranger", &lb, &other, 1);
	}
	lb_setup_close(&lb);
}

/* One thing at a time that makes it no ping that could be answered. */
Test(lb_echo_fragments, pass)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int f = 0; f < 2; f++) {
		struct packet_spec in = ping(setup_families[f], 7);

		in.icmp_type++;
		check_passes("another type", &lb, &in, 0);
		in = ping(setup_families[f], 7);
		in.icmp_code = 1;
		check_passes("code 1", &lb, &in, 0);
		in = ping(setup_families[f], 7);
		in.proto = f ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		check_passes("ICMP of the other family", &lb, &in, 0);
		in = ping(setup_families[f], 7);
		in.source.addr = packet_addr(f ? "ff02::1" : "224.0.0.1");
		for (int n = 0; n < PIECES; n++)
			check_passes("from nobody", &lb, &in, n);
		in = ping(setup_families[f], 7);
		in.ip_options = 4;
		for (int n = 0; n < PIECES && !f; n++)
			check_passes("options", &lb, &in, n);
	}
	lb_setup_close(&lb);
}

/* What is limited is what is sent: one first fragment is no licence for any number of later ones. */
Test(lb_echo_fragments, are_limited)
{
	struct lb_setup lb;

	lb_setup_open_as(&lb,
			 &(struct lb_setup_options){ .answers_at_once = 9, .no_refill = true });
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int f = 0; f < 2; f++) {
		struct packet_spec in = ping(setup_families[f], 1);

		lb_setup_budget(&lb, LB_BUDGET_ECHOES, 5);
		for (int n = 0; n < 5; n++)
			check_piece("within the rate", &lb, &in, n ? 1 : 0);
		check_refused("beyond it", &lb, &in, 1, XDPLB_DROP_ANSWER_RATE);
		in = ping(setup_families[f], 2);
		check_refused("beyond it", &lb, &in, 0, XDPLB_DROP_ANSWER_RATE);
		check_refused("beyond it", &lb, &in, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
	}
	lb_setup_close(&lb);
}

Test(lb_echo_fragments, notes_expire)
{
	struct lb_setup lb;

	lb_setup_open_as(&lb, &(struct lb_setup_options){ .fragment_lifetime = 1 });
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int f = 0; f < 2; f++) {
		struct packet_spec in = ping(setup_families[f], 7);

		check_piece("in time", &lb, &in, 0);
		usleep(20000); /* longer than a tick of any kernel: what is tested is that time */
		check_refused("too late", &lb, &in, 1, XDPLB_DROP_FRAGMENT_UNKNOWN);
	}
	lb_setup_close(&lb);
}

Test(lb_echo_fragments, can_be_turned_off)
{
	struct xdplb_lb_control control;
	struct lb_setup lb;
	__u32 zero = 0;
	int map;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	map = bpf_map__fd(lb.skel->maps.data_lb_control);
	cr_assert_eq(bpf_map_lookup_elem(map, &zero, &control), 0);
	control.no_echo = 1;
	cr_assert_eq(bpf_map_update_elem(map, &zero, &control, BPF_ANY), 0);
	for (int f = 0; f < 2; f++) {
		struct packet_spec in = ping(setup_families[f], 7);

		for (int n = 0; n < PIECES; n++)
			check_passes("turned off", &lb, &in, n);
	}
	lb_setup_close(&lb);
}
