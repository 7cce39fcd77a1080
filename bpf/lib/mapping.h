/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What a service node knows of its backends: which mapping a tag port stands for, at which hook it is
 * restored, and whether a packet to it came through an access node.
 */
#ifndef XDPLB_BPF_MAPPING_H
#define XDPLB_BPF_MAPPING_H

#include "endpoint.h"
#include "flow.h"
#include "hash.h"

/* The cluster's secret; the loader sets this and all below before the program is loaded. */
const volatile __u64 hash_key[2];
const volatile __u64 flow_key[FLOW_KEY_WORDS]; /* what the flow hash makes of it */

/* The range of tag ports, host byte order, inclusive. */
const volatile __u16 tag_first = 61000;
const volatile __u16 tag_last = 65535;

/* Slots of one of the two tables in `tags` and in `endpoints`, less one. */
const volatile __u32 tag_mask;
const volatile __u32 endpoint_mask;

/* (backend address, tag port) -> mapping. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct xdplb_endpoint);
} tags SEC(".maps");

/* (backend address, its own port, protocol) of `source` services -> one of its mappings. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct xdplb_endpoint);
} endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_node_control);
} node_control SEC(".maps");

/* Where a program is attached. */
struct hook {
	__u32 ifindex; /* the virtual NIC, or 0: an uplink */
	__u64 redirect_flags; /* for bpf_redirect(): back towards where the packet came from */
};

INLINE struct xdplb_mapping *mapping_of(const struct xdplb_endpoint *found, const struct hook *hook)
{
	struct xdplb_mapping *mapping;
	__u32 key;

	if (!found)
		return NULL;
	key = found->index;
	mapping = bpf_map_lookup_elem(&mappings, &key);
	if (!mapping || mapping->ifindex != hook->ifindex)
		return NULL; /* another hook's business */
	return mapping;
}

INLINE bool has_mark(const struct packet *pkt, __u64 hash)
{
	if (pkt->family == XDPLB_IPV4)
		return pkt->ip4->id == bpf_htons(mark_ipv4(hash));
	return (*(__be32 *)pkt->ip6 & bpf_htonl(0xfffff)) == bpf_htonl(mark_ipv6(hash));
}

/* The hash of the flow of a client's packet, as the access node has computed it. */
INLINE __u64 hash_flow(const struct packet *pkt, const struct xdplb_mapping *mapping)
{
	__u64 word = flow_word(packet_ports(pkt)->source, mapping->vport, pkt->proto, pkt->family);

	if (pkt->family == XDPLB_IPV4)
		return flow_hash4(flow_key, pkt->ip4->saddr, mapping->vip.word[0], word);
	return flow_hash6(flow_key, addr_words(&pkt->ip6->saddr), mapping->vip.word, word);
}

/* Is it a tag port, host byte order? */
INLINE bool in_tag_range(__u16 port)
{
	return port >= tag_first && port <= tag_last;
}

INLINE const struct xdplb_endpoint *find_tag(const struct xdplb_node_control *control,
					     const struct endpoint_key *key)
{
	struct xdplb_table_ref ref = read_table_ref(&control->tags);

	return find_endpoint(&tags, ref, tag_mask, key);
}

#endif
