/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * An ICMP echo request in fragments. Its checksum is over all of it, but of what it is over only the type
 * changes, and that stands in the first fragment: so each is turned round by itself, as it comes.
 */
#ifndef XDPLB_BPF_ECHO_FRAGMENT_H
#define XDPLB_BPF_ECHO_FRAGMENT_H

#include "echo.h"
#include "serve_fragment.h"

/* The datagram is counted, and a note made of it, by which its later fragments follow. */
INLINE enum verdict answer_first_fragment(struct packet *pkt, const struct fragment *fragment)
{
	struct xdplb_fragment_way way = { .member = XDPLB_NO_MEMBER };
	struct icmp_head *icmp = pkt->l4;

	if ((void *)(icmp + 1) > pkt->end || !holds_l4(pkt, sizeof(*icmp)) ||
	    !is_echo_request(pkt, icmp))
		return VERDICT_PASS;
	pkt->ours = true;
	if (!take_answer(ANSWER_ECHO))
		return refuse(pkt, XDPLB_DROP_ANSWER_RATE);
	way.expires = bpf_jiffies64() + fragment_lifetime;
	if (bpf_map_update_elem(&fragment_ways, &fragment->key, &way, BPF_ANY))
		return refuse(pkt, XDPLB_DROP_FRAGMENT);
	count_event(XDPLB_EVENT_FRAGMENT_NOTED);
	turn_echo(pkt, icmp);
	count_event(XDPLB_EVENT_ECHO_ANSWERED);
	return VERDICT_TX;
}

INLINE enum verdict answer_later_fragment(struct packet *pkt, const struct fragment *fragment)
{
	const struct xdplb_fragment_way *way;

	pkt->ours = true;
	way = bpf_map_lookup_elem(&fragment_ways, &fragment->key);
	if (!way || way->expires <= bpf_jiffies64())
		return refuse(pkt, XDPLB_DROP_FRAGMENT_UNKNOWN);
	/* Any number of these may follow a first one, so they are metered, too. */
	if (!take_answer(ANSWER_ECHO))
		return refuse(pkt, XDPLB_DROP_ANSWER_RATE);
	turn_headers(pkt);
	count_event(XDPLB_EVENT_ECHO_ANSWERED);
	return VERDICT_TX;
}

NOINLINE int answer_fragment(struct xdp_md *ctx, __u64 shape)
{
	struct fragment fragment;
	struct packet pkt;

	if (!answers_echo() || !open_fragment(ctx, shape, &pkt, &fragment) ||
	    !has_plain_headers(&pkt, sizeof(struct frag_hdr)) || !source_answerable(&pkt))
		return VERDICT_PASS;
	if (fragment.first)
		return answer_first_fragment(&pkt, &fragment);
	return answer_later_fragment(&pkt, &fragment);
}

#endif
