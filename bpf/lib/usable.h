/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Members and their health: which of them a packet may be sent to. Knows no packet and no bucket.
 */
#ifndef XDPLB_BPF_USABLE_H
#define XDPLB_BPF_USABLE_H

#include "pkt.h"
#include "xdplb/access.h"
#include "xdplb/health.h"

/* Sizes are placeholders: the loader sets them from the declared capacities. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_member);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_health);
} health SEC(".maps");

INLINE bool state_usable(enum xdplb_health_state state)
{
	return state <= XDPLB_HEALTH_DRAINING;
}

/*
 * Does a target's health let packets go there? The rule is in xdplb/health.h; service_flags count
 * where nobody vouches. Weights are reserved yet, so one byte of the state word says all.
 */
INLINE bool target_usable(const struct xdplb_health *target, const __u32 *service_flags)
{
	enum xdplb_health_state state = *(const volatile __u8 *)&target->state;
	__u64 lease = *(const volatile __u64 *)&target->lease;

	if (likely(state != XDPLB_HEALTH_UNKNOWN && (!lease || lease > bpf_jiffies64())))
		return state_usable(state);
	if (*service_flags & XDPLB_SERVICE_UNKNOWN_IS_DOWN)
		return false;
	return state_usable(*(const volatile __u8 *)&target->reported);
}

/* May new packets go there? Confirmed by its service node and not known to be unwell. */
INLINE bool member_usable(const struct xdplb_member *member, const __u32 *service_flags)
{
	__u32 key = *(const volatile __u32 *)&member->health;
	const struct xdplb_health *target;

	if (!(member->flags & XDPLB_MEMBER_CONFIRMED))
		return false;
	target = bpf_map_lookup_elem(&health, &key);
	return target && target_usable(target, service_flags);
}

#endif
