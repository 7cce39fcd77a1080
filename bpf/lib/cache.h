/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Flows that are remembered; the map is told in xdplb/flow_cache.h. Services without a cache never come
 * here. Two CPUs that write one place at once: the last one stays, which costs the other's flow nothing
 * but its memory. A word that fits by accident (one in 2^32 for each of the nine places that are looked
 * at, and by a keyed hash) makes another flow's member of the same service this flow's one.
 */
#ifndef XDPLB_BPF_CACHE_H
#define XDPLB_BPF_CACHE_H

#include "select.h"
#include "xdplb/flow_cache.h"

/* Lines of remembered flows, and places of newcomers behind them: powers of two, less one. */
const volatile __u32 cache_mask;
const volatile __u32 newcomer_mask = XDPLB_FLOWS_PER_LINE - 1;

/* Jiffies in a unit of age, as a power of two. */
const volatile __u32 cache_shift = 10;

/* Who was seen less than so many units ago has not gone. */
#define CACHE_LIVELY 32

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct xdplb_flow_line);
} flow_cache SEC(".maps");

/* New flows that were sent to a member: TCP ones, and UDP ones of services with a cache. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} member_flows SEC(".maps");

/* What is known of a flow. */
struct remembered {
	__u64 *place; /* NULL: nothing */
	__u64 flow; /* as it lay there */
	bool newcomer;
};

/* What a packet is that asks for its flow's member; bits. */
enum asks {
	ASKS_OPENS = 1 << 0, /* it may open a flow; of TCP: it does */
	ASKS_TCP = 1 << 1,
	ASKS_QUOTE = 1 << 2 /* it is about a packet of the flow: nothing is noted of it */
};

INLINE void count_new_flow(const __u32 *member)
{
	__u64 *count = bpf_map_lookup_elem(&member_flows, member);

	if (count)
		(*count)++;
}

INLINE __u32 cache_age(void)
{
	return bpf_jiffies64() >> cache_shift & XDPLB_FLOW_AGE_MASK;
}

INLINE __u64 make_flow(__u64 hash, __u32 member)
{
	return (hash >> 32 << 32) | (__u64)cache_age() << XDPLB_FLOW_AGE_BIT | XDPLB_FLOW_SET |
	       (member & XDPLB_FLOW_MEMBER);
}

INLINE bool is_flow(__u64 flow, __u64 hash)
{
	return flow >> 32 == hash >> 32 && flow & XDPLB_FLOW_SET;
}

INLINE struct xdplb_flow_line *cache_line(__u64 hash)
{
	__u32 line = (__u32)hash & cache_mask;

	return bpf_map_lookup_elem(&flow_cache, &line);
}

INLINE __u64 *newcomer_place(__u64 hash)
{
	__u32 place = (__u32)hash & newcomer_mask;
	__u32 number = cache_mask + 1 + place / XDPLB_FLOWS_PER_LINE;
	struct xdplb_flow_line *line = bpf_map_lookup_elem(&flow_cache, &number);

	if (!line)
		return NULL;
	/* opaque(): else clang adds it before it looks whether the line is there */
	return &line->flow[opaque(place % XDPLB_FLOWS_PER_LINE)];
}

INLINE void find_remembered(__u64 hash, struct remembered *ret)
{
	struct xdplb_flow_line *line = cache_line(hash);
	__u64 *place;

	ret->place = NULL;
	ret->newcomer = false;
	for (int i = 0; line && i < XDPLB_FLOWS_PER_LINE; i++) {
		ret->flow = *(volatile __u64 *)&line->flow[i];
		if (!is_flow(ret->flow, hash))
			continue;
		ret->place = &line->flow[i];
		return;
	}
	place = newcomer_place(hash);
	if (!place)
		return;
	ret->flow = *(volatile __u64 *)place;
	ret->newcomer = is_flow(ret->flow, hash);
	if (ret->newcomer)
		ret->place = place;
}

/* How long a flow has not been seen; beyond all others: there is none. */
INLINE __u32 flow_idle(__u64 flow, __u32 now)
{
	if (!(flow & XDPLB_FLOW_SET))
		return XDPLB_FLOW_AGE_MASK + 1;
	return (now - (__u32)(flow >> XDPLB_FLOW_AGE_BIT)) & XDPLB_FLOW_AGE_MASK;
}

/* A place among the flows that are remembered: a free one, or that of who was not seen for longest. */
NOINLINE int remember(__u64 hash, __u64 flow)
{
	struct xdplb_flow_line *line = cache_line(hash);
	__u32 now = cache_age(), idle, longest = 0, way = 0;

	if (!line)
		return 0;
	for (int i = 0; i < XDPLB_FLOWS_PER_LINE; i++) {
		idle = flow_idle(line->flow[i], now);
		if (idle <= longest)
			continue;
		longest = idle;
		way = i;
	}
	if (longest < CACHE_LIVELY)
		count_event(XDPLB_EVENT_FLOW_PUSHED_OUT);
	*(volatile __u64 *)&line->flow[way % XDPLB_FLOWS_PER_LINE] = flow;
	return 0;
}

/*
 * A packet of the flow goes to @member. What is new waits among the newcomers for its second packet; one that
 * opens a connection is its flow's first, or repeats it, and so proves nothing.
 */
INLINE void note_flow(__u64 hash, const struct remembered *known, __u32 member, __u32 asks)
{
	bool opens = (asks & (ASKS_OPENS | ASKS_TCP)) == (ASKS_OPENS | ASKS_TCP);
	__u64 flow = make_flow(hash, member);
	__u64 *place = known->place;

	if (place && known->newcomer && !opens) {
		remember(hash, flow);
		*(volatile __u64 *)place = 0;
		return;
	}
	if (!place)
		place = newcomer_place(hash);
	if (place && *(volatile __u64 *)place != flow)
		*(volatile __u64 *)place = flow;
}

/* Of UDP nobody knows, but of what is remembered a packet has been seen. */
INLINE bool may_open(const struct remembered *known, __u32 asks)
{
	return asks & ASKS_OPENS && (asks & ASKS_TCP || !known->place);
}

/* The member that a flow of a service is remembered with, if it may be used; else XDPLB_NO_MEMBER. */
NOINLINE __u32 recall_flow(__u64 hash, __u32 service_index, __u32 asks)
{
	const struct xdplb_service *service = bpf_map_lookup_elem(&services, &service_index);
	const struct xdplb_member *member;
	struct remembered known;
	__u32 index;

	if (!service)
		return XDPLB_NO_MEMBER;
	find_remembered(hash, &known);
	if (!known.place)
		return XDPLB_NO_MEMBER;
	index = known.flow & XDPLB_FLOW_MEMBER;
	member = bpf_map_lookup_elem(&members, &index);
	if (!member || member->service != service_index ||
	    !member_usable(member, &service->flags, may_open(&known, asks), 0))
		return XDPLB_NO_MEMBER;
	if (!(asks & ASKS_QUOTE))
		note_flow(hash, &known, index, asks);
	return index;
}

NOINLINE int is_remembered(__u64 hash)
{
	struct remembered known;

	find_remembered(hash, &known);
	return known.place != NULL;
}

/* A packet, no quote, goes to a member that its table has told, since recall_flow() knew none; where any is used
 * while down, maybe to the one that was remembered. */
NOINLINE int note_picked(__u64 hash, __u32 member, __u32 asks)
{
	struct remembered known;

	find_remembered(hash, &known);
	if (known.place && (known.flow ^ member) & XDPLB_FLOW_MEMBER && !may_open(&known, asks))
		count_event(XDPLB_EVENT_FLOW_MOVED);
	if (!known.place && !(asks & ASKS_TCP))
		count_new_flow(&member);
	note_flow(hash, &known, member, asks);
	return 0;
}

/* How a packet asks. */
INLINE __u32 packet_asks(const struct packet *pkt)
{
	return (opens_flow(pkt) ? ASKS_OPENS : 0) | (pkt->proto == IPPROTO_TCP ? ASKS_TCP : 0);
}

/*
 * The member for a flow, as pick_member(), but that which it is remembered with goes first.
 * @bucket_hash: what picks the bucket
 */
INLINE void pick_or_recall(struct xdplb_service *service, __u32 service_index, __u64 hash,
			   __u64 bucket_hash, __u32 asks, struct choice *ret_choice)
{
	bool has_cache = service->flags & XDPLB_SERVICE_CACHE;

	if (unlikely(has_cache)) {
		ret_choice->index = recall_flow(hash, service_index, asks);
		ret_choice->member = bpf_map_lookup_elem(&members, &ret_choice->index);
		if (ret_choice->member)
			return;
	}
	pick_member(service, bucket_hash, asks & ASKS_OPENS, ret_choice);
	if (unlikely(has_cache) && ret_choice->member && !(asks & ASKS_QUOTE))
		note_picked(hash, ret_choice->index, asks);
}

#endif
