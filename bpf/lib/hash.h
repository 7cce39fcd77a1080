/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Hashes that the datapath and the loader must compute alike. Freestanding: it knows integers and
 * the shared structures only, so that the loader and the tests compile this very file.
 */
#ifndef XDPLB_BPF_HASH_H
#define XDPLB_BPF_HASH_H

#include "siphash.h"
#include "xdplb/endpoint.h"

/* Two 32-bit words as one; the first in the low half. */
HASH_INLINE __u64 join32(__u32 low, __u32 high)
{
	return low | (__u64)high << 32;
}

/* Ports, protocol and family of a flow as one word; ports as they stand in the packet. */
HASH_INLINE __u64 flow_word(__be16 sport, __be16 dport, __u8 proto, __u8 family)
{
	return (__u64)sport | (__u64)dport << 16 | (__u64)proto << 32 | (__u64)family << 40;
}

/*
 * The flow hash, under the cluster's key. Two parts:
 *
 * - A sum of products (multilinear hashing), one secret 64-bit factor for each 32-bit word of the flow: two flows
 *   come to the same sum for at most one key in 2^32, whichever they are.
 * - Two keyed rounds over the sum, each x (2x + 1) mod 2^64 (the permutation of RC6) and a shift: distinct sums stay
 *   distinct, all bits depend on all, and what is seen of hashes is not linear in the key.
 *
 * The high half picks the bucket, the low bits are the admission mark. Whom it stops, and whom not, is told in
 * bpf/README.md. Words are taken as they lie in the packet: all nodes of a cluster have the same byte order.
 */
enum flow_key_word {
	FLOW_KEY_START,
	FLOW_KEY_CLIENT, /* factors: four words each, of which IPv4 uses the first */
	FLOW_KEY_VIP = FLOW_KEY_CLIENT + 4,
	FLOW_KEY_PORTS = FLOW_KEY_VIP + 4,
	FLOW_KEY_KIND, /* protocol and family */
	FLOW_KEY_ROUND,
	FLOW_KEY_LAST, /* odd */
	FLOW_KEY_SECRETS,
	/* Worked out from these: what the start and a kind of flow come to. */
	FLOW_KEY_TCP4 = FLOW_KEY_SECRETS,
	FLOW_KEY_UDP4,
	FLOW_KEY_TCP6,
	FLOW_KEY_UDP6,
	FLOW_KEY_WORDS
};

#define FLOW_KIND(proto, family) ((__u32)(proto) | (__u32)(family) << 8)
#define FLOW_TCP                 6
#define FLOW_UDP                 17

/*
 * flow_key_expand() - The secret numbers of the flow hash: SipHash-2-4 of 0, 1, 2, ... under the cluster's key.
 * They are worked out once, when a program is loaded.
 */
HASH_INLINE void flow_key_expand(__u64 key0, __u64 key1, __u64 *ret_key)
{
	for (__u64 i = 0; i < FLOW_KEY_SECRETS; i++) {
		struct sip_state s = sip_start(key0, key1);

		sip_word(&s, i, 2);
		sip_word(&s, 8ULL << 56, 2);
		ret_key[i] = sip_finish(&s, 4);
	}
	ret_key[FLOW_KEY_LAST] |= 1;
	for (int i = 0; i < 4; i++)
		ret_key[FLOW_KEY_TCP4 + i] =
			ret_key[FLOW_KEY_START] +
			ret_key[FLOW_KEY_KIND] * FLOW_KIND(i & 1 ? FLOW_UDP : FLOW_TCP,
							   i & 2 ? XDPLB_IPV6 : XDPLB_IPV4);
}

/* What the sum begins with; of a kind that is a constant, and one of the usual, without a multiplication. */
HASH_INLINE __u64 flow_start(const volatile __u64 *key, __u32 kind)
{
	if (__builtin_constant_p(kind)) {
		if (kind == FLOW_KIND(FLOW_TCP, XDPLB_IPV4))
			return key[FLOW_KEY_TCP4];
		if (kind == FLOW_KIND(FLOW_UDP, XDPLB_IPV4))
			return key[FLOW_KEY_UDP4];
		if (kind == FLOW_KIND(FLOW_TCP, XDPLB_IPV6))
			return key[FLOW_KEY_TCP6];
		if (kind == FLOW_KIND(FLOW_UDP, XDPLB_IPV6))
			return key[FLOW_KEY_UDP6];
	}
	return key[FLOW_KEY_START] + kind * key[FLOW_KEY_KIND];
}

HASH_INLINE __u64 flow_finish(const volatile __u64 *key, __u64 sum, __u64 ports)
{
	__u64 x = sum + flow_start(key, ports >> 32) + (__u32)ports * key[FLOW_KEY_PORTS];

	x *= 2 * x + 1;
	x ^= x >> 32;
	x += key[FLOW_KEY_ROUND];
	x *= 2 * x + 1;
	x ^= x >> 32;
	x *= key[FLOW_KEY_LAST];
	return x ^ x >> 32;
}

/* @key: of flow_key_expand(); @ports: of flow_word() */
HASH_INLINE __u64 flow_hash4(const volatile __u64 *key, __be32 client, __be32 vip, __u64 ports)
{
	return flow_finish(key, client * key[FLOW_KEY_CLIENT] + vip * key[FLOW_KEY_VIP], ports);
}

HASH_INLINE __u64 flow_hash6(const volatile __u64 *key, const __be32 *client, const __be32 *vip,
			     __u64 ports)
{
	__u64 sum = 0;

	for (int i = 0; i < 4; i++)
		sum += client[i] * key[FLOW_KEY_CLIENT + i] + vip[i] * key[FLOW_KEY_VIP + i];
	return flow_finish(key, sum, ports);
}

/*
 * What picks the owners where they follow the client's address alone (affinity): ports and protocol count
 * for nothing, so that a client's connections to all services of a VIP that have the same backends go to
 * the same one.
 */
HASH_INLINE __u64 source_hash(const volatile __u64 *key, const __be32 *client, const __be32 *vip,
			      __u8 family)
{
	return flow_hash6(key, client, vip, flow_word(0, 0, 0, family));
}

/*
 * The admission mark: proof that a packet to a tag port came through an access node, which alone
 * (with the service nodes) knows the key. It travels where it costs nothing: in the IPv4
 * identification (16 bits, meaningless in an unfragmented packet, RFC 6864) or in the IPv6 flow label
 * (20 bits, host order; RFC 6437 section 6.1 lets a security policy rewrite it).
 */
HASH_INLINE __u16 mark_ipv4(__u64 flow_hash)
{
	return (__u16)flow_hash;
}

HASH_INLINE __u32 mark_ipv6(__u64 flow_hash)
{
	return (__u32)flow_hash & 0xfffff;
}

/* The two marks of a family are as wide as their field. */
HASH_INLINE __u32 mark_bits(__u8 family)
{
	return family == XDPLB_IPV4 ? 16 : 20;
}

/*
 * The mark of a packet that was handed on between service nodes, enum xdplb_handed; never: that of an
 * access node. Other bits of the same hash, so that nobody without the key can tell one from another;
 * never two alike, so that a packet is not handed on for ever.
 */
HASH_INLINE __u32 handover_mark(__u8 family, __u64 flow_hash, __u32 handed)
{
	__u32 bits = mark_bits(family), mask = (1U << bits) - 1;
	__u32 mark0 = (__u32)flow_hash & mask;
	__u32 mark1 = (__u32)(flow_hash >> bits) & mask;
	__u32 mark2 = (__u32)(flow_hash >> 2 * bits) & mask;
	__u32 mark3 = (__u32)(flow_hash >> (64 - bits));

	if (!handed)
		return mark0;
	if (mark1 == mark0)
		mark1 ^= 1;
	if (handed == 1)
		return mark1;
	for (int i = 0; i < 2; i++) /* of three in a row one is neither */
		if (mark2 == mark0 || mark2 == mark1)
			mark2 = (mark2 + 1) & mask;
	if (handed == 2)
		return mark2;
	for (int i = 0; i < 3; i++)
		if (mark3 == mark0 || mark3 == mark1 || mark3 == mark2)
			mark3 = (mark3 + 1) & mask;
	return mark3;
}

/*
 * Where the search for an endpoint starts; not keyed, since only the operator chooses the keys. Address
 * and port are multiplied apart, so that a row of addresses with a row of ports does not fall together
 * whatever the seed.
 */
HASH_INLINE __u32 endpoint_hash(__u32 seed, const struct xdplb_addr *addr, __be16 port, __u8 proto,
				__u8 family)
{
	__u64 x = join32(addr->word[0], seed) * 0xd6e8feb86659fd93ULL;

	if (family == XDPLB_IPV6) {
		x ^= join32(addr->word[2], addr->word[1]) * 0xa0761d6478bd642fULL;
		x = rotl64(x, 23) + addr->word[3] * 0xe7037ed1a0b428dbULL;
	}
	x ^= ((__u32)port << 16 | (__u32)proto << 8 | family) * 0x8ebc6af09c88c6e3ULL;
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15ULL;
	return (__u32)(x >> 32);
}

#endif
