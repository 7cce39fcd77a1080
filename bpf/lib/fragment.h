/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Fragments, as both kinds of node see them: which datagram one belongs to, and whether it is the first.
 */
#ifndef XDPLB_BPF_FRAGMENT_H
#define XDPLB_BPF_FRAGMENT_H

#include "shape.h"
#include "xdplb/fragment.h"

#define IP6_FRAGMENT_OFFSET 0xfff8

/* How long a later fragment may come after the first, in jiffies. */
const volatile __u64 fragment_lifetime = 500;

struct fragment {
	struct xdplb_fragment_key key;
	bool first;
};

/* Reads where a packet of kind PARSED_FRAGMENT or PARSED_ICMP_FRAGMENT stands in its datagram; pkt->l4 moves behind a fragment
 * header. */
INLINE bool read_fragment(struct packet *pkt, struct fragment *ret_fragment)
{
	struct frag_hdr *header = pkt->l4;

	__builtin_memset(ret_fragment, 0, sizeof(*ret_fragment));
	ret_fragment->key.proto = pkt->proto;
	ret_fragment->key.family = pkt->family;
	read_source(pkt, &ret_fragment->key.source);
	read_dest(pkt, &ret_fragment->key.dest);
	if (pkt->family == XDPLB_IPV4) {
		ret_fragment->key.id = pkt->ip4->id;
		ret_fragment->first = !(pkt->ip4->frag_off & bpf_htons(IP_OFFSET));
		return true;
	}
	if ((void *)(header + 1) > pkt->end)
		return false;
	ret_fragment->key.id = header->identification;
	ret_fragment->first = !(header->frag_off & bpf_htons(IP6_FRAGMENT_OFFSET));
	pkt->l4 = header + 1;
	pkt->l4_offset += sizeof(*header);
	return true;
}

/*
 * IPv4 fragments need their identification, so the mark of a fragmented datagram lies in its transport
 * checksum: the access node adds it as if it were one more word of the pseudo header, the service node
 * takes it off again. Who does not know it has his datagram dropped by the backend, for a wrong
 * checksum. IPv6 fragments have a flow label, which carries the mark as ever.
 */
INLINE __u16 fragment_mark(__u64 flow_hash)
{
	return bpf_htons((__u16)(flow_hash >> 16));
}

/* A UDP checksum of 0 means that there is none, and so no room for a mark. */
INLINE bool holds_fragment_mark(const struct packet *pkt)
{
	return pkt->proto == IPPROTO_TCP || ((struct udphdr *)pkt->l4)->check;
}

#endif
