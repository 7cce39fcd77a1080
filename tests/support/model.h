/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A reference model of lb_xdp: what bpf/README.md says of it, in plain C and without any care for speed.
 * Knows no BPF map and shares no code with the datapath but bpf/lib/hash.h, which defines what all nodes
 * must compute alike and has tests of its own.
 *
 * Where the documentation leaves room (bytes of what the balancer sends of its own, budgets), the model
 * says what may be: a set of verdicts, and whether the bytes are told.
 */
#ifndef TEST_MODEL_H
#define TEST_MODEL_H

#include "packet.h"
#include "xdplb/access.h"
#include "xdplb/counters.h"

#define MODEL_MEMBERS  8
#define MODEL_PREFIXES 4

struct model_member {
	struct xdplb_addr addr;
	__be16 tag;
	bool confirmed;
	bool healthy;
	__u16 weight; /* of its target, 0: none is set */
	__u8 dmac[6], smac[6];
	__u32 ifindex; /* of the next hop, which is known */
};

/* The client's addresses that a service's list holds. */
struct model_prefix {
	struct xdplb_addr addr;
	__u32 bits;
};

struct model_service {
	__u8 family, proto;
	struct xdplb_addr vip;
	__be16 port;
	__u32 flags; /* enum xdplb_service_flag */
	struct model_member members[MODEL_MEMBERS];
	__u32 member_count;
	__u32 buckets; /* bucket i names member i % member_count; 0: no member at all */
	struct model_prefix prefixes[MODEL_PREFIXES];
	__u32 prefix_count;
};

struct model_world {
	__u64 key[2];
	__u32 ifindex; /* by which packets come in */
	struct model_service *services;
	size_t service_count;
};

/* How much of the packet that comes out is told. */
enum model_told {
	MODEL_NOTHING, /* the verdict alone; what is sent must have right checksums */
	MODEL_BYTES, /* all of it; checksums 0 and 0xffff of IPv4 and TCP are one */
};

struct model_result {
	__u32 verdicts; /* a bit for each of XDP_* that may be */
	__u64 drops; /* a bit for each reason that a drop may have */
	enum model_told told;
	struct test_packet packet; /* MODEL_BYTES: what comes out, unless it is dropped */
};

/* What becomes of a frame of at least 14 bytes. */
void model_run(const struct model_world *world, const struct test_packet *in,
	       struct model_result *ret_result);

/* Is a packet what the model says? Where 0 and 0xffff are one it is looked at as the model parses it. */
bool model_same(const struct test_packet *want, const struct test_packet *got);

#endif
