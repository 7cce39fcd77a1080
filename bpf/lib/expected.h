/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Whether the backend of a mapping has a TCP packet's connection: does one of its sockets expect it?
 */
#ifndef XDPLB_BPF_EXPECTED_H
#define XDPLB_BPF_EXPECTED_H

#include "flow.h"
#include "mapping.h"
#include "skb.h"
#include "xdplb/handover.h"

/* A flow as its backend sees it, the key of its note, and the headers of a packet as a listener would see them; in
 * a map, since the stack has no room. */
struct seen_headers {
	struct xdplb_flow_key note;
	struct bpf_sock_tuple tuple;
	struct xdplb_addr client;
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
INLINE bool has_cookie(struct bpf_sock *sk, const struct packet *pkt, struct seen_headers *headers)
{
	const struct bpf_sock_tuple *flow = &headers->tuple;

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

/* The socket of the flow as its backend sees it, from the client's port to the backend's own, or NULL; to be
 * released. The client's address is in *seen, where the flow is put. */
INLINE struct bpf_sock *find_socket(struct __sk_buff *skb, const struct xdplb_mapping *mapping,
				    struct ports ports, struct seen_headers *seen)
{
	struct bpf_sock_tuple *tuple = &seen->tuple;
	const struct xdplb_addr *local =
		mapping->restore == XDPLB_RESTORE_INTERFACE ? &mapping->vip : &mapping->backend;

	if (mapping->family == XDPLB_IPV4) {
		tuple->ipv4.saddr = seen->client.word[0];
		tuple->ipv4.daddr = local->word[0];
		tuple->ipv4.sport = ports.source;
		tuple->ipv4.dport = ports.dest;
		return bpf_skc_lookup_tcp(skb, tuple, sizeof(tuple->ipv4), mapping->netns, 0);
	}
	*(struct xdplb_addr *)tuple->ipv6.saddr = seen->client;
	*(struct xdplb_addr *)tuple->ipv6.daddr = *local;
	tuple->ipv6.sport = ports.source;
	tuple->ipv6.dport = ports.dest;
	return bpf_skc_lookup_tcp(skb, tuple, sizeof(tuple->ipv6), mapping->netns, 0);
}

/* The client's port as the backend knows it; false: the flow is not noted. */
INLINE bool noted_port(const struct packet *pkt, const struct xdplb_mapping *mapping, __u32 index,
		       struct seen_headers *headers, __be16 *ret_port)
{
	struct xdplb_flow_key *key = &headers->note;
	const struct xdplb_flow *note;

	*ret_port = packet_ports(pkt)->source;
	key->backend = mapping->backend;
	key->port = own_port(mapping, packet_ports(pkt)->dest);
	key->client_port = packet_ports(pkt)->source;
	key->proto = pkt->proto;
	key->family = pkt->family;
	key->kind = XDPLB_NOTE_REPLY;
	key->client = headers->client;
	note = find_any_note(key);
	if (note && note->mapping == index && note->epoch == mapping->epoch &&
	    note->client_port == key->client_port)
		return true;
	key->kind = XDPLB_NOTE_REMAP;
	key->port = entry_port(mapping, packet_ports(pkt)->dest);
	note = find_any_note(key);
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

INLINE struct seen_headers *seen_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&seen_headers, &zero);
}

/* Does the backend of a mapping have the TCP connection? Where that can't be told: yes. */
NOINLINE int is_expected(struct __sk_buff *skb, __u64 shape, __u32 index)
{
	struct seen_headers *headers = seen_room();
	const struct xdplb_mapping *mapping;
	struct bpf_sock *sk;
	struct packet pkt;
	struct ports ports;
	bool found = true;

	mapping = bpf_map_lookup_elem(&mappings, &index);
	if (!mapping || !headers || !open_tcp(skb, &pkt, shape))
		return true;
	read_source(&pkt, &headers->client);
	ports = *packet_ports(&pkt);
	ports.dest = own_port(mapping, ports.dest);
	if (mapping->restore == XDPLB_RESTORE_SOURCE)
		found = noted_port(&pkt, mapping, index, headers, &ports.source);
	if (mapping->netns == XDPLB_NETNS_UNSEEN)
		return found;
	sk = find_socket(skb, mapping, ports, headers);
	if (!sk)
		return false;
	found = sk->state != BPF_TCP_LISTEN || has_cookie(sk, &pkt, headers);
	bpf_sk_release(sk);
	return found;
}

/*
 * Does the backend have the TCP connection that an ICMP error is about? Where that can't be told: yes. A listener
 * has sent no packet of a connection that a router could complain of.
 * @noted: the flow has a note, which holds its client's port
 */
INLINE bool expects_error(struct __sk_buff *skb, const struct packet *inner,
			  const struct xdplb_mapping *mapping, bool noted, __be16 client_port)
{
	struct ports ports = { client_port, own_port(mapping, packet_ports(inner)->source) };
	struct seen_headers *seen = seen_room();
	struct bpf_sock *sk;
	bool found;

	if (mapping->netns == XDPLB_NETNS_UNSEEN || !seen)
		return noted;
	read_dest(inner, &seen->client);
	sk = find_socket(skb, mapping, ports, seen);
	if (!sk)
		return false;
	found = sk->state != BPF_TCP_LISTEN;
	bpf_sk_release(sk);
	return found;
}

#endif
