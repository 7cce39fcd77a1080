// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bucket tables: shares, stability, and what is refused.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "tables/maglev.h"
#include "plan_world.h"

#define MANY 1000

static char names[MANY + 1][24];

/* Members b0, b1, ... of weights 1, or 1 .. cycle in turn. */
static struct maglev_member *make_members(size_t count, uint32_t cycle)
{
	struct maglev_member *members = calloc(count, sizeof(*members));

	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "b%zu", i);
		members[i] = (struct maglev_member){ names[i], i % cycle + 1 };
	}
	return members;
}

static uint32_t *build(const struct maglev_member *members, size_t count, uint32_t buckets)
{
	uint32_t *table = malloc(buckets * sizeof(*table));

	memset(table, 0xee, buckets * sizeof(*table));
	cr_assert_eq(maglev_build(members, count, table, buckets), 0);
	return table;
}

static const char *name_at(const struct maglev_member *members, const uint32_t *table, uint32_t i)
{
	return members[table[i]].name;
}

static uint64_t digest_of(const struct maglev_member *members, const uint32_t *table,
			  uint32_t buckets)
{
	uint64_t *hashes = malloc(buckets * sizeof(*hashes)), digest;

	for (uint32_t i = 0; i < buckets; i++)
		hashes[i] = maglev_name_hash(name_at(members, table, i));
	digest = maglev_digest(hashes, buckets);
	free(hashes);
	return digest;
}

/* Weights that differ by 10:1 at most: shares within 2 % of fair; equal ones within 1 %. */
static const struct {
	size_t count;
	uint32_t
		cycle; /* weights 1 .. cycle in turn; or, if `heavy`, that many weigh 10 and others 1 */
	size_t heavy;
	double within;
} share_rows[] = {
	{ 1, 1, 0, 0.01 },     { 2, 1, 0, 0.01 },      { 3, 1, 0, 0.01 },     { 10, 1, 0, 0.01 },
	{ 100, 1, 0, 0.01 },   { 1000, 1, 0, 0.01 },   { 655, 1, 0, 0.01 },   { 3, 3, 0, 0.02 },
	{ 10, 10, 0, 0.02 },   { 100, 10, 0, 0.02 },   { 1000, 10, 0, 0.02 }, { 10, 1, 1, 0.02 },
	{ 10, 1, 9, 0.02 },    { 100, 1, 1, 0.02 },    { 100, 1, 50, 0.02 },  { 100, 1, 99, 0.02 },
	{ 163, 1, 162, 0.02 }, { 1000, 1, 999, 0.02 },
};

static struct maglev_member *make_weighted(size_t row)
{
	struct maglev_member *members = make_members(share_rows[row].count, share_rows[row].cycle);

	for (size_t i = 0; i < share_rows[row].heavy; i++)
		members[i].weight = 10;
	return members;
}

/* What the loader makes of these weights. */
static uint32_t buckets_for(const struct maglev_member *members, size_t count)
{
	struct config_member *configs = calloc(count, sizeof(*configs));
	uint32_t buckets;

	for (size_t i = 0; i < count; i++)
		configs[i].weight = members[i].weight;
	buckets = config_buckets_for(configs, count);
	free(configs);
	return buckets;
}

static void check_shares(size_t row, const struct maglev_member *members, const uint32_t *table,
			 uint32_t buckets)
{
	size_t count = share_rows[row].count;
	uint32_t *shares = calloc(count, sizeof(*shares));
	double weights = 0;

	for (size_t i = 0; i < count; i++)
		weights += members[i].weight;
	for (uint32_t i = 0; i < buckets; i++) {
		cr_assert_lt(table[i], count, "row %zu: bucket %u is not filled", row, i);
		shares[table[i]]++;
	}
	for (size_t i = 0; i < count; i++) {
		double fair = buckets * members[i].weight / weights;

		cr_expect_leq(
			fabs(shares[i] - fair), share_rows[row].within * fair,
			"%zu members, weights 1..%u, %zu of 10: %s has %u buckets, fair are %f",
			count, share_rows[row].cycle, share_rows[row].heavy, names[i], shares[i],
			fair);
	}
	free(shares);
}

Test(maglev, shares)
{
	for (size_t row = 0; row < sizeof(share_rows) / sizeof(share_rows[0]); row++) {
		size_t count = share_rows[row].count;
		struct maglev_member *members = make_weighted(row);
		uint32_t buckets = buckets_for(members, count);
		uint32_t *table = build(members, count, buckets);

		check_shares(row, members, table, buckets);
		free(table);
		free(members);
	}
}

Test(maglev, order_does_not_matter)
{
	const uint32_t buckets = config_default_buckets(100);
	struct maglev_member *members = make_members(100, 10);
	uint32_t *table = build(members, 100, buckets);
	uint64_t digest = digest_of(members, table, buckets), random = 1;

	for (int round = 0; round < 5; round++) {
		struct maglev_member *shuffled = make_members(100, 10);
		uint32_t *other;

		for (uint32_t i = 99; i > 0; i--) {
			uint32_t j = next_random(&random, i + 1);
			struct maglev_member swapped = shuffled[i];

			shuffled[i] = shuffled[j];
			shuffled[j] = swapped;
		}
		other = build(shuffled, 100, buckets);
		for (uint32_t i = 0; i < buckets; i++)
			cr_assert_str_eq(name_at(shuffled, other, i), name_at(members, table, i),
					 "round %d: bucket %u", round, i);
		cr_expect_eq(digest_of(shuffled, other, buckets), digest, "round %d", round);
		free(other);
		free(shuffled);
	}
	free(table);
	free(members);
}

Test(maglev, weight_0_is_in_no_bucket)
{
	struct maglev_member members[] = { { "a", 0 }, { "b", 3 }, { "c", 0 }, { "d", 1 } };
	struct maglev_member without[] = { { "b", 3 }, { "d", 1 } };
	uint32_t *table = build(members, 4, 1021), *other = build(without, 2, 1021);

	for (uint32_t i = 0; i < 1021; i++) {
		cr_expect(table[i] == 1 || table[i] == 3, "bucket %u: %u", i, table[i]);
		cr_expect_str_eq(name_at(members, table, i), name_at(without, other, i),
				 "bucket %u: as if they were not there", i);
	}
	free(table);
	free(other);
}

/* The ratio of weights alone counts. */
Test(maglev, weights_are_relative)
{
	struct maglev_member small[] = { { "a", 1 }, { "b", 2 }, { "c", 3 } };
	struct maglev_member large[] = { { "a", 300 }, { "b", 600 }, { "c", 900 } };
	uint32_t *table = build(small, 3, 2039), *other = build(large, 3, 2039);

	cr_expect_arr_eq(table, other, 2039 * sizeof(*table));
	free(table);
	free(other);
}

/* One more or one fewer: who of the others' buckets changes hands. */
static const struct {
	const char *row;
	size_t count; /* with the one that comes or goes */
	size_t which;
	double moved; /* at most, of the buckets of those that stay */
} change_rows[] = {
	{ "first of 100", 100, 0, 0.02 }, { "one of 100", 100, 42, 0.02 },
	{ "last of 100", 100, 99, 0.02 }, { "one of 1000", 1000, 500, 0.02 },
	{ "one of 10", 10, 3, 0.03 },
};

Test(maglev, changes_move_few_buckets)
{
	for (size_t row = 0; row < sizeof(change_rows) / sizeof(change_rows[0]); row++) {
		size_t count = change_rows[row].count, which = change_rows[row].which;
		uint32_t buckets = config_default_buckets(count), others = 0, moved = 0;
		struct maglev_member *members = make_members(count, 1);
		uint32_t *all = build(members, count, buckets), *rest;
		struct maglev_member *fewer = make_members(count, 1);

		memmove(fewer + which, fewer + which + 1, (count - which - 1) * sizeof(*fewer));
		rest = build(fewer, count - 1, buckets);
		for (uint32_t i = 0; i < buckets; i++) {
			if (all[i] == which)
				continue;
			others++;
			moved += strcmp(name_at(members, all, i), name_at(fewer, rest, i)) != 0;
		}
		cr_expect_leq(moved, change_rows[row].moved * others, "%s: %u of %u moved",
			      change_rows[row].row, moved, others);
		free(all);
		free(rest);
		free(members);
		free(fewer);
	}
}

static const struct {
	const char *row;
	struct maglev_member members[3];
	size_t count;
	uint32_t buckets;
	int result;
} rule_rows[] = {
	{ "none", { { NULL } }, 0, 7, -EINVAL },
	{ "no weight", { { "a", 0 }, { "b", 0 } }, 2, 7, -EINVAL },
	{ "duplicates", { { "a", 1 }, { "b", 1 }, { "a", 2 } }, 3, 7, -EINVAL },
	{ "duplicate without weight", { { "a", 1 }, { "b", 1 }, { "a", 0 } }, 3, 7, -EINVAL },
	{ "one bucket", { { "a", 1 } }, 1, 1, -EINVAL },
	{ "two buckets, one member", { { "a", 1 } }, 1, 2, 0 },
	{ "two buckets, two members", { { "a", 1 }, { "b", 1 } }, 2, 2, 0 },
	{ "two buckets, three members", { { "a", 1 }, { "b", 1 }, { "c", 1 } }, 3, 2, 0 },
	{ "prefixes are not equal", { { "a", 1 }, { "aa", 1 }, { "", 1 } }, 3, 7, 0 },
	{ "greatest weights", { { "a", UINT32_MAX / 2 }, { "b", 1 } }, 2, 7, 0 },
};

Test(maglev, rules)
{
	for (size_t row = 0; row < sizeof(rule_rows) / sizeof(rule_rows[0]); row++) {
		size_t count = rule_rows[row].count;
		uint32_t buckets = rule_rows[row].buckets, table[8];
		int err;

		memset(table, 0xee, sizeof(table));
		err = maglev_build(rule_rows[row].members, count, table, buckets);
		cr_expect_eq(err, rule_rows[row].result, "%s: %d", rule_rows[row].row, err);
		for (uint32_t i = 0; i < buckets; i++)
			cr_expect(rule_rows[row].result ? table[i] == 0xeeeeeeee : table[i] < count,
				  "%s: bucket %u: %x", rule_rows[row].row, i, table[i]);
		for (uint32_t i = buckets; i < 8; i++)
			cr_expect_eq(table[i], 0xeeeeeeee, "%s: beyond the end",
				     rule_rows[row].row);
	}
}

/* What nodes of different versions must agree on: a change here moves every flow of every cluster. */
static const struct {
	const char *row;
	size_t count;
	uint32_t cycle, buckets;
	uint64_t digest;
} known_rows[] = {
	{ "one", 1, 1, 7, 0xfc5a926b998465be },
	{ "three", 3, 1, 1021, 0xa61e0a41bf20b5c9 },
	{ "weights", 10, 10, 1021, 0xab482fcee8dd53d2 },
	{ "a hundred", 100, 1, 16381, 0x29c6f0926b513e7b },
	{ "a hundred, weights", 100, 10, 16381, 0xa98efc2e0bcae09e },
	{ "a thousand", 1000, 1, 131071, 0xde3e4c87ba5d396b },
	{ "a thousand, weights", 1000, 9, 131071, 0xd5a93a3e6af66f3a },
};

/* The same by the function that takes numbers. */
static uint64_t table_digest_of(const struct maglev_member *members, size_t count,
				const uint32_t *table, uint32_t buckets)
{
	uint64_t *names = calloc(count, sizeof(*names)), digest;

	for (size_t i = 0; i < count; i++)
		names[i] = maglev_name_hash(members[i].name);
	digest = maglev_table_digest(names, table, buckets);
	free(names);
	return digest;
}

Test(maglev, known_digests)
{
	for (size_t row = 0; row < sizeof(known_rows) / sizeof(known_rows[0]); row++) {
		struct maglev_member *members =
			make_members(known_rows[row].count, known_rows[row].cycle);
		uint32_t *table = build(members, known_rows[row].count, known_rows[row].buckets);
		uint64_t digest = digest_of(members, table, known_rows[row].buckets);

		cr_expect_eq(digest, known_rows[row].digest, "%s: %#llx", known_rows[row].row,
			     (unsigned long long)digest);
		cr_expect_eq(table_digest_of(members, known_rows[row].count, table,
					     known_rows[row].buckets),
			     digest, "%s: by numbers", known_rows[row].row);
		free(table);
		free(members);
	}
}

Test(maglev, digests_tell_tables_apart)
{
	const uint64_t tables[][3] = {
		{ 1, 2, 3 }, { 1, 2, 4 }, { 1, 3, 2 }, { 0, 2, 3 }, { 1ULL << 63 | 1, 2, 3 },
	};
	const uint64_t same[] = { 1, 2, 3 };
	const size_t count = sizeof(tables) / sizeof(tables[0]);

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			cr_expect_neq(maglev_digest(tables[i], 3), maglev_digest(tables[j], 3),
				      "%zu and %zu", i, j);
	cr_expect_eq(maglev_digest(tables[0], 3), maglev_digest(same, 3));
	cr_expect_neq(maglev_digest(same, 3), maglev_digest(same, 2), "length");
	cr_expect_neq(maglev_name_hash("a"), maglev_name_hash("b"));
}
