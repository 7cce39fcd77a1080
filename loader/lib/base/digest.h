/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 64-bit digest of values put in one after the other. Numbers are fixed in width and order and texts
 * carry their length, so that no two series of values write the same bytes. Does not know what the
 * values mean. Two kinds:
 *
 * - BLAKE2b: what nodes of different releases have to agree on, such as labels, and the identity of a check.
 * - fast, XXH3 of libxxhash: of what is large, and compared with others of its kind alone. It tells apart what differs by
 *   chance or by hand; who means to can make two that have one digest.
 */
#ifndef XDPLB_DIGEST_H
#define XDPLB_DIGEST_H

#include <endian.h>
#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>

/* Its state is part of ours: its size must be that of the code that works on it. */
#define XXH_INLINE_ALL
#include <xxhash.h>

struct digest {
	bool is_fast;
	union {
		crypto_generichash_state lasting;
		XXH3_state_t fast;
	};
	unsigned char bytes[1024]; /* put in and not hashed yet ... */
	size_t gathered; /* ... so many */
};

void digest_init(struct digest *digest);
void digest_init_fast(struct digest *digest);

/* Bytes alone, without their number. */
void digest_put(struct digest *digest, const void *bytes, size_t length);

/* Inline: a large file has millions of them. */
static inline void digest_number(struct digest *digest, uint64_t number)
{
	uint64_t bytes = htole64(number);

	if (digest->gathered + sizeof(bytes) > sizeof(digest->bytes)) {
		digest_put(digest, &bytes, sizeof(bytes));
		return;
	}
	memcpy(digest->bytes + digest->gathered, &bytes, sizeof(bytes));
	digest->gathered += sizeof(bytes);
}

void digest_bytes(struct digest *digest, const void *bytes, size_t length);
/* NULL and "" differ. */
void digest_text(struct digest *digest, const char *text);
uint64_t digest_final(struct digest *digest);

#endif
