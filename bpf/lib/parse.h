/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * From the first byte of a frame to its transport header. Reads only; decides nothing.
 */
#ifndef XDPLB_BPF_PARSE_H
#define XDPLB_BPF_PARSE_H

#include "pkt.h"

/* What parse_packet() found. */
enum parsed {
	PARSED_L4, /* TCP or UDP: everything in struct packet is set */
	PARSED_ICMP, /* an ICMP of the packet's family: l4 points behind the IP header, unchecked */
	PARSED_FRAGMENT, /* IP header set, any fragment: the ports are not known or not to be trusted */
	PARSED_TRUNCATED, /* IP header set, the transport header is not whole */
	PARSED_OTHER, /* not IP, malformed IP, or another protocol */
};

/* The transport header, as far as its checksum. */
INLINE enum parsed parse_l4(struct packet *pkt)
{
	if (pkt->proto == IPPROTO_TCP) {
		pkt->proto = opaque(IPPROTO_TCP);
		return pkt->l4 + sizeof(struct tcphdr) > pkt->end ? PARSED_TRUNCATED : PARSED_L4;
	}
	if (pkt->proto == IPPROTO_UDP) {
		pkt->proto = opaque(IPPROTO_UDP);
		return pkt->l4 + sizeof(struct udphdr) > pkt->end ? PARSED_TRUNCATED : PARSED_L4;
	}
	return PARSED_OTHER;
}

INLINE enum parsed parse_ipv4(struct packet *pkt)
{
	struct iphdr *ip = pkt->ip4;

	if ((void *)(ip + 1) > pkt->end || ip->version != 4 || ip->ihl < 5)
		return PARSED_OTHER;
	pkt->family = opaque(XDPLB_IPV4);
	pkt->proto = ip->protocol;
	if (unlikely(ip->frag_off & bpf_htons(IP_MF | IP_OFFSET)))
		return PARSED_FRAGMENT;
	pkt->l4 = (void *)ip + ip->ihl * 4;
	pkt->l4_offset = ETH_HLEN + ip->ihl * 4;
	if (unlikely(pkt->proto == IPPROTO_ICMP))
		return PARSED_ICMP;
	return parse_l4(pkt);
}

INLINE enum parsed parse_ipv6(struct packet *pkt)
{
	struct ipv6hdr *ip = pkt->ip6;

	if ((void *)(ip + 1) > pkt->end || ip->version != 6)
		return PARSED_OTHER;
	pkt->family = opaque(XDPLB_IPV6);
	pkt->proto = ip->nexthdr;
	if (unlikely(pkt->proto == IPPROTO_FRAGMENT))
		return PARSED_FRAGMENT;
	pkt->l4 = ip + 1;
	pkt->l4_offset = ETH_HLEN + sizeof(*ip);
	if (unlikely(pkt->proto == IPPROTO_ICMPV6))
		return PARSED_ICMP;
	return parse_l4(pkt);
}

/* Fills pkt for an Ethernet frame in [data, end). */
INLINE enum parsed parse_packet(struct packet *pkt, void *data, void *end)
{
	struct ethhdr *eth = data;

	pkt->data = data;
	pkt->end = end;
	pkt->ours = false;
	pkt->ip4 = (void *)(eth + 1);
	if ((void *)(eth + 1) > end)
		return PARSED_OTHER;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(pkt);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(pkt);
	return PARSED_OTHER;
}

/* The packet's addresses as the maps know them. */
INLINE void read_source(const struct packet *pkt, struct xdplb_addr *ret_addr)
{
	if (pkt->family == XDPLB_IPV4)
		*ret_addr = (struct xdplb_addr){ .word = { pkt->ip4->saddr } };
	else
		*ret_addr = *(struct xdplb_addr *)&pkt->ip6->saddr;
}

INLINE void read_dest(const struct packet *pkt, struct xdplb_addr *ret_addr)
{
	if (pkt->family == XDPLB_IPV4)
		*ret_addr = (struct xdplb_addr){ .word = { pkt->ip4->daddr } };
	else
		*ret_addr = *(struct xdplb_addr *)&pkt->ip6->daddr;
}

#endif
