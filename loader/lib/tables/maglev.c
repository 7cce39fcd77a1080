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

/* One member while the table is filled: where it stands in its own order of buckets. */
struct candidate {
	const char *name;
	uint32_t number; /* in the caller's array */
	uint32_t weight;
	uint32_t credit;
	uint32_t next; /* the bucket it wants next */
	uint32_t skip;
};

/* Which buckets are free while a table is filled. */
struct filling {
	uint64_t *taken; /* a bit a bucket: 1/32 of the table, and so in the cache */
	uint32_t *rest; /* the free ones, once they are few */
	uint32_t rest_count, rest_max;
	uint32_t buckets, left;
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
	unsigned char out[crypto_generichash_BYTES];
	uint64_t digest;

	crypto_generichash(out, sizeof(out), (const unsigned char *)hashes,
			   buckets * sizeof(*hashes), NULL, 0);
	memcpy(&digest, out, sizeof(digest));
	return digest;
}

uint64_t maglev_table_digest(const uint64_t *names, const uint32_t *table, size_t buckets)
{
	unsigned char out[crypto_generichash_BYTES];
	crypto_generichash_state state;
	uint64_t hashes[512], digest;
	size_t n = 0;

	crypto_generichash_init(&state, NULL, 0, sizeof(out));
	for (size_t i = 0; i < buckets; i++) {
		hashes[n++] = names[table[i]];
		if (n < sizeof(hashes) / sizeof(hashes[0]) && i + 1 < buckets)
			continue;
		crypto_generichash_update(&state, (const unsigned char *)hashes,
					  n * sizeof(hashes[0]));
		n = 0;
	}
	crypto_generichash_final(&state, out, sizeof(out));
	memcpy(&digest, out, sizeof(digest));
	return digest;
}

static int by_name(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Of two numbers below `buckets`. */
static uint32_t add_modulo(uint32_t a, uint32_t b, uint32_t buckets)
{
	uint64_t sum = (uint64_t)a + b;

	return sum >= buckets ? sum - buckets : sum;
}

static bool is_taken(const struct filling *f, uint32_t bucket)
{
	return f->taken[bucket / 64] >> bucket % 64 & 1;
}

/* The next bucket in a member's order that is free, found by walking it. */
static uint32_t walk(const struct filling *f, const struct candidate *c)
{
	uint32_t bucket = c->next;

	while (is_taken(f, bucket))
		bucket = add_modulo(bucket, c->skip, f->buckets);
	return bucket;
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
 * The same bucket as walk() finds: that of the few which are left that comes first in the member's order.
 * Bucket b is number (b - next) / skip in it.
 */
static uint32_t pick_of_rest(struct filling *f, const struct candidate *c)
{
	uint64_t steps = inverse(c->skip, f->buckets), nearest = UINT64_MAX;
	uint32_t at = 0, bucket;

	for (uint32_t i = 0; i < f->rest_count; i++) {
		uint64_t distance = add_modulo(f->rest[i], f->buckets - c->next, f->buckets);

		distance = distance * steps % f->buckets;
		if (distance < nearest) {
			nearest = distance;
			at = i;
		}
	}
	bucket = f->rest[at];
	f->rest[at] = f->rest[--f->rest_count];
	return bucket;
}

/* Whoever looks for one of few free buckets walks for long; when there are as few as this, the free ones are listed. */
static void list_rest(struct filling *f)
{
	for (uint32_t i = 0; i < f->buckets; i++)
		if (!is_taken(f, i))
			f->rest[f->rest_count++] = i;
}

static void take(struct filling *f, struct candidate *c, uint32_t *table)
{
	uint32_t bucket = f->rest_count ? pick_of_rest(f, c) : walk(f, c);

	f->taken[bucket / 64] |= 1ULL << bucket % 64;
	table[bucket] = c->number;
	c->next = add_modulo(bucket, c->skip, f->buckets);
	if (--f->left == f->rest_max)
		list_rest(f);
}

/* Rounds of turns: a member of the heaviest weight has one in each, the others in proportion. */
static void fill_table(struct filling *f, struct candidate *candidates, size_t count,
		       uint32_t *table)
{
	uint32_t heaviest = 0;

	for (size_t i = 0; i < count; i++)
		if (candidates[i].weight > heaviest)
			heaviest = candidates[i].weight;
	for (size_t i = 0; f->left; i = i + 1 == count ? 0 : i + 1) {
		struct candidate *c = &candidates[i];

		c->credit += c->weight;
		if (c->credit < heaviest)
			continue;
		c->credit -= heaviest;
		take(f, c, table);
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

static int fill_all(struct candidate *candidates, size_t count, uint32_t *table, uint32_t buckets)
{
	struct filling f = { .buckets = buckets, .left = buckets, .rest_max = few_of(buckets) };
	int err = 0;

	f.taken = calloc(buckets / 64 + 1, sizeof(*f.taken));
	f.rest = malloc(f.rest_max * sizeof(*f.rest));
	if (f.taken && f.rest)
		fill_table(&f, candidates, count, table);
	else
		err = -ENOMEM;
	free(f.taken);
	free(f.rest);
	return err;
}

int maglev_build(const struct maglev_member *members, size_t count, uint32_t *ret_table,
		 uint32_t buckets)
{
	struct candidate *candidates;
	uint64_t weights = 0;
	int err = 0;

	if (!count || buckets < 2)
		return -EINVAL;
	candidates = calloc(count, sizeof(*candidates));
	if (!candidates)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *name = members[i].name;

		candidates[i] = (struct candidate){
			.name = name,
			.number = i,
			.weight = members[i].weight,
			.next = hash_name(name, offset_key) % buckets,
			.skip = hash_name(name, skip_key) % (buckets - 1) + 1,
		};
		weights += members[i].weight;
	}
	qsort(candidates, count, sizeof(*candidates), by_name);
	for (size_t i = 1; i < count; i++)
		if (!strcmp(candidates[i - 1].name, candidates[i].name))
			err = -EINVAL;
	if (!weights)
		err = -EINVAL;
	if (!err)
		err = fill_all(candidates, count, ret_table, buckets);
	free(candidates);
	return err;
}
