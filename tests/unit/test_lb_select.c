// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: which member gets a flow. Members differ by their tag alone, so that the destination port of
 * the packet that leaves says which it was.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "bpf/lib/hash.h"
#include "bpf/lib/owner.h"
#include "node_setup.h"

TestSuite(lb_select);

#define IN_IFINDEX 1
#define NOBODY     (-1)
#define MEMBERS    8

/* A service of 8 members, index and health word alike, in each family and protocol. */
static void open_with_members(struct lb_setup *lb, __u8 family, __u8 proto)
{
	struct setup_member member = setup_member(family, proto, IN_IFINDEX);
	struct setup_endpoint vip = { member.vip.addr, VIP_PORT, proto, family, 3 };

	lb_setup_open(lb);
	lb_setup_vip(lb, &vip);
	member.service = 3;
	for (__u32 i = 0; i < MEMBERS; i++) {
		member.to.port = SETUP_TAG_FIRST + i;
		member.health = i;
		lb_setup_member(lb, i, &member);
	}
}

/* Buckets base .. base + count - 1, member i % members; then a line that names nobody. */
static void deal_buckets(struct lb_setup *lb, __u32 base, __u32 count, __u32 members)
{
	for (__u32 i = 0; i < count; i++)
		lb_setup_bucket(lb, base + i, i % members);
	lb_setup_service(lb, 3, (struct xdplb_bucket_ref){ base, count });
}

static __u64 hash_of(const struct packet_spec *spec)
{
	return setup_flow_hash(&spec->source, &spec->dest, spec->proto, spec->family);
}

static __u32 bucket_of(const struct packet_spec *spec, __u32 count)
{
	return (hash_of(spec) >> 32) * count >> 32;
}

/* Which member a packet goes to; NOBODY: it was dropped for `drop`. Events are checked. */
static int member_of(const char *row, struct lb_setup *lb, const struct packet_spec *spec, int drop,
		     __u64 events)
{
	struct expected expected = { drop == NO_DROP ? XDP_TX : XDP_DROP, NULL, drop, events };
	size_t port = packet_l4_offset(spec) + 2;
	struct test_packet packet, out;

	packet_build(spec, &packet);
	out = observe_run(row, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
	if (drop != NO_DROP)
		return NOBODY;
	return (out.data[port] << 8 | out.data[port + 1]) - SETUP_TAG_FIRST;
}

/* Runs a packet that must go to a certain member. */
static void check_member(const char *row, struct lb_setup *lb, const struct packet_spec *spec,
			 int want, __u64 events)
{
	int member = member_of(row, lb, spec, NO_DROP, events);

	cr_assert_eq(member, want, "%s: member %d, want %d", row, member, want);
}

Test(lb_select, member_that_the_bucket_names)
{
	static const __u32 counts[] = { 1, 2, 3, 16, 17, 251, 800 };
	struct lb_setup lb;
	char row[80];

	for (int i = 0; i < 4; i++) {
		open_with_members(&lb, setup_families[i / 2], setup_protos[i % 2]);
		for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
			deal_buckets(&lb, 32 * c, counts[c], MEMBERS);
			for (__u32 flow = 0; flow < 300; flow++) {
				struct packet_spec spec =
					setup_spec(setup_families[i / 2], setup_protos[i % 2]);

				spec.source.port = 10000 + flow;
				snprintf(row, sizeof(row), "%s, %u buckets, flow %u",
					 setup_kind(spec.family, spec.proto), counts[c], flow);
				check_member(row, &lb, &spec, bucket_of(&spec, counts[c]) % MEMBERS,
					     0);
			}
		}
		lb_setup_close(&lb);
	}
}

Test(lb_select, same_flow_same_member)
{
	struct lb_setup lb;

	for (int i = 0; i < 4; i++) {
		struct packet_spec spec = setup_spec(setup_families[i / 2], setup_protos[i % 2]);
		int first;

		open_with_members(&lb, spec.family, spec.proto);
		deal_buckets(&lb, 0, 251, MEMBERS);
		first = member_of("first packet", &lb, &spec, NO_DROP, 0);
		for (int n = 0; n < 200; n++) {
			spec.ttl = 2 + n;
			spec.tos = n;
			spec.id = n * 331;
			spec.flow_label = n * 5003;
			spec.tcp_flags = n;
			spec.payload_len = n;
			spec.ip_options = n % 11 * 4;
			spec.seed = n;
			check_member("later packet of the flow", &lb, &spec, first, 0);
		}
		lb_setup_close(&lb);
	}
}

/* One member has 1 of 12 buckets, one 2, one 3, one 6: so are their shares of the flows. */
Test(lb_select, shares_follow_the_table)
{
	static const int owners[12] = { 0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3 };
	static const int weights[4] = { 1, 2, 3, 6 };
	struct lb_setup lb;

	for (int i = 0; i < 4; i++) {
		struct packet_spec spec = setup_spec(setup_families[i / 2], setup_protos[i % 2]);
		int flows = 12000, seen[MEMBERS] = {};

		open_with_members(&lb, spec.family, spec.proto);
		for (__u32 bucket = 0; bucket < 240; bucket++)
			lb_setup_bucket(&lb, bucket, owners[bucket % 12]);
		lb_setup_service(&lb, 3, (struct xdplb_bucket_ref){ 0, 240 });
		for (int flow = 0; flow < flows; flow++) {
			spec.source.port = 1024 + flow % 1000;
			spec.source.addr.word[0] = htonl(0xc6330000 + flow / 1000);
			seen[member_of("flow", &lb, &spec, NO_DROP, 0)]++;
		}
		for (int m = 0; m < 4; m++) {
			int want = flows / 12 * weights[m];

			cr_assert(seen[m] > want * 85 / 100 && seen[m] < want * 115 / 100,
				  "%s: member %d got %d flows, want about %d",
				  setup_kind(spec.family, spec.proto), m, seen[m], want);
			cr_assert_eq(lb_setup_traffic(&lb, m).packets, (__u64)seen[m]);
		}
		lb_setup_close(&lb);
	}
}

struct health_row {
	const char *name;
	int state;
	bool confirmed;
	bool used;
};

static const struct health_row health_rows[] = {
	{ "unknown", XDPLB_HEALTH_UNKNOWN, true, true },
	{ "up", XDPLB_HEALTH_UP, true, true },
	{ "draining", XDPLB_HEALTH_DRAINING, true, true },
	{ "down", XDPLB_HEALTH_DOWN, true, false },
	{ "maintenance", XDPLB_HEALTH_MAINTENANCE, true, false },
	{ "a state to come", 5, true, false },
	{ "a state to come", 255, true, false },
	{ "up, not confirmed", XDPLB_HEALTH_UP, false, false },
	{ "unknown, not confirmed", XDPLB_HEALTH_UNKNOWN, false, false },
	{ "up again", XDPLB_HEALTH_UP, true, true },
};

/* The first owner the documented sequence reaches that is not `avoid`. */
static int next_owner_of(const struct packet_spec *spec, __u32 count, int avoid)
{
	for (__u32 attempt = 1; attempt < XDPLB_OWNERS_MAX; attempt++) {
		int member = owner_bucket(hash_of(spec), attempt, count) % MEMBERS;

		if (member != avoid)
			return member;
	}
	return NOBODY;
}

/* Every change of the first owner's state is obeyed by the next packet. */
Test(lb_select, health_and_confirmation)
{
	struct lb_setup lb;
	char row[80];

	for (int i = 0; i < 4; i++) {
		struct packet_spec spec = setup_spec(setup_families[i / 2], setup_protos[i % 2]);
		int first = bucket_of(&spec, 251) % MEMBERS,
		    next = next_owner_of(&spec, 251, first);

		open_with_members(&lb, spec.family, spec.proto);
		deal_buckets(&lb, 16, 251, MEMBERS);
		for (size_t r = 0; r < sizeof(health_rows) / sizeof(health_rows[0]); r++) {
			const struct health_row *h = &health_rows[r];
			/* of UDP nobody knows whether it opens a flow */
			bool used = h->used && (h->state != XDPLB_HEALTH_DRAINING ||
						spec.proto == IPPROTO_TCP);

			snprintf(row, sizeof(row), "%s, %s", setup_kind(spec.family, spec.proto),
				 h->name);
			lb_setup_health(&lb, first, h->state);
			lb_setup_confirm(&lb, first, h->confirmed);
			check_member(row, &lb, &spec, used ? first : next,
				     used ? 0 : EVENT(NEXT_OWNER));
		}
		lb_setup_close(&lb);
	}
}

/* What opens a flow goes to the next owner, what opens none stays; with all draining, all stay. */
Test(lb_select, draining)
{
	static const struct {
		__u8 flags;
		bool opens;
	} rows[] = { { TCP_SYN, true },  { TCP_SYN | TCP_ACK, false },
		     { TCP_ACK, false }, { TCP_FIN | TCP_ACK, false },
		     { TCP_RST, false }, { 0, false } };
	struct packet_spec spec = setup_spec(XDPLB_IPV6, IPPROTO_TCP);
	int first = bucket_of(&spec, 251) % MEMBERS, next = next_owner_of(&spec, 251, first);
	struct lb_setup lb;

	open_with_members(&lb, spec.family, spec.proto);
	deal_buckets(&lb, 0, 251, MEMBERS);
	lb_setup_health(&lb, first, XDPLB_HEALTH_DRAINING);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		spec.tcp_flags = rows[i].flags;
		check_member("one draining", &lb, &spec, rows[i].opens ? next : first,
			     rows[i].opens ? EVENT(NEXT_OWNER) : 0);
	}
	for (__u32 m = 0; m < MEMBERS; m++)
		lb_setup_health(&lb, m, XDPLB_HEALTH_DRAINING);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		spec.tcp_flags = rows[i].flags;
		check_member("all draining", &lb, &spec, first,
			     rows[i].opens ? EVENT(NEXT_OWNER) : 0);
	}
	lb_setup_close(&lb);
}

/* With any members down, the first usable owner of the documented sequence gets the flow. */
Test(lb_select, owner_sequence)
{
	struct packet_spec spec = setup_spec(XDPLB_IPV4, IPPROTO_TCP);
	struct lb_setup lb;
	char row[80];

	open_with_members(&lb, spec.family, spec.proto);
	deal_buckets(&lb, 0, 251, MEMBERS);
	for (__u32 n = 0; n < 2000; n++) {
		__u32 down = n * 2654435761U >> 24, count = 251, first, attempt;
		int want = NOBODY;

		spec.source.port = 1024 + n;
		first = bucket_of(&spec, count);
		for (__u32 m = 0; m < MEMBERS; m++)
			lb_setup_health(&lb, m, down >> m & 1 ? XDPLB_HEALTH_DOWN : 0);
		/* forgets that none was usable in this tick */
		lb_setup_service(&lb, 3, (struct xdplb_bucket_ref){ 0, count });
		for (attempt = 0; attempt < XDPLB_OWNERS_MAX && want == NOBODY; attempt++) {
			__u32 bucket =
				attempt ? owner_bucket(hash_of(&spec), attempt, count) : first;

			if (!(down >> (bucket % MEMBERS) & 1))
				want = bucket % MEMBERS;
		}
		snprintf(row, sizeof(row), "flow %u, members down: %02x", n, down);
		if (want == NOBODY)
			member_of(row, &lb, &spec, XDPLB_DROP_NO_USABLE_MEMBER, 0);
		else
			check_member(row, &lb, &spec, want, attempt > 1 ? EVENT(NEXT_OWNER) : 0);
	}
	lb_setup_close(&lb);
}

/* The only usable member's only bucket is owner number `last`: used up to the last owner. */
Test(lb_select, owners_in_all)
{
	struct packet_spec spec = setup_spec(XDPLB_IPV6, IPPROTO_UDP);
	struct lb_setup lb;
	__u32 count = 1000;
	char row[80];

	for (__u32 last = 1; last <= XDPLB_OWNERS_MAX; last += last % 5 ? 1 : 10) {
		open_with_members(&lb, spec.family, spec.proto);
		lb_setup_health(&lb, 0, XDPLB_HEALTH_DOWN);
		deal_buckets(&lb, 0, count, 1);
		lb_setup_bucket(&lb, owner_bucket(hash_of(&spec), last, count), 1);
		snprintf(row, sizeof(row), "owner number %u", last);
		if (last < XDPLB_OWNERS_MAX)
			check_member(row, &lb, &spec, 1, EVENT(NEXT_OWNER));
		else
			member_of(row, &lb, &spec, XDPLB_DROP_NO_USABLE_MEMBER, 0);
		lb_setup_close(&lb);
	}
}

/* A bucket that names nobody, or a member that is not there, is passed over. */
Test(lb_select, bucket_without_a_member)
{
	static const __u32 nobody[] = { XDPLB_NO_MEMBER, SETUP_MEMBERS, 0x80000000 };
	struct packet_spec spec = setup_spec(XDPLB_IPV4, IPPROTO_UDP);
	__u32 first = bucket_of(&spec, 251);
	struct lb_setup lb;

	for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
		open_with_members(&lb, spec.family, spec.proto);
		deal_buckets(&lb, 0, 251, 1);
		lb_setup_bucket(&lb, first, nobody[i]);
		check_member("bucket names nobody", &lb, &spec, 0, EVENT(NEXT_OWNER));
		lb_setup_close(&lb);
	}
}

struct refusal_row {
	const char *name;
	struct xdplb_bucket_ref buckets;
	bool confirmed;
	int state;
	int drop;
};

static const struct refusal_row refusal_rows[] = {
	{ "no buckets", { 0, 0 }, true, XDPLB_HEALTH_UP, XDPLB_DROP_NO_MEMBER },
	{ "no buckets, base set", { 16, 0 }, true, XDPLB_HEALTH_UP, XDPLB_DROP_NO_MEMBER },
	{ "all down", { 0, 251 }, true, XDPLB_HEALTH_DOWN, XDPLB_DROP_NO_USABLE_MEMBER },
	{ "all in maintenance",
	  { 0, 251 },
	  true,
	  XDPLB_HEALTH_MAINTENANCE,
	  XDPLB_DROP_NO_USABLE_MEMBER },
	{ "none confirmed", { 0, 251 }, false, XDPLB_HEALTH_UP, XDPLB_DROP_NO_USABLE_MEMBER },
};

Test(lb_select, nobody_to_serve)
{
	struct lb_setup lb;

	for (int i = 0; i < 4; i++) {
		struct packet_spec spec = setup_spec(setup_families[i / 2], setup_protos[i % 2]);

		for (size_t r = 0; r < sizeof(refusal_rows) / sizeof(refusal_rows[0]); r++) {
			const struct refusal_row *row = &refusal_rows[r];

			open_with_members(&lb, spec.family, spec.proto);
			deal_buckets(&lb, 0, 251, MEMBERS);
			lb_setup_service(&lb, 3, row->buckets);
			for (__u32 m = 0; m < MEMBERS; m++) {
				lb_setup_health(&lb, m, row->state);
				lb_setup_confirm(&lb, m, row->confirmed);
			}
			member_of(row->name, &lb, &spec, row->drop, 0);
			lb_setup_close(&lb);
		}
	}
}
