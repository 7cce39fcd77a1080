/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * How many new connections a source may open; told in xdplb/source_limit.h. Services without a limit
 * never come here. Memory is bounded: in a set that is full, the bucket that is nearest to full gives way,
 * which forgets the least. A flood from ever new sources so pushes out others that have opened one or two,
 * and not those at their limit. Two sources whose hashes are alike (one in 2^21 for each new source in a
 * full map) share a bucket. Two CPUs that open connections of one source at once may count one.
 */
#ifndef XDPLB_BPF_LIMIT_H
#define XDPLB_BPF_LIMIT_H

#include "cache.h"
#include "keys.h"
#include "nexthop.h"
#include "xdplb/source_limit.h"

/* The size is a placeholder: the loader sets it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_source_limit);
} source_limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, XDPLB_SOURCE_LINES);
	__type(key, __u32);
	__type(value, struct xdplb_source_line);
} source_budgets SEC(".maps");

/* The bucket of this hash: its own, or the one nearest to full, made its own. */
INLINE __u64 *find_bucket(struct xdplb_source_line *line, __u64 hash, __u64 now)
{
	__u64 full =
		XDPLB_SOURCE_TAG(hash) << XDPLB_SOURCE_TIME_BITS | (now & XDPLB_SOURCE_TIME_MASK);
	__u64 nearest = ~0ULL, ahead, bucket;
	__u32 way = 0;

	for (int i = 0; i < XDPLB_SOURCES_PER_LINE; i++) {
		bucket = line->source[i];
		if (bucket && XDPLB_SOURCE_TAG(bucket) == XDPLB_SOURCE_TAG(hash))
			return &line->source[i];
		ahead = (bucket - now) & XDPLB_SOURCE_TIME_MASK;
		if (!bucket || ahead > XDPLB_SOURCE_AHEAD_MAX)
			ahead = 0; /* in the past: full */
		if (ahead >= nearest)
			continue;
		nearest = ahead;
		way = i;
	}
	line->source[way % XDPLB_SOURCES_PER_LINE] = full;
	return &line->source[way % XDPLB_SOURCES_PER_LINE];
}

/* Of the source of a packet: the bits of its address that count, for this service. */
INLINE __u64 limited_hash(const struct packet *pkt, const struct xdplb_source_limit *limit,
			  __u32 service)
{
	struct xdplb_addr source;
	__u64 sum = service * flow_key[FLOW_KEY_VIP];

	read_source(pkt, &source);
	for (int i = 0; i < 4; i++)
		sum += (source.word[i] & limit->mask.word[i]) * flow_key[FLOW_KEY_CLIENT + i];
	return flow_finish(flow_key, sum, flow_word(0, 0, 0, pkt->family));
}

/* Takes what a new connection costs from a bucket; true: there is not so much in it. */
INLINE bool take_connection(const struct xdplb_source_limit *limit, __u64 hash)
{
	__u64 now = bpf_ktime_get_ns() >> XDPLB_LIMIT_TICK_BITS, ahead, *bucket;
	__u32 number = XDPLB_SOURCE_LINE_OF(hash);
	struct xdplb_source_line *line = bpf_map_lookup_elem(&source_budgets, &number);

	if (!line)
		return false;
	bucket = find_bucket(line, hash, now);
	ahead = xdplb_source_ahead(limit, now, *bucket);
	if (ahead > limit->tolerance)
		return true;
	*(volatile __u64 *)bucket = XDPLB_SOURCE_TAG(hash) << XDPLB_SOURCE_TIME_BITS |
				    ((now + ahead + limit->interval) & XDPLB_SOURCE_TIME_MASK);
	return false;
}

/*
 * Has the source of a packet that may open a flow opened too many? Packets of UDP flows that are remembered do
 * not. Apart, since the fast path has no room for an address on its stack.
 */
NOINLINE int over_limit(struct xdp_md *ctx, __u64 shape, __u32 service, __u64 hash)
{
	const struct xdplb_source_limit *limit = bpf_map_lookup_elem(&source_limits, &service);
	struct packet pkt;

	if (!limit || !limit->interval || !open_shape(ctx, &pkt, shape))
		return false;
	if (pkt.proto != IPPROTO_TCP && is_remembered(hash))
		return false;
	return take_connection(limit, limited_hash(&pkt, limit, service));
}

#endif
