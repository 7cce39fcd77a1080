/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Changing addresses and ports of a packet at a TC hook. Unlike at XDP, the kernel may keep a
 * checksum beside the packet or have left one to the NIC, so that transport checksums go through
 * bpf_l4_csum_replace(), which knows.
 */
#ifndef XDPLB_BPF_SKB_H
#define XDPLB_BPF_SKB_H

#include "csum.h"
#include "shape.h"

#define EINVAL 22

#define TC_ACT_UNSPEC   (-1)
#define TC_ACT_SHOT     2
#define TC_ACT_REDIRECT 7

/* Longest run of headers looked at: of the usual packet, and of a rarer one (an ICMP error and its
 * quote, extension headers). */
#define HEADERS_MAX      160
#define RARE_HEADERS_MAX 256

/*
 * Does the linear part hold the headers of a usual TCP packet? Then what follows stays where it is: to pull some of a
 * segment's data in as well copies its head, and leaves the rest at odd addresses, for which the receiver pays.
 */
INLINE bool holds_tcp_headers(const void *data, const void *end)
{
	const struct ethhdr *eth = data;
	const struct iphdr *ip4 = data + ETH_HLEN;
	const struct ipv6hdr *ip6 = data + ETH_HLEN;

	if ((const void *)(ip4 + 1) + sizeof(struct tcphdr) > end)
		return false;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return *(const __u8 *)ip4 == 0x45 && ip4->protocol == IPPROTO_TCP;
	return eth->h_proto == bpf_htons(ETH_P_IPV6) &&
	       (const void *)(ip6 + 1) + sizeof(struct tcphdr) <= end &&
	       ip6->nexthdr == IPPROTO_TCP;
}

/* Headers may lie outside the linear part: pull them in, as far as there are any. */
INLINE enum parsed parse_skb(struct __sk_buff *skb, struct packet *pkt)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 len = skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX;

	if (data + len > end && unlikely(!holds_tcp_headers(data, end))) {
		bpf_skb_pull_data(skb, len);
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
	}
	return parse_packet(pkt, data, end, skb->len);
}

/*
 * The shape of what parse_skb() knows not; a function of its own, since few packets need it. Tags are
 * not looked behind: the kernel has taken the outer one off, and two are for somebody else.
 */
NOINLINE __u64 read_shape(struct __sk_buff *skb)
{
	__u32 len = skb->len < RARE_HEADERS_MAX ? skb->len : RARE_HEADERS_MAX;
	__u64 shape;

	bpf_skb_pull_data(skb, len);
	shape = find_shape((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len);
	return shape_l2_len(shape) == ETH_HLEN ? shape : PARSED_OTHER;
}

INLINE bool open_shape(struct __sk_buff *skb, struct packet *pkt, __u64 shape)
{
	return open_packet(pkt, (void *)(long)skb->data, (void *)(long)skb->data_end, skb->len,
			   shape);
}

/* *ret_shape is set if it is not TCP or UDP right behind its IP header. */
INLINE enum parsed find_headers(struct __sk_buff *skb, struct packet *pkt, __u64 *ret_shape)
{
	enum parsed kind = parse_skb(skb, pkt);
	__u64 shape;

	if (likely(kind == PARSED_L4))
		return kind;
	*ret_shape = shape = read_shape(skb);
	if (!open_shape(skb, pkt, shape))
		return PARSED_OTHER;
	kind = shape_kind(shape);
	return kind == PARSED_L4 ? parse_l4(pkt) : kind;
}

/*
 * An address has changed. For IPv6 kernels from 6.16 on (and stable ones) want to be told the
 * family, or they spoil a checksum kept beside the packet; older ones refuse the flag.
 */
INLINE long csum_replace_addr(struct __sk_buff *skb, const struct packet *pkt, __u32 diff,
			      __u64 flags)
{
	__u32 offset = pkt->l4_offset + checksum_offset(pkt->proto);
	long err;

	flags |= BPF_F_PSEUDO_HDR;
	if (pkt->family == XDPLB_IPV4)
		return bpf_l4_csum_replace(skb, offset, 0, diff, flags);
	err = bpf_l4_csum_replace(skb, offset, 0, diff, flags | BPF_F_IPV6);
	if (err == -EINVAL)
		err = bpf_l4_csum_replace(skb, offset, 0, diff, flags);
	return err;
}

INLINE bool write_addr(void *data, void *end, const struct packet *pkt, const struct rewriting *to,
		       __u32 diff)
{
	if (pkt->family == XDPLB_IPV4) {
		struct iphdr *ip = data + ETH_HLEN;

		if ((void *)(ip + 1) > end)
			return false;
		ip->check = csum_apply(ip->check, csum_fold16(diff));
		if (to->side == SIDE_SOURCE)
			ip->saddr = to->addr.word[0];
		else
			ip->daddr = to->addr.word[0];
		return true;
	}
	struct ipv6hdr *ip = data + ETH_HLEN;

	if ((void *)(ip + 1) > end)
		return false;
	if (to->side == SIDE_SOURCE)
		*(struct xdplb_addr *)&ip->saddr = to->addr;
	else
		*(struct xdplb_addr *)&ip->daddr = to->addr;
	return true;
}

/* Gives a TCP or UDP packet other ports and another address. Ends the life of pkt's pointers. */
INLINE enum verdict rewrite_packet(struct __sk_buff *skb, const struct packet *pkt,
				   const struct rewriting *to)
{
	__u64 flags = pkt->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 offset = pkt->l4_offset + checksum_offset(pkt->proto);
	__u32 old_ports = *(__u32 *)pkt->l4, new_ports = *(__u32 *)&to->ports;
	struct xdplb_addr old_addr;
	void *data, *end;
	__u32 diff = 0;

	if (to->side != SIDE_NONE) {
		if (to->side == SIDE_SOURCE)
			read_source(pkt, &old_addr);
		else
			read_dest(pkt, &old_addr);
		diff = csum_diff_addr(&old_addr, &to->addr);
		if (csum_replace_addr(skb, pkt, diff, flags))
			return refuse(pkt, XDPLB_DROP_REWRITE);
	}
	if (bpf_l4_csum_replace(skb, offset, old_ports, new_ports, flags | sizeof(new_ports)))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if (data + pkt->l4_offset + sizeof(struct ports) > end)
		return refuse(pkt, XDPLB_DROP_REWRITE);
	*(struct ports *)(data + pkt->l4_offset) = to->ports;
	if (to->side != SIDE_NONE && !write_addr(data, end, pkt, to, diff))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	return VERDICT_PASS;
}

#endif
