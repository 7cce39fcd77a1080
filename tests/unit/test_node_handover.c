// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: TCP packets that no socket of their backend expects are handed to the owners that may have
 * them, as xdplb/handover.h says. The backend is peer 0; sockets there are none, unless a test makes one.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/lib/hash.h"
#include "handover_world.h"
#include "net_lab.h"
#include "node_world.h"

TestSuite(node_handover);

#define STAYS (-1)

struct row {
	const char *name;
	const char *tables[XDPLB_GENERATIONS + 1];
	__u32 handed; /* enum xdplb_handed */
	int peer; /* it goes to, or STAYS */
};

static const struct row rows[] = {
	{ "no table but the present one, all ours", { "0" }, 0, STAYS },
	{ "no table at all", { NULL }, 0, STAYS },
	{ "the present owner is another", { "1" }, 0, 1 },
	{ "the owner before was another", { "0", "1" }, 0, 1 },
	{ "the oldest owner was another", { "0", "0", "2" }, 0, 2 },
	{ "the one before goes before the oldest", { "0", "1", "2" }, 0, 1 },
	{ "the present one goes before", { "2", "1" }, 0, 2 },
	{ "once: the present owner was asked", { "1", "0", "2" }, 1, 2 },
	{ "once: the present owner was asked, nobody is left", { "1", "0" }, 1, STAYS },
	{ "once: we are the present owner", { "0", "2" }, 1, 2 },
	{ "once: we are the present owner, nobody is left", { "0", "0", "0" }, 1, STAYS },
	{ "once, by another: the present owner by our tables may have it", { "1", "0" }, 3, 1 },
	{ "once, by another: we are the present owner", { "0", "2" }, 3, 2 },
	{ "twice is the end", { "1", "2", "0" }, 2, STAYS },
	{ "a bucket that names nobody", { "9" }, 0, STAYS },
	{ "a bucket that names nobody, then one that does", { "9", "1" }, 0, 1 },
};

/* As the backend gets it. */
static struct packet_spec restored(const struct packet_spec *arrived,
				   const struct xdplb_mapping *mapping)
{
	struct packet_spec spec = *arrived;

	if (mapping->restore == XDPLB_RESTORE_INTERFACE)
		spec.dest.addr = mapping->vip;
	spec.dest.port = ntohs(mapping->port);
	return spec;
}

static void check(const char *name, struct node_setup *node, const struct packet_spec *in,
		  const struct packet_spec *out, struct expected expected)
{
	struct test_packet packet, want;

	packet_build(in, &packet);
	if (out)
		packet_build(out, &want);
	expected.packet = out ? &want : NULL;
	check_run(name, node->skel->progs.uplink_ingress, node->counters, &packet, 0, &expected);
}

static void check_stays(const char *name, struct node_setup *node, const struct packet_spec *in,
			const struct xdplb_mapping *mapping, __u64 events)
{
	struct packet_spec out = restored(in, mapping);

	if (mapping->restore == XDPLB_RESTORE_SOURCE)
		events |= EVENT(FLOW_NOTED);
	check(name, node, in, &out, (struct expected){ TC_UNSPEC, NULL, NO_DROP, events });
}

static void check_handed(const char *name, struct node_setup *node, const struct packet_spec *in,
			 int peer, __u32 mark_says)
{
	struct packet_spec out = handover_handed(in, peer, mark_says);

	check(name, node, in, &out,
	      (struct expected){ TC_REDIRECT, NULL, NO_DROP, EVENT(HANDED_OVER) });
}

static __u32 mark_after(const struct row *row)
{
	if (row->handed)
		return XDPLB_HANDED_TWICE;
	return strchr("09", row->tables[0][0]) ? XDPLB_HANDED_BY_FIRST : XDPLB_HANDED_BY_OTHER;
}

static void check_row(const struct row *row, __u8 family, enum xdplb_restore restore)
{
	struct xdplb_mapping mapping = handover_mapping(family, IPPROTO_TCP, restore);
	struct packet_spec in = handover_arriving(family, row->handed);
	struct node_setup node;
	char name[120];

	snprintf(name, sizeof(name), "IPv%u, %s: %s", family,
		 restore == XDPLB_RESTORE_SOURCE ? "source" : "interface", row->name);
	handover_open(&node, &mapping, row->tables);
	if (row->peer == STAYS)
		check_stays(name, &node, &in, &mapping, EVENT(NOT_FOUND));
	else
		check_handed(name, &node, &in, row->peer, mark_after(row));
	node_setup_close(&node);
}

Test(node_handover, who_is_asked_next)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int f = 0; f < 2; f++) {
			check_row(&rows[i], setup_families[f], XDPLB_RESTORE_SOURCE);
			check_row(&rows[i], setup_families[f], XDPLB_RESTORE_INTERFACE);
		}
	}
}

/* The second owner is the first later one that is another, as on the access node. */
Test(node_handover, second_owner)
{
	static const char *const tables[] = { "01", NULL };
	struct xdplb_mapping mapping =
		handover_mapping(XDPLB_IPV4, IPPROTO_TCP, XDPLB_RESTORE_INTERFACE);
	struct node_setup node;

	handover_open(&node, &mapping, tables);
	for (__u16 port = 1024; port < 1224; port++) {
		struct packet_spec in = setup_spec(XDPLB_IPV4, IPPROTO_TCP);
		struct packet_end vip;
		char name[32];
		__u64 hash;

		snprintf(name, sizeof(name), "client port %u", port);
		in.source.port = port;
		vip = in.dest;
		setup_mark(&in, &vip);
		in.dest.addr = mapping.backend;
		in.dest.port = SETUP_TAG_FIRST;
		hash = setup_flow_hash(&in.source, &vip, in.proto, XDPLB_IPV4);
		/* odd buckets are the other one's */
		check_handed(name, &node, &in, 1,
			     (hash >> 32) * XDPLB_BUCKETS_PER_LINE >> 32 & 1
				     ? XDPLB_HANDED_BY_OTHER
				     : XDPLB_HANDED_BY_FIRST);
	}
	node_setup_close(&node);
}

/* A packet of a client by that port, as an access node sends it to backend 0. */
static struct packet_spec arriving_from(__u8 family, __u32 last_word, __u16 port)
{
	struct packet_spec in = setup_spec(family, IPPROTO_TCP);
	struct packet_end vip = in.dest;

	in.source.addr.word[family == XDPLB_IPV4 ? 0 : 3] = htonl(last_word);
	in.source.port = port;
	setup_mark(&in, &vip);
	in.dest.addr = setup_addrs(family)->backends[0];
	in.dest.port = SETUP_TAG_FIRST;
	return in;
}

/* With affinity owners follow client and VIP alone, whatever the port; each table in its own way. */
Test(node_handover, owners_by_source)
{
	static const char *const tables[] = { "12", "2", NULL };

	for (int n = 0; n < 4 * 16; n++) {
		__u8 family = setup_families[n & 1];
		struct packet_spec vip = setup_spec(family, IPPROTO_TCP), in;
		struct xdplb_mapping mapping =
			handover_mapping(family, IPPROTO_TCP, XDPLB_RESTORE_INTERFACE);
		bool by_source = n & 2;
		struct node_setup node;
		char name[60];
		__u64 key[FLOW_KEY_WORDS], hash;

		flow_key_expand(SETUP_KEY0, SETUP_KEY1, key);
		in = arriving_from(family, 0x0a000000 + n / 8, 1024 + n);
		hash = source_hash(key, in.source.addr.word, vip.dest.addr.word, family);
		if (!by_source)
			hash = setup_flow_hash(&in.source, &vip.dest, in.proto, family);
		snprintf(name, sizeof(name), "IPv%u %s, client %d", family,
			 by_source ? "source" : "flow", n / 8);
		handover_open(&node, &mapping, tables);
		node_setup_by_source(&node, by_source ? 1 : 2);
		check_handed(name, &node, &in,
			     (hash >> 32) * XDPLB_BUCKETS_PER_LINE >> 32 & 1 ? 2 : 1,
			     XDPLB_HANDED_BY_OTHER);
		node_setup_close(&node);
	}
}

Test(node_handover, what_opens_a_flow_stays)
{
	static const char *const tables[] = { "1", NULL };
	static const __u8 flags[] = { TCP_ACK, TCP_RST, TCP_FIN | TCP_ACK, TCP_SYN | TCP_ACK, 0 };
	struct xdplb_mapping mapping =
		handover_mapping(XDPLB_IPV6, IPPROTO_TCP, XDPLB_RESTORE_SOURCE);
	struct packet_spec in = handover_arriving(XDPLB_IPV6, 0);
	struct node_setup node;

	handover_open(&node, &mapping, tables);
	for (size_t i = 0; i < sizeof(flags); i++) {
		in.tcp_flags = flags[i];
		check_handed("opens no flow", &node, &in, 1, XDPLB_HANDED_BY_OTHER);
	}
	in.tcp_flags = TCP_SYN;
	check_stays("SYN", &node, &in, &mapping, 0);
	/* A SYN is never handed on: the marks of those that were don't admit it. */
	in = handover_arriving(XDPLB_IPV6, 1);
	in.tcp_flags = TCP_SYN;
	check("SYN with a later mark", &node, &in, NULL,
	      (struct expected){ TC_SHOT, NULL, XDPLB_DROP_NOT_ADMITTED, 0 });
	node_setup_close(&node);
}

Test(node_handover, refused)
{
	static const char *const tables[] = { "1", NULL };
	struct xdplb_mapping mapping =
		handover_mapping(XDPLB_IPV4, IPPROTO_TCP, XDPLB_RESTORE_SOURCE);
	struct packet_spec in = handover_arriving(XDPLB_IPV4, 0);
	struct node_setup node;

	handover_open(&node, &mapping, tables);
	in.ttl = 1;
	check("TTL 1", &node, &in, NULL,
	      (struct expected){ TC_SHOT, NULL, XDPLB_DROP_TTL_EXPIRED, 0 });
	in = handover_arriving(XDPLB_IPV4, 0);
	in.id ^= 0x100;
	check("another mark", &node, &in, NULL,
	      (struct expected){ TC_SHOT, NULL, XDPLB_DROP_NOT_ADMITTED, 0 });
	node_setup_close(&node);
}

/* The sockets of a VM can't be seen: its notes tell, and without any nothing is handed on. */
Test(node_handover, sockets_unseen)
{
	static const char *const tables[] = { "1", NULL };
	struct xdplb_mapping mapping =
		handover_mapping(XDPLB_IPV4, IPPROTO_TCP, XDPLB_RESTORE_INTERFACE);
	struct packet_spec in = handover_arriving(XDPLB_IPV4, 0), out;
	struct node_setup node;

	mapping.netns = XDPLB_NETNS_UNSEEN;
	handover_open(&node, &mapping, tables);
	check_stays("interface", &node, &in, &mapping, 0);
	node_setup_close(&node);
	mapping = handover_mapping(XDPLB_IPV4, IPPROTO_TCP, XDPLB_RESTORE_SOURCE);
	mapping.netns = XDPLB_NETNS_UNSEEN;
	handover_open(&node, &mapping, tables);
	check_handed("source, not noted", &node, &in, 1, XDPLB_HANDED_BY_OTHER);
	in.tcp_flags = TCP_SYN;
	check_stays("source, opening", &node, &in, &mapping, 0);
	in.tcp_flags = TCP_ACK;
	out = restored(&in, &mapping);
	check("source, noted", &node, &in, &out, (struct expected){ TC_UNSPEC, NULL, NO_DROP, 0 });
	node_setup_close(&node);
}

/* VIP 1's packet, which arrives with another client port than it is to have at the backend. */
static __u16 remapped_port(struct node_setup *node, const char *name, const struct packet_spec *in)
{
	struct expected expected = { TC_UNSPEC, NULL, NO_DROP, EVENT(FLOW_REMAPPED) };
	struct test_packet packet, out;

	packet_build(in, &packet);
	out = observe_run(name, node->skel->progs.uplink_ingress, node->counters, &packet, 0,
			  &expected);
	return world_source_port(in, &out);
}

/* Two VIPs of one backend with the same client port, sockets unseen: what is remapped is noted too; a note of the
 * other VIP, or of what the mapping was before, says nothing of a flow. */
static void check_notes(__u8 family)
{
	static const char *const tables[] = { "1", NULL };
	struct xdplb_mapping mappings[2];
	struct packet_spec in = handover_arriving_of(family, 1, 0), out;
	struct node_setup node;

	for (__u32 i = 0; i < 2; i++) {
		mappings[i] = setup_mapping(family, IPPROTO_TCP, i, XDPLB_RESTORE_SOURCE);
		mappings[i].succession = 1;
		mappings[i].netns = XDPLB_NETNS_UNSEEN;
	}
	handover_open(&node, &mappings[0], tables);
	node_setup_mapping(&node, 1, &mappings[1]);
	out = handover_arriving(family, 0);
	out.tcp_flags = TCP_SYN;
	check_stays("first VIP, opening", &node, &out, &mappings[0], 0);
	check_handed("second VIP, noted of the first", &node, &in, 1, XDPLB_HANDED_BY_OTHER);
	in.tcp_flags = TCP_SYN;
	out = restored(&in, &mappings[1]);
	out.source.port = remapped_port(&node, "second VIP, opening", &in);
	in.tcp_flags = out.tcp_flags = TCP_ACK;
	check("second VIP, remapped", &node, &in, &out,
	      (struct expected){ TC_UNSPEC, NULL, NO_DROP, 0 });
	mappings[1].epoch++;
	node_setup_change(&node, 1, &mappings[1]);
	check_handed("remapped for an earlier mapping", &node, &in, 1, XDPLB_HANDED_BY_OTHER);
	in = handover_arriving(family, 0);
	mappings[0].epoch++;
	node_setup_change(&node, 0, &mappings[0]);
	check_handed("noted for an earlier mapping", &node, &in, 1, XDPLB_HANDED_BY_OTHER);
	node_setup_close(&node);
}

Test(node_handover, notes)
{
	for (int f = 0; f < 2; f++)
		check_notes(setup_families[f]);
}

/* ---- with a socket ---- */

static int bound_socket(const char *address, __u16 port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	cr_assert_eq(inet_pton(AF_INET, address, &at.sin_addr), 1);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0, "%s:%u", address, port);
	return fd;
}

/* The connection of the test's client, made on lo: then its packets stay, handed on or not. */
Test(node_handover, established)
{
	static const char *const tables[] = { "1", "2", NULL };
	struct xdplb_mapping mapping =
		handover_mapping(XDPLB_IPV4, IPPROTO_TCP, XDPLB_RESTORE_SOURCE);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(BACKEND_PORT) };
	struct packet_spec in = handover_arriving(XDPLB_IPV4, 0), out;
	struct node_setup node;
	int listener, client;

	net_lab_enter();
	net_lab_run("ip address add 10.1.0.1/32 dev lo");
	net_lab_run("ip address add 198.51.100.7/32 dev lo");
	handover_open(&node, &mapping, tables);
	listener = bound_socket("10.1.0.1", BACKEND_PORT);
	cr_assert_eq(listen(listener, 1), 0);
	check_handed("a listener alone", &node, &in, 1, XDPLB_HANDED_BY_OTHER);
	client = bound_socket("198.51.100.7", CLIENT_PORT);
	inet_pton(AF_INET, "10.1.0.1", &to.sin_addr);
	cr_assert_eq(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	check_stays("established", &node, &in, &mapping, 0);
	out = restored(&in, &mapping);
	for (__u32 times = 1; times <= XDPLB_HANDED_BY_OTHER; times++) {
		in = handover_arriving(XDPLB_IPV4, times);
		out = restored(&in, &mapping);
		check("established, handed on", &node, &in, &out,
		      (struct expected){ TC_UNSPEC, NULL, NO_DROP, EVENT(HANDED_HERE) });
	}
	close(client);
	close(listener);
	node_setup_close(&node);
}

/* Marks of one flow are never alike: else a packet would not know how often it was handed on. */
Test(node_handover, marks_differ)
{
	for (int f = 0; f < 2; f++) {
		__u8 family = setup_families[f];
		__u32 bits = mark_bits(family);

		for (__u64 n = 0; n < 1 << 18; n++) {
			/* the three fields alike, or differing by one */
			__u64 low = n & 0xff, next = low + (n >> 8 & 1), last = low + (n >> 9 & 3);
			__u64 hash = low | next << bits | last << 2 * bits;
			__u32 mark[XDPLB_HANDED_BY_OTHER + 1];

			for (__u32 i = 0; i <= XDPLB_HANDED_BY_OTHER; i++) {
				mark[i] = handover_mark(family, hash, i);
				cr_assert_eq(mark[i] >> bits, 0);
				for (__u32 j = 0; j < i; j++)
					cr_assert_neq(mark[i], mark[j], "IPv%u, hash %llx", family,
						      hash);
			}
		}
	}
}
