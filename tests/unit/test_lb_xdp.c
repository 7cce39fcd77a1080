// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: what a packet to a VIP looks like when it leaves. The expected packet is built anew from its
 * description, with full checksums, and compared byte by byte.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "node_setup.h"

TestSuite(lb_xdp);

/* lo, by which a packet comes in unless told otherwise. */
#define IN_IFINDEX 1

/* The packet that is to leave for one that came in, sent to a member. */
static struct packet_spec forwarded(const struct packet_spec *in, const struct packet_end *to)
{
	struct packet_spec out = *in;

	setup_mark(&out, &in->dest);
	out.dest = *to;
	memcpy(out.source.mac, setup_lb_mac, 6);
	out.ttl--;
	return out;
}

static void check_forwarded(const char *row, struct lb_setup *lb, const struct packet_spec *in,
			    int verdict)
{
	struct setup_member member = setup_member(in->family, in->proto, IN_IFINDEX);
	struct packet_spec out = forwarded(in, &member.to);
	struct test_packet packet, want;
	struct expected expected = { verdict, &want, NO_DROP, 0 };
	char name[80];

	snprintf(name, sizeof(name), "%s, %s", setup_kind(in->family, in->proto), row);
	packet_build(in, &packet);
	packet_build(&out, &want);
	check_run(name, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

/* A row changes the usual packet. */
struct forward_row {
	const char *name;
	__u8 family; /* 0: both */
	__u8 proto; /* 0: both */
	struct packet_spec change;
};

/* What `change` sets replaces what the usual packet has. */
static struct packet_spec changed_spec(__u8 family, __u8 proto, const struct packet_spec *change)
{
	struct packet_spec spec = setup_spec(family, proto);

	if (change->ttl)
		spec.ttl = change->ttl;
	if (change->tos)
		spec.tos = change->tos;
	if (change->id)
		spec.id = change->id;
	if (change->flow_label)
		spec.flow_label = change->flow_label;
	if (change->source.port)
		spec.source.port = change->source.port;
	if (change->tcp_flags)
		spec.tcp_flags = change->tcp_flags;
	if (change->payload_len)
		spec.payload_len = change->payload_len;
	spec.frag_off = change->frag_off;
	spec.vlan_tags = change->vlan_tags;
	spec.ext_header = change->ext_header;
	spec.ext_more = change->ext_more;
	spec.ip_options = change->ip_options;
	spec.tcp_options = change->tcp_options;
	spec.no_checksum = change->no_checksum;
	return spec;
}

static const struct forward_row forward_rows[] = {
	{ "as usual", 0, 0, {} },
	{ "TTL 64 becomes 63", 0, 0, { .ttl = 64 } },
	{ "TTL 2 becomes 1", 0, 0, { .ttl = 2 } },
	{ "TTL 255 becomes 254", 0, 0, { .ttl = 255 } },
	{ "TTL 128 becomes 127", 0, 0, { .ttl = 128 } },
	{ "traffic class stays", 0, 0, { .tos = 0xff } },
	{ "all bits of the identification and flow label set",
	  0,
	  0,
	  { .id = 0xffff, .flow_label = 0xfffff } },
	{ "don't fragment stays", XDPLB_IPV4, 0, { .frag_off = IP_FLAG_DF } },
	{ "the reserved flag is no fragment", XDPLB_IPV4, 0, { .frag_off = 0x8000 } },
	{ "IPv4 options, ihl 6", XDPLB_IPV4, 0, { .ip_options = 4 } },
	{ "IPv4 options, ihl 7", XDPLB_IPV4, 0, { .ip_options = 8 } },
	{ "IPv4 options, ihl 8", XDPLB_IPV4, 0, { .ip_options = 12 } },
	{ "IPv4 options, ihl 9", XDPLB_IPV4, 0, { .ip_options = 16 } },
	{ "IPv4 options, ihl 10", XDPLB_IPV4, 0, { .ip_options = 20 } },
	{ "IPv4 options, ihl 11", XDPLB_IPV4, 0, { .ip_options = 24 } },
	{ "IPv4 options, ihl 12", XDPLB_IPV4, 0, { .ip_options = 28 } },
	{ "IPv4 options, ihl 13", XDPLB_IPV4, 0, { .ip_options = 32 } },
	{ "IPv4 options, ihl 14", XDPLB_IPV4, 0, { .ip_options = 36 } },
	{ "IPv4 options, ihl 15", XDPLB_IPV4, 0, { .ip_options = 40 } },
	{ "one tag", 0, 0, { .vlan_tags = 1 } },
	{ "two tags", 0, 0, { .vlan_tags = 2 } },
	{ "one tag, IPv4 options", XDPLB_IPV4, 0, { .vlan_tags = 1, .ip_options = 40 } },
	{ "hop-by-hop options", XDPLB_IPV6, 0, { .ext_header = EXT_HOPOPTS } },
	{ "destination options", XDPLB_IPV6, 0, { .ext_header = IPPROTO_DSTOPTS } },
	{ "a routing header that is used up", XDPLB_IPV6, 0, { .ext_header = IPPROTO_ROUTING } },
	{ "two extension headers", XDPLB_IPV6, 0, { .ext_header = EXT_HOPOPTS, .ext_more = 1 } },
	{ "four extension headers", XDPLB_IPV6, 0, { .ext_header = EXT_HOPOPTS, .ext_more = 3 } },
	{ "two tags, four extension headers",
	  XDPLB_IPV6,
	  0,
	  { .vlan_tags = 2, .ext_header = IPPROTO_ROUTING, .ext_more = 3 } },
	{ "SYN", 0, IPPROTO_TCP, { .tcp_flags = TCP_SYN, .tcp_options = 20 } },
	{ "FIN", 0, IPPROTO_TCP, { .tcp_flags = TCP_FIN | TCP_ACK } },
	{ "RST", 0, IPPROTO_TCP, { .tcp_flags = TCP_RST } },
	{ "UDP without checksum", XDPLB_IPV4, IPPROTO_UDP, { .no_checksum = true } },
	{ "UDP without checksum, options",
	  XDPLB_IPV4,
	  IPPROTO_UDP,
	  { .no_checksum = true, .ip_options = 12 } },
	{ "1 byte of payload", 0, 0, { .payload_len = 1 } },
	{ "31 bytes of payload", 0, 0, { .payload_len = 31 } },
	{ "1399 bytes of payload", 0, 0, { .payload_len = 1399 } },
	{ "1400 bytes of payload", 0, 0, { .payload_len = 1400 } },
	{ "client port 1", 0, 0, { .source.port = 1 } },
	{ "client port 65535", 0, 0, { .source.port = 65535 } },
};

Test(lb_xdp, forwards)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];

		for (size_t r = 0; r < sizeof(forward_rows) / sizeof(forward_rows[0]); r++) {
			const struct forward_row *row = &forward_rows[r];
			struct packet_spec in = changed_spec(family, proto, &row->change);

			if ((row->family && row->family != family) ||
			    (row->proto && row->proto != proto))
				continue;
			check_forwarded(row->name, &lb, &in, XDP_TX);
		}
	}
	lb_setup_close(&lb);
}

/* A packet without payload, and one in a frame that Ethernet has padded. */
Test(lb_xdp, forwards_headers_alone)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct packet_spec in = setup_spec(family, proto), out;
		struct setup_member member = setup_member(family, proto, IN_IFINDEX);
		struct test_packet packet, want;
		struct expected expected = { XDP_TX, &want, NO_DROP, 0 };

		in.payload_len = 0;
		check_forwarded("no payload", &lb, &in, XDP_TX);
		out = forwarded(&in, &member.to);
		packet_build(&in, &packet);
		packet_build(&out, &want);
		packet.len += 7;
		want.len += 7;
		check_run("padded frame", lb.skel->progs.lb_xdp, lb.counters, &packet, 0,
			  &expected);
	}
	lb_setup_close(&lb);
}

Test(lb_xdp, next_hop_elsewhere_is_redirected)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX + 1);
	for (int i = 0; i < 4; i++) {
		struct packet_spec in = setup_spec(setup_families[i / 2], setup_protos[i % 2]);

		check_forwarded("next hop by another interface", &lb, &in, XDP_REDIRECT);
	}
	lb_setup_close(&lb);
}

/* Its tags mean nothing on another wire: rewritten, but for its TTL, and the kernel's to forward. */
Test(lb_xdp, tagged_frame_with_next_hop_elsewhere)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX + 1);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct setup_member member = setup_member(family, proto, IN_IFINDEX);
		struct packet_spec in = setup_spec(family, proto), out;
		struct test_packet packet, want;
		struct expected expected = { XDP_PASS, &want, NO_DROP, EVENT(LEFT_TO_KERNEL) };

		in.vlan_tags = 1;
		out = in;
		setup_mark(&out, &in.dest);
		out.dest.addr = member.to.addr;
		out.dest.port = member.to.port;
		packet_build(&in, &packet);
		packet_build(&out, &want);
		check_run(setup_kind(family, proto), lb.skel->progs.lb_xdp, lb.counters, &packet, 0,
			  &expected);
	}
	lb_setup_close(&lb);
}

Test(lb_xdp, forwards_random_packets)
{
	struct lb_setup lb;
	char name[40];

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (__u32 i = 0; i < 20000; i++) {
		struct packet_spec in = setup_spec(setup_families[i % 2], setup_protos[i / 2 % 2]);
		__u16 random[8];

		packet_fill(random, sizeof(random), i);
		in.source.port = random[0] | 1;
		in.payload_len = random[1] % 200;
		in.ttl = 2 + random[2] % 254;
		in.tos = random[3];
		in.id = random[4];
		in.flow_label = random[5] << 4 | (random[6] & 15);
		in.source.addr.word[in.family == XDPLB_IPV4 ? 0 : 3] ^= random[7];
		in.seed = i;
		snprintf(name, sizeof(name), "random packet %u", i);
		check_forwarded(name, &lb, &in, XDP_TX);
	}
	lb_setup_close(&lb);
}

/*
 * Chooses the payload's first word so that the checksum of a packet becomes what the sum 0xffff means:
 * 0 for TCP, 0xffff for UDP.
 */
static void seek_zero_checksum(const struct packet_spec *seen, __u8 *payload)
{
	size_t check = packet_l4_offset(seen) + (seen->proto == IPPROTO_TCP ? 16 : 6);
	struct test_packet packet;

	payload[0] = payload[1] = 0;
	packet_build(seen, &packet);
	memcpy(payload, packet.data + check, 2);
	packet_build(seen, &packet);
	cr_assert_eq(packet.data[check], seen->proto == IPPROTO_TCP ? 0 : 0xff);
	cr_assert_eq(packet.data[check + 1], seen->proto == IPPROTO_TCP ? 0 : 0xff);
}

Test(lb_xdp, checksum_that_is_or_becomes_zero)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct setup_member member = setup_member(family, proto, IN_IFINDEX);
		struct packet_spec in = setup_spec(family, proto), out;
		__u8 payload[33];

		packet_fill(payload, sizeof(payload), 9);
		in.payload = payload;
		in.payload_len = sizeof(payload);
		seek_zero_checksum(&in, payload);
		check_forwarded("checksum of zero comes in", &lb, &in, XDP_TX);
		out = forwarded(&in, &member.to);
		seek_zero_checksum(&out, payload);
		check_forwarded("checksum becomes zero", &lb, &in, XDP_TX);
	}
	lb_setup_close(&lb);
}

/* The address and tag of a member that make a delta 0 or all ones must not spoil a checksum. */
Test(lb_xdp, unchanged_words)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct packet_spec in = setup_spec(family, proto), out;
		struct setup_member member = setup_member(family, proto, IN_IFINDEX);
		struct test_packet packet, want;
		struct expected expected = { XDP_TX, &want, NO_DROP, 0 };

		if (!i)
			lb_setup_fill(&lb, IN_IFINDEX);
		member.to.addr = member.vip.addr;
		member.to.port = member.vip.port;
		lb_setup_member(&lb, setup_service(family, proto), &member);
		out = forwarded(&in, &member.to);
		packet_build(&in, &packet);
		packet_build(&out, &want);
		check_run("member equal to the VIP", lb.skel->progs.lb_xdp, lb.counters, &packet, 0,
			  &expected);
	}
	lb_setup_close(&lb);
}

/* All bits but the mark stay, and the mark is the low bits of the flow hash, for many flows. */
Test(lb_xdp, mark)
{
	struct run_result result;
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (__u32 i = 0; i < 1000; i++) {
		struct packet_spec in = setup_spec(setup_families[i % 2], setup_protos[i / 2 % 2]);
		const __u8 *ip = result.packet.data + ETH_LEN;
		struct test_packet packet;
		__u64 hash;

		in.source.port = 1024 + i;
		packet_build(&in, &packet);
		cr_assert_eq(prog_run(lb.skel->progs.lb_xdp, &packet, 0, &result), 0);
		hash = setup_flow_hash(&in.source, &in.dest, in.proto, in.family);
		if (in.family == XDPLB_IPV4)
			cr_assert_eq(ip[4] << 8 | ip[5], hash & 0xffff, "flow %u", i);
		else
			cr_assert_eq((ip[1] & 15) << 16 | ip[2] << 8 | ip[3], hash & 0xfffff,
				     "flow %u", i);
	}
	lb_setup_close(&lb);
}

Test(lb_xdp, traffic_is_counted_for_the_member)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct packet_spec in = setup_spec(family, proto);
		__u64 bytes = 0;

		for (int n = 1; n <= 5; n++) {
			struct xdplb_traffic traffic;

			in.payload_len = 10 * n;
			check_forwarded("counted", &lb, &in, XDP_TX);
			bytes += packet_l4_offset(&in) + (proto == IPPROTO_TCP ? 20 : 8) + 10 * n;
			traffic = lb_setup_traffic(&lb, setup_service(family, proto));
			cr_assert_eq(traffic.packets, (__u64)n, "%s", setup_kind(family, proto));
			cr_assert_eq(traffic.bytes, bytes, "%s", setup_kind(family, proto));
		}
		for (__u32 other = setup_service(family, proto) + 1; other < 4; other++)
			cr_assert_eq(lb_setup_traffic(&lb, other).packets, 0, "member %u", other);
	}
	lb_setup_close(&lb);
}
