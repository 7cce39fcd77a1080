/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * TCP packets that no socket of their backend expects, and who is to have them instead. Whom they may
 * belong to is told in xdplb/handover.h; in which order the owners are asked, in bpf/README.md.
 */
#ifndef XDPLB_BPF_HANDOVER_H
#define XDPLB_BPF_HANDOVER_H

#include "dnat.h"
#include "expected.h"
#include "next_owner.h"
#include "mapping.h"
#include "skb.h"
#include "xdplb/handover.h"

#define NOT_ADMITTED (-1)

/* enum xdplb_handed of an admitted packet; NOT_ADMITTED: its mark is none of the flow's. */
INLINE int read_handed(const struct packet *pkt, __u64 hash)
{
	__u32 mark = pkt->family == XDPLB_IPV4
			     ? bpf_ntohs(pkt->ip4->id)
			     : bpf_ntohl(*(__be32 *)pkt->ip6 & bpf_htonl(0xfffff));

	if (likely(mark == handover_mark(pkt->family, hash, 0)))
		return 0;
	if (pkt->proto != IPPROTO_TCP || opens_flow(pkt))
		return NOT_ADMITTED;
	for (int handed = XDPLB_HANDED_BY_FIRST; handed <= XDPLB_HANDED_BY_OTHER; handed++)
		if (mark == handover_mark(pkt->family, hash, handed))
			return handed;
	return NOT_ADMITTED;
}

/* Can this hook get a packet to a peer? From a virtual NIC nothing leads to the hook of the uplinks. */
INLINE bool is_reachable(const struct xdplb_peer *peer, const struct hook *hook)
{
	const struct xdplb_mapping *mapping;
	__u32 key = peer->mapping;

	if (!hook->ifindex || key == XDPLB_ELSEWHERE)
		return true;
	mapping = bpf_map_lookup_elem(&mappings, &key);
	return mapping && mapping->ifindex;
}

/* As if an access node had chosen the peer, to that port; the packet has been marked. In again by the
 * interface: at a virtual NIC as the backend's. */
INLINE enum verdict send_to_peer(struct __sk_buff *skb, struct packet *pkt, const struct hook *hook,
				 const struct xdplb_peer *peer, __be16 port)
{
	struct rewriting to = { .side = SIDE_DEST,
				.addr = peer->addr,
				.ports = *packet_ports(pkt) };
	__u32 mapping = peer->mapping;

	if (ttl_expired(pkt))
		return refuse(pkt, XDPLB_DROP_TTL_EXPIRED);
	to.ports.dest = port;
	decrement_ttl(pkt);
	if (hook->ifindex)
		swap_macs(pkt->data);
	if (rewrite_packet(skb, pkt, &to) != VERDICT_PASS)
		return VERDICT_DROP;
	count_event(XDPLB_EVENT_HANDED_OVER);
	if (hook->ifindex || mapping != XDPLB_ELSEWHERE)
		bpf_redirect(skb->ifindex, BPF_F_INGRESS);
	else
		bpf_redirect_neigh(skb->ifindex, NULL, 0, 0);
	return VERDICT_REDIRECT;
}

/*
 * To the next owner, a TCP packet that nobody expects here. VERDICT_NEXT: nobody is left to ask.
 * @handed: enum xdplb_handed
 */
NOINLINE int hand_over(struct __sk_buff *skb, __u64 shape, __u32 index, __u64 hash, __u32 handed)
{
	const struct xdplb_succession *succession;
	const struct xdplb_mapping *mapping;
	const struct xdplb_peer *peer = NULL;
	struct hook hook = {};
	struct packet pkt;
	__u32 key;

	mapping = bpf_map_lookup_elem(&mappings, &index);
	if (!mapping || !open_tcp(skb, &pkt, shape))
		return VERDICT_PASS;
	pkt.ours = true;
	hook.ifindex = mapping->ifindex;
	key = mapping->succession;
	succession = bpf_map_lookup_elem(&successions, &key);
	if (succession && handed != XDPLB_HANDED_TWICE)
		peer = next_owner(succession, hash, handed, &mapping->backend);
	if (!succession || !peer || !is_reachable(peer, &hook)) {
		count_event(XDPLB_EVENT_NOT_FOUND);
		return VERDICT_NEXT;
	}
	handed = next_handed(succession, hash, handed, &mapping->backend);
	write_mark(&pkt, handover_mark(pkt.family, hash, handed));
	return send_to_peer(skb, &pkt, &hook, peer,
			    keeps_port(mapping) ? packet_ports(&pkt)->dest : peer->tag);
}

/* Whose is a TCP packet that opens no flow? VERDICT_NEXT: the mapping's, as far as can be found out. */
INLINE enum verdict find_connection(struct __sk_buff *skb, __u64 shape, __u32 index, __u64 hash,
				    __u32 handed)
{
	if (unlikely(!is_expected(skb, shape, index)))
		return hand_over(skb, shape, index, hash, handed);
	if (unlikely(handed))
		count_event(XDPLB_EVENT_HANDED_HERE);
	return VERDICT_NEXT;
}

#endif
