/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Pings that come in fragments. Each is sent back by itself, since a reply differs from its request by the
 * type alone, which stands in the first one, and the checksum there. That one is noted: what belongs to no
 * echo request must not be sent back, or two balancers could be made to send each other a fragment for ever.
 */
#ifndef XDPLB_BPF_ECHO_FRAGMENT_H
#define XDPLB_BPF_ECHO_FRAGMENT_H

#include "relay.h"
#include "serve_fragment.h"

INLINE bool is_first_of_echo(const struct packet *pkt)
{
	const struct icmp_head *icmp = pkt->l4;

	return (void *)(icmp + 1) <= pkt->end && holds_l4(pkt, sizeof(*icmp)) &&
	       is_echo_request(pkt, icmp);
}

INLINE bool follows_echo(const struct xdplb_fragment_key *key)
{
	const struct xdplb_fragment_way *way = bpf_map_lookup_elem(&fragment_ways, key);

	return way && way->member == XDPLB_NO_MEMBER && way->expires > bpf_jiffies64();
}

INLINE bool note_echo(const struct xdplb_fragment_key *key)
{
	struct xdplb_fragment_way way = {
		.expires = bpf_jiffies64() + fragment_lifetime,
		.member = XDPLB_NO_MEMBER,
	};

	if (bpf_map_update_elem(&fragment_ways, key, &way, BPF_ANY))
		return false;
	count_event(XDPLB_EVENT_FRAGMENT_NOTED);
	return true;
}

/* VERDICT_PASS: it is of no echo request, or of none that could be answered. */
NOINLINE int answer_echo_fragment(struct xdp_md *ctx, __u64 shape)
{
	struct fragment fragment;
	struct packet pkt;

	if (!answers_echo() || !open_fragment(ctx, shape, &pkt, &fragment) ||
	    !is_plain(&pkt, IPPROTO_FRAGMENT) || !source_answerable(&pkt))
		return VERDICT_PASS;
	if (!(fragment.first ? is_first_of_echo(&pkt) : follows_echo(&fragment.key)))
		return VERDICT_PASS;
	pkt.ours = true;
	if (!take_answer(ANSWER_ECHO))
		return refuse(&pkt, XDPLB_DROP_ANSWER_RATE);
	if (!fragment.first)
		turn_packet(&pkt);
	else if (note_echo(&fragment.key))
		turn_echo(&pkt, pkt.l4);
	else
		return refuse(&pkt, XDPLB_DROP_FRAGMENT);
	count_event(XDPLB_EVENT_ECHO_ANSWERED);
	return VERDICT_TX;
}

#endif
