// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The walk of bpf/README.md, "lb_xdp", step by step.
 */
#include "model.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "model_parse.h"

#define VERDICT(name) (1U << XDP_##name)
#define REASON(name)  (1ULL << XDPLB_DROP_##name)

/* ---- results ---- */

static void pass(const struct test_packet *in, struct model_result *result)
{
	*result = (struct model_result){ .verdicts = VERDICT(PASS), .told = MODEL_BYTES };
	result->packet = *in;
}

static void drop(struct model_result *result, __u64 reasons)
{
	*result = (struct model_result){ .verdicts = VERDICT(DROP), .drops = reasons };
}

/* Whatever may be, with these reasons if it is dropped. */
static void untold(struct model_result *result, __u32 verdicts, __u64 reasons)
{
	*result = (struct model_result){ .verdicts = verdicts, .drops = reasons };
}

/* ---- the tables ---- */

static bool same_addr(const struct xdplb_addr *a, const struct xdplb_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool is_vip(const struct model_world *world, const struct model_parsed *parsed)
{
	for (size_t i = 0; i < world->service_count; i++)
		if (world->services[i].family == parsed->family &&
		    same_addr(&world->services[i].vip, &parsed->dest))
			return true;
	return false;
}

static const struct model_service *find_service(const struct model_world *world,
						const struct model_parsed *parsed)
{
	for (size_t i = 0; i < world->service_count; i++) {
		const struct model_service *service = &world->services[i];

		if (service->family == parsed->family && service->proto == parsed->proto &&
		    service->port == parsed->dest_port && same_addr(&service->vip, &parsed->dest))
			return service;
	}
	return NULL;
}

static bool is_in_prefix(const struct model_prefix *prefix, const struct xdplb_addr *addr)
{
	const __u8 *a = (const __u8 *)&prefix->addr, *b = (const __u8 *)addr;

	for (__u32 bit = 0; bit < prefix->bits; bit++)
		if ((a[bit / 8] ^ b[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool is_denied(const struct model_service *service, const struct xdplb_addr *source)
{
	bool is_listed = false;

	for (__u32 i = 0; i < service->prefix_count; i++)
		is_listed |= is_in_prefix(&service->prefixes[i], source);
	if (service->flags & XDPLB_SERVICE_SOURCES_ALLOWED)
		return !is_listed;
	return service->flags & XDPLB_SERVICE_SOURCES_DENIED && is_listed;
}

static __u64 hash_of(const struct model_world *world, const struct model_parsed *parsed)
{
	__u64 word =
		flow_word(parsed->source_port, parsed->dest_port, parsed->proto, parsed->family);

	if (parsed->family == XDPLB_IPV4)
		return flow_hash4(world->key[0], world->key[1], parsed->source.word[0],
				  parsed->dest.word[0], word);
	return flow_hash6(world->key[0], world->key[1], parsed->source.word, parsed->dest.word,
			  word);
}

static bool may_have(const struct model_member *member)
{
	return member->confirmed && member->healthy;
}

/* The first of the flow's owners that may be used, and by @skip is not left out; `any_health`: that is
 * confirmed at least. */
static const struct model_member *find_owner(const struct model_service *service, __u64 hash,
					     bool any_health, const struct model_member *skip)
{
	for (__u32 attempt = 0; attempt < XDPLB_OWNERS_MAX; attempt++) {
		__u32 bucket = attempt ? owner_bucket(hash, attempt, service->buckets)
				       : (hash >> 32) * service->buckets >> 32;
		const struct model_member *member =
			&service->members[bucket % service->member_count];

		if (member != skip && (may_have(member) || (any_health && member->confirmed)))
			return member;
	}
	return NULL;
}

/* The first owner, if the flow's draw is below its weight; then others, whatever theirs. */
static const struct model_member *find_member(const struct model_service *service, __u64 hash)
{
	__u32 bucket = (hash >> 32) * service->buckets >> 32;
	const struct model_member *first = &service->members[bucket % service->member_count];
	const struct model_member *other;

	if (may_have(first) && (!first->weight || flow_draw(hash) < first->weight))
		return first;
	other = find_owner(service, hash, false, first);
	return other ? other : find_owner(service, hash, false, NULL);
}

/* ---- rewriting ---- */

/* What a checksum (RFC 1624, equation 3) becomes when `len` bytes change. */
static void change_sum(__u8 *sum_at, const void *old, const void *new, size_t len)
{
	__u16 check, before, after;
	__u32 sum;

	memcpy(&check, sum_at, sizeof(check));
	sum = (__u16)~check;
	for (size_t i = 0; i < len; i += 2) {
		memcpy(&before, (const __u8 *)old + i, sizeof(before));
		memcpy(&after, (const __u8 *)new + i, sizeof(after));
		sum += (__u16)~before + (__u32)after;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	check = (__u16)~sum;
	memcpy(sum_at, &check, sizeof(check));
}

/* Bytes of the packet become others; the checksums that cover them follow. NULL: none does. */
static void put(__u8 *at, const void *bytes, size_t len, __u8 *ip_sum, __u8 *l4_sum)
{
	if (ip_sum)
		change_sum(ip_sum, at, bytes, len);
	if (l4_sum)
		change_sum(l4_sum, at, bytes, len);
	memcpy(at, bytes, len);
}

static void rewrite_ipv4(const struct model_parsed *parsed, const struct model_member *member,
			 __u64 hash, __u8 *ip, __u8 *l4_sum)
{
	__be16 mark = htons(mark_ipv4(hash));

	put(ip + 16, &member->addr, 4, ip + 10, l4_sum);
	put(ip + 4, &mark, 2, ip + 10, NULL);
}

static void rewrite_ipv6(const struct model_parsed *parsed, const struct model_member *member,
			 __u64 hash, __u8 *ip, __u8 *l4_sum)
{
	__u32 mark = mark_ipv6(hash);

	put(ip + 24, &member->addr, 16, NULL, l4_sum);
	ip[1] = (ip[1] & 0xf0) | mark >> 16;
	ip[2] = mark >> 8;
	ip[3] = mark;
}

static void take_ttl(__u8 family, __u8 *ip)
{
	__u8 word[2] = { ip[8] - 1, ip[9] };

	if (family == XDPLB_IPV4)
		put(ip + 8, word, sizeof(word), ip + 10, NULL);
	else
		ip[7]--;
}

/* The transport checksum, if there is one to keep right. */
static __u8 *l4_sum_of(const struct model_parsed *parsed, struct test_packet *packet)
{
	__u8 *sum = packet->data + parsed->l4 + (parsed->proto == IPPROTO_TCP ? 16 : 6);

	return parsed->proto == IPPROTO_UDP && !sum[0] && !sum[1] ? NULL : sum;
}

static void send_to(const struct model_world *world, const struct model_parsed *parsed,
		    const struct model_member *member, const struct test_packet *in,
		    struct model_result *result)
{
	__u64 hash = hash_of(world, parsed);
	bool stays = member->ifindex == world->ifindex;
	__u8 *ip, *sum;

	*result = (struct model_result){ .told = MODEL_BYTES, .packet = *in };
	ip = result->packet.data + parsed->l3;
	sum = l4_sum_of(parsed, &result->packet);
	if (parsed->family == XDPLB_IPV4)
		rewrite_ipv4(parsed, member, hash, ip, sum);
	else
		rewrite_ipv6(parsed, member, hash, ip, sum);
	put(result->packet.data + parsed->l4 + 2, &member->tag, 2, NULL, sum);
	if (sum && parsed->proto == IPPROTO_UDP && !sum[0] && !sum[1])
		sum[0] = sum[1] = 0xff;
	/* A tagged frame goes back by the very interface, or is the kernel's to forward. */
	if (parsed->tags && !stays) {
		result->verdicts = VERDICT(PASS);
		return;
	}
	take_ttl(parsed->family, ip);
	memcpy(result->packet.data, member->dmac, 6);
	memcpy(result->packet.data + 6, member->smac, 6);
	result->verdicts = stays ? VERDICT(TX) : VERDICT(REDIRECT);
}

/* ---- the steps ---- */

static void serve(const struct model_world *world, const struct model_service *service,
		  const struct model_parsed *parsed, const struct test_packet *in,
		  struct model_result *result)
{
	const struct model_member *member;
	__u64 hash = hash_of(world, parsed);

	if (is_denied(service, &parsed->source)) {
		drop(result, REASON(SOURCE_DENIED));
		return;
	}
	if (parsed->ttl <= 1) {
		untold(result, VERDICT(TX) | VERDICT(DROP), REASON(TTL_EXPIRED));
		return;
	}
	if (!service->buckets) {
		drop(result, REASON(NO_MEMBER));
		return;
	}
	if (service->flags & XDPLB_SERVICE_BY_SOURCE)
		hash = flow_hash6(world->key[0], world->key[1], parsed->source.word,
				  parsed->dest.word, flow_word(0, 0, 0, parsed->family));
	member = find_member(service, hash);
	if (!member && service->flags & XDPLB_SERVICE_ALL_IF_DOWN)
		member = find_owner(service, hash, true, NULL);
	if (member)
		send_to(world, parsed, member, in, result);
	else if (service->flags & XDPLB_SERVICE_RESET_IF_DOWN && parsed->proto == IPPROTO_TCP)
		untold(result, VERDICT(TX) | VERDICT(DROP), REASON(NO_USABLE_MEMBER));
	else
		drop(result, REASON(NO_USABLE_MEMBER));
}

/* Echo requests are answered; errors are sent on, or pass; all else passes. */
static void meet_icmp(const struct model_parsed *parsed, const struct test_packet *in,
		      struct model_result *result)
{
	bool is_ipv4 = parsed->family == XDPLB_IPV4;
	__u8 type = in->data[parsed->l4];
	bool is_echo = type == (is_ipv4 ? 8 : 128);
	bool is_error = is_ipv4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;

	if (is_echo)
		untold(result, VERDICT(TX) | VERDICT(DROP) | VERDICT(PASS),
		       REASON(ANSWER_RATE) | REASON(TRUNCATED));
	else if (is_error)
		untold(result, ~0U, ~0ULL);
	else
		pass(in, result);
}

void model_run(const struct model_world *world, const struct test_packet *in,
	       struct model_result *ret_result)
{
	struct model_parsed parsed;
	const struct model_service *service;

	model_parse(in, &parsed);
	if (parsed.kind == MODEL_FOREIGN || !is_vip(world, &parsed)) {
		pass(in, ret_result);
		return;
	}
	switch (parsed.kind) {
	case MODEL_TRUNCATED:
		drop(ret_result, REASON(TRUNCATED));
		return;
	case MODEL_EXTENSIONS:
		drop(ret_result, REASON(EXTENSIONS));
		return;
	case MODEL_CUT:
		/* Whether it holds TCP or UDP, or a fragment, can't be told, or only half. */
		pass(in, ret_result);
		ret_result->verdicts |= VERDICT(DROP);
		ret_result->drops = REASON(TRUNCATED) | REASON(EXTENSIONS) | REASON(FRAGMENT) |
				    REASON(FRAGMENT_UNKNOWN);
		return;
	case MODEL_FRAGMENT:
		untold(ret_result, ~0U, ~0ULL);
		return;
	case MODEL_ICMP:
		meet_icmp(&parsed, in, ret_result);
		return;
	default:
		break;
	}
	service = find_service(world, &parsed);
	if (service)
		serve(world, service, &parsed, in, ret_result);
	else
		pass(in, ret_result);
}

/* 0 and 0xffff are the same sum where 0 has no other meaning. */
static void settle_sum(struct test_packet *packet, size_t at)
{
	if (packet->data[at] == 0xff && packet->data[at + 1] == 0xff)
		packet->data[at] = packet->data[at + 1] = 0;
}

bool model_same(const struct test_packet *want, const struct test_packet *got)
{
	struct test_packet a = *want, b = *got;
	struct model_parsed parsed;

	if (packet_same(want, got))
		return true;
	model_parse(want, &parsed);
	if (want->len != got->len || parsed.kind != MODEL_TRANSPORT)
		return false;
	if (parsed.family == XDPLB_IPV4) {
		settle_sum(&a, parsed.l3 + 10);
		settle_sum(&b, parsed.l3 + 10);
	}
	if (parsed.proto == IPPROTO_TCP) {
		settle_sum(&a, parsed.l4 + 16);
		settle_sum(&b, parsed.l4 + 16);
	}
	return packet_same(&a, &b);
}
