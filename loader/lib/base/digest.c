// SPDX-License-Identifier: BSD-2-Clause
/*
 * BLAKE2b by libsodium, cut to 64 bits, or XXH3. Short values are gathered first: a large file has millions of
 * them, and a call for each would cost more than the hashing.
 */
#include "base/digest.h"

/* The shortest that libsodium promises to make; the digest is its first half. */
#define DIGEST_BYTES crypto_generichash_BYTES_MIN

void digest_init(struct digest *digest)
{
	digest->is_fast = false;
	digest->gathered = 0;
	crypto_generichash_init(&digest->lasting, NULL, 0, DIGEST_BYTES);
}

void digest_init_fast(struct digest *digest)
{
	digest->is_fast = true;
	digest->gathered = 0;
	XXH3_64bits_reset(&digest->fast);
}

static void hash(struct digest *digest, const void *bytes, size_t length)
{
	if (digest->is_fast)
		XXH3_64bits_update(&digest->fast, bytes, length);
	else
		crypto_generichash_update(&digest->lasting, bytes, length);
}

static void hash_gathered(struct digest *digest)
{
	hash(digest, digest->bytes, digest->gathered);
	digest->gathered = 0;
}

void digest_put(struct digest *digest, const void *bytes, size_t length)
{
	if (length > sizeof(digest->bytes) - digest->gathered)
		hash_gathered(digest);
	if (length > sizeof(digest->bytes)) {
		hash(digest, bytes, length);
		return;
	}
	memcpy(digest->bytes + digest->gathered, bytes, length);
	digest->gathered += length;
}

void digest_bytes(struct digest *digest, const void *bytes, size_t length)
{
	digest_number(digest, length);
	digest_put(digest, bytes, length);
}

void digest_text(struct digest *digest, const char *text)
{
	if (text)
		digest_bytes(digest, text, strlen(text));
	else
		digest_number(digest, UINT64_MAX);
}

uint64_t digest_final(struct digest *digest)
{
	unsigned char bytes[DIGEST_BYTES];
	uint64_t number;

	hash_gathered(digest);
	if (digest->is_fast)
		return XXH3_64bits_digest(&digest->fast);
	crypto_generichash_final(&digest->lasting, bytes, sizeof(bytes));
	memcpy(&number, bytes, sizeof(number));
	return le64toh(number);
}
