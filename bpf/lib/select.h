/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * From a service and a flow hash to the member that serves the flow. Knows no packet.
 */
#ifndef XDPLB_BPF_SELECT_H
#define XDPLB_BPF_SELECT_H

#include "search.h"

/* Sizes are placeholders: the loader sets them from the declared capacities. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_service);
} services SEC(".maps");

struct choice {
	struct xdplb_member *member; /* NULL: see reason */
	__u32 index;
	enum xdplb_drop reason;
};

/*
 * The first usable of the bucket's owners; owner 0 is the bucket's own entry.
 * @opens: the packet may open a flow
 */
INLINE void pick_member(struct xdplb_service *service, __u64 hash, bool opens,
			struct choice *ret_choice)
{
	__u64 word = *(const volatile __u64 *)&service->buckets;
	__u32 base = word, count = word >> 32;
	__u32 index = bucket_member(base + ((hash >> 32) * count >> 32));
	struct xdplb_member *member = NULL;

	ret_choice->member = NULL;
	ret_choice->reason = XDPLB_DROP_NO_MEMBER;
	if (!count)
		return;
	member = bpf_map_lookup_elem(&members, &index);
	if (unlikely(!member || !member_is_whole(member, &index, &service->flags))) {
		index = find_other_member(service, hash, opens);
		member = bpf_map_lookup_elem(&members, &index);
	}
	ret_choice->member = member;
	ret_choice->index = index;
	ret_choice->reason = XDPLB_DROP_NO_USABLE_MEMBER;
}

#endif
