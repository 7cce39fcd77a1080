// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: ICMP errors follow their flow. Where no socket has the connection that one is about, it is handed to
 * the owners that its packets are handed to. The backend is peer 0; sockets there are none, unless a test
 * makes one.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/lib/hash.h"
#include "icmp_error.h"
#include "net_lab.h"
#include "node_setup.h"
#include "xdplb/handover.h"

TestSuite(node_handover_error);

#define NOBODY (-1)

/* lo, where TC programs stand in BPF_PROG_TEST_RUN. */
#define VNIC 1

struct lab {
	struct node_setup node;
	struct xdplb_mapping mapping;
	__u8 family;
	bool at_vnic;
};

static void open_lab(struct lab *lab, __u8 family, enum xdplb_restore restore, bool at_vnic,
		     const char *const *tables)
{
	lab->family = family;
	lab->at_vnic = at_vnic;
	lab->mapping = setup_mapping(family, IPPROTO_TCP, 0, restore);
	lab->mapping.succession = 1;
	lab->mapping.netns = XDPLB_NETNS_OWN;
	lab->mapping.ifindex = at_vnic ? VNIC : 0;
	node_setup_open(&lab->node);
	node_setup_mapping(&lab->node, 0, &lab->mapping);
	node_setup_peers(&lab->node, family);
	node_setup_owners(&lab->node, tables);
}

/* What a backend has sent, with the source that stands in a quote of it on the way to that backend. */
static struct packet_spec quoted(__u8 family, int peer)
{
	struct packet_spec spec = setup_spec(family, IPPROTO_TCP);

	spec.dest = spec.source;
	spec.source.addr = setup_addrs(family)->backends[peer];
	spec.source.port = SETUP_TAG_FIRST + 100 * peer;
	return spec;
}

static __u32 mark_saying(__u8 family, __u32 handed)
{
	struct packet_spec spec = setup_spec(family, IPPROTO_TCP);

	return handover_mark(family, setup_flow_hash(&spec.source, &spec.dest, IPPROTO_TCP, family),
			     handed);
}

/* "Fragmentation needed", "packet too big", from the client as an access node says it. */
static struct packet_spec error_to(__u8 family, const struct packet_spec *about,
				   struct test_packet *ret_quoted)
{
	const struct setup_addrs *addrs = setup_addrs(family);
	struct packet_spec usual = setup_spec(family, IPPROTO_TCP);
	struct icmp_error error = {
		.sender = addrs->client,
		.recipient = about->source.addr,
		.type = family == XDPLB_IPV4 ? 3 : 2,
		.code = family == XDPLB_IPV4 ? 4 : 0,
		.rest = 1300,
		.about = about,
		.l4_bytes = QUOTE_WHOLE,
	};

	return icmp_error_spec(&error, &usual, ret_quoted);
}

static struct packet_spec arriving(__u8 family, __u32 handed, struct test_packet *ret_quoted)
{
	struct packet_spec about = quoted(family, 0), spec = error_to(family, &about, ret_quoted);

	spec.id = spec.flow_label = mark_saying(family, handed);
	return spec;
}

static void check(const char *name, struct lab *lab, const struct packet_spec *in,
		  const struct packet_spec *out, struct expected expected)
{
	const struct node_tc_bpf *skel = lab->node.skel;
	struct test_packet packet, want;

	packet_build(in, &packet);
	if (out)
		packet_build(out, &want);
	expected.packet = out ? &want : NULL;
	check_run(name, lab->at_vnic ? skel->progs.vnic_egress : skel->progs.uplink_ingress,
		  lab->node.counters, &packet, lab->at_vnic ? VNIC : 0, &expected);
}

static void check_handed(const char *name, struct lab *lab, __u32 handed, int peer, __u32 mark_says)
{
	struct test_packet quotes[2];
	struct packet_spec in = arriving(lab->family, handed, &quotes[0]);
	struct packet_spec about = quoted(lab->family, peer);
	struct packet_spec out = error_to(lab->family, &about, &quotes[1]);

	out.id = out.flow_label = mark_saying(lab->family, mark_says);
	out.ttl = in.ttl - 1;
	if (lab->at_vnic) {
		memcpy(out.source.mac, in.dest.mac, sizeof(out.source.mac));
		memcpy(out.dest.mac, in.source.mac, sizeof(out.dest.mac));
	}
	check(name, lab, &in, &out,
	      (struct expected){ TC_REDIRECT, NULL, NO_DROP, EVENT(ICMP_HANDED_OVER) });
}

/* As the backend has sent it, and so it gets it. */
static void check_delivered(const char *name, struct lab *lab, __u32 handed)
{
	struct test_packet quotes[2];
	struct packet_spec in = arriving(lab->family, handed, &quotes[0]), out;
	struct packet_spec about = quoted(lab->family, 0);

	about.source.port = ntohs(lab->mapping.port);
	if (lab->mapping.restore == XDPLB_RESTORE_INTERFACE)
		about.source.addr = lab->mapping.vip;
	out = error_to(lab->family, &about, &quotes[1]);
	out.id = in.id;
	out.flow_label = in.flow_label;
	check(name, lab, &in, &out,
	      (struct expected){ TC_UNSPEC, NULL, NO_DROP, EVENT(ICMP_DELIVERED) });
}

/* Nobody is left to ask: to the stack, or nowhere, since its client's port is not known. */
static void check_ends(const char *name, struct lab *lab, __u32 handed)
{
	struct test_packet quote;
	struct packet_spec in = arriving(lab->family, handed, &quote);

	if (lab->mapping.restore == XDPLB_RESTORE_INTERFACE)
		check_delivered(name, lab, handed);
	else
		check(name, lab, &in, NULL,
		      (struct expected){ TC_SHOT, NULL, XDPLB_DROP_UNKNOWN_FLOW, 0 });
}

struct row {
	const char *name;
	const char *tables[XDPLB_GENERATIONS + 1];
	__u32 handed; /* enum xdplb_handed */
	int peer; /* it goes to, or NOBODY */
	__u32 mark_says;
};

static const struct row rows[] = {
	{ "the present owner is another", { "1" }, 0, 1, XDPLB_HANDED_BY_OTHER },
	{ "the owner before was another", { "0", "1" }, 0, 1, XDPLB_HANDED_BY_FIRST },
	{ "the oldest owner was another", { "0", "0", "2" }, 0, 2, XDPLB_HANDED_BY_FIRST },
	{ "nobody but us", { "0" }, 0, NOBODY, 0 },
	{ "once: the present owner was asked", { "1", "0", "2" }, 1, 2, XDPLB_HANDED_TWICE },
	{ "once, by another: we are the present owner", { "0", "2" }, 3, 2, XDPLB_HANDED_TWICE },
	{ "twice is the end", { "1", "2" }, 2, NOBODY, 0 },
};

static void check_row(const struct row *row, __u8 family, enum xdplb_restore restore, bool at_vnic)
{
	struct lab lab;
	char name[120];

	snprintf(name, sizeof(name), "%s IPv%u %s: %s", at_vnic ? "vnic" : "uplink", family,
		 restore == XDPLB_RESTORE_SOURCE ? "source" : "interface", row->name);
	open_lab(&lab, family, restore, at_vnic, row->tables);
	if (row->peer == NOBODY)
		check_ends(name, &lab, row->handed);
	else
		check_handed(name, &lab, row->handed, row->peer, row->mark_says);
	node_setup_close(&lab.node);
}

Test(node_handover_error, who_is_asked_next)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int n = 0; n < 8; n++)
			check_row(&rows[i], setup_families[n & 1],
				  n & 2 ? XDPLB_RESTORE_SOURCE : XDPLB_RESTORE_INTERFACE, n & 4);
	}
}

Test(node_handover_error, refused)
{
	static const char *const tables[] = { "1", NULL };
	struct test_packet quote;
	struct packet_spec in;
	struct lab lab;

	for (int f = 0; f < 2; f++) {
		open_lab(&lab, setup_families[f], XDPLB_RESTORE_INTERFACE, false, tables);
		in = arriving(lab.family, 0, &quote);
		in.ttl = 1;
		check("TTL 1", &lab, &in, NULL,
		      (struct expected){ TC_SHOT, NULL, XDPLB_DROP_TTL_EXPIRED, 0 });
		in = arriving(lab.family, 0, &quote);
		in.id ^= 0x100;
		in.flow_label ^= 0x100;
		check("another mark", &lab, &in, NULL,
		      (struct expected){ TC_SHOT, NULL, XDPLB_DROP_NOT_ADMITTED, 0 });
		node_setup_close(&lab.node);
	}
}

/* UDP is not handed over, nor is what a service without hand-over is told; nor with a mark that says so. */
Test(node_handover_error, not_handed_over)
{
	static const char *const tables[] = { "1", NULL };
	struct packet_spec about = quoted(XDPLB_IPV4, 0), in;
	struct packet_spec client = setup_spec(XDPLB_IPV4, IPPROTO_UDP);
	struct test_packet quote;
	struct lab lab;
	__u64 hash;

	open_lab(&lab, XDPLB_IPV4, XDPLB_RESTORE_INTERFACE, false, tables);
	lab.mapping.succession = 0;
	node_setup_change(&lab.node, 0, &lab.mapping);
	check_delivered("no hand-over", &lab, 0);
	lab.mapping.proto = IPPROTO_UDP;
	lab.mapping.succession = 1;
	node_setup_change(&lab.node, 0, &lab.mapping);
	about.proto = IPPROTO_UDP;
	in = error_to(XDPLB_IPV4, &about, &quote);
	hash = setup_flow_hash(&client.source, &client.dest, IPPROTO_UDP, XDPLB_IPV4);
	in.id = handover_mark(XDPLB_IPV4, hash, XDPLB_HANDED_BY_FIRST);
	check("UDP with a later mark", &lab, &in, NULL,
	      (struct expected){ TC_SHOT, NULL, XDPLB_DROP_NOT_ADMITTED, 0 });
	node_setup_close(&lab.node);
}

/* A VM's sockets can't be seen: as its TCP packets, errors stay where notes can't tell. */
Test(node_handover_error, sockets_unseen)
{
	static const char *const tables[] = { "1", NULL };
	struct lab lab;

	open_lab(&lab, XDPLB_IPV6, XDPLB_RESTORE_INTERFACE, false, tables);
	lab.mapping.netns = XDPLB_NETNS_UNSEEN;
	node_setup_change(&lab.node, 0, &lab.mapping);
	check_delivered("interface", &lab, 0);
	node_setup_close(&lab.node);
	open_lab(&lab, XDPLB_IPV6, XDPLB_RESTORE_SOURCE, false, tables);
	lab.mapping.netns = XDPLB_NETNS_UNSEEN;
	node_setup_change(&lab.node, 0, &lab.mapping);
	check_handed("source, not noted", &lab, 0, 1, XDPLB_HANDED_BY_OTHER);
	node_setup_close(&lab.node);
}

static int bound_socket(const char *address, __u16 port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	cr_assert_eq(inet_pton(AF_INET, address, &at.sin_addr), 1);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0, "%s:%u", address, port);
	return fd;
}

/* Where the connection is, there the error stays, whoever owns the flow by the tables. */
Test(node_handover_error, established)
{
	static const char *const tables[] = { "1", "2", NULL };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(VIP_PORT) };
	int listener, client;
	struct lab lab;

	net_lab_enter();
	open_lab(&lab, XDPLB_IPV4, XDPLB_RESTORE_INTERFACE, false, tables);
	to.sin_addr.s_addr = lab.mapping.vip.word[0];
	net_lab_run("ip address add %s/32 dev lo", inet_ntoa(to.sin_addr));
	net_lab_run("ip address add 198.51.100.7/32 dev lo");
	listener = bound_socket(inet_ntoa(to.sin_addr), VIP_PORT);
	cr_assert_eq(listen(listener, 1), 0);
	check_handed("a listener alone", &lab, 0, 1, XDPLB_HANDED_BY_OTHER);
	client = bound_socket("198.51.100.7", CLIENT_PORT);
	cr_assert_eq(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	for (__u32 handed = 0; handed <= XDPLB_HANDED_BY_OTHER; handed++)
		check_delivered("established", &lab, handed);
	close(client);
	close(listener);
	node_setup_close(&lab.node);
}
