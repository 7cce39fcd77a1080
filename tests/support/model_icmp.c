// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "model_icmp.h"

#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include "model_flows.h"
#include "model_send.h"

/* Without options, or extension headers but that of a fragment. */
static bool is_plain(const struct model_parsed *parsed)
{
	size_t len = parsed->l4 - parsed->l3;

	if (parsed->family == XDPLB_IPV4)
		return len == 20;
	return len == (parsed->kind == MODEL_ICMP ? 40 : 48);
}

static bool is_echo(const struct test_packet *in, const struct model_parsed *parsed)
{
	return model_word(in, parsed->l4) == (parsed->family == XDPLB_IPV4 ? 0x800 : 0x8000) &&
	       is_plain(parsed);
}

static bool is_error(const struct test_packet *in, const struct model_parsed *parsed)
{
	__u8 type = in->data[parsed->l4];

	return parsed->family == XDPLB_IPV4 ? type == 3 || type == 11 || type == 12
					    : type >= 1 && type <= 4;
}

/* What every fragment of a ping costs, too; false: there is nothing left, and it is dropped. */
static bool take_echo(struct model_world *world, struct model_result *result)
{
	if (world->budgets.echoes) {
		world->budgets.echoes--;
		return true;
	}
	model_drop(XDPLB_DROP_ANSWER_RATE, result);
	return false;
}

static void answer_echo(struct model_world *world, const struct model_parsed *parsed,
			const struct test_packet *in, struct model_result *result)
{
	result->paths |= world->no_echo ? PATH(ECHO_OFF) : PATH(ECHO);
	if (world->no_echo || !model_is_somebody(parsed)) {
		model_pass(in, result);
		return;
	}
	if (!take_echo(world, result))
		return;
	if (parsed->kind == MODEL_ICMP_FIRST)
		model_note_datagram(world, &(struct model_note){ .key = parsed->key }, result);
	result->verdict = XDP_TX;
	result->events |= EVENT(ECHO_ANSWERED);
	model_echo_reply(in, parsed, &result->packet);
}

static void answer_later(struct model_world *world, const struct model_parsed *parsed,
			 const struct test_packet *in, struct model_result *result)
{
	if (world->no_echo || !is_plain(parsed) || !model_is_somebody(parsed)) {
		model_pass(in, result);
		return;
	}
	if (!model_find_note(world, &parsed->key)) {
		model_drop(XDPLB_DROP_FRAGMENT_UNKNOWN, result);
		return;
	}
	if (!take_echo(world, result))
		return;
	result->paths |= PATH(ECHO_LATER);
	result->verdict = XDP_TX;
	result->events |= EVENT(ECHO_ANSWERED);
	model_turn_round(in, parsed, &result->packet);
}

/* Backend and tag in place of the VIP and its port, in the quote; returns whether UDP has its sum. */
static void rewrite_quote(const struct model_parsed *quote, const struct model_member *member,
			  struct test_packet *packet)
{
	size_t source = quote->l3 + (quote->family == XDPLB_IPV4 ? 12 : 8);
	size_t sum = model_l4_sum(packet, quote, quote->end);

	model_put_addr(packet, quote, source, &member->addr, sum);
	if (!member->keeps_port)
		model_put_word(packet, quote->l4, member->tag, sum);
	if (sum && quote->proto == IPPROTO_UDP)
		model_settle_udp(packet, sum);
}

static void rewrite_error(const struct model_parsed *parsed, const struct model_parsed *quote,
			  const struct model_member *member, __u64 hash,
			  const struct test_packet *in, struct test_packet *packet)
{
	size_t source = parsed->l3 + (parsed->family == XDPLB_IPV4 ? 12 : 8), icmp = parsed->l4 + 2;
	size_t dest = source + (parsed->family == XDPLB_IPV4 ? 4 : 16);
	/* ICMPv6 sums the addresses too. */
	size_t sum = parsed->family == XDPLB_IPV6 ? icmp : 0;

	*packet = *in;
	rewrite_quote(quote, member, packet);
	model_change_sum(packet, icmp, in->data + quote->l3, packet->data + quote->l3,
			 (quote->end - quote->l3) & ~1UL);
	model_put_addr(packet, parsed, source, &quote->dest.addr, sum);
	model_put_addr(packet, parsed, dest, &member->addr, sum);
	model_put_mark(packet, parsed, hash);
}

static void relay(struct model_world *world, const struct model_parsed *parsed,
		  const struct model_parsed *quote, const struct test_packet *in,
		  struct model_result *result)
{
	const struct model_service *service =
		model_find_service(world, parsed->family, quote->proto, &quote->source);
	struct model_ask ask = { .service = service,
				 .proto = quote->proto,
				 .client = &quote->dest.addr,
				 .is_error = true };
	const struct model_member *member;

	if (parsed->ttl <= 1) {
		model_drop(XDPLB_DROP_TTL_EXPIRED, result);
		return;
	}
	ask.hash = model_flow_hash(world->key, &quote->dest, &quote->source, quote->proto,
				   quote->family);
	ask.bucket_hash = model_bucket_hash(world, service, &quote->dest, ask.hash);
	member = model_pick(world, &ask, result);
	if (!member) {
		model_drop(service->buckets ? XDPLB_DROP_NO_USABLE_MEMBER : XDPLB_DROP_NO_MEMBER,
			   result);
		return;
	}
	result->events |= EVENT(ICMP_RELAYED);
	result->paths |= service->last_port ? PATH(RELAYED_RANGE) : PATH(RELAYED);
	rewrite_error(parsed, quote, member, ask.hash, in, &result->packet);
	model_leave(world, parsed, member, result);
}

void model_meet_icmp(struct model_world *world, const struct model_parsed *parsed,
		     const struct test_packet *in, struct model_result *ret_result)
{
	struct model_parsed quote;

	if (parsed->kind == MODEL_ICMP_LATER) {
		answer_later(world, parsed, in, ret_result);
		return;
	}
	if (is_echo(in, parsed)) {
		answer_echo(world, parsed, in, ret_result);
		return;
	}
	if (parsed->kind == MODEL_ICMP_FIRST) {
		model_pass(in, ret_result);
		return;
	}
	if (is_error(in, parsed))
		ret_result->paths |= PATH(ICMP_ERROR);
	if (!is_error(in, parsed) || !model_parse_quote(in, parsed->l4 + 8, parsed->end, &quote) ||
	    quote.family != parsed->family ||
	    memcmp(&quote.source.addr, &parsed->dest.addr, sizeof(quote.source.addr)) ||
	    !model_find_service(world, quote.family, quote.proto, &quote.source))
		model_pass(in, ret_result);
	else
		relay(world, parsed, &quote, in, ret_result);
}
