/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Answering an access node that asks whether a mapping is here; the message is told in
 * xdplb/query.h. The answer goes back the way the question came, from the datapath.
 */
#ifndef XDPLB_BPF_QUERY_H
#define XDPLB_BPF_QUERY_H

#include "csum.h"
#include "mapping.h"
#include "skb.h"
#include "xdplb/query.h"

/* Eight-byte words of a query that its mac covers. */
#define QUERY_WORDS (offsetof(struct xdplb_query, mac) / sizeof(__u64))

/* SipHash-2-4 of a query, as libsodium's crypto_shorthash computes it. */
INLINE __u64 query_mac(__u64 key0, __u64 key1, const struct xdplb_query *query)
{
	const __u64 *words = (const void *)query;
	struct sip_state s = sip_start(key0, key1);

	for (__u32 i = 0; i < QUERY_WORDS; i++)
		sip_word(&s, words[i], 2);
	sip_word(&s, (__u64)offsetof(struct xdplb_query, mac) << 56, 2);
	return sip_finish(&s, 4);
}

INLINE bool query_matches(const struct xdplb_query *query, const struct xdplb_mapping *mapping)
{
	return query->tag == mapping->tag && query->vport == mapping->vport &&
	       query->proto == mapping->proto && query->family == mapping->family &&
	       same_addr(&query->vip, &mapping->vip);
}

/* Addresses and ports change places, which leaves every checksum as it is. */
INLINE void swap_ends(struct packet *pkt)
{
	struct ports *ports = packet_ports(pkt);
	struct xdplb_addr source, dest;
	__be16 port = ports->source;

	swap_macs(pkt->data);
	ports->source = ports->dest;
	ports->dest = port;
	read_source(pkt, &source);
	read_dest(pkt, &dest);
	if (pkt->family == XDPLB_IPV4) {
		pkt->ip4->saddr = dest.word[0];
		pkt->ip4->daddr = source.word[0];
		return;
	}
	*(struct xdplb_addr *)&pkt->ip6->saddr = dest;
	*(struct xdplb_addr *)&pkt->ip6->daddr = source;
}

/*
 * A packet to a tag port without an admission mark: a query of an access node is answered, anything
 * else refused; if the mapping keeps ports, it passes. Apart: no packet of a client comes here.
 * @index: of the mapping
 */
NOINLINE int answer_query(struct __sk_buff *skb, __u64 shape, __u32 index, __u64 redirect_flags)
{
	const struct xdplb_mapping *mapping = bpf_map_lookup_elem(&mappings, &index);
	struct xdplb_query *wire, query;
	struct packet packet, *pkt = &packet;
	__u64 head;

	if (!mapping || !open_shape(skb, pkt, shape))
		return VERDICT_PASS;
	pkt->ours = !keeps_port(mapping);
	wire = pkt->l4 + sizeof(struct udphdr);
	if (pkt->proto != IPPROTO_UDP || (void *)(wire + 1) > pkt->end ||
	    !holds_l4(pkt, sizeof(struct udphdr) + sizeof(*wire)))
		return refuse(pkt, XDPLB_DROP_NOT_ADMITTED);
	__builtin_memcpy(&query, wire, sizeof(query));
	if (query.magic != bpf_htonl(XDPLB_QUERY_MAGIC) || query.version != XDPLB_QUERY_VERSION ||
	    query.type != XDPLB_QUERY_ASK ||
	    query.mac != query_mac(hash_key[0], hash_key[1], &query))
		return refuse(pkt, XDPLB_DROP_NOT_ADMITTED);
	query.type = query_matches(&query, mapping) ? XDPLB_QUERY_YES : XDPLB_QUERY_OTHER;
	query.mac = query_mac(hash_key[0], hash_key[1], &query);
	head = *(__u64 *)wire;
	swap_ends(pkt);
	head = csum_diff64(head, *(__u64 *)&query);
	head += csum_diff64(wire->mac, query.mac);
	__builtin_memcpy(wire, &query, sizeof(query));
	if (bpf_l4_csum_replace(skb, pkt->l4_offset + offsetof(struct udphdr, check), 0,
				(head & 0xffffffff) + (head >> 32), BPF_F_MARK_MANGLED_0))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	count_event(XDPLB_EVENT_QUERY_ANSWERED);
	bpf_redirect(skb->ifindex, redirect_flags);
	return VERDICT_REDIRECT;
}

#endif
