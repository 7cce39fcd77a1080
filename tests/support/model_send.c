// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Step 7 of bpf/README.md, "lb_xdp": fields and the checksums over them.
 */
#include "model_send.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

void model_change_sum(struct test_packet *packet, size_t sum_at, const void *old, const void *new,
		      size_t len)
{
	const __u8 *before = old, *after = new;
	__u8 *field = packet->data + sum_at;
	__u32 sum = 0xffff - (field[0] << 8 | field[1]);

	for (size_t i = 0; i < len; i += 2)
		sum += 0xffff - (before[i] << 8 | before[i + 1]) + (after[i] << 8 | after[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = 0xffff - sum;
	field[0] = sum >> 8;
	field[1] = sum;
}

static void put(struct test_packet *packet, size_t at, const void *bytes, size_t len, size_t sum_at)
{
	if (sum_at)
		model_change_sum(packet, sum_at, packet->data + at, bytes, len);
	memcpy(packet->data + at, bytes, len);
}

size_t model_l4_sum(const struct test_packet *packet, const struct model_parsed *parsed, size_t end)
{
	size_t at = parsed->l4 + (parsed->proto == IPPROTO_TCP ? 16 : 6);

	if (at + 2 > end)
		return 0;
	return parsed->proto == IPPROTO_UDP && !model_word(packet, at) ? 0 : at;
}

void model_put_addr(struct test_packet *packet, const struct model_parsed *parsed, size_t at,
		    const struct xdplb_addr *addr, size_t sum_at)
{
	size_t len = parsed->family == XDPLB_IPV4 ? 4 : 16;

	if (parsed->family == XDPLB_IPV4)
		model_change_sum(packet, parsed->l3 + 10, packet->data + at, addr, len);
	put(packet, at, addr, len, sum_at);
}

void model_put_word(struct test_packet *packet, size_t at, __be16 word, size_t sum_at)
{
	put(packet, at, &word, sizeof(word), sum_at);
}

void model_settle_udp(struct test_packet *packet, size_t sum_at)
{
	if (!model_word(packet, sum_at))
		memset(packet->data + sum_at, 0xff, 2);
}

void model_put_mark(struct test_packet *packet, const struct model_parsed *parsed, __u64 hash)
{
	__u8 *ip = packet->data + parsed->l3;

	if (parsed->family == XDPLB_IPV4) {
		model_put_word(packet, parsed->l3 + 4, htons(hash & 0xffff), parsed->l3 + 10);
		return;
	}
	ip[1] = (ip[1] & 0xf0) | (hash >> 16 & 0xf);
	ip[2] = hash >> 8;
	ip[3] = hash;
}

void model_take_ttl(struct test_packet *packet, const struct model_parsed *parsed)
{
	__u8 *ip = packet->data + parsed->l3;
	__u8 word[2] = { ip[8] - 1, ip[9] };

	if (parsed->family == XDPLB_IPV4)
		put(packet, parsed->l3 + 8, word, 2, parsed->l3 + 10);
	else
		ip[7]--;
}
