// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Maps that no program reads: names, weights, what detach must undo. They are declared here for their
 * BTF, so that `bpftool map dump` shows fields by name. Sizes are placeholders that the loader sets.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "xdplb/infos.h"

#define COLD_ARRAY(map, record)                    \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, 1);            \
		__type(key, __u32);                \
		__type(value, struct record);      \
	} map SEC(".maps")

COLD_ARRAY(node_info, xdplb_node_info);
COLD_ARRAY(service_infos, xdplb_service_info);
COLD_ARRAY(member_infos, xdplb_member_info);
COLD_ARRAY(backend_infos, xdplb_backend_info);
COLD_ARRAY(mapping_infos, xdplb_mapping_info);
COLD_ARRAY(succession_infos, xdplb_succession_info);
COLD_ARRAY(tunnel_infos, xdplb_tunnel_info);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct xdplb_undo_key);
	__type(value, struct xdplb_undo);
} undos SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";
