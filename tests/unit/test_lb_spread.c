// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: where the flows of members go that are down. Over the buckets' later owners, by the table;
 * behind those over all members, by weight; to nobody only if nobody is up.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "bpf/lib/hash.h"
#include "bpf/lib/owner.h"
#include "lb_world.h"
#include "tables/maglev.h"

TestSuite(lb_spread);

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- the search over all members ---- */

/* Members 0 and 1 have all the buckets and are down: every flow comes to the search over all. */
static void open_search(struct lb_world *world, __u8 family, __u8 proto, __u32 members)
{
	lb_world_open(world, family, proto, &(struct lb_setup_options){ .members = members });
	lb_world_deal(world, NULL, 251, 2);
	lb_world_serve(world, 251, 0);
	lb_setup_health(&world->lb, 0, XDPLB_HEALTH_DOWN);
	lb_setup_health(&world->lb, 1, XDPLB_HEALTH_DOWN);
}

struct weight_row {
	const char *name;
	__u16 weights[8]; /* of members 2 to 9 */
	__u8 down; /* a bit each */
	__u16 want[8]; /* shares */
};

static const struct weight_row weight_rows[] = {
	{ "all alike", { 1, 1, 1, 1, 1, 1, 1, 1 }, 0, { 1, 1, 1, 1, 1, 1, 1, 1 } },
	{ "by weight", { 1, 2, 3, 4, 5, 6, 7, 8 }, 0, { 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ "the largest",
	  { 1000, 1000, 500, 500, 1000, 250, 1000, 1000 },
	  0,
	  { 4, 4, 2, 2, 4, 1, 4, 4 } },
	{ "some down", { 1, 2, 3, 4, 5, 6, 7, 8 }, 0xaa, { 1, 0, 3, 0, 5, 0, 7, 0 } },
	{ "weight 0 beside others", { 0, 2, 0, 4, 0, 0, 2, 0 }, 0, { 0, 2, 0, 4, 0, 0, 2, 0 } },
	{ "weight 0 and one that is down",
	  { 0, 2, 0, 4, 0, 0, 2, 0 },
	  0x02,
	  { 0, 0, 0, 4, 0, 0, 2, 0 } },
	{ "none but weight 0 is up", { 0, 2, 0, 4, 0, 0, 2, 0 }, 0x4a, { 1, 0, 1, 0, 1, 1, 0, 1 } },
	{ "the last one alone", { 9, 9, 9, 9, 9, 9, 9, 1 }, 0x7f, { 0, 0, 0, 0, 0, 0, 0, 1 } },
	{ "the first one alone", { 1, 9, 9, 9, 9, 9, 9, 9 }, 0xfe, { 1, 0, 0, 0, 0, 0, 0, 0 } },
};

static void check_shares(const char *row, const __u32 *seen, const __u16 *want, __u32 count)
{
	__u32 flows = 0, sum = 0;

	for (__u32 i = 0; i < count; i++) {
		flows += seen[i];
		sum += want[i];
	}
	for (__u32 i = 0; i < count; i++) {
		double fair = (double)flows * want[i] / sum;

		cr_assert(seen[i] >= fair * 0.9 && seen[i] <= fair * 1.1,
			  "%s: member %u got %u flows, fair are %.0f", row, i, seen[i], fair);
	}
}

Test(lb_spread, search_over_all_goes_by_weight)
{
	struct lb_world world;
	char row[100];

	for (size_t i = 0; i < 4 * COUNT(weight_rows); i++) {
		const struct weight_row *weights = &weight_rows[i % COUNT(weight_rows)];
		__u32 seen[8] = { 0 }, kind = i / COUNT(weight_rows);

		open_search(&world, setup_families[kind / 2], setup_protos[kind % 2], 10);
		snprintf(row, sizeof(row), "%s, %s", setup_kind(world.family, world.proto),
			 weights->name);
		for (__u32 m = 0; m < 8; m++) {
			lb_world_weigh(&world, 2 + m, weights->weights[m]);
			if (weights->down >> m & 1)
				lb_setup_health(&world.lb, 2 + m, XDPLB_HEALTH_DOWN);
		}
		for (__u32 n = 0; n < 30000; n++) {
			struct packet_spec spec = lb_world_flow(&world, n);
			int member;

			member = n % 1000 ? lb_world_run(&world, &spec)
					  : lb_world_check(row, &world, &spec, NO_DROP,
							   EVENT(LAST_SEARCH));
			cr_assert(member >= 2, "%s: flow %u: %d", row, n, member);
			seen[member - 2]++;
		}
		check_shares(row, seen, weights->want, 8);
		lb_world_close(&world);
	}
}

/* The search's choice is the flow's: it goes to the same member as long as nothing changes. */
Test(lb_spread, search_over_all_is_steady)
{
	struct lb_world world;

	open_search(&world, XDPLB_IPV6, IPPROTO_TCP, 300);
	for (__u32 n = 0; n < 300; n++) {
		struct packet_spec spec = lb_world_flow(&world, n);
		int first = lb_world_run(&world, &spec);

		for (int again = 0; again < 5; again++)
			cr_assert_eq(lb_world_run(&world, &spec), first, "flow %u", n);
	}
	lb_world_close(&world);
}

/* A member that is not confirmed is not found, whatever its weight. */
Test(lb_spread, search_over_all_wants_confirmed_members)
{
	struct lb_world world;

	open_search(&world, XDPLB_IPV4, IPPROTO_TCP, 8);
	for (__u32 m = 2; m < 7; m++) {
		lb_world_weigh(&world, m, 1000);
		lb_setup_confirm(&world.lb, m, false);
	}
	for (__u32 n = 0; n < 500; n++) {
		struct packet_spec spec = lb_world_flow(&world, n);

		cr_assert_eq(lb_world_run(&world, &spec), 7, "flow %u", n);
	}
	lb_world_close(&world);
}

/* ---- never a drop while one is up ---- */

/* An order of members that looks random and follows from a seed. */
static void shuffle(__u32 *members, __u32 count, __u32 seed)
{
	for (__u32 i = 0; i < count; i++)
		members[i] = i;
	for (__u32 i = count - 1; i > 0; i--) {
		__u32 other, swapped = members[i];

		packet_fill(&other, sizeof(other), seed * 1009 + i);
		other %= i + 1;
		members[i] = members[other];
		members[other] = swapped;
	}
}

/* With the first `down` members of an order down. */
static void check_served(struct lb_world *world, const bool *is_down, __u32 down, __u32 flows)
{
	for (__u32 n = 0; n < flows; n++) {
		struct packet_spec spec = lb_world_flow(world, n * 7919 + down);
		int member = lb_world_run(world, &spec);

		cr_assert(member >= 0 && member < (int)world->members,
			  "%u of %u members down: flow %u: %d", down, world->members, n, member);
		cr_assert(!is_down[member], "%u of %u members down: flow %u to %d, which is down",
			  down, world->members, n, member);
	}
}

/* From all up to one up, in an order by chance, and in between many flows. */
static void check_order(__u8 family, __u8 proto, __u32 members, __u32 seed)
{
	__u32 order[512];
	bool is_down[512] = { false };
	struct lb_world world;

	lb_world_open(&world, family, proto, &(struct lb_setup_options){ .members = members });
	lb_world_deal(&world, NULL, 997, members);
	lb_world_serve(&world, 997, XDPLB_SERVICE_RESET_IF_DOWN);
	shuffle(order, members, seed);
	for (__u32 down = 0; down < members; down++) {
		check_served(&world, is_down, down, members - down < 8 ? 1000 : 30);
		is_down[order[down]] = true;
		lb_setup_health(&world.lb, order[down], XDPLB_HEALTH_DOWN);
	}
	lb_world_close(&world);
}

Test(lb_spread, served_while_one_is_up)
{
	static const __u32 members[] = { 1, 2, 3, 16, 201, 400 };

	for (size_t i = 0; i < COUNT(members); i++)
		for (__u32 seed = 0; seed < 4; seed++)
			check_order(setup_families[seed / 2], setup_protos[seed % 2], members[i],
				    seed);
}

/* The one that is up may stand anywhere in the chain, in one bucket or in none. */
Test(lb_spread, any_single_member_is_found)
{
	struct lb_world world;

	lb_world_open(&world, XDPLB_IPV4, IPPROTO_UDP,
		      &(struct lb_setup_options){ .members = 400 });
	lb_world_deal(&world, NULL, 300, 300); /* members 300 to 399 are in no bucket */
	for (__u32 m = 0; m < 400; m++)
		lb_setup_health(&world.lb, m, XDPLB_HEALTH_DOWN);
	for (__u32 up = 0; up < 400; up++) {
		lb_world_serve(&world, 300, 0);
		lb_setup_health(&world.lb, up, XDPLB_HEALTH_UP);
		for (__u32 n = 0; n < 20; n++) {
			struct packet_spec spec = lb_world_flow(&world, n);

			cr_assert_eq(lb_world_run(&world, &spec), (int)up, "member %u, flow %u", up,
				     n);
		}
		lb_setup_health(&world.lb, up, XDPLB_HEALTH_DOWN);
	}
	lb_world_close(&world);
}

/* ---- shares by the table ---- */

struct share_row {
	__u32 members, down;
	__u32 buckets; /* a prime, at least 100 for each member */
};

/*
 * As many flows for each member that is up that the choice of flows alone does not make up 10 %. Other
 * subsets would not all keep to that: see the grain of the table below.
 */
#define FLOWS_EACH 3000

static const struct share_row share_rows[] = {
	{ 2, 1, 251 },    { 4, 1, 509 },   { 8, 4, 1021 },
	{ 20, 10, 2039 }, { 40, 4, 4093 }, { 64, 60, 8191 },
};

static void open_table(struct lb_world *world, const struct share_row *row)
{
	__u32 *table = calloc(row->buckets, sizeof(*table));
	struct maglev_member members[512];
	char names[512][8];

	for (__u32 m = 0; m < row->members; m++) {
		snprintf(names[m], sizeof(names[m]), "b%u", m);
		members[m] = (struct maglev_member){ names[m], 1 + m % 3 };
	}
	cr_assert_eq(maglev_build(members, row->members, table, row->buckets), 0);
	lb_world_open(world, XDPLB_IPV4, IPPROTO_TCP,
		      &(struct lb_setup_options){ .members = row->members,
						  .buckets = (row->buckets / 16 + 2) * 16 });
	for (__u32 m = 0; m < row->members; m++)
		lb_world_weigh(world, m, 1 + m % 3);
	lb_world_deal(world, table, row->buckets, 0);
	lb_world_serve(world, row->buckets, 0);
	free(table);
}

Test(lb_spread, shares_of_the_rest)
{
	for (size_t r = 0; r < COUNT(share_rows); r++) {
		const struct share_row *row = &share_rows[r];
		__u32 order[512], seen[512] = { 0 };
		struct lb_world world;
		__u16 want[512];
		char name[80];

		open_table(&world, row);
		shuffle(order, row->members, r);
		for (__u32 m = 0; m < row->members; m++)
			want[m] = 1 + m % 3;
		for (__u32 i = 0; i < row->down; i++) {
			lb_setup_health(&world.lb, order[i], XDPLB_HEALTH_DOWN);
			want[order[i]] = 0;
		}
		for (__u32 n = 0; n < FLOWS_EACH * 2 * (row->members - row->down); n++) {
			struct packet_spec spec = lb_world_flow(&world, n);
			int member = lb_world_run(&world, &spec);

			cr_assert(member >= 0);
			seen[member]++;
		}
		snprintf(name, sizeof(name), "%u of %u down", row->down, row->members);
		check_shares(name, seen, want, row->members);
		lb_world_close(&world);
	}
}

/* For any subset, not only those above, with tables as large as the loader makes them. */
struct grain_row {
	__u32 members, down;
	__u32 buckets;
};

static const struct grain_row grain_rows[] = {
	{ 20, 10, 2039 },    { 40, 20, 4093 },    { 64, 60, 8191 },
	{ 256, 100, 32749 }, { 256, 200, 32749 },
};

#define GRAIN_FLOWS 60 /* for each bucket */

/* The largest distance from fair of a member that is up. */
static double worst_share(const struct grain_row *row, const __u32 *table, const bool *is_down)
{
	__u32 flows = row->buckets * GRAIN_FLOWS, seen[512] = { 0 };
	double fair = (double)flows / (row->members - row->down), worst = 0;
	__u64 key[FLOW_KEY_WORDS];

	flow_key_expand(1, 2, key);
	for (__u32 flow = 0; flow < flows; flow++) {
		__u64 hash = flow_hash4(key, flow, 0, 0);
		__u32 member = table[(hash >> 32) * row->buckets >> 32];

		for (__u32 attempt = 1; attempt < XDPLB_OWNERS_MAX && is_down[member]; attempt++)
			member = table[owner_bucket(hash, attempt, row->buckets)];
		seen[member]++;
	}
	for (__u32 m = 0; m < row->members; m++) {
		double off = seen[m] > fair ? seen[m] / fair - 1 : 1 - seen[m] / fair;

		if (!is_down[m] && off > worst)
			worst = off;
	}
	return worst;
}

Test(lb_spread, grain_of_the_table)
{
	for (size_t r = 0; r < COUNT(grain_rows); r++) {
		const struct grain_row *row = &grain_rows[r];
		__u32 *table = calloc(row->buckets, sizeof(*table)), order[512];
		struct maglev_member members[512];
		char names[512][8];

		for (__u32 m = 0; m < row->members; m++) {
			snprintf(names[m], sizeof(names[m]), "b%u", m);
			members[m] = (struct maglev_member){ names[m], 1 };
		}
		cr_assert_eq(maglev_build(members, row->members, table, row->buckets), 0);
		for (__u32 subset = 0; subset < 10; subset++) {
			bool is_down[512] = { false };
			double worst;

			shuffle(order, row->members, subset);
			for (__u32 i = 0; i < row->down; i++)
				is_down[order[i]] = true;
			worst = worst_share(row, table, is_down);
			cr_expect_leq(worst, 0.1, "%u of %u down, %u buckets: %.1f %%", row->down,
				      row->members, row->buckets, 100 * worst);
		}
		free(table);
	}
}
