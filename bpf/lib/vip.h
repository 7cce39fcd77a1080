/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Which service is at an address, port and protocol: one of that very port, else one of many ports.
 */
#ifndef XDPLB_BPF_VIP_H
#define XDPLB_BPF_VIP_H

#include "endpoint.h"
#include "parse.h"
#include "xdplb/access.h"

/* Slots of one of the two tables in `vips`, less one. */
const volatile __u32 vip_mask;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct xdplb_endpoint);
} vips SEC(".maps");

/*
 * The only element of the map `lb_control`, at its address: the loader pins a section .data.NAME as NAME. A lookup would
 * take ten instructions more.
 */
struct xdplb_lb_control lb_control SEC(".data.lb_control") __attribute__((aligned(8)));

/* The slot of an endpoint, or NULL. */
INLINE const struct xdplb_endpoint *find_slot(const struct endpoint_key *key)
{
	return find_endpoint(&vips, read_table_ref(&lb_control.vips), vip_mask, key);
}

/* The index an endpoint stands for. */
INLINE bool find_service(const struct endpoint_key *key, __u32 *ret_index)
{
	const struct xdplb_endpoint *found = find_slot(key);

	if (!found)
		return false;
	*ret_index = found->index;
	return true;
}

/* The slot of a VIP's port and protocol, or of the VIP as such (both 0). */
INLINE const struct xdplb_endpoint *find_vip_slot(const struct packet *pkt, __be16 port, __u8 proto)
{
	struct endpoint_key key = { .port = port, .proto = proto, .family = pkt->family };

	read_dest(pkt, &key.addr);
	return find_slot(&key);
}

/*
 * The same where it is most often, in the first slot of its row, with less to keep at hand than to go along the row
 * takes; that begins anew where it is not there.
 */
INLINE const struct xdplb_endpoint *find_vip_slot_fast(const struct packet *pkt, __be16 port)
{
	struct endpoint_key key = { .port = port, .proto = pkt->proto, .family = pkt->family };
	const struct xdplb_table_ref ref = read_table_ref(&lb_control.vips);
	const struct xdplb_endpoint *first;
	__u32 at;

	read_dest(pkt, &key.addr);
	at = ref.base + (hash_endpoint_key(ref.seed, &key) & vip_mask);
	first = bpf_map_lookup_elem(&vips, &at);
	if (likely(first && is_slot_of(first, &key)))
		return first;
	if (!first || !first->family)
		return NULL;
	return find_vip_slot(pkt, opaque(port), pkt->proto);
}

/* The index that such a slot has. */
INLINE bool find_vip(const struct packet *pkt, __be16 port, __u8 proto, __u32 *ret_index)
{
	const struct xdplb_endpoint *found = find_vip_slot(pkt, port, proto);

	if (!found)
		return false;
	*ret_index = found->index;
	return true;
}

/* Is there any service of many ports? Asked before find_range() is, which costs more. */
INLINE bool has_ranges(void)
{
	return *(const volatile __u32 *)&lb_control.has_ranges;
}

/*
 * The service in one of whose ranges a port lies that is no service's own, or XDPLB_INDEX_ADDRESS. Apart:
 * other services' packets never come here.
 */
NOINLINE __u32 find_range(const struct endpoint_key *wanted)
{
	const struct xdplb_endpoint *found;
	struct xdplb_table_ref ref;
	struct endpoint_key key;
	__u32 port;

	if (!wanted)
		return XDPLB_INDEX_ADDRESS;
	key = *wanted;
	key.proto |= XDPLB_RANGE;
	port = bpf_ntohs(key.port);
	ref = read_table_ref(&lb_control.vips);
	for (__u32 i = 0; i < XDPLB_RANGES_MAX; i++) {
		key.port = bpf_htons(i);
		found = find_endpoint(&vips, ref, vip_mask, &key);
		if (!found)
			break;
		if (port >= found->first_port && port <= found->last_port)
			return found->index;
	}
	return XDPLB_INDEX_ADDRESS;
}

/* As find_service(), of many ports too: for the slower roads. */
INLINE bool find_any_service(const struct endpoint_key *key, __u32 *ret_index)
{
	if (find_service(key, ret_index))
		return true;
	if (!has_ranges())
		return false;
	*ret_index = find_range(key);
	return *ret_index != XDPLB_INDEX_ADDRESS;
}

/* The service that a packet with a whole transport header is for. */
INLINE bool find_served(const struct packet *pkt, __u32 *ret_index)
{
	struct endpoint_key key = {
		.port = packet_ports(pkt)->dest,
		.proto = pkt->proto,
		.family = pkt->family,
	};

	read_dest(pkt, &key.addr);
	return find_any_service(&key, ret_index);
}

#endif
