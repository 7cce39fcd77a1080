// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "model_hash.h"

#include <sodium.h>
#include <string.h>

/* Which secret number belongs to what. The words of a flow follow from the second number on. */
enum {
	SECRET_START = 0,
	SECRET_WORDS = 1,
	SECRET_ROUND = 11,
	SECRET_LAST = 12,
};

static __u64 little_endian(const __u8 *bytes, int len)
{
	__u64 word = 0;

	for (int i = len - 1; i >= 0; i--)
		word = word << 8 | bytes[i];
	return word;
}

/* SipHash-2-4 of the number's number under the cluster's key. */
static __u64 secret(const __u8 key[16], __u8 number)
{
	const __u8 message[8] = { number };
	__u8 out[8];

	crypto_shorthash(out, message, sizeof(message), key);
	return little_endian(out, 8) | (number == SECRET_LAST);
}

static __u64 stir(__u64 x)
{
	x = 2 * x * x + x;
	return x ^ x >> 32;
}

/* The sum of the flow's ten words of four bytes, each times its secret number, and what is done with it. */
static __u64 hash_words(const __u8 key[16], const __u8 bytes[40])
{
	__u64 x = secret(key, SECRET_START);

	for (int i = 0; i < 10; i++)
		x += secret(key, SECRET_WORDS + i) * little_endian(bytes + 4 * i, 4);
	x = stir(stir(x) + secret(key, SECRET_ROUND)) * secret(key, SECRET_LAST);
	return x ^ x >> 32;
}

/* An IPv4 address is four bytes of the sixteen. */
static __u64 hash_parts(const __u8 key[16], const struct model_end *client,
			const struct model_end *vip, size_t addr_len, const __u8 last[4])
{
	__u8 bytes[40] = { 0 };

	memcpy(bytes, &client->addr, addr_len);
	memcpy(bytes + 16, &vip->addr, addr_len);
	memcpy(bytes + 32, &client->port, 2);
	memcpy(bytes + 34, &vip->port, 2);
	memcpy(bytes + 36, last, 4);
	return hash_words(key, bytes);
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
