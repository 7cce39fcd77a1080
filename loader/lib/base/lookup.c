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

/* A multiplication for each word, whose high half holds of all its bits, and one more for the last. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

/* Word by word: plans hash hundreds of thousands of addresses and names. */
uint32_t lookup_hash(uint32_t seed, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t hash = mix(seed, len + 1), word;

	for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = mix(hash, word);
	}
	for (word = 0; len > 0; len--)
		word = word << 8 | at[len - 1];
	return mix(hash, word);
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
