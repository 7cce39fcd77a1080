/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Fragments at a service node. What is done to the first one, which has the ports, must be done to the
 * addresses of the later ones.
 */
#ifndef XDPLB_BPF_RESTORE_FRAGMENT_H
#define XDPLB_BPF_RESTORE_FRAGMENT_H

#include "fragment.h"
#include "mapping.h"
#include "skb.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, XDPLB_FRAGMENTS_MAX);
	__type(key, struct xdplb_fragment_key);
	__type(value, struct xdplb_fragment_face);
} fragment_faces SEC(".maps");

INLINE void note_face(const struct xdplb_fragment_key *key, const struct xdplb_addr *addr,
		      __u32 ifindex)
{
	struct xdplb_fragment_face face = {
		.expires = bpf_jiffies64() + fragment_lifetime,
		.addr = *addr,
		.ifindex = ifindex,
	};

	if (!bpf_map_update_elem(&fragment_faces, key, &face, BPF_ANY))
		count_event(XDPLB_EVENT_FRAGMENT_NOTED);
}

/*
 * A later fragment gets the address that the first one has got at this hook: on its way to a virtual NIC
 * it meets the uplink's before. Else it passes.
 */
INLINE enum verdict follow_first(struct __sk_buff *skb, struct packet *pkt,
				 const struct fragment *fragment, enum side side, __u32 ifindex)
{
	const struct xdplb_fragment_face *face;
	struct rewriting to = { .side = side };
	const struct xdplb_addr *old;
	__u32 diff;

	face = bpf_map_lookup_elem(&fragment_faces, &fragment->key);
	if (!face || face->ifindex != ifindex || face->expires <= bpf_jiffies64())
		return VERDICT_PASS;
	to.addr = face->addr;
	old = side == SIDE_SOURCE ? &fragment->key.source : &fragment->key.dest;
	diff = csum_diff_addr(old, &to.addr);
	write_addr(pkt->data, pkt->end, pkt, &to, diff);
	if (pkt->family == XDPLB_IPV6)
		bpf_csum_update(skb, diff); /* if the NIC has summed up the frame */
	return VERDICT_PASS;
}

/* No mapping: a later fragment, or one to none. */
#define NO_TARGET 0xffffffffU

/* The mapping that a first fragment to a backend is for, or NO_TARGET. */
NOINLINE __u32 find_first_target(struct __sk_buff *skb, __u64 shape, __u32 hook_ifindex)
{
	struct hook hook = { .ifindex = hook_ifindex };
	const struct xdplb_node_control *control;
	const struct xdplb_mapping *mapping;
	struct endpoint_key key = {};
	__u32 zero = 0, index = 0;
	struct fragment fragment;
	struct packet pkt;

	control = bpf_map_lookup_elem(&node_control, &zero);
	if (!control || !open_shape(skb, &pkt, shape) || !read_fragment(&pkt, &fragment) ||
	    !fragment.first || parse_l4(&pkt) != PARSED_L4)
		return NO_TARGET;
	mapping = find_tagged(&pkt, &hook, control, &index);
	if (!mapping || keeps_port(mapping)) {
		key.proto = pkt.proto;
		key.family = pkt.family;
		read_dest(&pkt, &key.addr);
		mapping = find_kept(control, &key, &hook, &index);
	}
	return mapping ? index : NO_TARGET;
}

/*
 * VERDICT_NEXT: its mark is taken off, and it is to be restored like any packet. Where ports are kept, one
 * over IPv6 without a mark passes: it is for no VIP. Over IPv4 that can't be told.
 */
INLINE enum verdict admit_first(struct __sk_buff *skb, struct packet *pkt,
				const struct xdplb_fragment_key *key, __u32 target)
{
	__u32 offset = pkt->l4_offset + checksum_offset(pkt->proto);
	__u64 flags = pkt->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	const struct xdplb_mapping *mapping;
	__u64 hash;

	mapping = bpf_map_lookup_elem(&mappings, &target);
	if (!mapping)
		return VERDICT_PASS;
	pkt->ours = !keeps_port(mapping);
	hash = hash_flow(pkt, mapping);
	if (pkt->family == XDPLB_IPV4 ? !holds_fragment_mark(pkt) : !has_mark(pkt, hash))
		return refuse(pkt, XDPLB_DROP_NOT_ADMITTED);
	pkt->ours = true;
	if (pkt->proto != mapping->proto)
		return refuse(pkt, XDPLB_DROP_WRONG_PROTOCOL);
	if (mapping->restore == XDPLB_RESTORE_INTERFACE)
		note_face(key, &mapping->vip, mapping->ifindex);
	if (pkt->family == XDPLB_IPV4 &&
	    bpf_l4_csum_replace(skb, offset, 0, (__u16)~fragment_mark(hash),
				flags | BPF_F_PSEUDO_HDR))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	return VERDICT_NEXT;
}

/* To a backend. VERDICT_NEXT: the first of its datagram, and admitted. @target: find_first_target()'s */
NOINLINE int admit_fragment(struct __sk_buff *skb, __u64 shape, __u32 hook_ifindex, __u32 target)
{
	struct fragment fragment;
	struct packet pkt;

	if (!open_shape(skb, &pkt, shape) || !read_fragment(&pkt, &fragment))
		return VERDICT_PASS;
	if (!fragment.first)
		return follow_first(skb, &pkt, &fragment, SIDE_DEST, hook_ifindex);
	if (parse_l4(&pkt) != PARSED_L4)
		return VERDICT_PASS;
	return admit_first(skb, &pkt, &fragment.key, target);
}

/* From a backend. VERDICT_NEXT: the first of its datagram. */
NOINLINE int restore_later_reply(struct __sk_buff *skb, __u64 shape, __u32 hook_ifindex)
{
	struct fragment fragment;
	struct packet pkt;

	if (!open_shape(skb, &pkt, shape) || !read_fragment(&pkt, &fragment))
		return VERDICT_PASS;
	if (fragment.first)
		return VERDICT_NEXT;
	fragment.key.from_backend = 1;
	return follow_first(skb, &pkt, &fragment, SIDE_SOURCE, hook_ifindex);
}

/* The first fragment of a reply will leave from a VIP. */
NOINLINE int note_reply(struct __sk_buff *skb, __u64 shape, const struct xdplb_addr *vip,
			__u32 hook_ifindex)
{
	struct fragment fragment;
	struct packet pkt;

	if (!vip || !open_shape(skb, &pkt, shape) || !read_fragment(&pkt, &fragment))
		return 0;
	fragment.key.from_backend = 1;
	note_face(&fragment.key, vip, hook_ifindex);
	return 0;
}

#endif
