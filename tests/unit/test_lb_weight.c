// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp and weights of targets: which flows stay with their first owner, where the others go, and that
 * no flow moves but those that a change is about.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "bpf/lib/hash.h"
#include "bpf/lib/owner.h"
#include "lb_world.h"

TestSuite(lb_weight);

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BUCKETS     251
#define MEMBERS     8
#define FLOWS       4000

static const struct lb_setup_options eight = { .members = MEMBERS };

static void open_eight(struct lb_world *world, __u8 family, __u8 proto)
{
	lb_world_open(world, family, proto, &eight);
	lb_world_deal(world, NULL, BUCKETS, MEMBERS);
	lb_world_serve(world, BUCKETS, 0);
}

static __u64 hash_of(const struct packet_spec *spec)
{
	return setup_flow_hash(&spec->source, &spec->dest, spec->proto, spec->family);
}

static int first_owner(const struct packet_spec *spec)
{
	return (int)lb_world_bucket(spec, BUCKETS) % MEMBERS;
}

/* The first later owner that is another. */
static int second_owner(const struct packet_spec *spec)
{
	for (__u32 attempt = 1;; attempt++) {
		int member = (int)owner_bucket(hash_of(spec), attempt, BUCKETS) % MEMBERS;

		if (member != first_owner(spec))
			return member;
	}
}

static void weigh(struct lb_world *world, __u32 member, __u16 weight)
{
	lb_setup_weighted(&world->lb, member, weight, XDPLB_HEALTH_UP);
}

static bool takes(const struct packet_spec *spec, __u16 weight)
{
	return !weight || flow_draw(hash_of(spec)) < weight;
}

static const __u16 weights[] = { 0, 1, 2, 10, 33, 50, 75, 99, 100, 101, 1000, 0xffff };

/* Every flow is where the documented draw says, SYN or not; the share is the weight. */
static void check_weight(struct lb_world *world, __u16 weight)
{
	__u32 owned = 0, kept = 0, percent = weight && weight < 100 ? weight : 100;
	char row[100];

	weigh(world, 5, weight);
	for (__u32 flow = 0; flow < FLOWS; flow++) {
		struct packet_spec spec = lb_world_flow(world, flow);
		bool is_own = first_owner(&spec) == 5, stays = !is_own || takes(&spec, weight);
		int want = stays ? first_owner(&spec) : second_owner(&spec), member;

		spec.tcp_flags = flow % 3 ? TCP_ACK : TCP_SYN;
		snprintf(row, sizeof(row), "%s, weight %u, flow %u",
			 setup_kind(world->family, world->proto), weight, flow);
		member = lb_world_check(row, world, &spec, NO_DROP, stays ? 0 : EVENT(NEXT_OWNER));
		cr_assert_eq(member, want, "%s: member %d, want %d", row, member, want);
		owned += is_own;
		kept += is_own && stays;
	}
	/* 500 flows: four standard deviations are 9 % of them at most. */
	cr_assert(kept * 100 + owned * 9 >= owned * percent && kept * 100 <= owned * (percent + 9),
		  "weight %u: %u of %u flows stayed", weight, kept, owned);
}

Test(lb_weight, share_of_the_first_owner)
{
	struct lb_world world;

	for (int i = 0; i < 4; i++) {
		open_eight(&world, setup_families[i / 2], setup_protos[i % 2]);
		for (size_t w = 0; w < COUNT(weights); w++)
			check_weight(&world, weights[w]);
		lb_world_close(&world);
	}
}

/* A million flows, by the hash alone: the draw is even, whatever the bucket and the second owner. */
Test(lb_weight, draw_is_even)
{
	static __u32 draws[100], by_second[MEMBERS];
	__u32 low_by_first[MEMBERS] = { 0 }, flows = 1000000;
	__u64 key[FLOW_KEY_WORDS];

	flow_key_expand(1, 2, key);
	for (__u32 n = 0; n < flows; n++) {
		__u64 hash = flow_hash4(key, n, 7, 8);
		__u32 first = ((hash >> 32) * BUCKETS >> 32) % MEMBERS;
		__u32 draw = flow_draw(hash);

		cr_assert_lt(draw, 100U);
		draws[draw]++;
		low_by_first[first] += draw < 30;
		by_second[owner_bucket(hash, 1, BUCKETS) % MEMBERS] += draw >= 30;
	}
	for (int i = 0; i < 100; i++)
		cr_assert(draws[i] > 9500 && draws[i] < 10500, "draw %d: %u times", i, draws[i]);
	for (int i = 0; i < MEMBERS; i++) {
		__u32 buckets = BUCKETS / MEMBERS + (i < BUCKETS % MEMBERS);
		double fair = (double)flows * buckets / BUCKETS;

		cr_assert(low_by_first[i] > fair * 0.29 && low_by_first[i] < fair * 0.31,
			  "first owner %d: %u of %.0f below 30", i, low_by_first[i], fair);
		cr_assert(by_second[i] > fair * 0.68 && by_second[i] < fair * 0.72,
			  "second owner %d: %u of %.0f", i, by_second[i], fair);
	}
}

/* A weight that grows brings flows to their first owner, and moves no other; one that shrinks likewise. */
Test(lb_weight, only_the_difference_moves)
{
	static const struct {
		__u16 before, after;
	} rows[] = { { 10, 20 }, { 20, 10 }, { 100, 50 }, { 50, 100 }, { 0, 1 }, { 99, 0 } };
	struct lb_world world;

	open_eight(&world, XDPLB_IPV4, IPPROTO_TCP);
	for (size_t r = 0; r < COUNT(rows); r++) {
		for (__u32 flow = 0; flow < FLOWS; flow++) {
			struct packet_spec spec = lb_world_flow(&world, flow);
			bool may_move = first_owner(&spec) == 5 &&
					takes(&spec, rows[r].before) != takes(&spec, rows[r].after);
			int before, after;

			weigh(&world, 5, rows[r].before);
			before = lb_world_run(&world, &spec);
			weigh(&world, 5, rows[r].after);
			after = lb_world_run(&world, &spec);
			cr_assert_eq(before != after, may_move, "%u to %u %%, flow %u: %d, then %d",
				     rows[r].before, rows[r].after, flow, before, after);
			/* Where hand-over looks for it. */
			cr_assert(after == first_owner(&spec) || after == second_owner(&spec));
		}
	}
	lb_world_close(&world);
}

/* With all at any weight a flow is with its first or its second owner: hand-over finds it. */
Test(lb_weight, second_owner_takes_it_whatever_its_weight)
{
	struct lb_world world;

	open_eight(&world, XDPLB_IPV6, IPPROTO_TCP);
	for (__u32 m = 0; m < MEMBERS; m++)
		weigh(&world, m, 1 + 7 * m);
	for (__u32 flow = 0; flow < FLOWS; flow++) {
		struct packet_spec spec = lb_world_flow(&world, flow);
		int first = first_owner(&spec), member = lb_world_run(&world, &spec);
		int want = takes(&spec, 1 + 7 * first) ? first : second_owner(&spec);

		cr_assert_eq(member, want, "flow %u: member %d, want %d", flow, member, want);
	}
	lb_world_close(&world);
}

/* Nobody else is there: then it, whatever the draw. */
Test(lb_weight, the_only_member_takes_all)
{
	struct lb_world world;

	open_eight(&world, XDPLB_IPV4, IPPROTO_UDP);
	for (__u32 m = 0; m < MEMBERS; m++)
		lb_setup_health(&world.lb, m, XDPLB_HEALTH_DOWN);
	weigh(&world, 5, 1);
	for (__u32 flow = 0; flow < 500; flow++) {
		struct packet_spec spec = lb_world_flow(&world, flow);

		lb_world_serve(&world, BUCKETS, 0); /* forgets that none was usable */
		cr_assert_eq(lb_world_run(&world, &spec), 5, "flow %u", flow);
	}
	lb_world_close(&world);
}

struct word_row {
	const char *name;
	struct xdplb_health target;
	bool is_over; /* its lease */
	__u16 weight; /* what counts; 200: gets nothing */
};

static const struct word_row word_rows[] = {
	{ "lease ahead",
	  { .state = 1, .weight = 20, .reported = 1, .reported_weight = 70 },
	  0,
	  20 },
	{ "lease over", { .state = 1, .weight = 20, .reported = 1, .reported_weight = 70 }, 1, 70 },
	{ "lease over, reported whole", { .state = 1, .weight = 20, .reported = 1 }, 1, 100 },
	{ "unknown", { .state = 0, .weight = 20, .reported = 1, .reported_weight = 70 }, 0, 70 },
	{ "unknown, nothing reported", { .state = 0, .weight = 20 }, 0, 100 },
	{ "down", { .state = XDPLB_HEALTH_DOWN, .weight = 20 }, 0, 200 },
	{ "maintenance", { .state = XDPLB_HEALTH_MAINTENANCE, .weight = 20 }, 0, 200 },
	/* of packets that open nothing */
	{ "draining", { .state = XDPLB_HEALTH_DRAINING, .weight = 20 }, 0, 100 },
	{ "drained in time", { .state = XDPLB_HEALTH_DRAINING, .reported = 1 }, 1, 200 },
	{ "draining, by the server itself, lease over",
	  { .state = XDPLB_HEALTH_DRAINING,
	    .cause = XDPLB_CAUSE_SERVER,
	    .reported = XDPLB_HEALTH_DRAINING },
	  1,
	  100 },
};

/* Which of the two words counts, and for which states. */
Test(lb_weight, word_that_counts)
{
	struct lb_world world;

	open_eight(&world, XDPLB_IPV4, IPPROTO_TCP);
	for (size_t r = 0; r < COUNT(word_rows); r++) {
		const struct word_row *row = &word_rows[r];
		struct xdplb_health target = row->target;

		target.lease = row->is_over ? 1 : lb_world_tick(&world) + 100000;
		lb_setup_target(&world.lb, 5, &target);
		for (__u32 flow = 0; flow < 1000; flow++) {
			struct packet_spec spec = lb_world_flow(&world, flow);
			bool stays = row->weight <= 100 && takes(&spec, row->weight);

			if (first_owner(&spec) != 5)
				continue;
			cr_assert_eq(lb_world_run(&world, &spec), stays ? 5 : second_owner(&spec),
				     "%s: flow %u", row->name, flow);
		}
	}
	lb_world_close(&world);
}
