// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a receiver knows of one incarnation of a reporter.
 */
#include "health/share_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int share_set_begin(struct share_set *set, uint32_t total, uint64_t floor)
{
	struct share_known *known;
	uint32_t capacity = 2;

	while (capacity < 2 * total)
		capacity *= 2;
	known = calloc(capacity, sizeof(*known));
	if (!known)
		return -ENOMEM;
	share_set_end(set);
	set->known = known;
	set->capacity = capacity;
	set->total = total;
	set->floor = floor;
	set->newest = floor - 1;
	return 0;
}

void share_set_end(struct share_set *set)
{
	free(set->known);
	memset(set, 0, sizeof(*set));
}

static uint64_t bit_of(uint64_t sequence)
{
	return 1ULL << (sequence % 64);
}

static uint64_t *word_of(struct share_set *set, uint64_t sequence)
{
	return &set->window[sequence % SHARE_WINDOW / 64];
}

/* The numbers up to @sequence come into the window: none of them has come yet. */
static void advance(struct share_set *set, uint64_t sequence)
{
	if (sequence - set->newest >= SHARE_WINDOW) {
		memset(set->window, 0, sizeof(set->window));
	} else {
		for (uint64_t n = set->newest + 1; n <= sequence; n++)
			*word_of(set, n) &= ~bit_of(n);
	}
	set->newest = sequence;
}

enum share_refusal share_set_mark(struct share_set *set, uint64_t sequence)
{
	if (sequence < set->floor)
		return SHARE_REFUSED_OLD;
	if (sequence > set->newest)
		advance(set, sequence);
	else if (set->newest - sequence >= SHARE_WINDOW)
		return SHARE_REFUSED_OLD;
	if (*word_of(set, sequence) & bit_of(sequence))
		return SHARE_REFUSED_DUPLICATE;
	*word_of(set, sequence) |= bit_of(sequence);
	return SHARE_ACCEPTED;
}

struct share_known *share_set_find(struct share_set *set, uint64_t backend, uint64_t check)
{
	uint32_t mask = set->capacity - 1;
	uint32_t at = (uint32_t)(backend ^ check) & mask;

	while (set->known[at].taken &&
	       (set->known[at].entry.backend != backend || set->known[at].entry.check != check))
		at = (at + 1) & mask;
	if (!set->known[at].taken && set->count == set->total)
		return NULL;
	return &set->known[at];
}

void share_set_put(struct share_set *set, struct share_known *known,
		   const struct share_entry *entry)
{
	if (!known->taken)
		set->count++;
	known->taken = true;
	known->entry = *entry;
	set->digest -= known->digest;
	known->digest = share_digest(entry);
	set->digest += known->digest;
}
