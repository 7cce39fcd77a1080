/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What is remembered of a datagram that comes in fragments: only the first one tells its ports. Both
 * kinds of node keep such notes, for so long as fragments that follow each other may be apart.
 */
#ifndef XDPLB_FRAGMENT_H
#define XDPLB_FRAGMENT_H

#include "types.h"

/* Datagrams that may be on their way at a time; the oldest are forgotten first. */
#define XDPLB_FRAGMENTS_MAX 16384

/* What all fragments of a datagram have in common, as they come in (RFC 791, RFC 8200). */
struct xdplb_fragment_key {
	struct xdplb_addr source;
	struct xdplb_addr dest;
	__be32 id; /* IPv4: in the first two bytes as they lie */
	__u8 proto;
	__u8 family;
	__u8 from_backend; /* at a service node: 1 on the way back */
	__u8 zero;
};
XDPLB_ASSERT_SIZE(struct xdplb_fragment_key, 40);

/* At an access node: where the datagram goes. */
struct xdplb_fragment_way {
	__u64 expires; /* jiffies64 */
	__u32 member; /* index into `members` */
	__u32 mark; /* lower half of the flow hash: IPv6 flow labels */
};
XDPLB_ASSERT_SIZE(struct xdplb_fragment_way, 16);

/* At a service node: the address that becomes the datagram's destination, or the reply's source. */
struct xdplb_fragment_face {
	__u64 expires; /* jiffies64 */
	struct xdplb_addr addr;
	__u32 ifindex; /* of the hook that has seen the first fragment: a virtual NIC, or 0 */
	__u32 reserved;
};
XDPLB_ASSERT_SIZE(struct xdplb_fragment_face, 32);

#endif
