// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: services of many ports, which reach their backend at the port they were for. What is no port of
 * them passes, and other services of the VIP come first.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "fragments.h"
#include "icmp_error.h"
#include "node_setup.h"

TestSuite(lb_ranges);

#define IN_IFINDEX 1
#define NOBODY     (-1)

/* Services 0 to 3 are lb_setup_fill()'s; a range has the number of its service less FIRST_RANGED. */
#define FIRST_RANGED 4
#define RANGES       3

/* Which backend serves what, from the narrowest on. */
static const struct {
	__u16 first, last;
} ranges[RANGES] = { { 5000, 5010 }, { 20000, 29999 }, { 1, 65535 } };

static struct setup_member ranged_member(__u8 family, __u8 proto, int range)
{
	struct setup_member member = setup_member(family, proto, IN_IFINDEX);

	member.service = FIRST_RANGED + range;
	member.to.addr = setup_addrs(family)->backends[range];
	member.to.port = SETUP_TAG_FIRST + 500 + range;
	member.health = member.service;
	member.keeps_port = true;
	return member;
}

/* The first `count` ranges of the VIP of a family, for one protocol. */
static void open_lb(struct lb_setup *lb, __u8 family, __u8 proto, int count)
{
	lb_setup_open(lb);
	lb_setup_fill(lb, IN_IFINDEX);
	lb_setup_ranges(lb, true);
	for (int i = 0; i < count; i++) {
		struct setup_member member = ranged_member(family, proto, i);
		struct setup_endpoint endpoint = {
			.addr = member.vip.addr,
			.port = i,
			.proto = proto | XDPLB_RANGE,
			.family = family,
			.index = member.service,
			.first_port = ranges[i].first,
			.last_port = ranges[i].last,
		};

		lb_setup_vip(lb, &endpoint);
		lb_setup_member(lb, member.service, &member);
		lb_setup_service(lb, member.service, (struct xdplb_bucket_ref){ 512 + i * 16, 7 });
		for (__u32 bucket = 0; bucket < 7; bucket++)
			lb_setup_bucket(lb, 512 + i * 16 + bucket, member.service);
	}
}

/* What becomes of a packet for a range's backend: its own port stays. */
static struct packet_spec forwarded(const struct packet_spec *in, int range)
{
	struct setup_member member = ranged_member(in->family, in->proto, range);
	struct packet_spec out = *in;

	setup_mark(&out, &in->dest);
	out.dest.addr = member.to.addr;
	memcpy(out.dest.mac, member.to.mac, 6);
	memcpy(out.source.mac, setup_lb_mac, 6);
	out.ttl--;
	return out;
}

static void check(const char *row, struct lb_setup *lb, const struct packet_spec *in, int range)
{
	struct packet_spec out = range == NOBODY ? *in : forwarded(in, range);
	struct expected expected = { range == NOBODY ? XDP_PASS : XDP_TX, NULL, NO_DROP, 0 };
	struct test_packet packet, want;
	char name[120];

	packet_build(in, &packet);
	packet_build(&out, &want);
	expected.packet = &want;
	snprintf(name, sizeof(name), "%s, %s, port %u", setup_kind(in->family, in->proto), row,
		 in->dest.port);
	check_run(name, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

static const struct range_row {
	const char *name;
	int count; /* of the VIP's ranges */
	__u16 port;
	int range;
} range_rows[] = {
	{ "the first of a range", 2, 5000, 0 },
	{ "the last of a range", 2, 5010, 0 },
	{ "before a range", 2, 4999, NOBODY },
	{ "behind a range", 2, 5011, NOBODY },
	{ "another range", 2, 20000, 1 },
	{ "in another range", 2, 24567, 1 },
	{ "the last of another range", 2, 29999, 1 },
	{ "behind another range", 2, 30000, NOBODY },
	{ "port 0", 3, 0, NOBODY },
	{ "any: the lowest", 3, 1, 2 },
	{ "any: the highest", 3, 65535, 2 },
	{ "any: a tag port", 3, SETUP_TAG_FIRST + 502, 2 },
	{ "any: the range is more specific", 3, 5005, 0 },
	{ "no range", 0, 5005, NOBODY },
};

Test(lb_ranges, find_their_service)
{
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];

		for (size_t r = 0; r < sizeof(range_rows) / sizeof(range_rows[0]); r++) {
			const struct range_row *row = &range_rows[r];
			struct packet_spec in = setup_spec(family, proto);
			struct lb_setup lb;

			open_lb(&lb, family, proto, row->count);
			in.dest.port = row->port;
			check(row->name, &lb, &in, row->range);
			in.vlan_tags = 1;
			in.ext_header = family == XDPLB_IPV6 ? EXT_HOPOPTS : 0;
			check("tagged", &lb, &in, row->range);
			in = setup_spec(family, setup_protos[!(i % 2)]);
			in.dest.port = row->port;
			check("another protocol", &lb, &in, NOBODY);
			in = setup_spec(family, proto);
			in.dest.port = row->port;
			in.dest.addr = setup_addrs(family)->vips[1];
			check("another VIP", &lb, &in, NOBODY);
			lb_setup_close(&lb);
		}
	}
}

/* The port that is a service's own goes there, and nowhere if no range is said to be there. */
Test(lb_ranges, single_ports_come_first)
{
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct setup_member member = setup_member(family, proto, IN_IFINDEX);
		struct packet_spec in = setup_spec(family, proto), out = in;
		struct expected expected = { XDP_TX, NULL, NO_DROP, 0 };
		struct test_packet packet, want;
		struct lb_setup lb;

		open_lb(&lb, family, proto, RANGES);
		setup_mark(&out, &in.dest);
		out.dest = member.to;
		memcpy(out.source.mac, setup_lb_mac, 6);
		out.ttl--;
		packet_build(&in, &packet);
		packet_build(&out, &want);
		expected.packet = &want;
		check_run("a service's own port", lb.skel->progs.lb_xdp, lb.counters, &packet, 0,
			  &expected);
		lb_setup_ranges(&lb, false);
		in.dest.port = 5005;
		check("ranges are not looked for", &lb, &in, NOBODY);
		lb_setup_close(&lb);
	}
}

/* As many as there may be at one VIP: the last is found, and one more is not. */
Test(lb_ranges, as_many_as_there_may_be)
{
	struct setup_member member = ranged_member(XDPLB_IPV4, IPPROTO_UDP, 0);
	struct packet_spec in = setup_spec(XDPLB_IPV4, IPPROTO_UDP);
	struct lb_setup lb;

	open_lb(&lb, XDPLB_IPV4, IPPROTO_UDP, 1);
	for (int i = 1; i <= XDPLB_RANGES_MAX; i++) {
		struct setup_endpoint endpoint = {
			.addr = member.vip.addr,
			.port = i,
			.proto = IPPROTO_UDP | XDPLB_RANGE,
			.family = XDPLB_IPV4,
			.index = member.service,
			.first_port = 7000 + i,
			.last_port = 7000 + i,
		};

		lb_setup_vip(&lb, &endpoint);
		in.dest.port = 7000 + i;
		check("one more", &lb, &in, i < XDPLB_RANGES_MAX ? 0 : NOBODY);
	}
	lb_setup_close(&lb);
}

/* Packets of every length and shape: checksums are right whatever the port. */
Test(lb_ranges, random_packets)
{
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct lb_setup lb;

		open_lb(&lb, family, proto, RANGES);
		for (__u32 n = 0; n < 1000; n++) {
			struct packet_spec in = setup_spec(family, proto);
			__u16 random[4];

			packet_fill(random, sizeof(random), n);
			in.source.port = random[0] | 1;
			in.dest.port = 20000 + random[1] % 10000;
			in.payload_len = random[2] % 200;
			in.id = random[3];
			in.no_checksum = family == XDPLB_IPV4 && n % 3 == 1;
			in.seed = n;
			check("random", &lb, &in, 1);
		}
		lb_setup_close(&lb);
	}
}

static void check_unusable(struct lb_setup *lb, const struct packet_spec *in)
{
	struct expected expected = { XDP_DROP, NULL, XDPLB_DROP_NO_USABLE_MEMBER, 0 };
	struct test_packet packet;

	packet_build(in, &packet);
	check_run("down", lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

Test(lb_ranges, health_is_obeyed)
{
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct packet_spec in = setup_spec(family, proto);
		struct lb_setup lb;

		open_lb(&lb, family, proto, RANGES);
		in.dest.port = 5001;
		lb_setup_health(&lb, FIRST_RANGED, XDPLB_HEALTH_DOWN);
		check_unusable(&lb, &in);
		in.dest.port = 20001;
		check("another range's backend is up", &lb, &in, 1);
		lb_setup_close(&lb);
	}
}

/* All pieces of a datagram reach the backend, at the port it was for. */
Test(lb_ranges, fragments)
{
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct packet_spec in = setup_spec(family, proto), out;
		struct lb_setup lb;
		__u64 hash;

		open_lb(&lb, family, proto, RANGES);
		in.frag_off = 0;
		in.payload_len = 1400;
		in.dest.port = 5007;
		hash = setup_flow_hash(&in.source, &in.dest, proto, family);
		out = forwarded(&in, 0);
		out.id = in.id;
		for (int n = 0; n < 3; n++) {
			struct fragment_piece piece = { n * 512, 512 };
			struct expected expected = { XDP_TX, NULL, NO_DROP,
						     n ? 0 : EVENT(FRAGMENT_NOTED) };
			__u16 add = family == XDPLB_IPV4 ? hash >> 16 & 0xffff : 0;
			struct test_packet packet, want;

			fragment_build(&in, piece, 0, &packet);
			fragment_build(&out, piece, add, &want);
			expected.packet = &want;
			check_run(setup_kind(family, proto), lb.skel->progs.lb_xdp, lb.counters,
				  &packet, 0, &expected);
		}
		lb_setup_close(&lb);
	}
}

/* An error about a packet that was sent from a port of a range goes to the backend that sent it. */
Test(lb_ranges, errors_are_relayed)
{
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct setup_member member = ranged_member(family, proto, 0);
		struct packet_spec usual = setup_spec(family, proto), sent = usual, in, out;
		struct expected expected = { XDP_TX, NULL, NO_DROP, EVENT(ICMP_RELAYED) };
		struct icmp_error error = { .type = family == XDPLB_IPV4 ? 3 : 2,
					    .code = family == XDPLB_IPV4 ? 4 : 0,
					    .rest = 1400,
					    .l4_bytes = QUOTE_WHOLE };
		struct packet_spec rewritten;
		struct test_packet quotes[2], packet, want;
		struct lb_setup lb;

		open_lb(&lb, family, proto, RANGES);
		sent.source = usual.dest;
		sent.source.port = 5009;
		sent.dest = usual.source;
		rewritten = sent;
		rewritten.source.addr = member.to.addr;
		error.sender = setup_addrs(family)->stranger;
		error.recipient = sent.source.addr;
		error.about = &sent;
		in = icmp_error_spec(&error, &usual, &quotes[0]);
		error.sender = sent.dest.addr;
		error.recipient = member.to.addr;
		error.about = &rewritten;
		out = icmp_error_spec(&error, &usual, &quotes[1]);
		out.id = setup_flow_hash(&sent.dest, &sent.source, proto, family) & 0xffff;
		out.flow_label = setup_flow_hash(&sent.dest, &sent.source, proto, family) & 0xfffff;
		out.ttl--;
		memcpy(out.source.mac, setup_lb_mac, 6);
		memcpy(out.dest.mac, member.to.mac, 6);
		packet_build(&in, &packet);
		packet_build(&out, &want);
		expected.packet = &want;
		check_run(setup_kind(family, proto), lb.skel->progs.lb_xdp, lb.counters, &packet, 0,
			  &expected);
		lb_setup_close(&lb);
	}
}

/* Too long for the way, and its sender lets it be cut: the kernel does, and the port stays. */
Test(lb_ranges, oversized)
{
	for (int p = 0; p < 2; p++) {
		struct packet_spec in = setup_spec(XDPLB_IPV4, setup_protos[p]);
		struct setup_member member = ranged_member(XDPLB_IPV4, setup_protos[p], 0);
		struct test_packet packet, want;
		struct run_result result;
		struct lb_setup lb;

		open_lb(&lb, XDPLB_IPV4, setup_protos[p], RANGES);
		lb_setup_mtu(&lb, member.service, 500);
		in.frag_off = 0;
		in.payload_len = 1000;
		in.dest.port = 5003;
		packet_build(&in, &packet);
		cr_assert_eq(prog_run(lb.skel->progs.lb_xdp, &packet, 0, &result), 0);
		cr_assert_eq(result.verdict, XDP_PASS);
		in.dest.addr = member.to.addr;
		packet_build(&in, &want);
		/* But for the checksum, which has the mark of a fragment. */
		memcpy(want.data + packet_l4_offset(&in),
		       result.packet.data + packet_l4_offset(&in), 20);
		cr_assert(packet_same(&want, &result.packet), "%s",
			  packet_diff(&want, &result.packet));
		cr_assert_eq(memcmp(result.packet.data + packet_l4_offset(&in),
				    packet.data + packet_l4_offset(&in), 4),
			     0, "the ports have changed");
		lb_setup_close(&lb);
	}
}
