/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The road that nearly all packets take, from Ethernet header to wire: TCP or UDP right behind an IP header
 * without options, for a service without particulars, whose bucket's member is well and known by its next
 * hop. It is an excerpt of serve_packet(), which has all the rest and decides alike. One copy is made of it
 * for each family and protocol, so that offsets and half of each key are constants. Nothing is written, changed or
 * counted before it is sure that the packet leaves by this road.
 */
#ifndef XDPLB_BPF_FAST_H
#define XDPLB_BPF_FAST_H

#include "serve.h"

/* The first byte of an IPv4 header without options. */
#define IPV4_PLAIN 0x45

/* Fills what parse_packet() would, if the packet is usual. */
INLINE bool parse_usual4(struct packet *pkt)
{
	struct iphdr *ip = pkt->ip4;

	if ((void *)(ip + 1) > pkt->end || *(__u8 *)ip != IPV4_PLAIN ||
	    ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))
		return false;
	pkt->family = XDPLB_IPV4;
	pkt->l4 = ip + 1;
	pkt->l4_offset = ETH_HLEN + sizeof(*ip);
	return true;
}

INLINE bool parse_usual6(struct packet *pkt)
{
	struct ipv6hdr *ip = pkt->ip6;

	if ((void *)(ip + 1) > pkt->end || ip->version != 6)
		return false;
	pkt->family = XDPLB_IPV6;
	pkt->l4 = ip + 1;
	pkt->l4_offset = ETH_HLEN + sizeof(*ip);
	return true;
}

/*
 * The owner of the flow's bucket, if it may be used whether or not the packet opens a flow. A service with
 * particulars has no buckets here.
 */
INLINE struct xdplb_member *usual_member(const struct xdplb_endpoint *slot, __u64 hash,
					 __u32 *ret_index)
{
	__u64 word = *(const volatile __u64 *)&slot->buckets;
	__u32 base = (__u32)word & ~(XDPLB_BUCKETS_PER_LINE - 1);
	__u64 count = opaque(word >> 32); /* compared and multiplied as it is */
	struct xdplb_member *member;

	if (unlikely(!count))
		return NULL;
	*ret_index = bucket_member(base + ((hash >> 32) * count >> 32));
	member = bpf_map_lookup_elem(&members, ret_index);
	if (unlikely(!member || !member_is_whole(member, ret_index, &slot->buckets.base)))
		return NULL;
	return member;
}

/* May it be sent by the next hop that is known? */
INLINE bool way_is_known(const struct packet *pkt, const struct xdplb_member *member)
{
	return *(const volatile __u64 *)&member->nexthop.expires > bpf_jiffies64() &&
	       !too_big(pkt, member);
}

/* A packet for the service of a slot of `vips`. VERDICT_NEXT: it is not usual. */
INLINE enum verdict serve_usual(struct xdp_md *ctx, struct packet *pkt,
				const struct xdplb_endpoint *slot)
{
	struct xdplb_member *member;
	__u32 index;
	__u64 hash;

	if (unlikely(ttl_expired(pkt)))
		return VERDICT_NEXT;
	hash = opaque(hash_flow(pkt)); /* whole, for bucket and mark, and not in halves */
	member = usual_member(slot, hash, &index);
	if (unlikely(!member || !way_is_known(pkt, member)))
		return VERDICT_NEXT;
	count_opening(pkt, &index);
	dnat_packet(pkt, member, hash, member->tag, true);
	count_traffic(pkt, &index);
	return send_packet(ctx, pkt, &member->nexthop);
}

/* What serve_usual() has left alone. */
NOINLINE int serve_unusual(struct xdp_md *ctx, __u64 shape, __u32 index)
{
	struct packet pkt;

	if (!open_shape(ctx, &pkt, shape) || parse_l4(&pkt) != PARSED_L4)
		return VERDICT_PASS;
	pkt.ours = true;
	return serve_packet(ctx, &pkt, index);
}

/* TCP or UDP behind tags or extension headers, or to a port that is no service's own. */
NOINLINE int serve_shape(struct xdp_md *ctx, __u64 shape)
{
	struct packet pkt;
	__u32 index;

	if (!open_shape(ctx, &pkt, shape) || parse_l4(&pkt) != PARSED_L4 ||
	    !find_served(&pkt, &index))
		return VERDICT_PASS;
	pkt.ours = true;
	return serve_packet(ctx, &pkt, index);
}

/* How a packet goes on that has left the usual road. */
struct detour {
	__u64 shape;
	__u32 index; /* of its service; XDPLB_INDEX_ADDRESS: not known yet */
};

/* VERDICT_NEXT: it takes a detour. */
INLINE enum verdict balance_l4(struct xdp_md *ctx, struct packet *pkt, struct detour *ret_detour)
{
	const struct xdplb_endpoint *slot = find_vip_slot_fast(pkt, packet_ports(pkt)->dest);
	enum verdict verdict;

	if (!slot && !has_ranges())
		return VERDICT_PASS;
	if (slot) {
		verdict = serve_usual(ctx, pkt, slot);
		if (likely(verdict != VERDICT_NEXT))
			return verdict;
	}
	ret_detour->shape = pack_shape(pkt, PARSED_L4);
	ret_detour->index = slot ? slot->index : XDPLB_INDEX_ADDRESS;
	return VERDICT_NEXT;
}

/*
 * A copy for each protocol. VERDICT_NEXT: it takes a detour, or is neither TCP nor UDP, or cut short; of these
 * ret_detour->shape stays 0.
 */
INLINE enum verdict balance_usual(struct xdp_md *ctx, struct packet *pkt, __u8 proto,
				  struct detour *ret_detour)
{
	if (proto == IPPROTO_TCP) {
		pkt->proto = IPPROTO_TCP;
		if (holds_l4(pkt, sizeof(struct tcphdr)))
			return balance_l4(ctx, pkt, ret_detour);
	} else if (proto == IPPROTO_UDP) {
		pkt->proto = IPPROTO_UDP;
		if (holds_l4(pkt, sizeof(struct udphdr)))
			return balance_l4(ctx, pkt, ret_detour);
	}
	return VERDICT_NEXT;
}

INLINE enum verdict take_detour(struct xdp_md *ctx, const struct detour *detour)
{
	return detour->index == XDPLB_INDEX_ADDRESS
		       ? serve_shape(ctx, detour->shape)
		       : serve_unusual(ctx, detour->shape, detour->index);
}

#endif
