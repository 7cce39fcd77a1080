// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Mapping queries, from xdplb/query.h; the macs are libsodium's.
 */
#include "model_query.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include "model_send.h"
#include "prog_run.h"
#include "xdplb/query.h"

static __u64 mac_of(const __u8 key[16], const struct xdplb_query *query)
{
	__u64 mac;

	crypto_shorthash((void *)&mac, (const void *)query, offsetof(struct xdplb_query, mac), key);
	return mac;
}

static __u8 answer_of(const struct xdplb_query *query, const struct xdplb_mapping *mapping)
{
	bool is_it = query->proto == mapping->proto && query->family == mapping->family &&
		     query->tag == mapping->tag && query->vport == mapping->vport &&
		     !memcmp(&query->vip, &mapping->vip, sizeof(query->vip));

	return is_it ? XDPLB_QUERY_YES : XDPLB_QUERY_OTHER;
}

/* Both ends of the frame, of IP and of UDP. */
static void turn_round(const struct test_packet *in, const struct model_parsed *parsed,
		       struct test_packet *out)
{
	size_t addrs = parsed->l3 + (parsed->family == XDPLB_IPV4 ? 12 : 8);
	size_t len = parsed->family == XDPLB_IPV4 ? 4 : 16;

	memcpy(out->data, in->data + 6, 6);
	memcpy(out->data + 6, in->data, 6);
	memcpy(out->data + addrs, in->data + addrs + len, len);
	memcpy(out->data + addrs + len, in->data + addrs, len);
	memcpy(out->data + parsed->l4, in->data + parsed->l4 + 2, 2);
	memcpy(out->data + parsed->l4 + 2, in->data + parsed->l4, 2);
}

bool model_answer_query(const __u8 key[16], const struct test_packet *in,
			const struct model_parsed *parsed, const struct xdplb_mapping *mapping,
			struct node_result *result)
{
	size_t at = parsed->l4 + 8, sum;
	struct xdplb_query query, answer;

	if (parsed->proto != IPPROTO_UDP || at + sizeof(query) > parsed->end)
		return false;
	memcpy(&query, in->data + at, sizeof(query));
	if (query.magic != htonl(XDPLB_QUERY_MAGIC) || query.version != XDPLB_QUERY_VERSION ||
	    query.type != XDPLB_QUERY_ASK || query.mac != mac_of(key, &query))
		return false;
	answer = query;
	answer.type = answer_of(&query, mapping);
	answer.mac = mac_of(key, &answer);
	result->packet = *in;
	sum = model_l4_sum(in, parsed, parsed->end);
	if (sum)
		model_change_sum(&result->packet, sum, &query, &answer, sizeof(query));
	memcpy(result->packet.data + at, &answer, sizeof(answer));
	if (sum)
		model_settle_udp(&result->packet, sum);
	turn_round(in, parsed, &result->packet);
	result->verdict = TC_REDIRECT;
	result->paths |= 1U << NODE_PATH_QUERY;
	result->events |= 1U << XDPLB_EVENT_QUERY_ANSWERED;
	return true;
}
