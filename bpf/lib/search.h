/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Where a flow goes whose first owner does not take all flows: maybe to it; later owners in their fixed order, then
 * any member of the service. Off the hot path, a function that the verifier checks apart.
 */
#ifndef XDPLB_BPF_SEARCH_H
#define XDPLB_BPF_SEARCH_H

#include "owner.h"
#include "usable.h"

/* Owners tried one after the other; the rest of XDPLB_OWNERS_MAX by bpf_loop(), a call for each. */
#define OWNERS_DIRECT 16

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_bucket_line);
} buckets SEC(".maps");

/* The member that bucket `number` (counted from the start of the map) names. */
INLINE __u32 bucket_member(__u32 number)
{
	__u32 line = number / XDPLB_BUCKETS_PER_LINE;
	const struct xdplb_bucket_line *l = bpf_map_lookup_elem(&buckets, &line);

	return l ? l->member[number % XDPLB_BUCKETS_PER_LINE] : XDPLB_NO_MEMBER;
}

/*
 * In a map and not on the stack: there the verifier would follow the values from one round of a loop
 * to the next, and come to no end.
 */
struct search {
	__u64 hash; /* of the flow */
	__u32 base, count, first; /* the service's buckets, and the flow's */
	__u32 flags; /* of the service */
	__u32 any_health; /* 1: confirmed is enough */
	__u32 opens; /* the packet may open a flow: not for a member that drains */
	__u32 skip; /* the first owner, which did not take the flow, or XDPLB_NO_MEMBER */
	__u32 found; /* result: index of a member, or XDPLB_NO_MEMBER */
	__u32 at; /* the member in the chain that is looked at next */
	__u64 sum; /* of the weights of all that may be used */
	__u64 unweighted; /* how many of them have weight 0 */
	__u64 left; /* weight to walk past until the one that is picked */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct search);
} searches SEC(".maps");

INLINE bool may_use(const struct search *search, const struct xdplb_member *member, __u32 index)
{
	if (search->any_health)
		return member->flags & XDPLB_MEMBER_CONFIRMED;
	return index != search->skip && member_usable(member, &search->flags, search->opens, 0);
}

/* Is the bucket's owner of this number one to use? It is then what was found. */
INLINE bool try_owner(struct search *search, __u32 attempt)
{
	__u32 bucket = search->first, index;
	const struct xdplb_member *member;

	if (attempt)
		bucket = owner_bucket(search->hash, attempt, search->count);
	index = bucket_member(search->base + bucket);
	member = bpf_map_lookup_elem(&members, &index);
	if (!member || !may_use(search, member, index))
		return false;
	search->found = index;
	return true;
}

/* What bpf_loop() hands to its callbacks has to lie on the stack: a pointer to the search. */
INLINE struct search *search_of(void *arg)
{
	return *(struct search **)arg;
}

static long try_next_owner(__u32 i, void *arg)
{
	return try_owner(search_of(arg), OWNERS_DIRECT + i);
}

INLINE bool search_owners(struct search *search)
{
	for (__u32 attempt = 0; attempt < OWNERS_DIRECT; attempt++)
		if (try_owner(search, attempt))
			return true;
	bpf_loop(XDPLB_OWNERS_MAX - OWNERS_DIRECT, try_next_owner, &search, 0);
	return search->found != XDPLB_NO_MEMBER;
}

/* The next member of the chain, or NULL behind its end. */
INLINE const struct xdplb_member *next_member(struct search *search, __u32 *ret_index)
{
	const struct xdplb_member *member;

	*ret_index = search->at;
	member = bpf_map_lookup_elem(&members, ret_index);
	if (member)
		search->at = *(const volatile __u32 *)&member->next;
	return member;
}

static long add_weight(__u32 i, void *arg)
{
	struct search *search = search_of(arg);
	const struct xdplb_member *member;
	__u32 index;

	member = next_member(search, &index);
	if (!member)
		return 1;
	if (!may_use(search, member, index))
		return 0;
	search->sum += member->weight;
	search->unweighted += !member->weight;
	return 0;
}

static long take_weight(__u32 i, void *arg)
{
	struct search *search = search_of(arg);
	const struct xdplb_member *member;
	__u32 index, weight;

	member = next_member(search, &index);
	if (!member)
		return 1;
	weight = search->sum ? member->weight : 1;
	if (!weight || !may_use(search, member, index))
		return 0;
	/* Kept even if it is not the one: health may change while this walks, and so the end come
	 * early. */
	search->found = index;
	if (search->left < weight)
		return 1;
	search->left -= weight;
	return 0;
}

/*
 * Any member, each in proportion to its weight; those of weight 0 only if there is no other, then
 * alike. The lower half of the hash picks: the upper one has picked the buckets.
 */
INLINE bool search_chain(struct search *search, __u32 first_member, __u32 hash)
{
	search->sum = 0;
	search->unweighted = 0;
	search->at = first_member;
	bpf_loop(XDPLB_CHAIN_MAX, add_weight, &search, 0);
	if (!search->sum && !search->unweighted)
		return false;
	search->left = (hash * (search->sum ?: search->unweighted)) >> 32;
	search->at = first_member;
	bpf_loop(XDPLB_CHAIN_MAX, take_weight, &search, 0);
	return search->found != XDPLB_NO_MEMBER;
}

INLINE bool search_all(struct search *search, const struct xdplb_service *service, __u64 hash)
{
	if (search_owners(search)) {
		count_event(search->any_health ? XDPLB_EVENT_USED_WHILE_DOWN
					       : XDPLB_EVENT_NEXT_OWNER);
		return true;
	}
	if (!search_chain(search, *(const volatile __u32 *)&service->first_member, hash))
		return false;
	count_event(search->any_health ? XDPLB_EVENT_USED_WHILE_DOWN : XDPLB_EVENT_LAST_SEARCH);
	return true;
}

/* Is the first owner one to use all the same: it drains and the flow is an old one, or it has a weight and the
 * flow's draw is below that? */
INLINE bool try_first_owner(struct search *search)
{
	const struct xdplb_member *member;
	__u32 index;

	index = bucket_member(search->base + search->first);
	member = bpf_map_lookup_elem(&members, &index);
	if (!member ||
	    !member_usable(member, &search->flags, search->opens, flow_draw(search->hash)))
		return false;
	search->found = index;
	return true;
}

/*
 * Without the first owner; then, if there is no other, rather it, if it only has not enough weight, or one
 * that drains than none.
 */
INLINE bool search_twice(struct search *search, const struct xdplb_service *service)
{
	search->skip = bucket_member(search->base + search->first);
	if (search_all(search, service, search->hash))
		return true;
	search->skip = XDPLB_NO_MEMBER;
	search->opens = 0;
	return search_all(search, service, search->hash);
}

/*
 * The member for a flow whose first owner does not take all flows, or XDPLB_NO_MEMBER. That none is usable is
 * kept until the tick is over, so that a flood to a dead service costs little; a member that comes
 * up in that tick is used at once by flows of which it is the first owner, by others in the next.
 */
NOINLINE __u32 find_other_member(struct xdplb_service *service, __u64 hash, __u32 opens)
{
	volatile __u64 *down_until;
	struct search *search;
	__u32 zero = 0;
	__u64 word, now;

	search = bpf_map_lookup_elem(&searches, &zero);
	if (!search || !service)
		return XDPLB_NO_MEMBER;
	word = *(const volatile __u64 *)&service->buckets;
	search->hash = hash;
	search->base = word;
	search->count = word >> 32;
	search->first = (hash >> 32) * search->count >> 32;
	search->flags = service->flags;
	search->any_health = 0;
	search->opens = opens;
	search->found = XDPLB_NO_MEMBER;
	if (try_first_owner(search))
		return search->found;
	down_until = &service->down_until;
	now = bpf_jiffies64();
	if (*down_until <= now) {
		if (search_twice(search, service))
			return search->found;
		*down_until = now + 1;
	}
	if (!(search->flags & XDPLB_SERVICE_ALL_IF_DOWN))
		return XDPLB_NO_MEMBER;
	search->any_health = 1;
	search_all(search, service, hash);
	return search->found;
}

#endif
