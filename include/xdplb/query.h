/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The mapping query: "do you restore this tag port to this VIP?". An access node sends it as a UDP
 * datagram to (backend address, tag port), the very way its packets will take; node_tc answers in
 * the datapath, so neither node needs a daemon. An answer is as long as its question.
 */
#ifndef XDPLB_QUERY_H
#define XDPLB_QUERY_H

#include "types.h"

#define XDPLB_QUERY_MAGIC   0x58444c42 /* "XDLB", network byte order on the wire */
#define XDPLB_QUERY_VERSION 1

enum xdplb_query_type {
	XDPLB_QUERY_ASK = 1,
	XDPLB_QUERY_YES = 2, /* the mapping is here and restored */
	XDPLB_QUERY_OTHER = 3, /* the tag is here, but stands for another VIP, port or protocol */
};

struct xdplb_query {
	__be32 magic;
	__u8 version;
	__u8 type; /* enum xdplb_query_type */
	__u8 proto; /* the service's protocol */
	__u8 family; /* XDPLB_IPV4 or XDPLB_IPV6 */
	__be16 tag;
	__be16 vport;
	__u32 zero;
	struct xdplb_addr vip;
	__u64 nonce; /* of the asker; comes back unchanged */
	/* SipHash-2-4 of all that stands before it, with the cluster's key, little-endian words. */
	__u64 mac;
};
XDPLB_ASSERT_SIZE(struct xdplb_query, 48);

#endif
