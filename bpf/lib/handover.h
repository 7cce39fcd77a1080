/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * TCP packets that no socket of their backend expects, and who is to have them instead. Whom they may
 * belong to is told in xdplb/handover.h; in which order the owners are asked, in bpf/README.md.
 */
#ifndef XDPLB_BPF_HANDOVER_H
#define XDPLB_BPF_HANDOVER_H

#include "dnat.h"
#include "expected.h"
#include "mapping.h"
#include "skb.h"
#include "xdplb/handover.h"

/* Sizes are placeholders: the loader sets them from the declared capacities. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_succession);
} successions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_bucket_line);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_peer);
} peers SEC(".maps");

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

/* ---- who is next? ---- */

/* Owners of a flow by one of the tables. */
struct owner_search {
	__u64 hash;
	__u32 base, count; /* of the table */
	__u32 found; /* index of a peer */
	__u32 avoid; /* another than this one is looked for */
};

INLINE __u32 owner_of(const struct owner_search *search, __u32 attempt)
{
	const struct xdplb_bucket_line *line;
	__u32 bucket, number;

	bucket = attempt ? owner_bucket(search->hash, attempt, search->count)
			 : (__u32)((search->hash >> 32) * search->count >> 32);
	bucket += search->base;
	number = bucket / XDPLB_BUCKETS_PER_LINE;
	line = bpf_map_lookup_elem(&owners, &number);
	return line ? line->member[bucket % XDPLB_BUCKETS_PER_LINE] : XDPLB_NO_MEMBER;
}

static long try_owner(__u32 i, void *arg)
{
	struct owner_search *search = arg;

	search->found = owner_of(search, i + 1);
	return search->found != search->avoid;
}

/* The first owner by a table, or the first after it that is another. */
INLINE __u32 find_owner(struct xdplb_bucket_ref table, __u64 hash, bool second)
{
	struct owner_search search = { .hash = hash, .base = table.base, .count = table.count };

	if (!table.count)
		return XDPLB_NO_MEMBER;
	search.found = owner_of(&search, 0);
	if (!second)
		return search.found;
	search.avoid = search.found;
	bpf_loop(XDPLB_OWNERS_MAX - 1, try_owner, &search, 0);
	return search.found == search.avoid ? XDPLB_NO_MEMBER : search.found;
}

#define CANDIDATES 6

/*
 * Candidate number i: the first owner by the present table, by the one before; the second by the
 * present one; the first by the oldest; the second by the others.
 */
INLINE const struct xdplb_peer *candidate(const struct xdplb_succession *succession, __u32 i,
					  __u64 hash)
{
	__u32 generation = 0x984 >> 2 * i & 3, peer;
	__u64 word;

	if (generation >= XDPLB_GENERATIONS)
		return NULL;
	word = *(const volatile __u64 *)&succession->tables[succession->live & 1][generation];
	peer = find_owner((struct xdplb_bucket_ref){ .base = word, .count = word >> 32 }, hash,
			  0x34 >> i & 1);
	return bpf_map_lookup_elem(&peers, &peer);
}

/*
 * The owner that is asked next, or NULL: nobody is left. It is the first candidate that was not asked yet.
 * The second time, who was asked before this one follows from the mark: the first owner, unless that is
 * this one or the tables of the two differ, as they do for a moment while a change is rolled out. Else
 * health sent the packet elsewhere, most likely to the second owner; or an access node that still goes by the
 * table before did, so the first owner by that one is asked even if it is the second by the present one.
 */
INLINE const struct xdplb_peer *next_owner(const struct xdplb_succession *succession, __u64 hash,
					   __u32 handed, const struct xdplb_addr *own)
{
	const struct xdplb_peer *first = candidate(succession, 0, hash), *asked = NULL, *peer;
	bool is_first = first && same_addr(&first->addr, own);
	__u32 sure = 0; /* from this candidate on it counts who was asked */

	if (handed == XDPLB_HANDED_BY_FIRST && !is_first)
		asked = first;
	if (handed == XDPLB_HANDED_BY_OTHER && is_first) {
		asked = candidate(succession, 2, hash);
		sure = 2;
	}
	for (__u32 i = 0; i < CANDIDATES; i++) {
		peer = candidate(succession, i, hash);
		if (peer && !same_addr(&peer->addr, own) &&
		    !(i >= sure && asked && same_addr(&peer->addr, &asked->addr)))
			return peer;
	}
	return NULL;
}

/* What the mark says when this backend hands a packet on. */
INLINE __u32 next_handed(const struct xdplb_succession *succession, __u64 hash, __u32 handed,
			 const struct xdplb_addr *own)
{
	const struct xdplb_peer *first;

	if (handed)
		return XDPLB_HANDED_TWICE;
	first = candidate(succession, 0, hash);
	return first && !same_addr(&first->addr, own) ? XDPLB_HANDED_BY_OTHER
						      : XDPLB_HANDED_BY_FIRST;
}

/* ---- handing on ---- */

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

/*
 * As if an access node had chosen the peer. A peer on this node: in again by the same interface. At the
 * hook of a virtual NIC the frame is on its way out, to the backend; as the backend's it comes in.
 */
INLINE enum verdict send_to_peer(struct __sk_buff *skb, struct packet *pkt, const struct hook *hook,
				 const struct xdplb_peer *peer, __u32 mark)
{
	struct rewriting to = { .side = SIDE_DEST,
				.addr = peer->addr,
				.ports = *packet_ports(pkt) };
	__u32 mapping = peer->mapping;

	if (ttl_expired(pkt))
		return refuse(pkt, XDPLB_DROP_TTL_EXPIRED);
	to.ports.dest = peer->tag;
	write_mark(pkt, mark);
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

/* VERDICT_NEXT: nobody is left to ask. */
INLINE enum verdict hand_over(struct __sk_buff *skb, struct packet *pkt,
			      const struct xdplb_mapping *mapping, __u64 hash, __u32 handed)
{
	const struct hook hook = { .ifindex = mapping->ifindex };
	const struct xdplb_succession *succession;
	const struct xdplb_peer *peer = NULL;
	__u32 key = mapping->succession;

	succession = bpf_map_lookup_elem(&successions, &key);
	if (succession && handed != XDPLB_HANDED_TWICE)
		peer = next_owner(succession, hash, handed, &mapping->backend);
	if (!succession || !peer || !is_reachable(peer, &hook)) {
		count_event(XDPLB_EVENT_NOT_FOUND);
		return VERDICT_NEXT;
	}
	handed = next_handed(succession, hash, handed, &mapping->backend);
	return send_to_peer(skb, pkt, &hook, peer, handover_mark(pkt->family, hash, handed));
}

/*
 * Whose is a TCP packet that opens no flow? VERDICT_NEXT: the backend's of the mapping, as far as can be
 * found out. @handed: enum xdplb_handed
 */
NOINLINE int find_connection(struct __sk_buff *skb, __u64 shape, __u32 index, __u64 hash,
			     __u32 handed)
{
	const struct xdplb_mapping *mapping;
	struct packet pkt;

	if (!open_shape(skb, &pkt, shape) || !holds_l4(&pkt, sizeof(struct tcphdr)))
		return VERDICT_PASS;
	pkt.proto = opaque(IPPROTO_TCP);
	pkt.ours = true;
	mapping = bpf_map_lookup_elem(&mappings, &index);
	if (!mapping)
		return refuse(&pkt, XDPLB_DROP_BAD_TABLE);
	if (unlikely(!is_expected(skb, &pkt, mapping, index)))
		return hand_over(skb, &pkt, mapping, hash, handed);
	if (unlikely(handed))
		count_event(XDPLB_EVENT_HANDED_HERE);
	return VERDICT_NEXT;
}

#endif
