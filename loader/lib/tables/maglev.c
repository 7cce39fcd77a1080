// SPDX-License-Identifier: BSD-2-Clause
/*
 * Maglev tables with weights.
 */
#include "tables/maglev.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/digest.h"

/* One member while the table is filled: where it stands in its own order of buckets. Small: all are gone through for
 * each bucket that each of them takes. */
struct candidate {
	uint32_t next; /* the bucket it wants next */
	uint32_t skip;
	uint32_t number; /* in the caller's array */
	uint32_t weight;
	uint32_t credit;
};

/*
 * Whose turn it is: a member of the heaviest weight has one in each round, the others in proportion.
 */
struct turns {
	struct candidate *candidates;
	size_t count, at;
	uint32_t heaviest;
};

/* Public constants: the tables must be equal on all nodes, and hide nothing. */
static const unsigned char offset_key[crypto_shorthash_KEYBYTES] = "maglev offset 1";
static const unsigned char skip_key[crypto_shorthash_KEYBYTES] = "maglev skip 1";
static const unsigned char digest_key[crypto_shorthash_KEYBYTES] = "maglev digest 1";

static uint64_t hash_name(const char *name, const unsigned char *key)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash = 0;

	crypto_shorthash(out, (const unsigned char *)name, strlen(name), key);
	for (size_t i = 0; i < sizeof(out); i++)
		hash |= (uint64_t)out[i] << (8 * i);
	return hash;
}

uint64_t maglev_name_hash(const char *name)
{
	return hash_name(name, digest_key);
}

uint64_t maglev_digest(const uint64_t *hashes, size_t buckets)
{
	struct digest digest;

	digest_init_fast(&digest);
	for (size_t i = 0; i < buckets; i++)
		digest_number(&digest, hashes[i]);
	return digest_final(&digest);
}

uint64_t maglev_table_digest(const uint64_t *names, const uint32_t *table, size_t buckets)
{
	struct digest digest;

	digest_init_fast(&digest);
	for (size_t i = 0; i < buckets; i++)
		digest_number(&digest, names[table[i]]);
	return digest_final(&digest);
}

static int by_name(const void *a, const void *b)
{
	const struct maglev_member *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Of two numbers below `buckets`; no sum is too large. */
static uint32_t add_modulo(uint32_t a, uint32_t b, uint32_t buckets)
{
	return a >= buckets - b ? a - (buckets - b) : a + b;
}

/* @unused: a bit a bucket, 1/32 of the table, and so in the cache */
static uint32_t is_free(const uint64_t *unused, uint32_t bucket)
{
	return unused[bucket / 64] >> bucket % 64 & 1;
}

/*
 * The next bucket in a member's order that is free, found by walking it. Four are looked at together, and then which
 * of them was the first: where a walk ends can't be guessed, and each wrong guess of the processor's costs more than
 * to look at three for nothing.
 */
static uint32_t walk(const uint64_t *unused, uint32_t buckets, uint32_t next, uint32_t skip)
{
	uint32_t at[4] = { next }, found;

	for (;;) {
		at[1] = add_modulo(at[0], skip, buckets);
		at[2] = add_modulo(at[1], skip, buckets);
		at[3] = add_modulo(at[2], skip, buckets);
		found = is_free(unused, at[0]) | is_free(unused, at[1]) << 1 |
			is_free(unused, at[2]) << 2 | is_free(unused, at[3]) << 3;
		if (found)
			return at[__builtin_ctz(found)];
		at[0] = add_modulo(at[3], skip, buckets);
	}
}

/* The number whose product with `number` is 1, modulo a prime (extended Euclidean algorithm). */
static uint32_t inverse(uint32_t number, uint32_t prime)
{
	int64_t factor = 1, next_factor = 0, rest = number, next_rest = prime;

	while (next_rest) {
		int64_t quotient = rest / next_rest, old = next_rest;

		next_rest = rest - quotient * next_rest;
		rest = old;
		old = next_factor;
		next_factor = factor - quotient * next_factor;
		factor = old;
	}
	return factor < 0 ? factor + prime : factor;
}

/*
 * Of the few buckets that are left, which comes first in a member's order: the same as walk() finds. Bucket b is number
 * (b - next) / skip in it. A quotient worked out with 32 bits of steps / buckets is right, or one too small: then what
 * is left is below 2 * buckets (Shoup's multiplication by a constant).
 */
static uint32_t nearest_of(const uint32_t *rest, uint32_t count, uint32_t buckets,
			   const struct candidate *c)
{
	uint64_t steps = inverse(c->skip, buckets), share = (steps << 32) / buckets;
	uint64_t nearest = UINT64_MAX;
	uint32_t at = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t ahead = add_modulo(rest[i], buckets - c->next, buckets);
		uint64_t number = ahead * steps - (ahead * share >> 32) * buckets;

		number = number >= buckets ? number - buckets : number;
		if (number < nearest) {
			nearest = number;
			at = i;
		}
	}
	return at;
}

static struct candidate *next_turn(struct turns *turns)
{
	for (;;) {
		struct candidate *c = &turns->candidates[turns->at];

		turns->at = turns->at + 1 == turns->count ? 0 : turns->at + 1;
		c->credit += c->weight;
		if (c->credit < turns->heaviest)
			continue;
		c->credit -= turns->heaviest;
		return c;
	}
}

static void fill_by_walking(struct turns *turns, uint64_t *restrict unused,
			    uint32_t *restrict table, uint32_t buckets, uint32_t count)
{
	struct turns t = *turns;

	for (uint32_t i = 0; i < count; i++) {
		struct candidate *c = next_turn(&t);
		uint32_t bucket = walk(unused, buckets, c->next, c->skip);

		unused[bucket / 64] &= ~(1ULL << bucket % 64);
		table[bucket] = c->number;
		c->next = add_modulo(bucket, c->skip, buckets);
	}
	*turns = t;
}

/* Whoever looks for one of few free buckets walks for long: these are listed. */
static void fill_rest(struct turns *turns, uint32_t *rest, uint32_t count, uint32_t *table,
		      uint32_t buckets)
{
	while (count) {
		struct candidate *c = next_turn(turns);
		uint32_t at = nearest_of(rest, count, buckets, c), bucket = rest[at];

		table[bucket] = c->number;
		c->next = add_modulo(bucket, c->skip, buckets);
		rest[at] = rest[--count];
	}
}

/* As many free buckets as it is about as much work to look through as to walk past the taken ones. */
static uint32_t few_of(uint32_t buckets)
{
	uint32_t few = 1;

	while ((uint64_t)few * few < buckets)
		few++;
	return few;
}

static int fill_table(struct turns *turns, uint32_t *table, uint32_t buckets)
{
	uint32_t few = few_of(buckets), listed = 0;
	size_t words = buckets / 64 + 1;
	uint64_t *unused = malloc(words * sizeof(*unused));
	uint32_t *rest = malloc(few * sizeof(*rest));
	int err = unused && rest ? 0 : -ENOMEM;

	if (!err) {
		memset(unused, 0xff, words * sizeof(*unused));
		fill_by_walking(turns, unused, table, buckets, buckets - few);
		for (uint32_t i = 0; i < buckets; i++)
			if (is_free(unused, i))
				rest[listed++] = i;
		fill_rest(turns, rest, few, table, buckets);
	}
	free(unused);
	free(rest);
	return err;
}

/* Is each name greater than the one before? */
static bool ascend(const struct maglev_member *const *members, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (strcmp(members[i - 1]->name, members[i]->name) >= 0)
			return false;
	return true;
}

/* In the order of names, which is that of turns. -EINVAL: two of one name, or no weight. */
static int order_members(const struct maglev_member *members, size_t count,
			 const struct maglev_member **ordered)
{
	uint64_t weights = 0;

	for (size_t i = 0; i < count; i++) {
		ordered[i] = &members[i];
		weights += members[i].weight;
	}
	/* A config's are in order, and for the sort to find that out takes longer than all the rest here. */
	if (!ascend(ordered, count)) {
		qsort(ordered, count, sizeof(*ordered), by_name);
		if (!ascend(ordered, count))
			return -EINVAL;
	}
	return weights ? 0 : -EINVAL;
}

int maglev_build(const struct maglev_member *members, size_t count, uint32_t *ret_table,
		 uint32_t buckets)
{
	struct turns turns = { .count = count };
	const struct maglev_member **ordered;
	int err;

	if (!count || buckets < 2)
		return -EINVAL;
	turns.candidates = calloc(count, sizeof(*turns.candidates));
	ordered = calloc(count, sizeof(*ordered));
	err = turns.candidates && ordered ? order_members(members, count, ordered) : -ENOMEM;
	for (size_t i = 0; i < count && !err; i++) {
		const char *name = ordered[i]->name;

		turns.candidates[i] = (struct candidate){
			.next = hash_name(name, offset_key) % buckets,
			.skip = hash_name(name, skip_key) % (buckets - 1) + 1,
			.number = ordered[i] - members,
			.weight = ordered[i]->weight,
		};
		if (ordered[i]->weight > turns.heaviest)
			turns.heaviest = ordered[i]->weight;
	}
	if (!err)
		err = fill_table(&turns, ret_table, buckets);
	free(turns.candidates);
	free(ordered);
	return err;
}
