/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * TCP packets that no socket of their backend expects, and who is to have them instead. Whom they may
 * belong to is told in xdplb/handover.h; in which order the owners are asked, in bpf/README.md.
 */
#ifndef XDPLB_BPF_HANDOVER_H
#define XDPLB_BPF_HANDOVER_H

#include "dnat.h"
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

/* A packet that has come to a mapping's tag port. */
struct arrival {
	const struct hook *hook;
	const struct xdplb_mapping *mapping;
	__u64 hash; /* of its flow */
	__u32 index; /* of the mapping */
	int times; /* it was handed on, see read_times() */
};

/* How often an admitted packet was handed on; NOT_ADMITTED: its mark is none of the flow's. */
INLINE int read_times(const struct packet *pkt, __u64 hash)
{
	__u32 mark = pkt->family == XDPLB_IPV4
			     ? bpf_ntohs(pkt->ip4->id)
			     : bpf_ntohl(*(__be32 *)pkt->ip6 & bpf_htonl(0xfffff));

	if (likely(mark == handover_mark(pkt->family, hash, 0)))
		return 0;
	if (pkt->proto != IPPROTO_TCP || opens_flow(pkt))
		return NOT_ADMITTED;
	if (mark == handover_mark(pkt->family, hash, 1))
		return 1;
	return mark == handover_mark(pkt->family, hash, 2) ? 2 : NOT_ADMITTED;
}

/* ---- does a socket expect the packet? ---- */

/* The flow as its backend sees it. */
struct seen_flow {
	struct xdplb_addr client, local;
	struct ports ports;
};

/* The headers of a packet as a listener would see them; in a map, since the stack has no room. */
struct seen_headers {
	struct ipv6hdr ip6;
	struct iphdr ip4;
	struct tcphdr tcp;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seen_headers);
} seen_headers SEC(".maps");

/* A listener expects an ACK that carries its SYN cookie. */
static __attribute__((noinline)) bool has_cookie(struct bpf_sock *sk, const struct packet *pkt,
						 const struct seen_flow *flow)
{
	struct seen_headers *headers;
	__u32 zero = 0;

	headers = bpf_map_lookup_elem(&seen_headers, &zero);
	if (!headers)
		return false;
	headers->tcp = *(const struct tcphdr *)pkt->l4;
	headers->tcp.source = flow->ports.source;
	headers->tcp.dest = flow->ports.dest;
	if (pkt->family == XDPLB_IPV4) {
		headers->ip4.version = 4;
		headers->ip4.ihl = 5;
		headers->ip4.saddr = flow->client.word[0];
		headers->ip4.daddr = flow->local.word[0];
		return !bpf_tcp_check_syncookie(sk, &headers->ip4, sizeof(headers->ip4),
						&headers->tcp, sizeof(headers->tcp));
	}
	headers->ip6.version = 6;
	*(struct xdplb_addr *)&headers->ip6.saddr = flow->client;
	*(struct xdplb_addr *)&headers->ip6.daddr = flow->local;
	return !bpf_tcp_check_syncookie(sk, &headers->ip6, sizeof(headers->ip6), &headers->tcp,
					sizeof(headers->tcp));
}

INLINE struct bpf_sock *find_socket(struct __sk_buff *skb, const struct packet *pkt,
				    const struct seen_flow *flow, __s32 netns)
{
	struct bpf_sock_tuple tuple = {};

	if (pkt->family == XDPLB_IPV4) {
		tuple.ipv4.saddr = flow->client.word[0];
		tuple.ipv4.daddr = flow->local.word[0];
		tuple.ipv4.sport = flow->ports.source;
		tuple.ipv4.dport = flow->ports.dest;
		return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), netns, 0);
	}
	*(struct xdplb_addr *)tuple.ipv6.saddr = flow->client;
	*(struct xdplb_addr *)tuple.ipv6.daddr = flow->local;
	tuple.ipv6.sport = flow->ports.source;
	tuple.ipv6.dport = flow->ports.dest;
	return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), netns, 0);
}

/* The client's port as the backend knows it; false: the flow is not noted. */
INLINE bool noted_port(const struct packet *pkt, const struct xdplb_mapping *mapping, __u32 index,
		       __be16 *ret_port)
{
	struct xdplb_flow_key key = {
		.backend = mapping->backend,
		.port = mapping->port,
		.client_port = packet_ports(pkt)->source,
		.proto = pkt->proto,
		.family = pkt->family,
		.kind = XDPLB_NOTE_REPLY,
	};
	const struct xdplb_flow *note;

	read_source(pkt, &key.client);
	note = bpf_map_lookup_elem(&flows, &key);
	*ret_port = key.client_port;
	if (note && note->mapping == index && note->epoch == mapping->epoch &&
	    note->client_port == key.client_port)
		return true;
	key.kind = XDPLB_NOTE_REMAP;
	key.port = mapping->tag;
	note = bpf_map_lookup_elem(&flows, &key);
	if (!note || note->mapping != index || note->epoch != mapping->epoch)
		return false;
	*ret_port = note->client_port;
	return true;
}

/* Does the backend of this mapping have the connection? Where that can't be told: yes. */
INLINE bool is_expected(struct __sk_buff *skb, const struct packet *pkt,
			const struct xdplb_mapping *mapping, __u32 index)
{
	struct seen_flow flow = { .ports = *packet_ports(pkt) };
	struct bpf_sock *sk;
	bool found;

	flow.ports.dest = mapping->port;
	flow.local = mapping->restore == XDPLB_RESTORE_INTERFACE ? mapping->vip : mapping->backend;
	read_source(pkt, &flow.client);
	if (mapping->restore == XDPLB_RESTORE_SOURCE) {
		found = noted_port(pkt, mapping, index, &flow.ports.source);
		if (mapping->netns == XDPLB_NETNS_UNSEEN)
			return found;
	} else if (mapping->netns == XDPLB_NETNS_UNSEEN) {
		return true;
	}
	sk = find_socket(skb, pkt, &flow, mapping->netns);
	if (!sk)
		return false;
	found = sk->state != BPF_TCP_LISTEN || has_cookie(sk, pkt, &flow);
	bpf_sk_release(sk);
	return found;
}

/* ---- who is next? ---- */

#define CANDIDATES 6

/*
 * Candidate number i: the first owner by the present table, by the one before; the second by the
 * present one; the first by the oldest; the second by the others.
 */
INLINE const struct xdplb_peer *candidate(const struct xdplb_succession *succession, __u32 i,
					  __u64 hash)
{
	__u32 generation = 0x984 >> 2 * i & 3, owner = 0x34 >> i & 1, count, bucket, line;
	const struct xdplb_bucket_line *found;
	__u64 word;

	if (generation >= XDPLB_GENERATIONS)
		return NULL;
	word = *(const volatile __u64 *)&succession->tables[succession->live & 1][generation];
	count = word >> 32;
	if (!count)
		return NULL;
	bucket = (hash >> 32) * count >> 32;
	if (owner)
		bucket = owner_bucket(hash, 1, count);
	bucket += (__u32)word;
	line = bucket / XDPLB_BUCKETS_PER_LINE;
	found = bpf_map_lookup_elem(&owners, &line);
	if (!found)
		return NULL;
	line = found->member[bucket % XDPLB_BUCKETS_PER_LINE];
	return bpf_map_lookup_elem(&peers, &line);
}

/*
 * The owner that is asked next, or NULL: nobody is left. It is the first candidate that was not asked yet.
 * The second time, who was asked before this one is not in the packet, but follows: if this is not
 * candidate 0, that was; if it is, health sent the packet elsewhere, most likely to the second owner.
 */
INLINE const struct xdplb_peer *next_owner(const struct xdplb_succession *succession, __u64 hash,
					   __u32 times, const struct xdplb_addr *own)
{
	const struct xdplb_peer *first = candidate(succession, 0, hash), *asked = NULL, *peer;

	if (times && first)
		asked = same_addr(&first->addr, own) ? candidate(succession, 2, hash) : first;
	for (__u32 i = 0; i < CANDIDATES; i++) {
		peer = candidate(succession, i, hash);
		if (peer && !same_addr(&peer->addr, own) &&
		    !(asked && same_addr(&peer->addr, &asked->addr)))
			return peer;
	}
	return NULL;
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

/* As if an access node had chosen the peer. A peer on this node: in again by the same interface. */
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
static __attribute__((noinline)) enum verdict hand_over(struct __sk_buff *skb, struct packet *pkt,
							const struct arrival *arrival)
{
	const struct xdplb_mapping *mapping = arrival->mapping;
	const struct xdplb_succession *succession;
	const struct xdplb_peer *peer = NULL;
	__u32 key = mapping->succession;

	succession = bpf_map_lookup_elem(&successions, &key);
	if (succession && arrival->times < XDPLB_HANDOVERS_MAX)
		peer = next_owner(succession, arrival->hash, arrival->times, &mapping->backend);
	if (!peer || !is_reachable(peer, arrival->hook)) {
		count_event(XDPLB_EVENT_NOT_FOUND);
		return VERDICT_NEXT;
	}
	return send_to_peer(skb, pkt, arrival->hook, peer,
			    handover_mark(pkt->family, arrival->hash, arrival->times + 1));
}

/* Whose is the packet? VERDICT_NEXT: this backend's, as far as can be found out. */
INLINE enum verdict find_connection(struct __sk_buff *skb, struct packet *pkt,
				    const struct arrival *arrival)
{
	if (!arrival->mapping->succession || pkt->proto != IPPROTO_TCP || opens_flow(pkt))
		return VERDICT_NEXT;
	if (unlikely(!is_expected(skb, pkt, arrival->mapping, arrival->index)))
		return hand_over(skb, pkt, arrival);
	if (unlikely(arrival->times))
		count_event(XDPLB_EVENT_HANDED_HERE);
	return VERDICT_NEXT;
}

#endif
