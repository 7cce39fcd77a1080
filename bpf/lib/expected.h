/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Whether the backend of a mapping has a TCP packet's connection: does one of its sockets expect it?
 */
#ifndef XDPLB_BPF_EXPECTED_H
#define XDPLB_BPF_EXPECTED_H

#include "flow.h"
#include "skb.h"
#include "xdplb/handover.h"

/* The headers of a packet as a listener would see them, and the key of its note; in a map, since the stack has
 * no room. */
struct seen_headers {
	struct xdplb_flow_key note;
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
INLINE bool has_cookie(struct bpf_sock *sk, const struct packet *pkt,
		       const struct bpf_sock_tuple *flow)
{
	struct seen_headers *headers;
	__u32 zero = 0;

	headers = bpf_map_lookup_elem(&seen_headers, &zero);
	if (!headers)
		return false;
	headers->tcp = *(const struct tcphdr *)pkt->l4;
	if (pkt->family == XDPLB_IPV4) {
		headers->tcp.source = flow->ipv4.sport;
		headers->tcp.dest = flow->ipv4.dport;
		headers->ip4.version = 4;
		headers->ip4.ihl = 5;
		headers->ip4.saddr = flow->ipv4.saddr;
		headers->ip4.daddr = flow->ipv4.daddr;
		return !bpf_tcp_check_syncookie(sk, &headers->ip4, sizeof(headers->ip4),
						&headers->tcp, sizeof(headers->tcp));
	}
	headers->tcp.source = flow->ipv6.sport;
	headers->tcp.dest = flow->ipv6.dport;
	headers->ip6.version = 6;
	*(struct xdplb_addr *)&headers->ip6.saddr = *(const struct xdplb_addr *)flow->ipv6.saddr;
	*(struct xdplb_addr *)&headers->ip6.daddr = *(const struct xdplb_addr *)flow->ipv6.daddr;
	return !bpf_tcp_check_syncookie(sk, &headers->ip6, sizeof(headers->ip6), &headers->tcp,
					sizeof(headers->tcp));
}

/* The flow as its backend sees it, and how long that is. */
INLINE __u32 fill_tuple(const struct packet *pkt, const struct xdplb_mapping *mapping,
			__be16 client_port, struct bpf_sock_tuple *ret_tuple)
{
	const struct xdplb_addr *local =
		mapping->restore == XDPLB_RESTORE_INTERFACE ? &mapping->vip : &mapping->backend;
	__be16 port = own_port(mapping, packet_ports(pkt)->dest);

	if (pkt->family == XDPLB_IPV4) {
		ret_tuple->ipv4.saddr = pkt->ip4->saddr;
		ret_tuple->ipv4.daddr = local->word[0];
		ret_tuple->ipv4.sport = client_port;
		ret_tuple->ipv4.dport = port;
		return sizeof(ret_tuple->ipv4);
	}
	*(struct xdplb_addr *)ret_tuple->ipv6.saddr = *(struct xdplb_addr *)&pkt->ip6->saddr;
	*(struct xdplb_addr *)ret_tuple->ipv6.daddr = *local;
	ret_tuple->ipv6.sport = client_port;
	ret_tuple->ipv6.dport = port;
	return sizeof(ret_tuple->ipv6);
}

/* The client's port as the backend knows it; false: the flow is not noted. */
INLINE bool noted_port(const struct packet *pkt, const struct xdplb_mapping *mapping, __u32 index,
		       __be16 *ret_port)
{
	struct seen_headers *headers;
	const struct xdplb_flow *note;
	struct xdplb_flow_key *key;
	__u32 zero = 0;

	*ret_port = packet_ports(pkt)->source;
	headers = bpf_map_lookup_elem(&seen_headers, &zero);
	if (!headers)
		return false;
	key = &headers->note;
	key->backend = mapping->backend;
	key->port = own_port(mapping, packet_ports(pkt)->dest);
	key->client_port = packet_ports(pkt)->source;
	key->proto = pkt->proto;
	key->family = pkt->family;
	key->kind = XDPLB_NOTE_REPLY;
	read_source(pkt, &key->client);
	note = bpf_map_lookup_elem(&flows, key);
	if (note && note->mapping == index && note->epoch == mapping->epoch &&
	    note->client_port == key->client_port)
		return true;
	key->kind = XDPLB_NOTE_REMAP;
	key->port = entry_port(mapping, packet_ports(pkt)->dest);
	note = bpf_map_lookup_elem(&flows, key);
	if (!note || note->mapping != index || note->epoch != mapping->epoch)
		return false;
	*ret_port = note->client_port;
	return true;
}

/* A whole TCP header behind the IP header; the packet's shape says that it is TCP. */
INLINE bool open_tcp(struct __sk_buff *skb, struct packet *pkt, __u64 shape)
{
	if (!open_shape(skb, pkt, shape) || !holds_l4(pkt, sizeof(struct tcphdr)))
		return false;
	pkt->proto = opaque(IPPROTO_TCP);
	return true;
}

/* Does the backend of a mapping have the TCP connection? Where that can't be told: yes. */
NOINLINE int is_expected(struct __sk_buff *skb, __u64 shape, __u32 index)
{
	const struct xdplb_mapping *mapping;
	struct bpf_sock_tuple tuple;
	struct bpf_sock *sk;
	struct packet pkt;
	__be16 client_port;
	bool found = true;

	mapping = bpf_map_lookup_elem(&mappings, &index);
	if (!mapping || !open_tcp(skb, &pkt, shape))
		return true;
	client_port = packet_ports(&pkt)->source;
	if (mapping->restore == XDPLB_RESTORE_SOURCE)
		found = noted_port(&pkt, mapping, index, &client_port);
	if (mapping->netns == XDPLB_NETNS_UNSEEN)
		return found;
	if (fill_tuple(&pkt, mapping, client_port, &tuple) == sizeof(tuple.ipv4))
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), mapping->netns, 0);
	else
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), mapping->netns, 0);
	if (!sk)
		return false;
	found = sk->state != BPF_TCP_LISTEN || has_cookie(sk, &pkt, &tuple);
	bpf_sk_release(sk);
	return found;
}

#endif
