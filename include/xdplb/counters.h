/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Why packets were dropped, and what else is worth counting. Both lists are append-only: a number
 * once given keeps its meaning. Each is one X-macro: X(NAME, "help").
 */
#ifndef XDPLB_COUNTERS_H
#define XDPLB_COUNTERS_H

#include "types.h"

#define XDPLB_DROP_REASONS(X)                                                                      \
	X(TRUNCATED, "to a VIP, but shorter than its headers say")                                 \
	X(FRAGMENT, "a fragment to a VIP: its ports are not known")                                \
	X(TTL_EXPIRED, "TTL or hop limit used up at the balancer")                                 \
	X(NO_MEMBER, "the service has no backend")                                                 \
	X(NO_USABLE_MEMBER, "no backend is both healthy and confirmed by its service node")        \
	X(NO_ROUTE, "the kernel has no route to the backend, or forbids it")                       \
	X(BAD_TABLE, "a map entry names something that is not there")                              \
	X(NOT_ADMITTED, "to a tag port without the mark of an access node")                        \
	X(WRONG_PROTOCOL, "to a tag port with another protocol than its service's")                \
	X(FLOW_CLASH, "a 5-tuple in use behind another VIP, and it could not be remapped")         \
	X(DIRECT_CLASH, "to a backend's own port with the 5-tuple of a balanced flow")             \
	X(FLOW_TABLE, "the flow could not be noted")                                               \
	X(REWRITE, "the kernel refused to let the packet be rewritten")

enum xdplb_drop {
#define X(name, help) XDPLB_DROP_##name,
	XDPLB_DROP_REASONS(X)
#undef X
	XDPLB_DROP_COUNT
};

#define XDPLB_EVENTS(X)                                                                            \
	X(NEXTHOP_LEARNED, "next hop read from the kernel's routes and neighbours")                \
	X(NO_NEIGHBOUR, "no neighbour entry yet: the packet was left to the kernel to forward")    \
	X(NEXT_OWNER, "the bucket's first owner could not be used: a later one was")               \
	X(FLOW_NOTED, "a new flow of a source service was noted")                                  \
	X(FLOW_REMAPPED, "a clash of 5-tuples was resolved by another client port")                \
	X(ICMP_RESTORED, "an ICMP error of a backend was given its VIP")                           \
	X(QUERY_ANSWERED, "an access node asked for a mapping and was answered")

enum xdplb_event {
#define X(name, help) XDPLB_EVENT_##name,
	XDPLB_EVENTS(X)
#undef X
	XDPLB_EVENT_COUNT
};

/* Elements of the maps `drops` and `events`: more than are used, so that a newer program finds room
 * in the maps an older one has pinned. */
#define XDPLB_DROPS_CAPACITY  64
#define XDPLB_EVENTS_CAPACITY 64

#endif
