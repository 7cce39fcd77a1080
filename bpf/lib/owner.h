/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Which of a flow's owners follow from its hash, alike for datapath, loader and tests, which compile this very file.
 */
#ifndef XDPLB_BPF_OWNER_H
#define XDPLB_BPF_OWNER_H

#include "hash.h"

/*
 * A flow's draw, 0 to 99: its first owner has it if its weight is larger. Of all bits of the hash, so that
 * it does not go with the bucket; no later owner's bucket (below) follows from it.
 */
HASH_INLINE __u32 flow_draw(__u64 flow_hash)
{
	__u64 x = (flow_hash ^ flow_hash >> 29) * 0xe7037ed1a0b428dbULL;

	return (__u32)((x >> 32) * 100 >> 32);
}

/*
 * The bucket of owner number `attempt` (from 1) of a flow: any bucket, the same on every node. It follows
 * from the flow and not from its first bucket, so that what an unusable member leaves spreads over all the
 * others as evenly as the flows do, and not as coarsely as its buckets.
 */
HASH_INLINE __u32 owner_bucket(__u64 flow_hash, __u32 attempt, __u32 count)
{
	__u64 x = flow_hash + attempt * 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (__u32)((x >> 32) * count >> 32);
}

#endif
