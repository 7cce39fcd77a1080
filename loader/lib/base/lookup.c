// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hash chains of numbers.
 */
#include "base/lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int lookup_open(struct lookup *ret, uint32_t count)
{
	uint32_t heads = 16;
	struct lookup lookup;

	while (heads < count && heads < 1U << 31)
		heads *= 2;
	lookup = (struct lookup){
		.heads = malloc(heads * sizeof(*lookup.heads)),
		.next = calloc(count + 1ULL, sizeof(*lookup.next)),
		.hashes = calloc(count + 1ULL, sizeof(*lookup.hashes)),
		.mask = heads - 1,
	};
	if (!lookup.heads || !lookup.next || !lookup.hashes) {
		lookup_close(&lookup);
		return -ENOMEM;
	}
	memset(lookup.heads, 0xff, heads * sizeof(*lookup.heads));
	*ret = lookup;
	return 0;
}

void lookup_close(struct lookup *lookup)
{
	free(lookup->heads);
	free(lookup->next);
	free(lookup->hashes);
	memset(lookup, 0, sizeof(*lookup));
}

/* FNV-1a, and a multiplication more, for its low bits alone would not know of the high ones. */
uint32_t lookup_hash(uint32_t seed, const void *bytes, size_t len)
{
	const unsigned char *byte = bytes;
	uint32_t hash = seed ^ 2166136261U;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * 16777619U;
	hash ^= hash >> 15;
	hash *= 0x85ebca6bU;
	return hash ^ hash >> 13;
}

void lookup_add(struct lookup *lookup, uint32_t hash, uint32_t number)
{
	uint32_t *head = &lookup->heads[hash & lookup->mask];

	lookup->hashes[number] = hash;
	lookup->next[number] = *head;
	*head = number;
}

static uint32_t skip_others(const struct lookup *lookup, uint32_t hash, uint32_t number)
{
	while (number != LOOKUP_NONE && lookup->hashes[number] != hash)
		number = lookup->next[number];
	return number;
}

uint32_t lookup_first(const struct lookup *lookup, uint32_t hash)
{
	return skip_others(lookup, hash, lookup->heads[hash & lookup->mask]);
}

uint32_t lookup_next(const struct lookup *lookup, uint32_t number)
{
	return skip_others(lookup, lookup->hashes[number], lookup->next[number]);
}
