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

/* A draining target takes no new flows. */
INLINE bool state_usable(enum xdplb_health_state state, bool opens)
{
	return state <= XDPLB_HEALTH_UP || (state == XDPLB_HEALTH_DRAINING && !opens);
}

/*
 * Does a target's health let packets go there? The rule is in xdplb/health.h; service_flags count
 * where nobody vouches. Weights are reserved yet, so one byte of the state word says all.
 */
INLINE bool target_usable(const struct xdplb_health *target, const __u32 *service_flags, bool opens)
{
	enum xdplb_health_state state = *(const volatile __u8 *)&target->state;
	__u64 lease = *(const volatile __u64 *)&target->lease;

	if (likely(state != XDPLB_HEALTH_UNKNOWN && (!lease || lease > bpf_jiffies64())))
		return state_usable(state, opens);
	if (state == XDPLB_HEALTH_DRAINING)
		return false; /* its time is over */
	if (*service_flags & XDPLB_SERVICE_UNKNOWN_IS_DOWN)
		return false;
	return state_usable(*(const volatile __u8 *)&target->reported, opens);
}

/*
 * May packets go there? Confirmed by its service node and not known to be unwell.
 * @opens: the packet may open a flow
 */
INLINE bool member_usable(const struct xdplb_member *member, const __u32 *service_flags, bool opens)
{
	__u32 key = *(const volatile __u32 *)&member->health;
	const struct xdplb_health *target;

	if (!(member->flags & XDPLB_MEMBER_CONFIRMED))
		return false;
	target = bpf_map_lookup_elem(&health, &key);
	return target && target_usable(target, service_flags, opens);
}

#endif
