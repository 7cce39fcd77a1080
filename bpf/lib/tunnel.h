/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The tunnels of a clock node, as both of their ends need them.
 */
#ifndef XDPLB_BPF_TUNNEL_H
#define XDPLB_BPF_TUNNEL_H

#include "pkt.h"
#include "xdplb/tunnel.h"

/* Elements are set by the loader, alike for both maps. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_tunnel);
} tunnels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_tunnel_counters);
} tunnel_counters SEC(".maps");

/* The control word of one moment. */
INLINE struct xdplb_tunnel_control read_tunnel_control(const struct xdplb_tunnel *tunnel)
{
	__u64 word = *(const volatile __u64 *)&tunnel->control;

	return (struct xdplb_tunnel_control){
		.lsp = (__u32)word,
		.state = word >> 32,
		.backup = word >> 40,
	};
}

#endif
