/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * From the first byte of a frame to its transport header. Reads only; decides nothing.
 */
#ifndef XDPLB_BPF_PARSE_H
#define XDPLB_BPF_PARSE_H

#include "pkt.h"

/* Of the word that begins with a TCP header's length. */
#define TCP_FLAG16_SYN 0x0002
#define TCP_FLAG16_ACK 0x0010

/* What parse_packet() found. */
enum parsed {
	PARSED_L4, /* TCP or UDP: everything in struct packet is set */
	PARSED_ICMP, /* an ICMP of the packet's family: l4 points behind the IP header, unchecked */
	PARSED_FRAGMENT, /* TCP or UDP, l4 points behind the IP headers: ports in the first one only */
	PARSED_ICMP_FRAGMENT, /* the same of an ICMP of the packet's family */
	PARSED_TRUNCATED, /* IP header set, the transport header is not whole */
	PARSED_EXTENSIONS, /* IPv6 header set: extension headers that are not looked through */
	PARSED_OTHER, /* not IP, malformed IP, or another protocol */
};

/*
 * Does a packet's length, from its IP header on, hold `needed` bytes and fit into its frame? A length of
 * zero is right for what GRO has made longer than 64 KiB only.
 */
INLINE bool length_holds(const struct packet *pkt, __u32 length, __u32 needed)
{
	if (unlikely(!length))
		return pkt->frame_len > 65535 + pkt->l2_len;
	return length >= needed && length + pkt->l2_len <= pkt->frame_len;
}

/* Is the packet long enough for its transport header, by its own account too? */
INLINE bool holds_l4(const struct packet *pkt, __u32 l4_len)
{
	__u32 length = pkt->family == XDPLB_IPV4 ? bpf_ntohs(pkt->ip4->tot_len)
						 : bpf_ntohs(pkt->ip6->payload_len);

	if (pkt->family == XDPLB_IPV6 && length)
		length += sizeof(struct ipv6hdr);
	return pkt->l4 + l4_len <= pkt->end &&
	       length_holds(pkt, length, pkt->l4_offset - pkt->l2_len + l4_len);
}

/* The transport header, as far as its checksum. */
INLINE enum parsed parse_l4(struct packet *pkt)
{
	if (pkt->proto == IPPROTO_TCP) {
		pkt->proto = opaque(IPPROTO_TCP);
		return holds_l4(pkt, sizeof(struct tcphdr)) ? PARSED_L4 : PARSED_TRUNCATED;
	}
	if (pkt->proto == IPPROTO_UDP) {
		pkt->proto = opaque(IPPROTO_UDP);
		return holds_l4(pkt, sizeof(struct udphdr)) ? PARSED_L4 : PARSED_TRUNCATED;
	}
	return PARSED_OTHER;
}

/* A fragment of what would be served or answered if it were whole. @icmp: its family's ICMP */
INLINE enum parsed parse_fragment(__u8 proto, __u8 icmp)
{
	if (proto == icmp)
		return PARSED_ICMP_FRAGMENT;
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ? PARSED_FRAGMENT : PARSED_OTHER;
}

INLINE enum parsed parse_ipv4(struct packet *pkt)
{
	struct iphdr *ip = pkt->ip4;

	if ((void *)(ip + 1) > pkt->end || ip->version != 4 || ip->ihl < 5)
		return PARSED_OTHER;
	pkt->family = opaque(XDPLB_IPV4);
	pkt->proto = ip->protocol;
	pkt->l4 = (void *)ip + ip->ihl * 4;
	pkt->l4_offset = pkt->l2_len + ip->ihl * 4;
	if (unlikely(ip->frag_off & bpf_htons(IP_MF | IP_OFFSET)))
		return parse_fragment(pkt->proto, IPPROTO_ICMP);
	if (unlikely(pkt->proto == IPPROTO_ICMP))
		return PARSED_ICMP;
	return parse_l4(pkt);
}

/* What follows an IPv6 header directly; extension headers are shape.h's. */
INLINE enum parsed parse_ipv6(struct packet *pkt)
{
	struct ipv6hdr *ip = pkt->ip6;

	if ((void *)(ip + 1) > pkt->end || ip->version != 6)
		return PARSED_OTHER;
	pkt->family = opaque(XDPLB_IPV6);
	pkt->proto = ip->nexthdr;
	pkt->l4 = ip + 1;
	pkt->l4_offset = pkt->l2_len + sizeof(*ip);
	if (unlikely(pkt->proto == IPPROTO_ICMPV6))
		return PARSED_ICMP;
	return parse_l4(pkt);
}

/* Starts a packet with an Ethernet header alone. */
INLINE void start_packet(struct packet *pkt, void *data, void *end, __u32 frame_len)
{
	pkt->data = data;
	pkt->end = end;
	pkt->frame_len = frame_len;
	pkt->l2_len = ETH_HLEN;
	pkt->admitted = false;
	pkt->ours = false;
	pkt->ip4 = data + ETH_HLEN;
}

/*
 * Fills pkt for an Ethernet frame of frame_len bytes, of which [data, end) can be read. What is common
 * only: PARSED_OTHER may be a packet that read_shape() knows.
 */
INLINE enum parsed parse_packet(struct packet *pkt, void *data, void *end, __u32 frame_len)
{
	struct ethhdr *eth = data;

	start_packet(pkt, data, end, frame_len);
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

/* Checksums are the caller's business. */
INLINE void set_source(struct packet *pkt, const struct xdplb_addr *addr)
{
	if (pkt->family == XDPLB_IPV4)
		pkt->ip4->saddr = addr->word[0];
	else
		*(struct xdplb_addr *)&pkt->ip6->saddr = *addr;
}

INLINE void set_dest(struct packet *pkt, const struct xdplb_addr *addr)
{
	if (pkt->family == XDPLB_IPV4)
		pkt->ip4->daddr = addr->word[0];
	else
		*(struct xdplb_addr *)&pkt->ip6->daddr = *addr;
}

/* May the packet be the first of its flow? TCP: a SYN; of UDP nobody knows. Its header is whole. */
INLINE bool opens_flow(const struct packet *pkt)
{
	/* Header length and flags, in one word. */
	const __be16 *flags = pkt->l4 + offsetof(struct tcphdr, ack_seq) + sizeof(__be32);

	return pkt->proto != IPPROTO_TCP ||
	       (*flags & bpf_htons(TCP_FLAG16_SYN | TCP_FLAG16_ACK)) == bpf_htons(TCP_FLAG16_SYN);
}

#endif
