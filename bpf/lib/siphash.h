/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * SipHash with any number of rounds, a word at a time. Freestanding, as hash.h, and compiled by the loader too.
 */
#ifndef XDPLB_BPF_SIPHASH_H
#define XDPLB_BPF_SIPHASH_H

#include "xdplb/types.h"

#define HASH_INLINE static inline __attribute__((always_inline))

/* SipHash (Aumasson and Bernstein, 2012): the state of four words. */
struct sip_state {
	__u64 v0, v1, v2, v3;
};

HASH_INLINE __u64 rotl64(__u64 x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

HASH_INLINE void sip_round(struct sip_state *s)
{
	s->v0 += s->v1;
	s->v1 = rotl64(s->v1, 13) ^ s->v0;
	s->v0 = rotl64(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl64(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl64(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl64(s->v1, 17) ^ s->v2;
	s->v2 = rotl64(s->v2, 32);
}

HASH_INLINE struct sip_state sip_start(__u64 key0, __u64 key1)
{
	struct sip_state s = {
		.v0 = key0 ^ 0x736f6d6570736575ULL,
		.v1 = key1 ^ 0x646f72616e646f6dULL,
		.v2 = key0 ^ 0x6c7967656e657261ULL,
		.v3 = key1 ^ 0x7465646279746573ULL,
	};
	return s;
}

HASH_INLINE void sip_word(struct sip_state *s, __u64 word, int rounds)
{
	s->v3 ^= word;
	for (int i = 0; i < rounds; i++)
		sip_round(s);
	s->v0 ^= word;
}

HASH_INLINE __u64 sip_finish(struct sip_state *s, int rounds)
{
	s->v2 ^= 0xff;
	for (int i = 0; i < rounds; i++)
		sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
