// SPDX-License-Identifier: BSD-2-Clause
/*
 * Numbers by hash: all that were added are found, in order, and no others.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/lookup.h"

#define MANY 10000

Test(lookup, finds_each_of_many)
{
	struct lookup lookup;

	cr_assert_eq(lookup_open(&lookup, MANY), 0);
	for (uint32_t i = 0; i < MANY; i += 2)
		lookup_add(&lookup, lookup_hash(0, &i, sizeof(i)), i);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t found = lookup_first(&lookup, lookup_hash(0, &i, sizeof(i)));

		while (found != LOOKUP_NONE && found != i)
			found = lookup_next(&lookup, found);
		cr_expect_eq(found, i % 2 ? LOOKUP_NONE : i, "%u: %u", i, found);
	}
	lookup_close(&lookup);
}

/* Equal hashes: the last added first, however many others share their chain. */
Test(lookup, equal_hashes)
{
	const uint32_t wanted[] = { 7, 40, 2 };
	struct lookup lookup;
	uint32_t found;

	cr_assert_eq(lookup_open(&lookup, 64), 0);
	lookup_add(&lookup, 5, 2);
	lookup_add(&lookup, 5 + (1U << 20), 3); /* the same head, another hash */
	lookup_add(&lookup, 5, 40);
	lookup_add(&lookup, 5 + (1U << 21), 63);
	lookup_add(&lookup, 5, 7);
	found = lookup_first(&lookup, 5);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		cr_expect_eq(found, wanted[i], "%zu: %u", i, found);
		found = lookup_next(&lookup, found);
	}
	cr_expect_eq(found, LOOKUP_NONE);
	cr_expect_eq(lookup_first(&lookup, 6), LOOKUP_NONE);
	lookup_close(&lookup);
}

Test(lookup, empty_and_closed)
{
	struct lookup lookup, nothing = { 0 };

	cr_assert_eq(lookup_open(&lookup, 0), 0);
	cr_expect_eq(lookup_first(&lookup, 0), LOOKUP_NONE);
	lookup_close(&lookup);
	lookup_close(&lookup);
	lookup_close(&nothing);
}

/* Keys that differ in one bit, or in where their bytes are split, have other hashes. */
Test(lookup, hash)
{
	char key[16] = "0123456789abcde";
	uint32_t hash = lookup_hash(0, key, sizeof(key));

	for (size_t bit = 0; bit < 8 * sizeof(key); bit++) {
		key[bit / 8] ^= 1 << bit % 8;
		cr_expect_neq(lookup_hash(0, key, sizeof(key)), hash, "bit %zu", bit);
		key[bit / 8] ^= 1 << bit % 8;
	}
	cr_expect_neq(lookup_hash(1, key, sizeof(key)), hash);
	cr_expect_neq(lookup_hash(0, key, sizeof(key) - 1), hash);
}
