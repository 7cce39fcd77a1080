/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Where the headers of a rarer packet lie: behind VLAN tags, behind IPv6 extension headers, in
 * fragments. A shape is that knowledge as one number, so that functions which the verifier checks
 * apart can hand it on; each of them makes its struct packet from it anew.
 */
#ifndef XDPLB_BPF_SHAPE_H
#define XDPLB_BPF_SHAPE_H

#include "parse.h"

#define TAGS_MAX 2 /* 802.1Q, or 802.1ad and 802.1Q */
#define TAG_LEN  4

/* How far extension headers are followed. */
#define EXTENSIONS_MAX     4
#define EXTENSIONS_LEN_MAX 128

/* How far the transport header can lie from the start of the frame: in eight bits. */
#define L4_OFFSET_MAX                                                                  \
	(ETH_HLEN + TAGS_MAX * TAG_LEN + sizeof(struct ipv6hdr) + EXTENSIONS_LEN_MAX + \
	 sizeof(struct frag_hdr))

/* What stands in a shape, from the lowest bit on. */
INLINE __u64 pack_shape(const struct packet *pkt, enum parsed kind)
{
	return kind | (__u64)(__u8)pkt->family << 8 | (__u64)(__u8)pkt->proto << 16 |
	       (__u64)(__u8)pkt->l2_len << 24 | (__u64)(__u8)pkt->l4_offset << 32;
}

INLINE enum parsed shape_kind(__u64 shape)
{
	return shape & 0xff;
}

INLINE __u32 shape_l2_len(__u64 shape)
{
	return shape >> 24 & 0xff;
}

/* Steps over the tags; returns the Ethertype behind them. */
INLINE __be16 skip_tags(struct packet *pkt)
{
	__be16 ethertype = ((struct ethhdr *)pkt->data)->h_proto;

	for (int i = 0; i < TAGS_MAX; i++) {
		struct vlan_hdr *tag = (void *)pkt->ip4;

		if (ethertype != bpf_htons(ETH_P_8021Q) && ethertype != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > pkt->end)
			return 0;
		ethertype = tag->h_vlan_encapsulated_proto;
		pkt->ip4 = (void *)(tag + 1);
		pkt->l2_len += TAG_LEN;
	}
	return ethertype;
}

/*
 * One extension header of those that end before the transport header. A routing header counts only if
 * the packet is where it was going: else the destination is not the one the checksum knows.
 */
INLINE enum parsed skip_extension(struct packet *pkt, __u32 *offset)
{
	struct ipv6_rt_hdr *ext = (void *)pkt->ip6 + *offset;

	if ((void *)(ext + 1) > pkt->end)
		return PARSED_TRUNCATED;
	if (pkt->proto == IPPROTO_ROUTING && ext->segments_left)
		return PARSED_EXTENSIONS;
	pkt->proto = ext->nexthdr;
	*offset += (ext->hdrlen + 1) * 8;
	return *offset <= sizeof(struct ipv6hdr) + EXTENSIONS_LEN_MAX ? PARSED_L4
								      : PARSED_EXTENSIONS;
}

INLINE bool is_extension(__u8 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS;
}

/* l4 stays at the fragment header, which read_fragment() steps over. */
INLINE enum parsed parse_fragment6(struct packet *pkt)
{
	struct frag_hdr *fragment = pkt->l4;

	if ((void *)(fragment + 1) > pkt->end)
		return PARSED_TRUNCATED;
	pkt->proto = fragment->nexthdr;
	return parse_fragment(pkt->proto, IPPROTO_ICMPV6);
}

INLINE enum parsed parse_extended(struct packet *pkt)
{
	__u32 offset = sizeof(struct ipv6hdr);
	enum parsed kind = parse_ipv6(pkt);

	if (kind != PARSED_OTHER || pkt->family != XDPLB_IPV6)
		return kind;
	for (int i = 0; i < EXTENSIONS_MAX && is_extension(pkt->proto); i++) {
		kind = skip_extension(pkt, &offset);
		if (kind != PARSED_L4)
			return kind;
	}
	if (is_extension(pkt->proto))
		return PARSED_EXTENSIONS;
	pkt->l4 = (void *)pkt->ip6 + offset;
	pkt->l4_offset = pkt->l2_len + offset;
	if (pkt->proto == IPPROTO_FRAGMENT)
		return parse_fragment6(pkt);
	if (pkt->proto == IPPROTO_ICMPV6)
		return PARSED_ICMP;
	return parse_l4(pkt);
}

/* The shape of an Ethernet frame of frame_len bytes, of which [data, end) can be read. */
INLINE __u64 find_shape(void *data, void *end, __u32 frame_len)
{
	struct packet pkt = {};
	enum parsed kind = PARSED_OTHER;

	start_packet(&pkt, data, end, frame_len);
	if (data + ETH_HLEN > end)
		return PARSED_OTHER;
	switch (skip_tags(&pkt)) {
	case bpf_htons(ETH_P_IP):
		kind = parse_ipv4(&pkt);
		break;
	case bpf_htons(ETH_P_IPV6):
		kind = parse_extended(&pkt);
		break;
	}
	return pack_shape(&pkt, kind);
}

/*
 * Fills pkt from the shape that find_shape() has told of the same frame; of the transport header
 * nothing is checked yet. False if the IP header is not there, which a shape of kind PARSED_OTHER may
 * mean.
 */
INLINE bool open_packet(struct packet *pkt, void *data, void *end, __u32 frame_len, __u64 shape)
{
	start_packet(pkt, data, end, frame_len);
	pkt->l2_len = opaque(shape_l2_len(shape));
	/* opaque(): clang 16 else adds the offset without its mask, which it takes for granted */
	pkt->l4_offset = opaque(shape >> 32 & 0xff);
	pkt->proto = shape >> 16 & 0xff;
	if (data + ETH_HLEN > end || pkt->l2_len > ETH_HLEN + TAGS_MAX * TAG_LEN ||
	    pkt->l4_offset > L4_OFFSET_MAX)
		return false;
	pkt->ip4 = data + pkt->l2_len;
	pkt->l4 = data + pkt->l4_offset;
	if ((shape >> 8 & 0xff) == XDPLB_IPV4) {
		pkt->family = opaque(XDPLB_IPV4);
		return (void *)(pkt->ip4 + 1) <= end;
	}
	pkt->family = opaque(XDPLB_IPV6);
	return (void *)(pkt->ip6 + 1) <= end;
}

#endif
