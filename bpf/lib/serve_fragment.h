/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Fragments to a VIP: the first one finds the member and leaves a note, by which later ones follow.
 */
#ifndef XDPLB_BPF_SERVE_FRAGMENT_H
#define XDPLB_BPF_SERVE_FRAGMENT_H

#include "fragment.h"
#include "serve.h"

/* Not per CPU: later fragments have no ports, and may come in by another queue than the first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, XDPLB_FRAGMENTS_MAX);
	__type(key, struct xdplb_fragment_key);
	__type(value, struct xdplb_fragment_way);
} fragment_ways SEC(".maps");

/*
 * As find_nexthop(); the kernel may cut a fragment that is too big into smaller ones. VERDICT_REPORT: it may
 * not.
 */
INLINE enum verdict find_way(struct xdp_md *ctx, const struct packet *pkt,
			     struct xdplb_member *member)
{
	enum verdict verdict = find_nexthop(ctx, pkt, member);

	if (verdict == VERDICT_DROP || !too_big(pkt, member))
		return verdict;
	return may_be_cut(pkt) ? VERDICT_PASS : VERDICT_REPORT;
}

/* Opens a fragment to a VIP, and says which. */
INLINE bool open_fragment(struct xdp_md *ctx, __u64 shape, struct packet *pkt,
			  struct fragment *ret_fragment)
{
	__u32 index;

	if (!open_shape(ctx, pkt, shape) || !read_fragment(pkt, ret_fragment))
		return false;
	return find_vip(pkt, 0, 0, &index);
}

/* VERDICT_NEXT: it is the first of its datagram. */
NOINLINE int serve_later_fragment(struct xdp_md *ctx, __u64 shape)
{
	const struct xdplb_fragment_way *way;
	struct fragment fragment;
	struct choice choice = {};
	enum verdict verdict;
	struct packet pkt;
	__u32 mark;

	if (!open_fragment(ctx, shape, &pkt, &fragment))
		return VERDICT_PASS;
	if (fragment.first)
		return VERDICT_NEXT;
	pkt.ours = true;
	way = bpf_map_lookup_elem(&fragment_ways, &fragment.key);
	if (!way || way->expires <= bpf_jiffies64())
		return refuse(&pkt, XDPLB_DROP_FRAGMENT_UNKNOWN);
	if (ttl_expired(&pkt))
		return refuse(&pkt, XDPLB_DROP_TTL_EXPIRED);
	choice.index = way->member;
	mark = way->mark;
	choice.member = bpf_map_lookup_elem(&members, &choice.index);
	if (!choice.member)
		return refuse(&pkt, XDPLB_DROP_BAD_TABLE);
	verdict = find_way(ctx, &pkt, choice.member);
	if (verdict == VERDICT_DROP)
		return verdict;
	if (verdict == VERDICT_REPORT)
		return refuse(&pkt, XDPLB_DROP_TOO_BIG); /* only about the first is anything said */
	dnat_addresses(&pkt, choice.member, mark);
	return finish_packet(ctx, &pkt, &choice, verdict);
}

/* The member that a first fragment goes to; VERDICT_DROP if there is none. */
INLINE enum verdict choose_for_first(struct xdp_md *ctx, struct packet *pkt,
				     struct choice *ret_choice, __u64 *ret_hash)
{
	struct xdplb_service *service;
	__u32 index;

	if (parse_l4(pkt) != PARSED_L4)
		return refuse(pkt, XDPLB_DROP_TRUNCATED);
	if (!find_served(pkt, &index))
		return refuse(pkt, XDPLB_DROP_FRAGMENT);
	if (pkt->family == XDPLB_IPV4 && !holds_fragment_mark(pkt))
		return refuse(pkt, XDPLB_DROP_FRAGMENT);
	service = bpf_map_lookup_elem(&services, &index);
	if (!service)
		return refuse(pkt, XDPLB_DROP_BAD_TABLE);
	if (is_denied(ctx, service, pkt, index))
		return refuse(pkt, XDPLB_DROP_SOURCE_DENIED);
	if (ttl_expired(pkt))
		return refuse(pkt, XDPLB_DROP_TTL_EXPIRED);
	*ret_hash = hash_flow(pkt);
	if (opens_too_many(ctx, service, pkt, index, *ret_hash))
		return refuse(pkt, XDPLB_DROP_SOURCE_LIMIT);
	pick_or_recall(service, index, *ret_hash, bucket_hash(ctx, service, pkt, *ret_hash),
		       packet_asks(pkt), ret_choice);
	return ret_choice->member ? VERDICT_NEXT : refuse(pkt, ret_choice->reason);
}

NOINLINE int serve_first_fragment(struct xdp_md *ctx, __u64 shape)
{
	struct xdplb_fragment_way way = {};
	struct fragment fragment;
	struct choice choice;
	enum verdict verdict;
	struct packet pkt;
	__u64 hash;

	if (!open_fragment(ctx, shape, &pkt, &fragment))
		return VERDICT_PASS;
	pkt.ours = true;
	verdict = choose_for_first(ctx, &pkt, &choice, &hash);
	if (verdict == VERDICT_NEXT)
		verdict = find_way(ctx, &pkt, choice.member);
	if (verdict == VERDICT_REPORT)
		return report_length(&pkt, choice.member);
	if (verdict == VERDICT_DROP)
		return verdict;
	way.expires = bpf_jiffies64() + fragment_lifetime;
	way.member = choice.index;
	way.mark = hash;
	if (bpf_map_update_elem(&fragment_ways, &fragment.key, &way, BPF_ANY))
		return refuse(&pkt, XDPLB_DROP_FRAGMENT);
	count_event(XDPLB_EVENT_FRAGMENT_NOTED);
	count_opening(&pkt, &choice.index);
	dnat_first(&pkt, choice.member, hash);
	return finish_packet(ctx, &pkt, &choice, verdict);
}

#endif
