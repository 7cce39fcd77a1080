/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * ICMP errors that quote a packet: finding the quote and giving it, and the error itself, other
 * addresses and ports. The checksums of an ICMP message are never left to a NIC: plain writes will do.
 */
#ifndef XDPLB_BPF_ICMP_H
#define XDPLB_BPF_ICMP_H

#include "csum.h"
#include "parse.h"

#define ICMP_ECHOREPLY     0
#define ICMP_DEST_UNREACH  3
#define ICMP_ECHO          8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

#define ICMP_FRAG_NEEDED 4 /* code of ICMP_DEST_UNREACH */

#define ICMPV6_DEST_UNREACH 1
#define ICMPV6_PKT_TOOBIG   2
#define ICMPV6_TIME_EXCEED  3
#define ICMPV6_PARAMPROB    4
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY   129

/* Of the header before the quote; ICMP and ICMPv6 agree on the first four bytes. */
struct icmp_head {
	__u8 type;
	__u8 code;
	__sum16 check;
	__be32 rest;
};

/* How much of a quoted transport header there always is (RFC 792, RFC 4443). */
struct quoted_l4 {
	struct ports ports;
	__be16 udp_len;
	__sum16 udp_check;
};

/* A quoted packet and the message around it. */
struct quote {
	struct icmp_head *icmp;
	struct packet inner; /* ip4/ip6, l4 and proto are set */
	__s32 l4_len; /* how much of the quoted transport header there is, by the message's IP length */
};

INLINE bool icmp_is_error(const struct packet *pkt, __u8 type)
{
	if (pkt->family == XDPLB_IPV4)
		return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
		       type == ICMP_PARAMETERPROB;
	return type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;
}

INLINE bool read_quoted_ip(struct packet *inner)
{
	if (inner->family == XDPLB_IPV4) {
		struct iphdr *ip = inner->ip4;

		if ((void *)(ip + 1) > inner->end || ip->version != 4 || ip->ihl < 5 ||
		    ip->frag_off & bpf_htons(IP_OFFSET))
			return false;
		inner->proto = ip->protocol;
		inner->l4 = (void *)ip + ip->ihl * 4;
		return true;
	}
	struct ipv6hdr *ip = inner->ip6;

	if ((void *)(ip + 1) > inner->end || ip->version != 6)
		return false;
	inner->proto = ip->nexthdr;
	inner->l4 = ip + 1;
	return true;
}

/* How much of a message, from `at` on, is there by its IP length: what follows is padding. */
INLINE __s32 length_from(const struct packet *pkt, const void *at)
{
	__u32 length = pkt->family == XDPLB_IPV4
			       ? bpf_ntohs(pkt->ip4->tot_len)
			       : bpf_ntohs(pkt->ip6->payload_len) + sizeof(struct ipv6hdr);

	/* opaque(): the verifier takes differences of pointers in whole registers only */
	return length - (__u32)opaque(at - (void *)pkt->ip4);
}

/* False: no error, or it quotes no TCP or UDP packet. */
INLINE bool read_quote(const struct packet *pkt, struct quote *ret_quote)
{
	struct packet *inner = &ret_quote->inner;

	ret_quote->icmp = pkt->l4;
	if ((void *)(ret_quote->icmp + 1) > pkt->end || !icmp_is_error(pkt, ret_quote->icmp->type))
		return false;
	inner->end = pkt->end;
	inner->family = pkt->family;
	inner->ip4 = (void *)(ret_quote->icmp + 1);
	if (!read_quoted_ip(inner))
		return false;
	ret_quote->l4_len = length_from(pkt, inner->l4);
	return (inner->proto == IPPROTO_TCP || inner->proto == IPPROTO_UDP) &&
	       inner->l4 + sizeof(struct quoted_l4) <= inner->end &&
	       ret_quote->l4_len >= (__s32)sizeof(struct quoted_l4);
}

/*
 * The quoted transport checksum follows its addresses and ports; returns what that changes in the
 * message. A quote too short to hold a TCP checksum needs none.
 */
INLINE __u32 fix_quoted_checksum(const struct quote *quote, __u32 delta)
{
	const struct packet *inner = &quote->inner;
	__sum16 *check, old;

	if (inner->proto == IPPROTO_UDP) {
		check = &((struct quoted_l4 *)inner->l4)->udp_check;
		if (!*check)
			return 0;
	} else {
		check = inner->l4 + offsetof(struct tcphdr, check);
		if ((void *)(check + 1) > inner->end ||
		    quote->l4_len < (__s32)(offsetof(struct tcphdr, check) + sizeof(*check)))
			return 0;
	}
	old = *check;
	*check = csum_apply(old, delta);
	if (inner->proto == IPPROTO_UDP && !*check)
		*check = 0xffff; /* as the client must have sent it */
	return csum_delta16(old, *check);
}

/*
 * A message and its quote get another end. to->side is the message's address that changes; in the
 * quote, which goes the other way, it is the opposite one. to->ports are the quoted ports.
 */
INLINE void rewrite_quote(struct packet *pkt, struct quote *quote, const struct rewriting *to)
{
	struct packet *inner = &quote->inner;
	struct ports *quoted = packet_ports(inner);
	__u32 addr = 0, delta;
	struct xdplb_addr old;

	if (to->side != SIDE_NONE) {
		if (to->side == SIDE_SOURCE)
			read_source(pkt, &old);
		else
			read_dest(pkt, &old);
		addr = csum_fold16(csum_diff_addr(&old, &to->addr));
	}
	delta = csum_delta16(quoted->source, to->ports.source) +
		csum_delta16(quoted->dest, to->ports.dest);
	delta += fix_quoted_checksum(quote, addr + delta);
	*quoted = to->ports;
	if (pkt->family == XDPLB_IPV4) {
		/* The quoted address and its header checksum cancel out in the message's. */
		inner->ip4->check = csum_apply(inner->ip4->check, addr);
		pkt->ip4->check = csum_apply(pkt->ip4->check, addr);
	} else {
		delta += 2 * addr; /* quoted, and in the message's pseudo header */
	}
	quote->icmp->check = csum_apply(quote->icmp->check, delta);
	if (to->side == SIDE_SOURCE) {
		set_source(pkt, &to->addr);
		set_dest(inner, &to->addr);
	} else if (to->side == SIDE_DEST) {
		set_dest(pkt, &to->addr);
		set_source(inner, &to->addr);
	}
}

#endif
