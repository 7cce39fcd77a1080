/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The flow hash, from bpf/README.md, with libsodium's SipHash.
 */
#ifndef TEST_MODEL_HASH_H
#define TEST_MODEL_HASH_H

#include "xdplb/types.h"

/* An end of a flow, network byte order. */
struct model_end {
	struct xdplb_addr addr;
	__be16 port;
};

__u64 model_flow_hash(const __u8 key[16], const struct model_end *client,
		      const struct model_end *vip, __u8 proto, __u8 family);

/* Of the client's address alone, for affinity. */
__u64 model_source_hash(const __u8 key[16], const struct xdplb_addr *client,
			const struct xdplb_addr *vip, __u8 family);

#endif
