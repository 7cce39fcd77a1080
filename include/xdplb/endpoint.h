/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Endpoint tables: "which number stands for this address, port and protocol?", answered for each
 * packet. An open-addressed table in an array map rather than a BPF hash map, because a hash map
 * costs 35-40 ns a lookup and an array line in cache 1-2 ns.
 *
 * A map holds two tables of equal size, of which one is live: the loader fills the other and then
 * stores a new struct xdplb_table_ref in one 64-bit write, so that no packet sees half a table.
 */
#ifndef XDPLB_ENDPOINT_H
#define XDPLB_ENDPOINT_H

#include "types.h"

/* A lookup reads at most so many slots; the loader chooses a seed with which everything fits. */
#define XDPLB_ENDPOINT_PROBES 8

/* index that stands for an address as such (port and protocol 0): it is a VIP, whatever the port. */
#define XDPLB_INDEX_ADDRESS 0xffffffffU

/*
 * Services of many ports. Range number n (from 0, without a gap, at most XDPLB_RANGES_MAX) of an address
 * and protocol has the key (address, port n, protocol | XDPLB_RANGE): in `vips`, where the narrower ones
 * come first, so that the first that holds a port is the most specific.
 */
#define XDPLB_RANGE      0x80
#define XDPLB_RANGES_MAX 16

/* Bucket entries in one element of the map `buckets`: a cache line of them. */
#define XDPLB_BUCKETS_PER_LINE 16

/* Where a service's bucket table lies; 8-byte aligned, read and written whole. */
struct xdplb_bucket_ref {
	__u32 base; /* first bucket, a multiple of XDPLB_BUCKETS_PER_LINE */
	__u32 count; /* buckets; bucket = (flow hash >> 32) * count >> 32 */
} __attribute__((aligned(8)));
XDPLB_ASSERT_SIZE(struct xdplb_bucket_ref, 8);

/*
 * One slot. The slot of a key is (hash + i) & (slots - 1), i = 0 .. XDPLB_ENDPOINT_PROBES - 1, of
 * the live table; family 0 marks a free slot and ends the search.
 */
struct xdplb_endpoint {
	struct xdplb_addr addr;
	__be16 port; /* network byte order; 0 in an entry for the address as such */
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP; 0 where the table does not tell them apart */
	__u8 family; /* XDPLB_IPV4, XDPLB_IPV6, 0: free */
	__u32 index; /* what it stands for: a service (vips), a mapping (tags, endpoints) */
	union {
		/* Of a range: its ports, host byte order, inclusive. */
		struct {
			__u16 first_port, last_port;
		};
		/* Of a port of a service without particulars (see XDPLB_PLAIN_FLAGS): its buckets once more, so that
		 * its packets need not look at the service. In the low bits of base those of its flags that are
		 * in XDPLB_REF_FLAGS. All else: 0. */
		struct xdplb_bucket_ref buckets;
	};
};
XDPLB_ASSERT_SIZE(struct xdplb_endpoint, 32);

/* The live table of a map; 8-byte aligned, read and written whole. */
struct xdplb_table_ref {
	__u32 base; /* its first slot: 0 or the number of slots of one table */
	__u32 seed; /* what its hash starts from */
} __attribute__((aligned(8)));
XDPLB_ASSERT_SIZE(struct xdplb_table_ref, 8);

#endif
