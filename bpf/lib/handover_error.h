/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * ICMP errors about TCP packets follow their flow: where nobody has the connection they are handed to the same
 * owners, in the same order, as its packets are.
 */
#ifndef XDPLB_BPF_HANDOVER_ERROR_H
#define XDPLB_BPF_HANDOVER_ERROR_H

#include "deliver.h"
#include "handover.h"

/* An error about a flow, and whom it is for: from one function to the next. */
struct error_way {
	__u64 hash;
	__u32 mapping;
	__u32 handed; /* enum xdplb_handed */
	struct xdplb_addr addr;
	__be16 port; /* of the backend, as it is quoted; then of the next one */
	__u32 lives; /* mapping of the next one, or XDPLB_ELSEWHERE */
	__u32 mark;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct error_way);
} error_ways SEC(".maps");

INLINE struct error_way *way_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&error_ways, &zero);
}

/* What an error that deliver_error() has admitted is about; its connection is not here. VERDICT_PASS: nothing. */
NOINLINE int read_error(struct __sk_buff *skb, __u64 shape, __u32 hook_ifindex)
{
	struct hook hook = { .ifindex = hook_ifindex };
	struct owner_search *search = owner_room();
	const struct xdplb_mapping *mapping;
	struct error_way *way = way_room();
	struct packet pkt;
	struct quote quote;
	__u32 index = 0;

	if (!search || !way || !open_shape(skb, &pkt, shape) || !read_quote(&pkt, &quote))
		return VERDICT_PASS;
	mapping = find_quoted(&pkt, &quote.inner, &hook, &index);
	if (!mapping)
		return VERDICT_PASS;
	way->mapping = index;
	way->hash = hash_quoted_flow(&quote.inner, mapping);
	way->handed = read_handed(&pkt, way->hash, false);
	way->port = packet_ports(&quote.inner)->source;
	read_dest(&quote.inner, &search->client);
	return VERDICT_NEXT;
}

/* The next owner for what read_error() has read. VERDICT_PASS: nobody is left to ask. Apart, since the search
 * needs stack, and so do quotes. */
NOINLINE int find_error_owner(void)
{
	struct owner_search *search = owner_room();
	struct error_way *way = way_room();
	const struct xdplb_mapping *mapping;
	const struct xdplb_peer *peer;
	__u32 index;

	if (!search || !way)
		return VERDICT_PASS;
	index = way->mapping;
	mapping = bpf_map_lookup_elem(&mappings, &index);
	if (!mapping)
		return VERDICT_PASS;
	peer = find_peer(mapping, way->hash, search, way->handed, &way->mark);
	if (!peer)
		return VERDICT_PASS;
	way->addr = peer->addr;
	way->port = peer_port(mapping, peer, way->port);
	way->lives = peer->mapping;
	return VERDICT_NEXT;
}

/* As if an access node had chosen that owner for it. */
NOINLINE int send_error_on(struct __sk_buff *skb, __u64 shape, __u32 hook_ifindex)
{
	const struct error_way *way = way_room();
	struct rewriting to = { .side = SIDE_DEST };
	struct packet pkt;
	struct quote quote;
	const __u8 *mac;
	__u32 in;

	if (!way || !open_shape(skb, &pkt, shape) || !read_quote(&pkt, &quote))
		return VERDICT_PASS;
	pkt.ours = true;
	if (ttl_expired(&pkt))
		return refuse(&pkt, XDPLB_DROP_TTL_EXPIRED);
	to.addr = way->addr;
	to.ports = (struct ports){ way->port, packet_ports(&quote.inner)->dest };
	rewrite_quote(&pkt, &quote, &to);
	write_mark(&pkt, way->mark);
	decrement_ttl(&pkt);
	in = interface_in(skb, way->lives, hook_ifindex, &mac);
	if (hook_ifindex)
		turn_macs(pkt.data, mac);
	count_event(XDPLB_EVENT_ICMP_HANDED_OVER);
	return send_to_peer(skb, in);
}

/* An ICMP error that may be for a backend. */
INLINE enum verdict take_error(struct __sk_buff *skb, __u64 shape, __u32 hook_ifindex)
{
	enum verdict verdict = deliver_error(skb, shape, hook_ifindex, false);

	if (verdict != VERDICT_NEXT)
		return verdict;
	if (read_error(skb, shape, hook_ifindex) == VERDICT_NEXT &&
	    find_error_owner() == VERDICT_NEXT)
		return send_error_on(skb, shape, hook_ifindex);
	return deliver_error(skb, shape, hook_ifindex, true);
}

#endif
