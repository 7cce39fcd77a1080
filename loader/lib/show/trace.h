/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lb_xdp would do with a packet of a flow now, and why: worked out from the tables, step by step, and
 * beside that by the running program itself, on a packet that is made up and never sent.
 */
#ifndef XDPLB_TRACE_H
#define XDPLB_TRACE_H

#include <jansson.h>

#include "tables/access.h"
#include "xdplb/counters.h"
#include "xdplb/quic.h"

/* A client's flow to a VIP; ports in network byte order. */
struct trace_flow {
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 family;
	struct xdplb_addr source, vip;
	__be16 source_port, vip_port;
	/* UDP: a QUIC packet with a short header and this destination connection id; its length 0: no payload */
	uint8_t cid[XDPLB_QUIC_CID_MAX], cid_len;
};

/* What becomes of the packet. */
enum trace_verdict {
	TRACE_PASSED, /* nothing of ours: left to the kernel as it is */
	TRACE_DROPPED,
	TRACE_RESET, /* answered by a TCP reset */
	TRACE_SENT, /* rewritten, and out of an interface of lb_xdp */
	TRACE_LEFT, /* rewritten, and left to the kernel, which forwards it */
};

/* How the member was found. */
enum trace_search {
	TRACE_OWNER, /* the owner that trace.owners ends with */
	TRACE_REMEMBERED, /* whom the cache has the flow with */
	TRACE_ANY, /* one of the usable members of the chain: only the program says which */
	TRACE_QUIC, /* the one that the connection id names */
	TRACE_OWNER_WHILE_DOWN, /* none is usable, and the service uses them all the same */
	TRACE_NONE,
};

/* An owner that was looked at. */
struct trace_owner {
	uint32_t bucket;
	uint32_t member; /* XDPLB_NO_MEMBER: the bucket names none */
	bool usable;
};

struct trace {
	enum trace_verdict verdict;
	enum xdplb_drop reason; /* TRACE_DROPPED */
	bool is_vip; /* the address is a VIP, whatever the port */
	bool has_service;
	uint32_t service;
	uint32_t flags; /* of the service */
	bool opens; /* targets that drain were not looked for: the packet may open a flow */
	bool in_list; /* the client is in the service's list */
	uint64_t hash;
	uint32_t mark; /* IPv4: 16 bits; IPv6: 20 bits */
	uint32_t draw; /* the flow's, 0 .. 99: what the first owner's share must exceed */
	struct trace_owner owners[XDPLB_OWNERS_MAX];
	uint32_t owner_count;
	enum trace_search search;
	uint32_t usable_members; /* of the chain; counted where no owner is usable */
	uint32_t member; /* XDPLB_NO_MEMBER: none, or not known */
	bool has_nexthop; /* the member's entry holds one; else the kernel's routes are asked */
};

/* The running node. */
struct trace_node {
	const struct access_view *view;
	struct xdplb_key key;
	uint64_t jiffies;
};

/* What the program has done with the packet. */
struct trace_outcome {
	enum trace_verdict verdict;
	struct xdplb_addr addr; /* TRACE_SENT, TRACE_LEFT: where to */
	__be16 port;
	uint32_t mark;
};

/**
 * trace_recall() - Whom the cache of an access node has a flow with.
 * @hash: of the flow
 *
 * Return: an index into `members`, or XDPLB_NO_MEMBER.
 */
uint32_t trace_recall(const struct access_view *view, uint64_t hash);

/* Works out what would be done; reads the tables and writes nothing. */
void trace_compute(const struct trace_node *node, const struct trace_flow *flow,
		   struct trace *ret_trace);

/**
 * trace_run() - Have the program itself decide (BPF_PROG_TEST_RUN).
 * @ifindex: the interface the packet is said to come in by; lb_xdp stands there
 *
 * A TCP packet without flags but ACK, or a UDP datagram without payload; TTL 64. Nothing is sent. The
 * program counts it like any packet, and may learn a next hop by it.
 *
 * Return: 0 or -errno.
 */
int trace_run(int program, uint32_t ifindex, const struct trace_flow *flow,
	      struct trace_outcome *ret_outcome);

/**
 * trace_fault() - In what the program did another thing than was worked out.
 *
 * What can't be known beforehand (the kernel's answer where no next hop is kept, which member a search
 * over all of them takes) counts as agreement if it is among what may be.
 *
 * Return: NULL: they agree; else what differs, in words.
 */
const char *trace_fault(const struct trace_node *node, const struct trace *trace,
			const struct trace_outcome *outcome);

/**
 * trace_collect() - All of it for an attached node, as JSON.
 *
 * Return: 0; -errno with words.
 */
int trace_collect(const char *node, const struct trace_flow *flow, json_t **ret_json,
		  struct error *error);

#endif
