// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: what clients are told of packets that can't be sent on: "time exceeded", "fragmentation needed",
 * "packet too big".
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "fragments.h"
#include "icmp_error.h"
#include "node_setup.h"

TestSuite(lb_report);

#define IN_IFINDEX 1

static void check(const char *row, struct lb_setup *lb, const struct test_packet *in,
		  const struct packet_spec *spec, const struct expected *expected)
{
	char name[120];

	snprintf(name, sizeof(name), "%s, %s", setup_kind(spec->family, spec->proto), row);
	check_run(name, lb->skel->progs.lb_xdp, lb->counters, in, 0, expected);
}

/* The VIP says something to the client about its packet. */
static void check_told(const char *row, struct lb_setup *lb, const struct packet_spec *in,
		       const struct icmp_error *like, __u64 events)
{
	struct expected expected = { XDP_TX, NULL, NO_DROP, events };
	struct icmp_error error = *like;
	struct packet_spec usual = {
		.family = in->family,
		.source = in->dest,
		.dest = in->source,
		.ttl = 64,
		.frag_off = in->family == XDPLB_IPV4 ? IP_FLAG_DF : 0,
		.vlan_tags = in->vlan_tags,
	};
	struct test_packet packet, quoted, want;
	struct packet_spec out;

	error.sender = in->dest.addr;
	error.recipient = in->source.addr;
	error.about = in;
	error.l4_bytes = 8;
	out = icmp_error_spec(&error, &usual, &quoted);
	packet_build(in, &packet);
	packet_build(&out, &want);
	expected.packet = &want;
	check(row, lb, &packet, in, &expected);
}

static void check_dropped(const char *row, struct lb_setup *lb, const struct packet_spec *in,
			  int drop)
{
	struct expected expected = { XDP_DROP, NULL, drop, 0 };
	struct test_packet packet;

	packet_build(in, &packet);
	check(row, lb, &packet, in, &expected);
}

static struct icmp_error time_exceeded(__u8 family)
{
	return (struct icmp_error){ .type = family == XDPLB_IPV4 ? 11 : 3 };
}

static struct icmp_error too_big(__u8 family, __u16 mtu)
{
	if (family == XDPLB_IPV4)
		return (struct icmp_error){ .type = 3, .code = 4, .rest = mtu };
	return (struct icmp_error){ .type = 2, .rest = mtu };
}

/* Number `i` of packets of many shapes. */
static struct packet_spec shaped(int i)
{
	struct packet_spec in = setup_spec(setup_families[i & 1], setup_protos[i >> 1 & 1]);

	in.payload_len = i % 8 * 100;
	in.vlan_tags = i % 3;
	in.seed = i;
	if (in.family == XDPLB_IPV4)
		in.ip_options = i % 11 * 4;
	else if (i % 5)
		in = (struct packet_spec){ in.family,
					   in.proto,
					   in.source,
					   in.dest,
					   .ttl = in.ttl,
					   .tcp_flags = TCP_ACK,
					   .payload_len = in.payload_len,
					   .vlan_tags = in.vlan_tags,
					   .seed = i,
					   .ext_header = IPPROTO_DSTOPTS,
					   .ext_more = i % 5 - 1 };
	return in;
}

Test(lb_report, time_exceeded)
{
	struct lb_setup lb;
	char row[40];

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 400; i++) {
		struct packet_spec in = shaped(i);
		struct icmp_error error = time_exceeded(in.family);

		in.ttl = i >> 2 & 1;
		snprintf(row, sizeof(row), "shape %d", i);
		check_told(row, &lb, &in, &error, EVENT(TIME_EXCEEDED_SENT));
	}
	for (__u32 i = 0; i < SETUP_MEMBERS; i++)
		cr_assert_eq(lb_setup_traffic(&lb, i).packets, 0, "member %u", i);
	lb_setup_close(&lb);
}

/* The length that just fits is sent on, one byte more is not. */
Test(lb_report, too_big)
{
	struct lb_setup lb;
	char row[40];

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 400; i++) {
		struct packet_spec in = shaped(i);
		__u32 member = setup_service(in.family, in.proto);
		struct expected sent = { XDP_TX, NULL, NO_DROP, 0 };
		struct icmp_error error;
		struct test_packet packet;
		size_t len;

		in.frag_off = in.family == XDPLB_IPV4 ? IP_FLAG_DF : 0;
		packet_build(&in, &packet);
		len = packet.len - packet_l3_offset(&packet);
		snprintf(row, sizeof(row), "shape %d", i);
		lb_setup_mtu(&lb, member, len);
		check(row, &lb, &packet, &in, &sent);
		lb_setup_mtu(&lb, member, len - 1);
		error = too_big(in.family, len - 1);
		check_told(row, &lb, &in, &error, EVENT(TOO_BIG_SENT));
	}
	lb_setup_close(&lb);
}

/* Who does not forbid fragments gets them made, by the kernel; they have the mark of fragments. */
Test(lb_report, may_be_fragmented)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 2; i++) {
		struct packet_spec in = setup_spec(XDPLB_IPV4, setup_protos[i]), out;
		struct setup_member member = setup_member(in.family, in.proto, IN_IFINDEX);
		__u64 hash = setup_flow_hash(&in.source, &in.dest, in.proto, in.family);
		struct test_packet packet, want;
		struct run_result result;

		in.frag_off = 0;
		in.payload_len = 1000;
		lb_setup_mtu(&lb, setup_service(in.family, in.proto), 900);
		out = in;
		out.dest.addr = member.to.addr;
		out.dest.port = member.to.port;
		packet_build(&in, &packet);
		fragment_build(&out, (struct fragment_piece){ 0, 2000 }, hash >> 16, &want);
		/* not check_run(): the checksum is not right before node_tc has seen it */
		cr_assert_eq(prog_run(lb.skel->progs.lb_xdp, &packet, 0, &result), 0);
		cr_assert_eq(result.verdict, XDP_PASS);
		cr_assert(packet_same(&want, &result.packet), "%s\n%s",
			  setup_kind(in.family, in.proto), packet_diff(&want, &result.packet));
		cr_assert_eq(sum_counter(lb.counters.events, 0, XDPLB_COUNTERS_CAPACITY,
					 XDPLB_EVENT_LEFT_TO_KERNEL),
			     (__u64)i + 1);
	}
	lb_setup_close(&lb);
}

/* One that must not be cut is told so at its first fragment, with the ports behind the fragment header. */
Test(lb_report, fragments_too_big)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++) {
		struct packet_spec in = setup_spec(setup_families[i & 1], setup_protos[i / 2]);
		__u32 member = setup_service(in.family, in.proto);
		struct icmp_error error = too_big(in.family, 500);
		struct test_packet packet;
		struct run_result result;

		in.payload_len = 600;
		in.ext_header = in.family == XDPLB_IPV6 ? IPPROTO_FRAGMENT : 0;
		in.frag_off = in.family == XDPLB_IPV6 ? 1 : IP_FLAG_MF | IP_FLAG_DF;
		lb_setup_mtu(&lb, member, 500);
		check_told("first", &lb, &in, &error, EVENT(TOO_BIG_SENT));
		lb_setup_mtu(&lb, member, 1500);
		packet_build(&in, &packet);
		cr_assert_eq(prog_run(lb.skel->progs.lb_xdp, &packet, 0, &result), 0);
		cr_assert_eq(result.verdict, XDP_TX);
		lb_setup_mtu(&lb, member, 500);
		in.frag_off |= in.family == XDPLB_IPV6 ? 800 : 100;
		check_dropped("later", &lb, &in, XDPLB_DROP_TOO_BIG);
	}
	lb_setup_close(&lb);
}

Test(lb_report, without_checksum)
{
	struct packet_spec in = setup_spec(XDPLB_IPV4, IPPROTO_UDP);
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	in.frag_off = 0;
	in.no_checksum = true;
	in.payload_len = 1000;
	lb_setup_mtu(&lb, setup_service(in.family, in.proto), 900);
	check_dropped("no room for the mark", &lb, &in, XDPLB_DROP_TOO_BIG);
	lb_setup_close(&lb);
}

Test(lb_report, limited)
{
	struct lb_setup lb;

	for (int kind = 0; kind < 2; kind++) {
		lb_setup_open_as(
			&lb, &(struct lb_setup_options){ .answers_at_once = 3, .no_refill = true });
		lb_setup_fill(&lb, IN_IFINDEX);
		lb_setup_budget(&lb, LB_BUDGET_REPORTS, 3);
		for (int i = 0; i < 6; i++) {
			struct packet_spec in = setup_spec(setup_families[i & 1], IPPROTO_TCP);
			struct icmp_error error =
				kind ? too_big(in.family, 60) : time_exceeded(in.family);

			in.ttl = kind ? 64 : 1;
			lb_setup_mtu(&lb, setup_service(in.family, in.proto), 60);
			if (i < 3)
				check_told("within the rate", &lb, &in, &error,
					   kind ? EVENT(TOO_BIG_SENT) : EVENT(TIME_EXCEEDED_SENT));
			else
				check_dropped("beyond it", &lb, &in,
					      kind ? XDPLB_DROP_TOO_BIG : XDPLB_DROP_TTL_EXPIRED);
		}
		lb_setup_close(&lb);
	}
}

/* Nothing is said to what has no single sender. */
Test(lb_report, to_nobody)
{
	static const char *const sources[] = { "0.0.0.0", "127.0.0.1", "224.0.0.1",
					       "::", "ff02::1" };
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct packet_spec in =
			setup_spec(strchr(sources[i], ':') ? XDPLB_IPV6 : XDPLB_IPV4, IPPROTO_UDP);

		in.ttl = 1;
		in.source.addr = packet_addr(sources[i]);
		check_dropped(sources[i], &lb, &in, XDPLB_DROP_TTL_EXPIRED);
	}
	lb_setup_close(&lb);
}
