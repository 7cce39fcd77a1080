/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The access node's rewriting: VIP:port becomes (backend address, tag port), with the admission mark.
 * Checksums follow from deltas that the loader has computed, see struct xdplb_member.
 */
#ifndef XDPLB_BPF_DNAT_H
#define XDPLB_BPF_DNAT_H

#include "csum.h"
#include "fragment.h"
#include "hash.h"
#include "xdplb/access.h"

/* The version and traffic class stay, the flow label becomes the mark. */
INLINE void set_flow_label(struct ipv6hdr *ip, __u32 label)
{
	__be32 *word = (__be32 *)ip;

	*word = (*word & bpf_htonl(0xfff00000)) | bpf_htonl(label);
}

/* A mark alone, host byte order. */
INLINE void write_mark(struct packet *pkt, __u32 mark)
{
	__be16 id = bpf_htons(mark);

	if (pkt->family != XDPLB_IPV4) {
		set_flow_label(pkt->ip6, mark);
		return;
	}
	pkt->ip4->check = csum_apply(pkt->ip4->check, csum_delta16(pkt->ip4->id, id));
	pkt->ip4->id = id;
}

/* The admission mark alone. */
INLINE void mark_packet(struct packet *pkt, __u64 flow_hash)
{
	write_mark(pkt, pkt->family == XDPLB_IPV4 ? mark_ipv4(flow_hash) : mark_ipv6(flow_hash));
}

/* The port at which a member gets what was for this one: its tag, or the same. */
INLINE __be16 member_port(const struct xdplb_member *member, __be16 port)
{
	return member->flags & XDPLB_MEMBER_KEEPS_PORT ? port : member->tag;
}

/*
 * @port:     what member_port() says, or the tag where the member is known to have one
 * @forwards: the packet leaves for the next hop, and takes one from its TTL or hop limit
 */
INLINE void dnat_packet(struct packet *pkt, const struct xdplb_member *member, __u64 flow_hash,
			__be16 port, bool forwards)
{
	csum_apply_l4(pkt, member->l4_delta);
	packet_ports(pkt)->dest = port;
	if (pkt->family == XDPLB_IPV4) {
		struct iphdr *ip = pkt->ip4;
		__be16 mark = bpf_htons(mark_ipv4(flow_hash));
		__u32 delta = member->ip_delta + csum_delta16(ip->id, mark);

		ip->check = csum_apply(ip->check, forwards ? delta + CSUM_DELTA_TTL : delta);
		ip->ttl -= forwards;
		ip->id = mark;
		ip->daddr = member->addr.word[0];
		return;
	}
	set_flow_label(pkt->ip6, mark_ipv6(flow_hash));
	pkt->ip6->hop_limit -= forwards;
	*(struct xdplb_addr *)&pkt->ip6->daddr = member->addr;
}

/* A fragment's addresses, and nothing of what follows its IP headers. */
INLINE void dnat_addresses(struct packet *pkt, const struct xdplb_member *member, __u32 mark)
{
	if (pkt->family == XDPLB_IPV4)
		pkt->ip4->check = csum_apply(pkt->ip4->check, member->ip_delta);
	else
		set_flow_label(pkt->ip6, mark_ipv6(mark));
	set_dest(pkt, &member->addr);
}

/* What is, or will be, cut into fragments: see fragment_mark(). */
INLINE void dnat_first(struct packet *pkt, const struct xdplb_member *member, __u64 hash)
{
	__u32 delta = member->l4_delta;

	if (pkt->family == XDPLB_IPV4)
		delta = csum_fold16(delta + fragment_mark(hash));
	csum_apply_l4(pkt, delta);
	packet_ports(pkt)->dest = member_port(member, packet_ports(pkt)->dest);
	dnat_addresses(pkt, member, hash);
}

INLINE bool ttl_expired(const struct packet *pkt)
{
	return pkt->family == XDPLB_IPV4 ? pkt->ip4->ttl <= 1 : pkt->ip6->hop_limit <= 1;
}

INLINE void decrement_ttl(struct packet *pkt)
{
	if (pkt->family == XDPLB_IPV4) {
		pkt->ip4->ttl--;
		pkt->ip4->check = csum_apply(pkt->ip4->check, CSUM_DELTA_TTL);
	} else {
		pkt->ip6->hop_limit--;
	}
}

#endif
