/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Looking an endpoint up; the layout of the tables is told in xdplb/endpoint.h.
 */
#ifndef XDPLB_BPF_ENDPOINT_H
#define XDPLB_BPF_ENDPOINT_H

#include "hash.h"
#include "pkt.h"

/* The key of a lookup. */
struct endpoint_key {
	struct xdplb_addr addr;
	__be16 port;
	__u8 proto;
	__u8 family;
};

/* Port, protocol and family of a slot or a key as one word, compared at once. */
#define endpoint_word(e) (*(const __u32 *)&(e)->port)

INLINE bool same_addr(const struct xdplb_addr *a, const struct xdplb_addr *b)
{
	return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
		 (a->word[3] ^ b->word[3]));
}

/* Is a slot that of a key? Of an IPv4 address all words but the first are zero, and that takes two loads. */
INLINE bool is_slot_of(const struct xdplb_endpoint *slot, const struct endpoint_key *key)
{
	if (endpoint_word(slot) != endpoint_word(key))
		return false;
	if (__builtin_constant_p(key->family) && key->family == XDPLB_IPV4) {
		const __u64 *halves = (const __u64 *)&slot->addr;

		return halves[0] == join32(key->addr.word[0], 0) && !halves[1];
	}
	return same_addr(&slot->addr, &key->addr);
}

INLINE __u32 hash_endpoint_key(__u32 seed, const struct endpoint_key *key)
{
	return endpoint_hash(seed, &key->addr, key->port, key->proto, key->family);
}

/* The live table: base and seed of one moment. */
INLINE struct xdplb_table_ref read_table_ref(const struct xdplb_table_ref *ref)
{
	__u64 word = *(const volatile __u64 *)ref;

	return (struct xdplb_table_ref){ .base = (__u32)word, .seed = word >> 32 };
}

/*
 * find_endpoint() - The slot of a key, or NULL. A macro only because a map must be named in the
 * lookup itself for the verifier to turn it into an array access.
 */
#define find_endpoint(map, ref, mask, key)                                              \
	({                                                                              \
		struct xdplb_endpoint *found_ = NULL;                                   \
		const struct xdplb_table_ref ref_ = (ref);                              \
		__u32 hash_ = hash_endpoint_key(ref_.seed, key);                        \
		for (int i_ = 0; i_ < XDPLB_ENDPOINT_PROBES; i_++) {                    \
			__u32 slot_ = ref_.base + ((hash_ + i_) & (mask));              \
			struct xdplb_endpoint *e_ = bpf_map_lookup_elem((map), &slot_); \
			if (!e_)                                                        \
				break;                                                  \
			if (is_slot_of(e_, key)) {                                      \
				found_ = e_;                                            \
				break;                                                  \
			}                                                               \
			if (!e_->family)                                                \
				break;                                                  \
		}                                                                       \
		found_;                                                                 \
	})

#endif
