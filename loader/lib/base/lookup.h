/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the numbers of things by a key, where a plan would else go over all of them for each of
 * thousands. Holds no keys: what is found has the same hash, and the caller compares.
 */
#ifndef XDPLB_LOOKUP_H
#define XDPLB_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

#define LOOKUP_NONE UINT32_MAX

struct lookup {
	uint32_t *heads; /* by the low bits of the hash */
	uint32_t *next; /* by number */
	uint32_t *hashes; /* by number; undefined for those that were not added */
	uint32_t mask;
};

/**
 * lookup_open() - An empty lookup for numbers 0 .. count - 1.
 * @ret: lookup_close() gives it back, as it does a zeroed one
 *
 * Return: 0 or -ENOMEM.
 */
int lookup_open(struct lookup *ret, uint32_t count);
void lookup_close(struct lookup *lookup);

/* A hash of bytes; @seed: that of what comes before, or 0. Not for keys that an enemy chooses. */
uint32_t lookup_hash(uint32_t seed, const void *bytes, size_t len);

/* Each number at most once. */
void lookup_add(struct lookup *lookup, uint32_t hash, uint32_t number);

/* Numbers with a hash, the last added first; LOOKUP_NONE: no more. */
uint32_t lookup_first(const struct lookup *lookup, uint32_t hash);
uint32_t lookup_next(const struct lookup *lookup, uint32_t number);

#endif
