/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * ICMP at a VIP. Echo requests are answered here. Errors about a packet that was sent from the VIP go on
 * to the backend that owns the flow, which must hear of a smaller MTU or an unreachable client.
 */
#ifndef XDPLB_BPF_RELAY_H
#define XDPLB_BPF_RELAY_H

#include "echo.h"
#include "serve.h"

/* VERDICT_NEXT: no echo request that could be answered. */
NOINLINE int answer_echo(struct xdp_md *ctx, __u64 shape)
{
	struct icmp_head *icmp;
	struct packet pkt;
	__u32 index;

	if (!answers_echo() || !open_shape(ctx, &pkt, shape))
		return VERDICT_NEXT;
	icmp = pkt.l4;
	if ((void *)(icmp + 1) > pkt.end || !holds_l4(&pkt, sizeof(*icmp)) ||
	    !is_echo_request(&pkt, icmp) || !has_plain_headers(&pkt, 0) ||
	    !source_answerable(&pkt) || !find_vip(&pkt, 0, 0, &index))
		return VERDICT_NEXT;
	pkt.ours = true;
	if (!take_answer(ANSWER_ECHO))
		return refuse(&pkt, XDPLB_DROP_ANSWER_RATE);
	turn_echo(&pkt, icmp);
	count_event(XDPLB_EVENT_ECHO_ANSWERED);
	return VERDICT_TX;
}

/* The service from whose VIP and port a quoted packet came; false: none, or the message is for another. */
INLINE bool find_quoted_service(const struct packet *pkt, const struct packet *inner,
				__u32 *ret_index)
{
	struct endpoint_key key = {
		.port = packet_ports(inner)->source,
		.proto = inner->proto,
		.family = pkt->family,
	};
	struct xdplb_addr dest;

	read_source(inner, &key.addr);
	read_dest(pkt, &dest);
	return same_addr(&key.addr, &dest) && find_any_service(&key, ret_index);
}

/* The hash of the flow whose packet is quoted: there the client is the destination. */
INLINE __u64 hash_quoted_flow(const struct packet *inner)
{
	const struct ports *ports = packet_ports(inner);
	__u64 word = flow_word(ports->dest, ports->source, inner->proto, inner->family);

	if (inner->family == XDPLB_IPV4)
		return flow_hash4(flow_key, inner->ip4->daddr, inner->ip4->saddr, word);
	return flow_hash6(flow_key, addr_words(&inner->ip6->daddr), addr_words(&inner->ip6->saddr),
			  word);
}

/*
 * The message comes from the client from here on. Its sender may be the router on the way to the
 * backend, which would take it for forged with its own address as source (RFC 1812, section 5.3.7);
 * where the client's packets pass, this passes.
 */
INLINE void say_client(struct packet *pkt, struct quote *quote)
{
	struct xdplb_addr old, client;
	__u32 delta;

	read_source(pkt, &old);
	read_dest(&quote->inner, &client);
	delta = csum_fold16(csum_diff_addr(&old, &client));
	if (pkt->family == XDPLB_IPV4)
		pkt->ip4->check = csum_apply(pkt->ip4->check, delta);
	else
		quote->icmp->check = csum_apply(quote->icmp->check, delta);
	set_source(pkt, &client);
}

/* As bucket_hash(). */
INLINE __u64 quoted_bucket_hash(const struct xdplb_service *service, const struct packet *inner,
				__u64 hash)
{
	struct xdplb_addr client, vip;

	if (!(service->flags & XDPLB_SERVICE_BY_SOURCE))
		return hash;
	read_dest(inner, &client);
	read_source(inner, &vip);
	return hash_addresses(&client, &vip, inner->family);
}

INLINE enum verdict send_error(struct xdp_md *ctx, struct packet *pkt, struct quote *quote,
			       const struct choice *choice, __u64 hash)
{
	struct rewriting to = {
		.side = SIDE_DEST,
		.addr = choice->member->addr,
		.ports = *packet_ports(&quote->inner),
	};
	enum verdict verdict = find_nexthop(ctx, pkt, choice->member);

	if (verdict == VERDICT_DROP)
		return verdict;
	to.ports.source = member_port(choice->member, to.ports.source);
	rewrite_quote(pkt, quote, &to);
	say_client(pkt, quote);
	mark_packet(pkt, hash);
	count_event(XDPLB_EVENT_ICMP_RELAYED);
	return finish_packet(ctx, pkt, choice, verdict);
}

NOINLINE int relay_error(struct xdp_md *ctx, __u64 shape)
{
	struct xdplb_service *service;
	struct choice choice;
	struct packet pkt;
	struct quote quote;
	__u32 index;
	__u64 hash;

	if (!open_shape(ctx, &pkt, shape) || !holds_l4(&pkt, sizeof(struct icmp_head)) ||
	    !read_quote(&pkt, &quote) || !find_quoted_service(&pkt, &quote.inner, &index))
		return VERDICT_PASS;
	pkt.ours = true;
	service = bpf_map_lookup_elem(&services, &index);
	if (!service)
		return refuse(&pkt, XDPLB_DROP_BAD_TABLE);
	if (ttl_expired(&pkt))
		return refuse(&pkt, XDPLB_DROP_TTL_EXPIRED);
	hash = hash_quoted_flow(&quote.inner);
	pick_or_recall(service, index, hash, quoted_bucket_hash(service, &quote.inner, hash),
		       ASKS_QUOTE, &choice);
	if (!choice.member)
		return refuse(&pkt, choice.reason);
	return send_error(ctx, &pkt, &quote, &choice, hash);
}

#endif
