/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Changing addresses and ports of a packet at a TC hook. Unlike at XDP, the kernel may keep a
 * checksum beside the packet or have left one to the NIC: what may be such a one goes through
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

/*
 * Where the kernel leaves a checksum to the NIC (CHECKSUM_PARTIAL), the field holds the sum of the pseudo header. A
 * program isn't told, but what holds another number is no such packet. True: it may be one.
 */
INLINE bool may_be_partial(const struct packet *pkt, __sum16 check)
{
	__u32 length, headers = pkt->l4_offset - pkt->l2_len;
	__u64 sum = (__u16)~check;

	if (pkt->family == XDPLB_IPV4) {
		length = bpf_ntohs(pkt->ip4->tot_len);
		sum += (__u64)pkt->ip4->saddr + pkt->ip4->daddr;
	} else {
		length = bpf_ntohs(pkt->ip6->payload_len);
		headers -= sizeof(struct ipv6hdr);
		for (int i = 0; i < 4; i++)
			sum += (__u64)addr_words(&pkt->ip6->saddr)[i] +
			       addr_words(&pkt->ip6->daddr)[i];
	}
	sum += bpf_htonl(length - headers + pkt->proto);
	return !length || csum_is_zero(sum); /* no length: more than 64 KiB */
}

/* An address has changed. For IPv6 kernels from 6.16 on (and stable ones) want to be told the family, or they spoil
 * a checksum kept beside the packet; older ones refuse the flag. */
INLINE long csum_replace_addr(struct __sk_buff *skb, __u32 offset, __u32 diff, __u64 flags)
{
	long err = bpf_l4_csum_replace(skb, offset, 0, diff, flags);

	if (err != -EINVAL || !(flags & BPF_F_IPV6))
		return err;
	return bpf_l4_csum_replace(skb, offset, 0, diff, flags & ~(__u64)BPF_F_IPV6);
}

/*
 * The transport checksum of a packet that may be left to the NIC: the helper knows. Then the address's difference is
 * added to it, where it is else subtracted, and the ports don't count. A function of its own, which the verifier checks once.
 * @at: offset of the checksum in the frame; above 32 bits flags of bpf_l4_csum_replace()
 * @addr_diff: of csum_diff_addr(); 0: no address has changed
 * Returns 0 or -errno.
 */
NOINLINE long replace_partial(struct __sk_buff *skb, __u64 at, __u32 addr_diff, __u32 old_ports,
			      __u32 new_ports)
{
	__u64 offset = at & 0xff, flags = at >> 32;
	__u16 diff = csum_fold16(csum_fold16(addr_diff));
	__u16 *check, old;
	long err;

	if (addr_diff) {
		check = (void *)(long)skb->data + offset;
		if ((void *)(check + 1) > (void *)(long)skb->data_end)
			return -EINVAL;
		old = *check;
		err = csum_replace_addr(skb, offset, addr_diff, flags | BPF_F_PSEUDO_HDR);
		check = (void *)(long)skb->data + offset;
		if (err || (void *)(check + 1) > (void *)(long)skb->data_end)
			return -EINVAL;
		if (likely(csum_is_zero((__u64)*check + (__u16)~old + (__u16)~diff)) &&
		    !csum_is_zero(diff))
			return 0;
	}
	flags &= BPF_F_MARK_MANGLED_0;
	return bpf_l4_csum_replace(skb, offset, old_ports, new_ports, flags | sizeof(new_ports));
}

/* For replace_partial(). */
INLINE __u64 checksum_place(const struct packet *pkt)
{
	__u64 flags = (pkt->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0) |
		      (pkt->family == XDPLB_IPV6 ? BPF_F_IPV6 : 0);

	return pkt->l4_offset + checksum_offset(pkt->proto) + (flags << 32);
}

/* The transport checksum of any other packet. */
INLINE void replace_whole(struct __sk_buff *skb, const struct packet *pkt, __u32 addr_diff,
			  const struct ports *ports)
{
	__sum16 *check = transport_check(pkt), old = *check, new;

	if (pkt->proto == IPPROTO_UDP && !old)
		return;
	new = csum_apply(old, csum_fold16(addr_diff) +
				      csum_delta16(packet_ports(pkt)->source, ports->source) +
				      csum_delta16(packet_ports(pkt)->dest, ports->dest));
	if (pkt->proto == IPPROTO_UDP && !new)
		new = 0xffff;
	*check = new;
	/* In the sum that the NIC may have made of the packet, from the IP header on, an IPv4 address cancels out with its
	 * header's checksum, as ports do with the transport's: left is what the latter has changed for the address. */
	if (pkt->family == XDPLB_IPV4 && addr_diff)
		bpf_csum_update(skb, ~addr_diff);
}

/* Gives a TCP or UDP packet other ports and another address. Ends the life of pkt's pointers. */
INLINE enum verdict rewrite_packet(struct __sk_buff *skb, const struct packet *pkt,
				   const struct rewriting *to)
{
	struct xdplb_addr old_addr;
	void *data, *end;
	__u32 diff = 0;

	if (to->side != SIDE_NONE) {
		if (to->side == SIDE_SOURCE)
			read_source(pkt, &old_addr);
		else
			read_dest(pkt, &old_addr);
		diff = csum_diff_addr(&old_addr, &to->addr);
	}
	if (!may_be_partial(pkt, *transport_check(pkt)))
		replace_whole(skb, pkt, diff, &to->ports);
	else if (replace_partial(skb, checksum_place(pkt), diff, *(__u32 *)pkt->l4,
				 *(__u32 *)&to->ports))
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
