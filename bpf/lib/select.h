/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * From a service and a flow hash to the member that serves the flow. Knows no packet.
 */
#ifndef XDPLB_BPF_SELECT_H
#define XDPLB_BPF_SELECT_H

#include "hash.h"
#include "pkt.h"
#include "xdplb/access.h"
#include "xdplb/health.h"

/* Sizes are placeholders: the loader sets them from the declared capacities. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_service);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_bucket_line);
} buckets SEC(".maps");

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

/* May new packets go there? Confirmed by its service node and not known to be unwell. */
INLINE bool member_usable(const struct xdplb_member *member)
{
	__u32 key = member->health;
	const struct xdplb_health *h;

	if (!(member->flags & XDPLB_MEMBER_CONFIRMED))
		return false;
	h = bpf_map_lookup_elem(&health, &key);
	return h && h->state <= XDPLB_HEALTH_DRAINING;
}

/* The member that bucket `number` (counted from the start of the map) names. */
INLINE __u32 bucket_member(__u32 number)
{
	__u32 line = number / XDPLB_BUCKETS_PER_LINE;
	const struct xdplb_bucket_line *l = bpf_map_lookup_elem(&buckets, &line);

	return l ? l->member[number % XDPLB_BUCKETS_PER_LINE] : XDPLB_NO_MEMBER;
}

struct choice {
	struct xdplb_member *member; /* NULL: see reason */
	__u32 index;
	enum xdplb_drop reason;
};

/*
 * The first usable of the bucket's owners. Owner 0 is the bucket's own entry; the others are
 * entries of other buckets, see owner_bucket().
 */
INLINE void pick_member(const struct xdplb_service *service, __u64 hash, struct choice *ret_choice)
{
	__u64 word = *(const volatile __u64 *)&service->buckets;
	__u32 base = word, count = word >> 32;
	__u32 first = (hash >> 32) * count >> 32;
	__u32 bucket = first;

	ret_choice->member = NULL;
	ret_choice->reason = count ? XDPLB_DROP_NO_USABLE_MEMBER : XDPLB_DROP_NO_MEMBER;
	if (!count)
		return;
	for (__u32 attempt = 1; attempt <= XDPLB_OWNERS_MAX; attempt++) {
		__u32 index = bucket_member(base + bucket);
		struct xdplb_member *member = bpf_map_lookup_elem(&members, &index);

		if (likely(member && member_usable(member))) {
			ret_choice->member = member;
			ret_choice->index = index;
			if (unlikely(attempt > 1))
				count_event(XDPLB_EVENT_NEXT_OWNER);
			return;
		}
		bucket = owner_bucket(first, attempt, count);
	}
}

#endif
