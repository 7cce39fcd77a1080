// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: ICMP at a VIP. Pings are answered; errors about a VIP's packets reach the backend that owns
 * the flow, and quote what that backend's node can tell it by.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "echo_spec.h"
#include "icmp_error.h"
#include "node_setup.h"

TestSuite(lb_icmp);

#define IN_IFINDEX 1

static void check(const char *row, struct lb_setup *lb, const struct packet_spec *in,
		  const struct packet_spec *out, const struct expected *like)
{
	struct test_packet packet, want;
	struct expected expected = *like;
	char name[120];

	packet_build(in, &packet);
	if (out) {
		packet_build(out, &want);
		expected.packet = &want;
	}
	snprintf(name, sizeof(name), "IPv%u, %s", in->family, row);
	check_run(name, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

static void check_passes(const char *row, struct lb_setup *lb, const struct packet_spec *in)
{
	check(row, lb, in, in, &(struct expected){ XDP_PASS, NULL, NO_DROP, 0 });
}

Test(lb_icmp, echo_is_answered)
{
	struct expected expected = { XDP_TX, NULL, NO_DROP, EVENT(ECHO_ANSWERED) };
	struct lb_setup lb;
	char row[40];

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 400; i++) {
		struct packet_spec in = echo_request(setup_families[i & 1]), out;

		in.payload_len = i < 100 ? i : 1472 - i % 64;
		in.seed = i;
		in.ttl = i % 255 + 1;
		in.vlan_tags = i % 3;
		in.icmp_rest = i * 0x01010101U;
		out = echo_reply(&in);
		snprintf(row, sizeof(row), "ping %d", i);
		check(row, &lb, &in, &out, &expected);
	}
	for (__u32 i = 0; i < SETUP_MEMBERS; i++)
		cr_assert_eq(lb_setup_traffic(&lb, i).packets, 0, "member %u", i);
	lb_setup_close(&lb);
}

/* One thing at a time that makes it no ping of a VIP that could be answered. */
Test(lb_icmp, echo_passes)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int f = 0; f < 2; f++) {
		__u8 family = setup_families[f];
		struct packet_spec in = echo_request(family);

		in.dest.addr = setup_addrs(family)->stranger;
		check_passes("stranger", &lb, &in);
		in = echo_request(family);
		in.icmp_code = 1;
		check_passes("code 1", &lb, &in);
		for (int type = 0; type < 256; type++) {
			in = echo_request(family);
			if (type == in.icmp_type)
				continue;
			in.icmp_type = type;
			in.payload_len = 20; /* an error that quotes nothing whole */
			check_passes("another type", &lb, &in);
		}
		in = echo_request(family);
		in.proto = family == XDPLB_IPV4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		check_passes("ICMP of the other family", &lb, &in);
		in = echo_request(family);
		if (family == XDPLB_IPV4)
			in.ip_options = 4;
		else
			in.ext_header = IPPROTO_DSTOPTS;
		check_passes("options", &lb, &in);
	}
	lb_setup_close(&lb);
}

/* By its IP length it is longer than its frame, or too short for its header: no IP packet at all. */
Test(lb_icmp, echo_of_a_wrong_length)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int f = 0; f < 2; f++) {
		struct packet_spec in = echo_request(setup_families[f]);
		size_t header = f ? 0 : 20, at = ETH_LEN + (f ? 4 : 2);
		const size_t lengths[] = { 0, header + 7, header + 8 + 56 + 1, 65535 };

		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			struct test_packet packet;
			struct expected expected = { XDP_PASS, &packet, NO_DROP, 0 };

			packet_build(&in, &packet);
			packet.data[at] = lengths[i] >> 8;
			packet.data[at + 1] = lengths[i];
			check_run("a wrong length", lb.skel->progs.lb_xdp, lb.counters, &packet, 0,
				  &expected);
		}
	}
	lb_setup_close(&lb);
}

/* No answer to what has no single sender. */
Test(lb_icmp, echo_from_nobody)
{
	static const char *const sources[] = { "0.0.0.0",         "127.0.0.1", "224.0.0.1",
					       "255.255.255.255", "::",        "ff02::1" };
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct packet_spec in =
			echo_request(strchr(sources[i], ':') ? XDPLB_IPV6 : XDPLB_IPV4);

		in.source.addr = packet_addr(sources[i]);
		check_passes(sources[i], &lb, &in);
	}
	lb_setup_close(&lb);
}

Test(lb_icmp, echo_is_limited)
{
	struct lb_setup lb;

	lb_setup_open_as(&lb,
			 &(struct lb_setup_options){ .answers_at_once = 3, .no_refill = true });
	lb_setup_fill(&lb, IN_IFINDEX);
	lb_setup_budget(&lb, LB_BUDGET_ECHOES, 3);
	for (int i = 0; i < 5; i++) {
		struct packet_spec in = echo_request(setup_families[i & 1]), out = echo_reply(&in);

		if (i < 3)
			check("within the rate", &lb, &in, &out,
			      &(struct expected){ XDP_TX, NULL, NO_DROP, EVENT(ECHO_ANSWERED) });
		else
			check("beyond it", &lb, &in, NULL,
			      &(struct expected){ XDP_DROP, NULL, XDPLB_DROP_ANSWER_RATE, 0 });
	}
	lb_setup_close(&lb);
}

static void set_echo(struct lb_setup *lb, bool answers)
{
	int map = bpf_map__fd(lb->skel->maps.data_lb_control);
	struct xdplb_lb_control control;
	__u32 zero = 0;

	cr_assert_eq(bpf_map_lookup_elem(map, &zero, &control), 0);
	control.no_echo = !answers;
	cr_assert_eq(bpf_map_update_elem(map, &zero, &control, BPF_ANY), 0);
}

Test(lb_icmp, echo_can_be_turned_off)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int f = 0; f < 2; f++) {
		struct packet_spec in = echo_request(setup_families[f]), out = echo_reply(&in);

		set_echo(&lb, false);
		check_passes("turned off", &lb, &in);
		set_echo(&lb, true);
		check("turned on again", &lb, &in, &out,
		      &(struct expected){ XDP_TX, NULL, NO_DROP, EVENT(ECHO_ANSWERED) });
	}
	lb_setup_close(&lb);
}

/* A packet from a VIP to the client, and the same with its source rewritten to the backend's tag. */
struct quoted {
	struct packet_spec sent;
	struct packet_spec rewritten;
};

static struct quoted quoted(__u8 family, __u8 proto)
{
	struct setup_member member = setup_member(family, proto, IN_IFINDEX);
	struct quoted quoted = { .sent = setup_spec(family, proto) };
	struct packet_end client = quoted.sent.source;

	quoted.sent.source = quoted.sent.dest;
	quoted.sent.dest = client;
	quoted.sent.payload_len = 100;
	quoted.rewritten = quoted.sent;
	quoted.rewritten.source.addr = member.to.addr;
	quoted.rewritten.source.port = member.to.port;
	return quoted;
}

/* A router says something about it; what is to leave comes from the client, with its flow's mark. */
static void check_relayed(const char *row, struct lb_setup *lb, const struct quoted *quoted,
			  struct icmp_error error, __u8 vlan_tags)
{
	const struct packet_spec *sent = &quoted->sent;
	struct setup_member member = setup_member(sent->family, sent->proto, IN_IFINDEX);
	struct expected expected = { XDP_TX, NULL, NO_DROP, EVENT(ICMP_RELAYED) };
	struct packet_spec usual = setup_spec(sent->family, sent->proto), in, out;
	__u64 hash = setup_flow_hash(&sent->dest, &sent->source, sent->proto, sent->family);
	struct test_packet quotes[2];

	usual.vlan_tags = vlan_tags;
	error.sender = setup_addrs(sent->family)->stranger;
	error.recipient = sent->source.addr;
	error.about = sent;
	in = icmp_error_spec(&error, &usual, &quotes[0]);
	error.sender = sent->dest.addr;
	error.recipient = member.to.addr;
	error.about = &quoted->rewritten;
	out = icmp_error_spec(&error, &usual, &quotes[1]);
	out.id = hash & 0xffff;
	out.flow_label = hash & 0xfffff;
	out.ttl--;
	memcpy(out.source.mac, setup_lb_mac, 6);
	memcpy(out.dest.mac, member.to.mac, 6);
	check(row, lb, &in, &out, &expected);
}

Test(lb_icmp, errors_are_relayed)
{
	static const size_t lengths[] = { 8, 16, 18, 20, 28, QUOTE_WHOLE };
	struct lb_setup lb;
	char row[80];

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 2 * ICMP_KINDS; i++) {
		const struct icmp_kind *kind = &icmp_kinds[i / 2];
		__u8 proto = setup_protos[i % 2];
		struct quoted about = quoted(kind->family, proto);

		for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
			struct icmp_error error = {
				.type = kind->type,
				.code = kind->code,
				.rest = kind->rest,
				.l4_bytes = lengths[l],
			};

			snprintf(row, sizeof(row), "protocol %u, type %u code %u, %zu bytes", proto,
				 kind->type, kind->code, lengths[l]);
			check_relayed(row, &lb, &about, error, l % 3);
		}
	}
	lb_setup_close(&lb);
}

/* The quoted packet may be of any shape, and its client's port any. */
Test(lb_icmp, quotes)
{
	struct lb_setup lb;
	char row[40];

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 800; i++) {
		__u8 family = setup_families[i & 1], proto = setup_protos[i >> 1 & 1];
		struct quoted about = quoted(family, proto);
		struct packet_spec *both[2] = { &about.sent, &about.rewritten };
		struct icmp_error error = {
			.type = family == XDPLB_IPV4 ? 3 : 2,
			.code = family == XDPLB_IPV4 ? 4 : 0,
			.rest = 1280,
			.l4_bytes = i % 4 ? QUOTE_WHOLE : 8,
		};

		for (int p = 0; p < 2; p++) {
			both[p]->dest.port = 1024 + i;
			both[p]->payload_len = i % 200;
			both[p]->seed = i;
			if (family == XDPLB_IPV4) {
				both[p]->ip_options = i % 11 * 4;
				both[p]->no_checksum = i % 3 == 1;
			}
		}
		snprintf(row, sizeof(row), "quote %d", i);
		check_relayed(row, &lb, &about, error, 0);
	}
	lb_setup_close(&lb);
}

struct not_relayed {
	const char *name;
	int vip; /* number of the VIP that the message is for; -1: a stranger */
	__u16 port; /* quoted source port */
	__u8 ttl;
	size_t l4_bytes;
	int drop;
	bool down; /* the member is */
};

static const struct not_relayed not_relayed_rows[] = {
	{ "to another address than the quoted source", 1, VIP_PORT, 64, 20, NO_DROP, false },
	{ "to a stranger", -1, VIP_PORT, 64, 20, NO_DROP, false },
	{ "no service's port", 0, VIP_PORT + 1, 64, 20, NO_DROP, false },
	{ "7 bytes of the quoted header", 0, VIP_PORT, 64, 7, NO_DROP, false },
	{ "TTL 1", 0, VIP_PORT, 1, 20, XDPLB_DROP_TTL_EXPIRED, false },
	{ "no usable member", 0, VIP_PORT, 64, 20, XDPLB_DROP_NO_USABLE_MEMBER, true },
};

static void check_not_relayed(struct lb_setup *lb, const struct not_relayed *row, __u8 family,
			      __u8 proto)
{
	const struct setup_addrs *addrs = setup_addrs(family);
	struct expected dropped = { XDP_DROP, NULL, row->drop, 0 };
	struct packet_spec usual = setup_spec(family, proto), in;
	struct quoted about = quoted(family, proto);
	struct test_packet quote;
	struct icmp_error error = {
		.sender = addrs->stranger,
		.recipient = row->vip < 0 ? addrs->stranger : addrs->vips[row->vip],
		.type = 3,
		.code = family == XDPLB_IPV4 ? 4 : 0,
		.about = &about.sent,
		.l4_bytes = row->l4_bytes,
	};

	usual.ttl = row->ttl;
	about.sent.source.port = row->port;
	in = icmp_error_spec(&error, &usual, &quote);
	lb_setup_confirm(lb, setup_service(family, proto), !row->down);
	if (row->drop == NO_DROP)
		check_passes(row->name, lb, &in);
	else
		check(row->name, lb, &in, NULL, &dropped);
}

Test(lb_icmp, not_relayed)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (size_t r = 0; r < sizeof(not_relayed_rows) / sizeof(not_relayed_rows[0]); r++)
		for (int i = 0; i < 4; i++)
			check_not_relayed(&lb, &not_relayed_rows[r], setup_families[i / 2],
					  setup_protos[i % 2]);
	lb_setup_close(&lb);
}
