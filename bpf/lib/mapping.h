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

/* (backend address, its own port, protocol) of `source` services -> one of its mappings; port 0: the
 * address is that of a service of many ports. */
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

/* Of a service of many ports: what stands in the packet stays there. */
INLINE bool keeps_port(const struct xdplb_mapping *mapping)
{
	return !mapping->vport;
}

/* The port at the VIP, at the backend, and the one that access nodes send to, of a flow that has this port
 * at the backend's side. */
INLINE __be16 vip_port(const struct xdplb_mapping *mapping, __be16 port)
{
	return keeps_port(mapping) ? port : mapping->vport;
}

INLINE __be16 own_port(const struct xdplb_mapping *mapping, __be16 port)
{
	return keeps_port(mapping) ? port : mapping->port;
}

INLINE __be16 entry_port(const struct xdplb_mapping *mapping, __be16 port)
{
	return keeps_port(mapping) ? port : mapping->tag;
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
	const struct ports *ports = packet_ports(pkt);
	__u64 word =
		flow_word(ports->source, vip_port(mapping, ports->dest), pkt->proto, pkt->family);

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

/* The mapping whose tag port a packet is for, at this hook, or NULL. */
INLINE const struct xdplb_mapping *find_tagged(const struct packet *pkt, const struct hook *hook,
					       const struct xdplb_node_control *control,
					       __u32 *ret_index)
{
	struct endpoint_key key = { .port = packet_ports(pkt)->dest, .family = pkt->family };
	const struct xdplb_endpoint *found;
	const struct xdplb_mapping *mapping;

	if (!in_tag_range(bpf_ntohs(key.port)))
		return NULL;
	read_dest(pkt, &key.addr);
	found = find_tag(control, &key);
	mapping = mapping_of(found, hook);
	if (!mapping || mapping->state == XDPLB_MAPPING_FREE)
		return NULL;
	*ret_index = found->index;
	return mapping;
}

/* What a backend's own port stands for, exactly. */
INLINE const struct xdplb_endpoint *find_own_port(const struct xdplb_node_control *control,
						  const struct endpoint_key *key)
{
	struct xdplb_table_ref ref = read_table_ref(&control->endpoints);

	return find_endpoint(&endpoints, ref, endpoint_mask, key);
}

/* What an address stands for that belongs to a service of many ports, at this hook; key->port becomes 0. */
INLINE struct xdplb_mapping *find_kept(const struct xdplb_node_control *control,
				       struct endpoint_key *key, const struct hook *hook,
				       __u32 *ret_index)
{
	const struct xdplb_endpoint *found;
	struct xdplb_mapping *mapping;

	if (likely(!control->keeps_ports))
		return NULL;
	key->port = 0;
	found = find_own_port(control, key);
	mapping = mapping_of(found, hook);
	if (!mapping || mapping->state == XDPLB_MAPPING_FREE)
		return NULL;
	*ret_index = found->index;
	return mapping;
}

#endif
