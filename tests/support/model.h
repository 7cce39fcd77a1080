/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A reference model of lb_xdp: what bpf/README.md says of it, in plain C and without any care for speed.
 * Written from that document and include/xdplb alone. Knows no BPF map and shares nothing with the datapath
 * but owner_bucket() of bpf/lib/hash.h, which says what the nodes of a cluster must compute alike and has
 * tests of its own.
 *
 * What it leaves out, and why: next hops that the kernel must be asked for (they depend on the host's routes;
 * suite lb_nexthop), time (notes and leases are either over or not; suites lb_fragments, lb_health), which
 * of several members behind the buckets' owners is taken (by weight, not by a rule; suite lb_spread), and
 * what comes back to sources that are at their limit, and which of them give way to others (suite lb_limit).
 */
#ifndef TEST_MODEL_H
#define TEST_MODEL_H

#include "packet.h"
#include "xdplb/access.h"
#include "xdplb/counters.h"
#include "xdplb/flow_cache.h"
#include "xdplb/fragment.h"
#include "xdplb/health.h"

#define MODEL_MEMBERS  8
#define MODEL_PREFIXES 4
#define MODEL_NOTES    4096
#define MODEL_NOBODY   0xff
#define MODEL_IDS      8
#define MODEL_NO_INDEX 0xffffffff
#define MODEL_SOURCES  4096
#define MODEL_LINES    2 /* of flows that are remembered, and as many of newcomers */

struct model_member {
	struct xdplb_addr addr;
	__be16 tag;
	bool keeps_port; /* of a service of many ports */
	bool confirmed;
	struct xdplb_health health; /* lease: 0 never, 1 over, else ahead */
	__u8 dmac[6], smac[6];
	__u32 ifindex; /* of the next hop, which is known */
	__u32 mtu; /* 0: not known */
	__u32 weight; /* 0 or 1 */
	__u32 index; /* in the maps */
};

/* The client's addresses that a service's list holds. */
struct model_prefix {
	struct xdplb_addr addr;
	__u32 bits;
};

/* A server id of a service, as it lies in packets, and the index that its entry has. */
struct model_id {
	__be32 id;
	__u32 index; /* MODEL_NO_INDEX: there is no entry */
};

/* How many connections a source may open: no more come back while the model runs. */
struct model_limit {
	__u32 burst; /* 0: any number */
	struct xdplb_addr mask;
};

struct model_service {
	__u8 family, proto;
	struct xdplb_addr vip;
	__be16 port; /* its only one; else 0 */
	__u16 first_port, last_port; /* of a service of many, host byte order; else 0 */
	__u32 flags; /* enum xdplb_service_flag */
	struct model_member members[MODEL_MEMBERS]; /* in the order of the chain */
	__u32 member_count;
	const __u8 *table; /* bucket i names members[table[i]], or nobody */
	__u32 buckets; /* 0: no member at all */
	struct model_prefix prefixes[MODEL_PREFIXES];
	__u32 prefix_count;
	struct model_id ids[MODEL_IDS];
	struct model_limit limit;
};

/* Where the later fragments of a datagram go. */
struct model_note {
	struct xdplb_fragment_key key;
	const struct model_member *member; /* NULL: a ping, which goes back */
	__u64 hash;
};

/* What a source has opened at a service. */
struct model_source {
	const struct model_service *service;
	struct xdplb_addr addr; /* the bits that the service's limit looks at */
	__u32 opened;
};

struct model_place {
	bool is_set;
	__u32 upper; /* half of the flow's hash */
	__u32 member; /* its index in the maps */
	__u32 age;
};

/* First sets of eight, then the places of newcomers. */
struct model_cache {
	__u32 lines; /* of either */
	__u32 now; /* the present age */
	struct model_place places[2 * MODEL_LINES * XDPLB_FLOWS_PER_LINE];
};

/* How many more of each kind may be sent. */
struct model_budgets {
	__u64 echoes, reports, resets;
};

struct model_world {
	__u8 key[16];
	__u32 ifindex; /* by which packets come in */
	bool has_ranges; /* else services of many ports are not looked for */
	bool no_echo; /* pings are the kernel's */
	struct model_service *services;
	size_t service_count;
	struct model_note *notes; /* MODEL_NOTES of them */
	size_t note_count;
	struct model_budgets budgets;
	struct model_source sources[MODEL_SOURCES];
	size_t source_count;
	struct model_cache cache;
};

/* What a packet met on its way: more than verdicts and counters tell. */
#define MODEL_PATHS(X)                                            \
	X(FOREIGN, "nothing that is looked at")                   \
	X(STRANGER, "to no VIP")                                  \
	X(OTHER_PORT, "to another port of a VIP")                 \
	X(RANGE, "to a service of many ports")                    \
	X(TAG, "one VLAN tag")                                    \
	X(TAGS, "two VLAN tags")                                  \
	X(OPTIONS, "IPv4 options")                                \
	X(EXTENSIONS, "IPv6 extension headers")                   \
	X(LISTED, "a list of clients")                            \
	X(AFFINITY, "affinity")                                   \
	X(FIRST_FRAGMENT, "first fragment of a datagram")         \
	X(LATER_FRAGMENT, "later fragment")                       \
	X(OPENS, "may open a flow")                               \
	X(DRAIN_AVOIDED, "the first owner drains: another")       \
	X(DRAWN, "the first owner has less weight than the draw") \
	X(DRAIN_TAKEN, "all that are usable drain: one of them")  \
	X(LEASE_OVER, "the first owner's lease is over")          \
	X(DOWN, "the first owner is not usable")                  \
	X(SHORT_HEADER, "by the id behind a short header")        \
	X(LONG_HEADER, "by the id behind a long header")          \
	X(RECALLED, "to the remembered member")                   \
	X(NEWCOMER_RECALLED, "... that of a newcomer")            \
	X(ERROR_RECALLED, "... of an ICMP error")                 \
	X(NOT_RECALLED, "the remembered member is not usable")    \
	X(PROMOTED, "a newcomer's second packet")                 \
	X(OLD_PUSHED_OUT, "a flow long not seen gives way")       \
	X(SENT, "to a member")                                    \
	X(SENT_TAGGED_ON, "tagged, by another interface: passed") \
	X(SENT_TO_CUT, "too long, may be cut: passed")            \
	X(ECHO, "echo request to a VIP")                          \
	X(ECHO_OFF, "... that is the kernel's to answer")         \
	X(ECHO_LATER, "later fragment of a ping, answered")       \
	X(ICMP_ERROR, "ICMP error to a VIP")                      \
	X(RELAYED, "ICMP error, relayed")                         \
	X(RELAYED_RANGE, "... about a service of many ports")     \
	X(REPORTED, "an error of the balancer's own")             \
	X(RESET, "TCP reset")

enum model_path {
#define X(NAME, help) MODEL_PATH_##NAME,
	MODEL_PATHS(X)
#undef X
	MODEL_PATH_COUNT
};

struct model_result {
	int verdict; /* XDP_* */
	int drop; /* enum xdplb_drop; -1: none is counted */
	__u64 events; /* a bit for each enum xdplb_event that is counted */
	__u64 paths; /* a bit for each enum model_path */
	const struct model_member *member; /* to which it is counted, or NULL */
	const struct model_member *opened; /* to which it is counted as a new flow, or NULL */
	struct test_packet packet; /* what comes out, unless it is dropped */
};

/**
 * model_run() - What becomes of a frame of at least 14 bytes.
 *
 * Notes fragments and takes from the budgets, as the program does.
 */
void model_run(struct model_world *world, const struct test_packet *in,
	       struct model_result *ret_result);

#endif
