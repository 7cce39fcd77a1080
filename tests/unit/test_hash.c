// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * bpf/lib/hash.h: SipHash against libsodium, the flow hash against values that another implementation
 * has computed (they are what the nodes of a cluster must agree on), and how evenly things spread.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sodium.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "bpf/lib/owner.h"
#include "packet.h"
#include "spread.h"

TestSuite(hash);

#define KEY0 0x0706050403020100ULL
#define KEY1 0x0f0e0d0c0b0a0908ULL

#define WORDS_MAX 16

/* SipHash-2-4 of whole words, with the last word that a message of that length gets. */
static __u64 siphash24(const __u64 key[2], const __u64 *words, int count)
{
	struct sip_state s = sip_start(key[0], key[1]);

	for (int i = 0; i < count; i++)
		sip_word(&s, words[i], 2);
	sip_word(&s, (__u64)(count * 8) << 56, 2);
	return sip_finish(&s, 4);
}

Test(hash, siphash24_is_libsodiums)
{
	__u64 words[WORDS_MAX], key[2], want;

	for (__u32 i = 0; i < 2000; i++) {
		packet_fill(key, sizeof(key), i);
		packet_fill(words, sizeof(words), i + 5000);
		for (int count = 0; count <= WORDS_MAX; count++) {
			crypto_shorthash((void *)&want, (void *)words, count * 8, (void *)key);
			cr_assert_eq(siphash24(key, words, count), want, "key %u, %d words", i,
				     count);
		}
	}
}

struct flow_row {
	const char *client;
	const char *vip;
	__u16 sport;
	__u16 dport;
	__u8 proto;
	__u64 hash;
};

/* Computed by another implementation, with big integers, under the key 00 01 .. 0f. */
static const struct flow_row flow_rows[] = {
	{ "198.51.100.7", "192.0.2.10", 40000, 80, IPPROTO_TCP, 0x335e9c4af06ef2eeULL },
	{ "198.51.100.7", "192.0.2.10", 40000, 80, IPPROTO_UDP, 0x800a38056f1ecb4aULL },
	{ "0.0.0.0", "255.255.255.255", 0, 65535, IPPROTO_TCP, 0x37bdfed149817504ULL },
	{ "10.0.0.1", "192.0.2.11", 1, 443, IPPROTO_UDP, 0x396f2c9ca2dc79cfULL },
	{ "2001:db8:c::7", "2001:db8:10:1::10", 40000, 80, IPPROTO_TCP, 0x00c00ccc478fbaa8ULL },
	{ "2001:db8:c::7", "2001:db8:10:1::10", 40000, 80, IPPROTO_UDP, 0xae0de99c22a6daf1ULL },
	{ "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, 0, IPPROTO_UDP,
	  0xf337af7160690df7ULL },
	{ "fe80::1", "2001:db8::2", 5353, 443, IPPROTO_TCP, 0x4c5ba5ad87a949d0ULL },
};

static const __u64 *fixed_key(void)
{
	static __u64 key[FLOW_KEY_WORDS];

	if (!key[0])
		flow_key_expand(KEY0, KEY1, key);
	return key;
}

Test(hash, flow_hash)
{
	for (size_t i = 0; i < sizeof(flow_rows) / sizeof(flow_rows[0]); i++) {
		const struct flow_row *row = &flow_rows[i];
		bool ipv4 = !strchr(row->client, ':');
		struct xdplb_addr client = packet_addr(row->client), vip = packet_addr(row->vip);
		__u64 word = flow_word(htons(row->sport), htons(row->dport), row->proto,
				       ipv4 ? XDPLB_IPV4 : XDPLB_IPV6);
		__u64 hash = ipv4 ? flow_hash4(fixed_key(), client.word[0], vip.word[0], word)
				  : flow_hash6(fixed_key(), client.word, vip.word, word);

		cr_assert_eq(hash, row->hash, "%s: hash %016llx, want %016llx", row->client, hash,
			     row->hash);
		cr_assert_eq(mark_ipv4(hash), hash & 0xffff);
		cr_assert_eq(mark_ipv6(hash), hash & 0xfffff);
	}
}

/* The n-th flow of a test: clients' ports and addresses count up. */
static __u64 nth_hash(bool ipv4, __u32 n)
{
	__be32 client[4] = { htonl(0x0a000000 + n / 60000), 0, 0, htonl(n / 60000) };
	__be32 vip[4] = { htonl(0xc000020a), 0, 0, htonl(10) };
	__u64 word = flow_word(htons(1024 + n % 60000), htons(80), IPPROTO_TCP,
			       ipv4 ? XDPLB_IPV4 : XDPLB_IPV6);

	return ipv4 ? flow_hash4(fixed_key(), client[0], vip[0], word)
		    : flow_hash6(fixed_key(), client, vip, word);
}

#define FLOWS 200000

Test(hash, flows_spread_over_buckets)
{
	for (int ipv4 = 0; ipv4 < 2; ipv4++) {
		int seen[CELLS] = {};
		double chi;

		for (__u32 n = 0; n < FLOWS; n++)
			seen[(nth_hash(ipv4, n) >> 32) * CELLS >> 32]++;
		chi = chi_square(seen, CELLS, FLOWS);
		cr_assert_lt(chi, CHI_MAX, "%s: chi-square %f", ipv4 ? "IPv4" : "IPv6", chi);
	}
}

/* Marks spread evenly too, also among the flows of one bucket: the bucket tells nothing of the mark. */
Test(hash, marks_spread)
{
	for (int ipv4 = 0; ipv4 < 2; ipv4++) {
		int low[CELLS] = {}, high[CELLS] = {}, of_one[CELLS] = {}, in_one = 0;

		for (__u32 n = 0; n < FLOWS; n++) {
			__u64 hash = nth_hash(ipv4, n);

			low[mark_ipv6(hash) & 255]++;
			high[mark_ipv6(hash) >> 12]++;
			if ((hash >> 32) * 8 >> 32 == 3) {
				of_one[mark_ipv4(hash) >> 8]++;
				in_one++;
			}
		}
		cr_assert_lt(chi_square(low, CELLS, FLOWS), CHI_MAX, "low bits");
		cr_assert_lt(chi_square(high, CELLS, FLOWS), CHI_MAX, "high bits");
		cr_assert_lt(chi_square(of_one, CELLS, in_one), CHI_MAX, "bits within a bucket");
	}
}

/*
 * What two flows that differ a little have in common tells nothing of any other two: neither the difference of their
 * hashes nor their exclusive or is the same, or likely. Of a sum of products alone it would always be.
 */
Test(hash, differences_spread)
{
	for (int bit = 0; bit < 48; bit++) {
		int sums[CELLS] = {}, xors[CELLS] = {}, marks[CELLS] = {};

		for (__u32 n = 0; n < FLOWS / 4; n++) {
			__u32 flow[2], other[2];
			__u64 kind = (__u64)XDPLB_IPV4 << 40 | (__u64)IPPROTO_TCP << 32;

			packet_fill(flow, sizeof(flow), n);
			memcpy(other, flow, sizeof(flow));
			other[bit / 32] ^= 1U << bit % 32;
			__u64 a =
				flow_hash4(fixed_key(), flow[0], htonl(0xc000020a), kind | flow[1]);
			__u64 b = flow_hash4(fixed_key(), other[0], htonl(0xc000020a),
					     kind | other[1]);

			sums[(a - b) >> 56]++;
			xors[(a ^ b) >> 56]++;
			marks[(a ^ b) & 255]++;
		}
		cr_assert_lt(chi_square(sums, CELLS, FLOWS / 4), CHI_MAX, "bit %d: %f", bit,
			     chi_square(sums, CELLS, FLOWS / 4));
		cr_assert_lt(chi_square(xors, CELLS, FLOWS / 4), CHI_MAX, "bit %d: %f", bit,
			     chi_square(xors, CELLS, FLOWS / 4));
		cr_assert_lt(chi_square(marks, CELLS, FLOWS / 4), CHI_MAX, "bit %d: %f", bit,
			     chi_square(marks, CELLS, FLOWS / 4));
	}
}

/* Clients as they come: one port and addresses by steps of any power of two; no bucket is favoured. */
Test(hash, rows_of_clients_spread)
{
	for (int shift = 0; shift < 32; shift++) {
		int low[CELLS] = {}, high[CELLS] = {};

		for (__u32 n = 0; n < 65536; n++) {
			__u32 client = shift < 16 ? n << shift : n << 16 | n >> (32 - shift);
			__u64 hash = flow_hash4(
				fixed_key(), htonl(client), htonl(0xc000020a),
				flow_word(htons(4000), htons(53), IPPROTO_UDP, XDPLB_IPV4));

			low[hash & 255]++;
			high[hash >> 56]++;
		}
		cr_assert_lt(chi_square(low, CELLS, 65536), CHI_MAX, "shift %d, marks", shift);
		cr_assert_lt(chi_square(high, CELLS, 65536), CHI_MAX, "shift %d, buckets", shift);
	}
}

/* Under another key two flows are alike no more often than any two: whichever they are. */
Test(hash, no_pair_of_flows_is_alike)
{
	enum {
		KEYS = 60000
	};

	for (int bit = 0; bit < 48; bit++) {
		int alike = 0;

		for (__u64 n = 0; n < KEYS; n++) {
			__u64 key[FLOW_KEY_WORDS], word = 0, other = 0;

			packet_fill(key, sizeof(key), n);
			if (bit >= 32)
				other ^= 1ULL << (bit - 32);
			alike += (flow_hash4(key, 0, 0, word) ^
				  flow_hash4(key, bit < 32 ? 1U << bit : 0, 0, other)) >>
					 56 ==
				 0;
		}
		/* 234 of 60000 are alike by chance, with a deviation of 15 */
		cr_assert(alike > 234 - 75 && alike < 234 + 75, "bit %d: %d", bit, alike);
	}
}

static int changed_bits(__u64 a, __u64 b)
{
	return __builtin_popcountll(a ^ b);
}

/* A bit of any part of a flow, or of the key, changes about half of the hash; over many flows. */
Test(hash, every_bit_counts)
{
	enum {
		INPUT_BITS = 128 + 128 + 48 + 128,
		SAMPLES = 400
	};

	for (int bit = 0; bit < INPUT_BITS; bit++) {
		int sum6 = 0, sum4 = 0;
		bool in_ipv4 = bit < 32 || (bit >= 128 && bit < 160) || bit >= 256;

		for (int n = 0; n < SAMPLES; n++) {
			struct {
				__be32 client[4];
				__be32 vip[4];
				__u64 word;
				__u64 key[2];
			} a, b;
			__u64 key_a[FLOW_KEY_WORDS], key_b[FLOW_KEY_WORDS];

			packet_fill(&a, sizeof(a), n);
			a.word &= 0xffffffffffffULL;
			b = a;
			/* the word has 48 bits that count: those of the key follow behind 64 */
			((__u8 *)&b)[(bit < 304 ? bit : bit + 16) / 8] ^= 1 << bit % 8;
			flow_key_expand(a.key[0], a.key[1], key_a);
			flow_key_expand(b.key[0], b.key[1], key_b);
			sum6 += changed_bits(flow_hash6(key_a, a.client, a.vip, a.word),
					     flow_hash6(key_b, b.client, b.vip, b.word));
			sum4 += changed_bits(flow_hash4(key_a, a.client[0], a.vip[0], a.word),
					     flow_hash4(key_b, b.client[0], b.vip[0], b.word));
		}
		/* 32 on average; of 400 samples the mean has a deviation of 0.2 */
		cr_assert(sum6 > SAMPLES * 30 && sum6 < SAMPLES * 34, "IPv6, bit %d: %f", bit,
			  (double)sum6 / SAMPLES);
		if (in_ipv4)
			cr_assert(sum4 > SAMPLES * 30 && sum4 < SAMPLES * 34, "IPv4, bit %d: %f",
				  bit, (double)sum4 / SAMPLES);
	}
}

Test(hash, flow_word_tells_its_parts_apart)
{
	__u64 word = flow_word(htons(0x1234), htons(0x5678), IPPROTO_UDP, XDPLB_IPV6);
	static const __u8 bytes[8] = { 0x12, 0x34, 0x56, 0x78, IPPROTO_UDP, XDPLB_IPV6, 0, 0 };

	cr_assert_eq(memcmp(&word, bytes, 8), 0, "%016llx", word);
}

/* Stands for the hash of flow n. */
static __u64 some_hash(__u32 n)
{
	return flow_hash4(fixed_key(), n, 0, 0);
}

Test(hash, owner_bucket_is_in_the_table)
{
	static const __u32 counts[] = { 1, 2, 3, 7, 16, 251, 65537, 16777213, 0xffffffff };

	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		for (__u32 n = 0; n < 5000; n++) {
			for (__u32 attempt = 1; attempt <= 16; attempt++)
				cr_assert_lt(owner_bucket(some_hash(n), attempt, counts[c]),
					     counts[c]);
		}
	}
}

/* A table of 8 members by turns, of which one is down: its share goes to the others alike. */
Test(hash, share_of_a_member_spreads_over_the_others)
{
	enum {
		MEMBERS = 8,
		COUNT = 80021
	};

	for (__u32 down = 0; down < MEMBERS; down++) {
		int seen[MEMBERS] = {}, moved = 0;

		for (__u32 flow = 0; flow < FLOWS; flow++) {
			__u32 owner = down;

			for (__u32 attempt = 1; attempt < 16 && owner == down; attempt++)
				owner = owner_bucket(some_hash(flow), attempt, COUNT) % MEMBERS;
			cr_assert_neq(owner, down, "flow %u: no other owner", flow);
			seen[owner]++;
			moved++;
		}
		/* seven cells: 22.5 is passed once in a thousand even spreads */
		memmove(seen + down, seen + down + 1, (MEMBERS - 1 - down) * sizeof(seen[0]));
		cr_assert_lt(chi_square(seen, MEMBERS - 1, moved), 22.5, "member %u down: %f", down,
			     chi_square(seen, MEMBERS - 1, moved));
	}
}

/* At one attempt, the next owners of all flows spread over the whole table: also of those of one bucket. */
Test(hash, owner_buckets_spread)
{
	for (__u32 attempt = 1; attempt < 16; attempt++) {
		int seen[CELLS] = {};
		double chi;

		for (__u32 flow = 0; flow < 65521; flow++) {
			__u64 hash = (some_hash(flow) & 0xffffffff) | 0x1234567800000000;

			seen[(__u64)owner_bucket(hash, attempt, 65521) * CELLS / 65521]++;
		}
		chi = chi_square(seen, CELLS, 65521);
		cr_assert_lt(chi, CHI_MAX, "attempt %u: chi-square %f", attempt, chi);
	}
}
