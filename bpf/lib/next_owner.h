/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Who may have a TCP connection that a backend has not: the owners of its flow by the tables of now and
 * before. In which order they are asked is told in bpf/README.md.
 */
#ifndef XDPLB_BPF_NEXT_OWNER_H
#define XDPLB_BPF_NEXT_OWNER_H

#include "owner.h"
#include "endpoint.h"
#include "xdplb/handover.h"

/* Sizes are placeholders: the loader sets them from the declared capacities. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_succession);
} successions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_bucket_line);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_peer);
} peers SEC(".maps");

/* What the owners of a flow follow from, by a table's bit in by_source. */
enum owner_hash {
	OWNER_HASH_FLOW,
	OWNER_HASH_SOURCE,
	OWNER_HASHES
};

/* Owners of a flow by one of the tables. */
struct owner_search {
	struct xdplb_addr client;
	__u64 hashes[OWNER_HASHES]; /* set before any search */
	__u64 hash;
	__u32 base, count; /* of the table */
	__u32 found; /* index of a peer */
	__u32 avoid; /* another than this one is looked for */
};

INLINE __u32 owner_of(const struct owner_search *search, __u32 attempt)
{
	const struct xdplb_bucket_line *line;
	__u32 bucket, number;

	bucket = attempt ? owner_bucket(search->hash, attempt, search->count)
			 : (__u32)((search->hash >> 32) * search->count >> 32);
	bucket += search->base;
	number = bucket / XDPLB_BUCKETS_PER_LINE;
	line = bpf_map_lookup_elem(&owners, &number);
	return line ? line->member[bucket % XDPLB_BUCKETS_PER_LINE] : XDPLB_NO_MEMBER;
}

/* In a map, since the stack has no room; what bpf_loop() hands on has to lie there: a pointer to it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct owner_search);
} owner_searches SEC(".maps");

INLINE struct owner_search *owner_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&owner_searches, &zero);
}

static long try_owner(__u32 i, void *arg)
{
	struct owner_search *search = *(struct owner_search **)arg;

	search->found = owner_of(search, i + 1);
	return search->found != search->avoid;
}

/* The first owner by a table, or the first after it that is another. */
INLINE __u32 find_owner(struct xdplb_bucket_ref table, bool by_source, bool second)
{
	struct owner_search *search = owner_room();

	if (!search || !table.count)
		return XDPLB_NO_MEMBER;
	search->hash = search->hashes[by_source];
	search->base = table.base;
	search->count = table.count;
	search->found = owner_of(search, 0);
	if (!second)
		return search->found;
	search->avoid = search->found;
	bpf_loop(XDPLB_OWNERS_MAX - 1, try_owner, &search, 0);
	return search->found == search->avoid ? XDPLB_NO_MEMBER : search->found;
}

#define CANDIDATES 6

INLINE const struct xdplb_peer *candidate(const struct xdplb_succession *succession, __u32 i)
{
	__u32 generation = 0x984 >> 2 * i & 3, half = succession->live & 1, peer;
	__u64 word;

	if (generation >= XDPLB_GENERATIONS)
		return NULL;
	word = *(const volatile __u64 *)&succession->tables[half][generation];
	peer = find_owner((struct xdplb_bucket_ref){ .base = word, .count = word >> 32 },
			  succession->by_source[half] >> generation & 1, 0x34 >> i & 1);
	return bpf_map_lookup_elem(&peers, &peer);
}

/*
 * The owner that is asked next, or NULL: nobody is left. It is the first candidate that was not asked yet;
 * who was asked before this one the mark tells, as far as it can be told (bpf/README.md). Where it was most
 * likely the second owner, the first one by the table before is asked even if it is the same.
 */
INLINE const struct xdplb_peer *next_owner(const struct xdplb_succession *succession, __u32 handed,
					   const struct xdplb_addr *own)
{
	const struct xdplb_peer *first = candidate(succession, 0), *asked = NULL, *peer;
	bool is_first = first && same_addr(&first->addr, own);
	__u32 sure = 0; /* from this candidate on it counts who was asked */

	if (handed == XDPLB_HANDED_BY_FIRST && !is_first)
		asked = first;
	if (handed == XDPLB_HANDED_BY_OTHER && is_first) {
		asked = candidate(succession, 2);
		sure = 2;
	}
	for (__u32 i = 0; i < CANDIDATES; i++) {
		peer = candidate(succession, i);
		if (peer && !same_addr(&peer->addr, own) &&
		    !(i >= sure && asked && same_addr(&peer->addr, &asked->addr)))
			return peer;
	}
	return NULL;
}

/* What the mark says when this backend hands a packet on. */
INLINE __u32 next_handed(const struct xdplb_succession *succession, __u32 handed,
			 const struct xdplb_addr *own)
{
	const struct xdplb_peer *first = candidate(succession, 0);

	if (handed)
		return XDPLB_HANDED_TWICE;
	return first && !same_addr(&first->addr, own) ? XDPLB_HANDED_BY_OTHER
						      : XDPLB_HANDED_BY_FIRST;
}

#endif
