// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "model_hash.h"

#include <string.h>

static __u64 rotate(__u64 word, int bits)
{
	return word << bits | word >> (64 - bits);
}

/* "SipRound" of the paper. */
static void sip_round(__u64 v[4])
{
	for (int i = 0; i < 4; i += 2) {
		v[i] += v[i + 1];
		v[i + 1] = rotate(v[i + 1], i ? 16 : 13) ^ v[i];
	}
	v[0] = rotate(v[0], 32);
	for (int i = 0; i < 4; i += 2) {
		v[i] += v[3 - i];
		v[3 - i] = rotate(v[3 - i], i ? 17 : 21) ^ v[i];
	}
	v[2] = rotate(v[2], 32);
}

static __u64 little_endian(const __u8 *bytes)
{
	__u64 word = 0;

	for (int i = 7; i >= 0; i--)
		word = word << 8 | bytes[i];
	return word;
}

/* SipHash-1-3 of whole words, without the word that tells the length: all messages of a kind are alike long. */
static __u64 siphash13(const __u8 key[16], const __u8 *bytes, size_t len)
{
	__u64 k[2] = { little_endian(key), little_endian(key + 8) };
	__u64 v[4] = { k[0] ^ 0x736f6d6570736575, k[1] ^ 0x646f72616e646f6d,
		       k[0] ^ 0x6c7967656e657261, k[1] ^ 0x7465646279746573 };

	for (size_t i = 0; i < len; i += 8) {
		v[3] ^= little_endian(bytes + i);
		sip_round(v);
		v[0] ^= little_endian(bytes + i);
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static __u64 hash_parts(const __u8 key[16], const struct model_end *client,
			const struct model_end *vip, size_t addr_len, const __u8 last[4])
{
	__u8 bytes[40];
	size_t at = 2 * addr_len;

	memcpy(bytes, &client->addr, addr_len);
	memcpy(bytes + addr_len, &vip->addr, addr_len);
	memcpy(bytes + at, &client->port, 2);
	memcpy(bytes + at + 2, &vip->port, 2);
	memcpy(bytes + at + 4, last, 4);
	return siphash13(key, bytes, at + 8);
}

__u64 model_flow_hash(const __u8 key[16], const struct model_end *client,
		      const struct model_end *vip, __u8 proto, __u8 family)
{
	return hash_parts(key, client, vip, family == XDPLB_IPV4 ? 4 : 16,
			  (__u8[]){ proto, family, 0, 0 });
}

__u64 model_source_hash(const __u8 key[16], const struct xdplb_addr *client,
			const struct xdplb_addr *vip, __u8 family)
{
	struct model_end from = { .addr = *client }, to = { .addr = *vip };

	return hash_parts(key, &from, &to, 16, (__u8[]){ 0, family, 0, 0 });
}
