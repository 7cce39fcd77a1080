// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The walk of bpf/README.md, "lb_xdp", step by step.
 */
#include "model.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <string.h>

#include "model_flows.h"
#include "model_icmp.h"
#include "model_send.h"

/* ---- results ---- */

void model_pass(const struct test_packet *in, struct model_result *ret_result)
{
	ret_result->verdict = XDP_PASS;
	ret_result->packet = *in;
}

void model_drop(enum xdplb_drop reason, struct model_result *ret_result)
{
	ret_result->verdict = XDP_DROP;
	ret_result->drop = reason;
}

/* ---- what the client is told ---- */

bool model_is_somebody(const struct model_parsed *parsed)
{
	const __u8 *addr = (const __u8 *)&parsed->source.addr;
	static const __u8 zero[16];

	if (parsed->family == XDPLB_IPV4)
		return addr[0] && addr[0] != 127 && addr[0] < 224;
	return memcmp(addr, zero, 16) && addr[0] != 0xff;
}

struct report {
	__u8 type, code;
	__u32 rest;
	__u32 event;
	enum xdplb_drop otherwise;
};

static void report(struct model_world *world, const struct model_parsed *parsed,
		   const struct test_packet *in, const struct report *what,
		   struct model_result *result)
{
	if (parsed->kind == MODEL_LATER ||
	    (parsed->is_first && what->otherwise != XDPLB_DROP_TOO_BIG) ||
	    !model_is_somebody(parsed) || !world->budgets.reports) {
		model_drop(what->otherwise, result);
		return;
	}
	world->budgets.reports--;
	result->verdict = XDP_TX;
	result->events |= what->event;
	result->paths |= PATH(REPORTED);
	model_report(in, parsed, what->type, what->code, what->rest, &result->packet);
}

static void expire(struct model_world *world, const struct model_parsed *parsed,
		   const struct test_packet *in, struct model_result *result)
{
	struct report what = { .type = parsed->family == XDPLB_IPV4 ? 11 : 3,
			       .event = EVENT(TIME_EXCEEDED_SENT),
			       .otherwise = XDPLB_DROP_TTL_EXPIRED };

	report(world, parsed, in, &what, result);
}

static void refuse_length(struct model_world *world, const struct model_parsed *parsed,
			  const struct test_packet *in, __u32 mtu, struct model_result *result)
{
	bool is_ipv4 = parsed->family == XDPLB_IPV4;
	struct report what = { .type = is_ipv4 ? 3 : 2,
			       .code = is_ipv4 ? 4 : 0,
			       .rest = mtu,
			       .event = EVENT(TOO_BIG_SENT),
			       .otherwise = XDPLB_DROP_TOO_BIG };

	report(world, parsed, in, &what, result);
}

/* ---- rewriting ---- */

/* Destination address and port, the mark, whatever kind of packet it is. */
static void rewrite(const struct model_parsed *parsed, const struct model_member *member,
		    __u64 hash, bool is_fragment, struct test_packet *packet)
{
	size_t dest = parsed->l3 + (parsed->family == XDPLB_IPV4 ? 16 : 24), sum = 0;
	bool is_ipv4 = parsed->family == XDPLB_IPV4;
	__be16 extra = htons(hash >> 16 & 0xffff), none = 0;

	if (parsed->kind == MODEL_TRANSPORT)
		sum = model_l4_sum(packet, parsed, parsed->end);
	model_put_addr(packet, parsed, dest, &member->addr, sum);
	if (!is_ipv4 || !is_fragment)
		model_put_mark(packet, parsed, hash);
	if (parsed->kind != MODEL_TRANSPORT)
		return;
	if (!member->keeps_port)
		model_put_word(packet, parsed->l4 + 2, member->tag, sum);
	if (is_ipv4 && is_fragment)
		model_change_sum(packet, sum, &none, &extra, 2);
	if (sum && parsed->proto == IPPROTO_UDP)
		model_settle_udp(packet, sum);
}

/* A tagged frame goes back by the very interface, or is the kernel's to forward. */
static bool is_forwarded(const struct model_world *world, const struct model_parsed *parsed,
			 const struct model_member *member)
{
	return parsed->tags && member->ifindex != world->ifindex;
}

/* UDP over IPv4 may have none; then there is no room for the mark of fragments. */
static bool has_l4_sum(const struct model_parsed *parsed, const struct test_packet *in)
{
	return model_l4_sum(in, parsed, parsed->end);
}

void model_leave(const struct model_world *world, const struct model_parsed *parsed,
		 const struct model_member *member, struct model_result *result)
{
	result->member = member;
	result->paths |= PATH(SENT);
	if (is_forwarded(world, parsed, member)) {
		result->paths |= PATH(SENT_TAGGED_ON);
		result->events |= EVENT(LEFT_TO_KERNEL);
		result->verdict = XDP_PASS;
		return;
	}
	model_take_ttl(&result->packet, parsed);
	memcpy(result->packet.data, member->dmac, 6);
	memcpy(result->packet.data + 6, member->smac, 6);
	result->verdict = member->ifindex == world->ifindex ? XDP_TX : XDP_REDIRECT;
}

/* Rewritten as a fragment, for the kernel to cut. */
static void leave_to_cut(const struct model_parsed *parsed, const struct model_member *member,
			 __u64 hash, struct model_result *result)
{
	rewrite(parsed, member, hash, true, &result->packet);
	result->member = member;
	result->verdict = XDP_PASS;
	result->events |= EVENT(LEFT_TO_KERNEL);
	result->paths |= PATH(SENT_TO_CUT);
}

/* A packet to a member, if it isn't too long. */
static void send_to(struct model_world *world, const struct model_parsed *parsed,
		    const struct model_member *member, __u64 hash, const struct test_packet *in,
		    struct model_result *result)
{
	bool is_fragment = parsed->is_first || parsed->kind == MODEL_LATER;
	bool is_long = member->mtu && in->len - parsed->l3 > member->mtu;

	result->packet = *in;
	if (!is_long) {
		rewrite(parsed, member, hash, is_fragment, &result->packet);
		model_leave(world, parsed, member, result);
	} else if (parsed->may_fragment && (is_fragment || has_l4_sum(parsed, in))) {
		leave_to_cut(parsed, member, hash, result);
	} else if (parsed->may_fragment) {
		model_drop(XDPLB_DROP_TOO_BIG, result);
	} else {
		refuse_length(world, parsed, in, member->mtu, result);
	}
}

/* ---- fragments ---- */

struct model_note *model_find_note(struct model_world *world, const struct xdplb_fragment_key *key)
{
	for (size_t i = 0; i < world->note_count; i++)
		if (!memcmp(&world->notes[i].key, key, sizeof(*key)))
			return &world->notes[i];
	return NULL;
}

void model_note_datagram(struct model_world *world, const struct model_note *note,
			 struct model_result *result)
{
	struct model_note *entry = model_find_note(world, &note->key);

	if (!entry && world->note_count < MODEL_NOTES)
		entry = &world->notes[world->note_count++];
	if (!entry)
		return;
	*entry = *note;
	result->events |= EVENT(FRAGMENT_NOTED);
}

static void follow(struct model_world *world, const struct model_parsed *parsed,
		   const struct test_packet *in, struct model_result *result)
{
	const struct model_note *entry = model_find_note(world, &parsed->key);

	result->paths |= PATH(LATER_FRAGMENT);
	if (!entry)
		model_drop(XDPLB_DROP_FRAGMENT_UNKNOWN, result);
	else if (parsed->ttl <= 1)
		model_drop(XDPLB_DROP_TTL_EXPIRED, result);
	else
		send_to(world, parsed, entry->member, entry->hash, in, result);
}

/* ---- the steps ---- */

static bool may_open(const struct model_parsed *parsed, const struct test_packet *in)
{
	__u8 flags = in->data[parsed->l4 + 13];

	return parsed->proto == IPPROTO_UDP || (flags & TCP_SYN && !(flags & TCP_ACK));
}

static void serve_nobody(struct model_world *world, const struct model_service *service,
			 const struct model_parsed *parsed, const struct test_packet *in,
			 struct model_result *result)
{
	if (service->flags & XDPLB_SERVICE_RESET_IF_DOWN && parsed->proto == IPPROTO_TCP &&
	    !parsed->is_first && model_is_somebody(parsed) && world->budgets.resets &&
	    model_reset(in, parsed, &result->packet)) {
		world->budgets.resets--;
		result->verdict = XDP_TX;
		result->events |= EVENT(RESET_SENT);
		result->paths |= PATH(RESET);
		return;
	}
	model_drop(service->buckets ? XDPLB_DROP_NO_USABLE_MEMBER : XDPLB_DROP_NO_MEMBER, result);
}

static struct model_ask ask_of(const struct model_world *world, const struct model_service *service,
			       const struct model_parsed *parsed, const struct test_packet *in)
{
	struct model_ask ask = { .service = service,
				 .proto = parsed->proto,
				 .client = &parsed->source.addr,
				 .opens = may_open(parsed, in) };

	ask.hash = model_flow_hash(world->key, &parsed->source, &parsed->dest, parsed->proto,
				   parsed->family);
	ask.bucket_hash = model_bucket_hash(world, service, &parsed->source, ask.hash);
	return ask;
}

/* To a member that is found. */
static void serve_by(struct model_world *world, const struct model_parsed *parsed,
		     const struct model_member *member, const struct model_ask *ask,
		     const struct test_packet *in, struct model_result *result)
{
	send_to(world, parsed, member, ask->hash, in, result);
	if (!result->member)
		return;
	if (ask->opens && parsed->proto == IPPROTO_TCP)
		result->opened = member;
	if (parsed->is_first)
		model_note_datagram(world, &(struct model_note){ parsed->key, member, ask->hash },
				    result);
}

static void serve(struct model_world *world, const struct model_service *service,
		  const struct model_parsed *parsed, const struct test_packet *in,
		  struct model_result *result)
{
	struct model_ask ask = ask_of(world, service, parsed, in);
	const struct model_member *member;

	if (model_is_denied(service, &parsed->source.addr)) {
		model_drop(XDPLB_DROP_SOURCE_DENIED, result);
		return;
	}
	if (parsed->ttl <= 1) {
		expire(world, parsed, in, result);
		return;
	}
	member = model_route(service, parsed, in, result);
	if (!member && !model_admit(world, &ask)) {
		model_drop(XDPLB_DROP_SOURCE_LIMIT, result);
		return;
	}
	if (!member)
		member = model_pick(world, &ask, result);
	if (member)
		serve_by(world, parsed, member, &ask, in, result);
	else
		serve_nobody(world, service, parsed, in, result);
}

static __u64 paths_of(const struct model_parsed *parsed, const struct model_service *service,
		      const struct test_packet *in)
{
	__u64 paths = parsed->tags ? parsed->tags > 1 ? PATH(TAGS) : PATH(TAG) : 0;

	if (parsed->l4 - parsed->l3 > (parsed->family == XDPLB_IPV4 ? 20 : 40))
		paths |= parsed->family == XDPLB_IPV4 ? PATH(OPTIONS) : PATH(EXTENSIONS);
	if (parsed->is_first)
		paths |= PATH(FIRST_FRAGMENT);
	if (may_open(parsed, in))
		paths |= PATH(OPENS);
	if (service->last_port)
		paths |= PATH(RANGE);
	if (service->flags & XDPLB_SERVICE_SOURCES)
		paths |= PATH(LISTED);
	if (service->flags & XDPLB_SERVICE_BY_SOURCE)
		paths |= PATH(AFFINITY);
	return paths;
}

static void meet_transport(struct model_world *world, const struct model_parsed *parsed,
			   const struct test_packet *in, struct model_result *result)
{
	const struct model_service *service =
		model_find_service(world, parsed->family, parsed->proto, &parsed->dest);

	if (!service && !parsed->is_first) {
		result->paths |= PATH(OTHER_PORT);
		model_pass(in, result);
		return;
	}
	if (!service ||
	    (parsed->is_first && parsed->family == XDPLB_IPV4 && !has_l4_sum(parsed, in))) {
		model_drop(XDPLB_DROP_FRAGMENT, result);
		return;
	}
	result->paths |= paths_of(parsed, service, in);
	serve(world, service, parsed, in, result);
}

void model_run(struct model_world *world, const struct test_packet *in,
	       struct model_result *ret_result)
{
	struct model_parsed parsed;

	*ret_result = (struct model_result){ .drop = -1 };
	model_parse(in, &parsed);
	if (parsed.kind == MODEL_CUT_ICMP)
		parsed.kind = MODEL_FOREIGN;
	if (parsed.kind == MODEL_FOREIGN || !model_is_vip(world, &parsed)) {
		ret_result->paths |= parsed.kind == MODEL_FOREIGN ? PATH(FOREIGN) : PATH(STRANGER);
		model_pass(in, ret_result);
		return;
	}
	switch (parsed.kind) {
	case MODEL_TRUNCATED:
		model_drop(XDPLB_DROP_TRUNCATED, ret_result);
		break;
	case MODEL_TOO_MANY:
		model_drop(XDPLB_DROP_EXTENSIONS, ret_result);
		break;
	case MODEL_LATER:
		follow(world, &parsed, in, ret_result);
		break;
	case MODEL_ICMP:
	case MODEL_ICMP_FIRST:
	case MODEL_ICMP_LATER:
		model_meet_icmp(world, &parsed, in, ret_result);
		break;
	default:
		meet_transport(world, &parsed, in, ret_result);
	}
}
