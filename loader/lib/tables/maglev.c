// SPDX-License-Identifier: BSD-2-Clause
/*
 * Maglev tables with weights.
 */
#include "tables/maglev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define FREE UINT32_MAX

/* One member while the table is filled: where it stands in its own order of buckets. */
struct candidate {
	const char *name;
	uint32_t number; /* in the caller's array */
	uint32_t weight;
	uint32_t credit;
	uint32_t next; /* the bucket it wants next */
	uint32_t skip;
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

static int by_name(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static uint32_t take_next(struct candidate *c, uint32_t buckets)
{
	uint32_t bucket = c->next;
	uint64_t next = (uint64_t)bucket + c->skip;

	c->next = next >= buckets ? next - buckets : next;
	return bucket;
}

/* Rounds of turns: a member of the heaviest weight has one in each, the others in proportion. */
static void fill_table(struct candidate *candidates, size_t count, uint32_t *table,
		       uint32_t buckets)
{
	uint32_t heaviest = 0, filled = 0;

	for (size_t i = 0; i < count; i++)
		if (candidates[i].weight > heaviest)
			heaviest = candidates[i].weight;
	for (size_t i = 0; filled < buckets; i = (i + 1) % count) {
		struct candidate *c = &candidates[i];
		uint32_t bucket;

		c->credit += c->weight;
		if (c->credit < heaviest)
			continue;
		c->credit -= heaviest;
		do
			bucket = take_next(c, buckets);
		while (table[bucket] != FREE);
		table[bucket] = c->number;
		filled++;
	}
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
	if (!err) {
		memset(ret_table, 0xff, buckets * sizeof(*ret_table));
		fill_table(candidates, count, ret_table, buckets);
	}
	free(candidates);
	return err;
}
