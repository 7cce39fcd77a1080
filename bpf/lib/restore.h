/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * An admitted packet on its way to a backend: is its connection here, and what does it become? Both are found out
 * once a tick for each flow (recent.h).
 */
#ifndef XDPLB_BPF_RESTORE_H
#define XDPLB_BPF_RESTORE_H

#include "flow.h"
#include "handover.h"
#include "mapping.h"
#include "recent.h"
#include "shape.h"
#include "skb.h"

/* @recent: of the flow, if it is to be noted */
INLINE enum verdict restore_dest(struct __sk_buff *skb, struct packet *pkt,
				 const struct xdplb_mapping *mapping, __u32 index,
				 struct recent_flow *recent)
{
	struct rewriting to = { .ports = *packet_ports(pkt) };
	struct flow_owner owner = {
		.mapping = index,
		.epoch = mapping->epoch,
		.port = own_port(mapping, to.ports.dest),
		.entry_port = entry_port(mapping, to.ports.dest),
	};
	enum verdict verdict;

	if (mapping->restore == XDPLB_RESTORE_INTERFACE || !recent) {
		to.side = SIDE_DEST;
		to.addr = mapping->vip;
		to.ports.dest = vip_port(mapping, to.ports.dest);
		return rewrite_packet(skb, pkt, &to);
	}
	if (unlikely(!recent->noted)) {
		verdict = note_flow(pkt, &owner, &recent->client_port);
		if (verdict != VERDICT_NEXT)
			return verdict;
		recent->noted = true;
	}
	to.ports.source = recent->client_port;
	to.ports.dest = owner.port;
	return rewrite_packet(skb, pkt, &to);
}

/* The last word on a packet, from a function of its own: the verifier can't know that it is never
 * VERDICT_NEXT, and after such a call no packet may be gone on with as it was. */
INLINE enum verdict last_word(int verdict)
{
	return verdict == VERDICT_NEXT ? VERDICT_PASS : verdict;
}

/* Is a packet's connection here? VERDICT_NEXT: as far as can be found out; pkt is as it was. */
INLINE enum verdict check_connection(struct __sk_buff *skb, struct packet *pkt, __u32 index,
				     struct recent_flow *recent, __u32 handed)
{
	__u64 shape = pack_shape(pkt, PARSED_L4);
	enum verdict verdict;

	if (likely(recent->expected)) {
		if (unlikely(handed))
			count_event(XDPLB_EVENT_HANDED_HERE);
		return VERDICT_NEXT;
	}
	verdict = find_connection(skb, shape, index, recent, handed);
	if (verdict != VERDICT_NEXT || !open_shape(skb, pkt, shape) || parse_l4(pkt) != PARSED_L4)
		return last_word(verdict);
	pkt->ours = true;
	return VERDICT_NEXT;
}

#endif
