/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Fixed-width types for the structures that BPF programs and user space share.
 * These headers declare; they hold no code.
 */
#ifndef XDPLB_TYPES_H
#define XDPLB_TYPES_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

/* The ABI is what is pinned: a struct that changes its size breaks running nodes. */
#define XDPLB_ASSERT_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), #type " must be " #size " bytes")

/* Longest name of a cluster, node, service or backend, with its terminating zero. */
#define XDPLB_NAME_LEN 64

/* Address families as stored in maps: the IP version, so that zero means "empty". */
#define XDPLB_IPV4 4
#define XDPLB_IPV6 6

/*
 * An address of either family, network byte order. IPv4 stands in word[0], the other three are
 * zero: comparing all four words compares the address.
 */
struct xdplb_addr {
	__be32 word[4];
};
XDPLB_ASSERT_SIZE(struct xdplb_addr, 16);

/*
 * The cluster's secret, 128 bit, as two host-order words read little-endian from the key's bytes
 * (the convention of the SipHash paper). Keys the flow hash and the admission mark.
 */
struct xdplb_key {
	__u64 word[2];
};
XDPLB_ASSERT_SIZE(struct xdplb_key, 16);

#endif
