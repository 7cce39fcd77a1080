// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * bpf/lib/hash.h: where the tables of endpoints keep what operators configure.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "packet.h"
#include "spread.h"

TestSuite(endpoint_hash);

/* Keys as operators choose them: one address and many ports, one port and many addresses. */
Test(endpoint_hash, endpoints_spread)
{
	for (int i = 0; i < 4; i++) {
		__u8 family = i & 1 ? XDPLB_IPV4 : XDPLB_IPV6;
		int seen[CELLS] = {}, word = family == XDPLB_IPV4 ? 0 : 3;
		double chi;

		for (__u32 n = 0; n < 20000; n++) {
			struct xdplb_addr addr = { .word = { htonl(0x0a000001) } };
			__u16 port = 80;

			if (i & 2)
				addr.word[word] ^= htonl(n);
			else
				port = n;
			seen[endpoint_hash(7, &addr, htons(port), IPPROTO_TCP, family) &
			     (CELLS - 1)]++;
		}
		chi = chi_square(seen, CELLS, 20000);
		cr_assert_lt(chi, CHI_MAX, "%s, %s: chi-square %f",
			     family == XDPLB_IPV4 ? "IPv4" : "IPv6", i & 2 ? "addresses" : "ports",
			     chi);
	}
}

#define SLOTS 256

/* How many slots a lookup reads at most when these keys stand in a table of 256 slots. */
static __u32 longest_search(const struct xdplb_endpoint *keys, __u32 count, __u32 seed)
{
	bool taken[SLOTS] = {};
	__u32 longest = 0;

	for (__u32 i = 0; i < count; i++) {
		__u32 probes = 1, slot = endpoint_hash(seed, &keys[i].addr, keys[i].port,
						       keys[i].proto, keys[i].family);

		while (taken[slot++ & (SLOTS - 1)])
			probes++;
		taken[(slot - 1) & (SLOTS - 1)] = true;
		longest = probes > longest ? probes : longest;
	}
	return longest;
}

struct key_pattern {
	const char *name;
	const char *addr;
	__u32 addr_step;
	__u16 port;
	__u16 port_step;
};

static const struct key_pattern key_patterns[] = {
	{ "one address, ports from 8000", "192.0.2.10", 0, 8000, 1 },
	{ "one port, addresses from .1", "192.0.2.1", 1, 80, 0 },
	{ "one port, a network each", "10.0.0.1", 256, 443, 0 },
	{ "address .N with port 8000 + N", "192.0.2.0", 1, 8000, 1 },
	{ "address .N with port 8001 + N", "192.0.2.1", 1, 8001, 1 },
	{ "address .N with port 61000 + 100 N", "10.1.0.1", 1, 61000, 100 },
	{ "one address, ports from 8000", "2001:db8::10", 0, 8000, 1 },
	{ "one port, addresses from ::1", "2001:db8::1", 1, 80, 0 },
	{ "address ::N with port 8000 + N", "2001:db8::", 1, 8000, 1 },
	{ "address ::N with port 8001 + N", "2001:db8::1", 1, 8001, 1 },
};

/* The loader looks for a seed with which all keys fit: there must be one for any sane cluster. */
Test(endpoint_hash, a_seed_fits)
{
	enum {
		KEYS = 64,
		SEEDS = 1000
	};

	for (size_t p = 0; p < sizeof(key_patterns) / sizeof(key_patterns[0]); p++) {
		const struct key_pattern *pattern = &key_patterns[p];
		bool ipv6 = strchr(pattern->addr, ':');
		struct xdplb_endpoint keys[KEYS];
		__u32 seed = 0;

		for (__u32 i = 0; i < KEYS; i++) {
			__be32 *word;

			keys[i] = (struct xdplb_endpoint){
				.addr = packet_addr(pattern->addr),
				.port = htons(pattern->port + i * pattern->port_step),
				.proto = IPPROTO_TCP,
				.family = ipv6 ? XDPLB_IPV6 : XDPLB_IPV4,
			};
			word = &keys[i].addr.word[ipv6 ? 3 : 0];
			*word = htonl(ntohl(*word) + i * pattern->addr_step);
		}
		while (seed < SEEDS && longest_search(keys, KEYS, seed) > XDPLB_ENDPOINT_PROBES)
			seed++;
		cr_expect_lt(seed, SEEDS,
			     "%s, %s: %d seeds, and with none do %d keys fit into %d slots",
			     ipv6 ? "IPv6" : "IPv4", pattern->name, SEEDS, KEYS, SLOTS);
	}
}
