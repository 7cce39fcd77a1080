/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Flows of which a packet came to a backend by this CPU within this tick of the clock: what was found out then is not
 * looked up again. They stand by their hash, so that nobody without the key can aim at another's place.
 */
#ifndef XDPLB_BPF_RECENT_H
#define XDPLB_BPF_RECENT_H

#include "pkt.h"

#define RECENT_FLOWS 256 /* a power of two */

/* Tests of what is found out turn it off. */
const volatile bool recalls_flows = true;

struct recent_flow {
	__u64 hash;
	__u64 owner; /* mapping, and the tick */
	__u16 epoch; /* of the mapping */
	__be16 client_port; /* if noted: as the backend knows it */
	bool noted;
	bool expected; /* TCP: the backend has the connection */
	__u8 reserved[10];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RECENT_FLOWS);
	__type(key, __u32);
	__type(value, struct recent_flow);
} recent_flows SEC(".maps");

/* What is known of a mapping's flow since the tick began. */
INLINE struct recent_flow *find_recent(__u64 hash, __u32 index, __u16 epoch)
{
	__u64 owner = (__u64)index << 32 | (__u32)bpf_jiffies64();
	__u32 key = hash >> 32 & (RECENT_FLOWS - 1);
	struct recent_flow *flow = bpf_map_lookup_elem(&recent_flows, &key);

	if (flow && unlikely(flow->hash != hash || flow->owner != owner || flow->epoch != epoch ||
			     !recalls_flows))
		*flow = (struct recent_flow){ .hash = hash, .owner = owner, .epoch = epoch };
	return flow;
}

#endif
