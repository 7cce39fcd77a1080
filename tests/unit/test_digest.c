// SPDX-License-Identifier: BSD-2-Clause
/*
 * Digests: of known values, and however values are put in.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/digest.h"

TestSuite(digest);

#define LONGEST 5000

struct kind {
	const char *name;
	void (*init)(struct digest *digest);
	/* By the library at once, which is another function of it than the one that takes parts. */
	uint64_t (*at_once)(const void *bytes, size_t length);
};

static uint64_t xxh3(const void *bytes, size_t length)
{
	return XXH3_64bits(bytes, length);
}

static uint64_t blake2b(const void *bytes, size_t length)
{
	unsigned char hash[crypto_generichash_BYTES_MIN];
	uint64_t number;

	crypto_generichash(hash, sizeof(hash), bytes, length, NULL, 0);
	memcpy(&number, hash, sizeof(number));
	return le64toh(number);
}

static const struct kind kinds[] = {
	{ "BLAKE2b", digest_init, blake2b },
	{ "XXH3", digest_init_fast, xxh3 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void fill(unsigned char *bytes)
{
	for (size_t i = 0; i < LONGEST; i++)
		bytes[i] = i * 7 + i / 251;
}

/* The value that XXH3's specification has for no input. */
Test(digest, is_known)
{
	struct digest digest;

	digest_init_fast(&digest);
	cr_expect_eq(digest_final(&digest), 0x2d06800538d394c2);
}

/* Whatever the machine is. */
Test(digest, numbers_are_little_endian)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct digest digest;

		kinds[i].init(&digest);
		digest_number(&digest, 0x0807060504030201);
		cr_expect_eq(digest_final(&digest), kinds[i].at_once("\1\2\3\4\5\6\7\10", 8), "%s",
			     kinds[i].name);
	}
}

static void check_pieces(const struct kind *kind)
{
	static const size_t pieces[] = {
		1, 7, 8, 63, 64, 511, 1016, 1023, 1024, 1025, 2049, LONGEST
	};
	unsigned char bytes[LONGEST];

	fill(bytes);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct digest digest;

		kind->init(&digest);
		for (size_t at = 0; at < LONGEST; at += pieces[i])
			digest_put(&digest, bytes + at,
				   at + pieces[i] < LONGEST ? pieces[i] : LONGEST - at);
		cr_expect_eq(digest_final(&digest), kind->at_once(bytes, LONGEST), "%s: of %zu",
			     kind->name, pieces[i]);
	}
}

/* Pieces of all sizes, around what is gathered at once. */
Test(digest, by_pieces)
{
	for (size_t i = 0; i < KINDS; i++)
		check_pieces(&kinds[i]);
}

static void check_numbers(const struct kind *kind)
{
	unsigned char bytes[LONGEST], put[LONGEST + 8];

	fill(bytes);
	for (size_t before = 1010; before < 1030; before++) {
		struct digest digest;

		memcpy(put, bytes, before);
		memset(put + before, 0, 8);
		put[before] = 42;
		memcpy(put + before + 8, bytes + before, LONGEST - before);
		kind->init(&digest);
		digest_put(&digest, bytes, before);
		digest_number(&digest, 42);
		digest_put(&digest, bytes + before, LONGEST - before);
		cr_expect_eq(digest_final(&digest), kind->at_once(put, sizeof(put)),
			     "%s: behind %zu", kind->name, before);
	}
}

Test(digest, numbers_among_pieces)
{
	for (size_t i = 0; i < KINDS; i++)
		check_numbers(&kinds[i]);
}

static uint64_t two_texts(const char *a, const char *b)
{
	struct digest digest;

	digest_init(&digest);
	digest_text(&digest, a);
	digest_text(&digest, b);
	return digest_final(&digest);
}

/* Where one text ends and the next begins is part of it. */
Test(digest, texts_are_apart)
{
	static const char *const texts[][2] = {
		{ "ab", "c" }, { "a", "bc" }, { "abc", "" }, { "", "abc" },
		{ "", "" },    { NULL, "" },  { "", NULL },  { NULL, NULL },
		{ "a", NULL }, { NULL, "a" }, { "\1", "a" }, { "a", "\1" },
	};
	size_t count = sizeof(texts) / sizeof(texts[0]);

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			cr_expect_neq(two_texts(texts[i][0], texts[i][1]),
				      two_texts(texts[j][0], texts[j][1]), "%zu and %zu", i, j);
}
