// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp, `affinity: source`: what comes from one address goes to one backend, whatever it is, and still
 * has the mark of its own flow.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "fragments.h"
#include "icmp_error.h"
#include "node_setup.h"

TestSuite(lb_affinity);

#define IN_IFINDEX 1
#define BUCKETS    251
#define CLIENTS    64

/* The second member of a service, whose first is setup_member(). */
#define SECOND(service) (8 + (service))

static struct setup_member member_of(__u8 family, __u8 proto, int number)
{
	struct setup_member member = setup_member(family, proto, IN_IFINDEX);

	member.health = member.service;
	if (number) {
		member.to.addr = setup_addrs(family)->backends[1];
		member.to.port++;
	}
	return member;
}

/* Every service gets a second member: odd buckets are its. */
static void open_lb(struct lb_setup *lb, __u32 flags)
{
	lb_setup_open(lb);
	lb_setup_fill(lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct setup_member second = member_of(family, proto, 1);
		__u32 service = setup_service(family, proto);
		struct xdplb_service entry = {
			.buckets = { service * 256, BUCKETS },
			.flags = flags,
			.first_member = XDPLB_NO_MEMBER,
		};

		lb_setup_member(lb, SECOND(service), &second);
		lb_setup_service_as(lb, service, &entry);
		for (__u32 bucket = 0; bucket < BUCKETS; bucket++)
			lb_setup_bucket(lb, service * 256 + bucket,
					bucket & 1 ? SECOND(service) : service);
	}
}

static struct packet_spec packet_of(__u8 family, __u8 proto, int client, __u16 port)
{
	struct packet_spec spec = setup_spec(family, proto);

	spec.source.addr.word[family == XDPLB_IPV4 ? 0 : 3] = htonl(0x0a630000 + client);
	spec.source.port = port;
	return spec;
}

/* Which member a client's address picks. */
static int owner(const struct packet_spec *spec)
{
	__u64 key[FLOW_KEY_WORDS], hash;

	flow_key_expand(SETUP_KEY0, SETUP_KEY1, key);
	hash = flow_hash6(key, spec->source.addr.word, spec->dest.addr.word,
			  flow_word(0, 0, 0, spec->family));
	return (hash >> 32) * BUCKETS >> 32 & 1;
}

static void check_sent(const char *row, struct lb_setup *lb, const struct packet_spec *in,
		       int number)
{
	struct setup_member member = member_of(in->family, in->proto, number);
	struct packet_spec out = *in;
	struct test_packet packet, want;
	struct expected expected = { XDP_TX, &want, NO_DROP, 0 };

	setup_mark(&out, &in->dest);
	out.dest = member.to;
	memcpy(out.source.mac, setup_lb_mac, 6);
	out.ttl--;
	packet_build(in, &packet);
	packet_build(&out, &want);
	check_run(row, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

Test(lb_affinity, one_client_one_backend)
{
	int clients[2] = { 0, 0 };
	struct lb_setup lb;
	char row[80];

	open_lb(&lb, XDPLB_SERVICE_BY_SOURCE);
	for (int i = 0; i < 4 * CLIENTS; i++) {
		__u8 family = setup_families[i & 1], proto = setup_protos[i >> 1 & 1];

		for (__u16 port = 1; port < 60000; port += 5000) {
			struct packet_spec in = packet_of(family, proto, i / 4, port);

			in.vlan_tags = port / 5000 % 3;
			snprintf(row, sizeof(row), "%s, client %d, port %u",
				 setup_kind(family, proto), i / 4, port);
			check_sent(row, &lb, &in, owner(&in));
			clients[owner(&in)]++;
		}
	}
	cr_assert(clients[0] > CLIENTS && clients[1] > CLIENTS, "all clients to one backend");
	lb_setup_close(&lb);
}

/* Without it a client's flows are spread. */
Test(lb_affinity, off)
{
	struct lb_setup lb;

	open_lb(&lb, 0);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		int seen[2] = { 0, 0 };

		for (__u16 port = 1; port < 200; port++) {
			struct packet_spec in = packet_of(family, proto, 1, port);
			__u64 hash = setup_flow_hash(&in.source, &in.dest, proto, family);
			int number = (hash >> 32) * BUCKETS >> 32 & 1;

			check_sent("by flow", &lb, &in, number);
			seen[number]++;
		}
		cr_assert(seen[0] > 50 && seen[1] > 50);
	}
	lb_setup_close(&lb);
}

/* ICMP errors and fragments find the same backend: told by its address in what leaves. */
Test(lb_affinity, errors_and_fragments)
{
	struct run_result result;
	struct lb_setup lb;

	open_lb(&lb, XDPLB_SERVICE_BY_SOURCE);
	for (int i = 0; i < 4 * CLIENTS; i++) {
		__u8 family = setup_families[i & 1], proto = setup_protos[i >> 1 & 1];
		struct packet_spec in = packet_of(family, proto, i / 4, 1000 + i), sent = in;
		struct setup_member to = member_of(family, proto, owner(&in));
		size_t at = ETH_LEN + (family == XDPLB_IPV4 ? 16 : 24);
		size_t len = family == XDPLB_IPV4 ? 4 : 16;
		struct icmp_error error = { .sender = setup_addrs(family)->stranger,
					    .recipient = in.dest.addr,
					    .type = 3,
					    .about = &sent,
					    .l4_bytes = 20 };
		struct test_packet packet, quote;
		struct packet_spec message;

		sent.source = in.dest;
		sent.dest = in.source;
		message = icmp_error_spec(&error, &in, &quote);
		packet_build(&message, &packet);
		cr_assert_eq(prog_run(lb.skel->progs.lb_xdp, &packet, 0, &result), 0);
		cr_assert_eq(result.verdict, XDP_TX);
		cr_assert_eq(memcmp(result.packet.data + at, &to.to.addr, len), 0, "error %d", i);
		in.frag_off = 0;
		in.payload_len = 1000;
		for (size_t from = 0; from < 1000; from += 504) {
			fragment_build(&in, (struct fragment_piece){ from, 504 }, 0, &packet);
			cr_assert_eq(prog_run(lb.skel->progs.lb_xdp, &packet, 0, &result), 0);
			cr_assert_eq(result.verdict, XDP_TX);
			cr_assert_eq(memcmp(result.packet.data + at, &to.to.addr, len), 0,
				     "fragment at %zu, %d", from, i);
		}
	}
	lb_setup_close(&lb);
}
