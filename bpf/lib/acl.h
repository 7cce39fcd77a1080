/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Which clients a service serves, where its file says so. Services without a list never come here.
 */
#ifndef XDPLB_BPF_ACL_H
#define XDPLB_BPF_ACL_H

#include "nexthop.h"
#include "xdplb/access.h"

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * XDPLB_SOURCES_MAX);
	__type(key, struct xdplb_source_key);
	__type(value, __u32);
} sources SEC(".maps");

/*
 * Apart, since the fast path has no room for a key on its stack. @index is that of the service, @flags
 * are those that the packet has met: a list that changes meanwhile is another version's.
 */
NOINLINE int source_denied(struct xdp_md *ctx, __u64 shape, __u32 index, __u32 flags)
{
	struct xdplb_source_key key = { .service = index };
	struct packet pkt;
	bool found;

	if (!open_shape(ctx, &pkt, shape))
		return true;
	key.prefix_len = XDPLB_SOURCE_KEY_BITS + (pkt.family == XDPLB_IPV4 ? 32 : 128);
	key.version = !!(flags & XDPLB_SERVICE_SOURCES_B);
	key.family = pkt.family;
	read_source(&pkt, &key.addr);
	found = bpf_map_lookup_elem(&sources, &key);
	return found == !!(flags & XDPLB_SERVICE_SOURCES_DENIED);
}

#endif
