/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Why packets were dropped, and what else is worth counting. Both lists are append-only: a number
 * once given keeps its meaning. Each is one X-macro: X(NAME, name, "help").
 */
#ifndef XDPLB_COUNTERS_H
#define XDPLB_COUNTERS_H

#include "types.h"

#define XDPLB_DROP_REASONS(X)                                                                    \
	X(TRUNCATED, truncated, "to a VIP, but shorter than its headers say")                    \
	X(FRAGMENT, fragment, "a fragment to a VIP: its ports are not known")                    \
	X(TTL_EXPIRED, ttl_expired, "TTL or hop limit used up, and the client was not told")     \
	X(NO_MEMBER, no_member, "the service has no backend")                                    \
	X(NO_USABLE_MEMBER, no_usable_member,                                                    \
	  "no backend is both healthy and confirmed by its service node")                        \
	X(NO_ROUTE, no_route, "the kernel has no route to the backend, or forbids it")           \
	X(BAD_TABLE, bad_table, "a map entry names something that is not there")                 \
	X(NOT_ADMITTED, not_admitted, "to a tag port without the mark of an access node")        \
	X(WRONG_PROTOCOL, wrong_protocol,                                                        \
	  "to a tag port with another protocol than its service's")                              \
	X(FLOW_CLASH, flow_clash,                                                                \
	  "a 5-tuple in use behind another VIP, and it could not be remapped")                   \
	X(DIRECT_CLASH, direct_clash,                                                            \
	  "to a backend's own port with the 5-tuple of a balanced flow")                         \
	X(FLOW_TABLE, flow_table, "the flow could not be noted")                                 \
	X(REWRITE, rewrite, "the kernel refused to let the packet be rewritten")                 \
	X(MPLS_MALFORMED, mpls_malformed,                                                        \
	  "labelled: shorter than its stack says, or not what its last label promises")          \
	X(MPLS_TOO_DEEP, mpls_too_deep, "more than eight labels")                                \
	X(MPLS_TTL_EXPIRED, mpls_ttl_expired, "the TTL of the label on top is used up")          \
	X(MPLS_UNKNOWN_LABEL, mpls_unknown_label,                                                \
	  "a label that is not ours, where all labels are")                                      \
	X(MPLS_RESERVED_LABEL, mpls_reserved_label,                                              \
	  "a reserved label that means nothing here or must not be on the wire")                 \
	X(TUNNEL_DOWN, tunnel_down, "PTP of a tunnel that is down or not verified")              \
	X(LSP_NOT_LIVE, lsp_not_live, "PTP by the LSP that its tunnel does not use now")         \
	X(PAYLOAD_NOT_CARRIED, payload_not_carried,                                              \
	  "PTP by a transport that its tunnel has no label for")                                 \
	X(PROBE_FORGED, probe_forged, "a path probe whose authentication is wrong")              \
	X(PROBE_UNANSWERED, probe_unanswered,                                                    \
	  "a path probe to a label of which no way back is known")                               \
	X(EXTENSIONS, extensions,                                                                \
	  "to a VIP, with more IPv6 extension headers than are looked through")                  \
	X(ANSWER_RATE, answer_rate, "a ping of a VIP, when as many had been answered as may be") \
	X(UNKNOWN_FLOW, unknown_flow,                                                            \
	  "an ICMP error about a flow that its service node has not noted")                      \
	X(FRAGMENT_UNKNOWN, fragment_unknown,                                                    \
	  "a later fragment to a VIP before the first of its datagram, or too late")             \
	X(TOO_BIG, too_big,                                                                      \
	  "longer than the way to the backend lets through, and the client was not told")        \
	X(SOURCE_DENIED, source_denied, "from a client that the service's file does not let in") \
	X(SOURCE_LIMIT, source_limit,                                                            \
	  "a new flow from a source that opens more than its service lets it")

enum xdplb_drop {
#define X(NAME, name, help) XDPLB_DROP_##NAME,
	XDPLB_DROP_REASONS(X)
#undef X
	XDPLB_DROP_COUNT
};

#define XDPLB_EVENTS(X)                                                                            \
	X(NEXTHOP_LEARNED, nexthop_learned,                                                        \
	  "next hop read from the kernel's routes and neighbours")                                 \
	X(LEFT_TO_KERNEL, left_to_kernel,                                                          \
	  "no neighbour yet, a local backend, or a way without XDP: left to the kernel")           \
	X(NEXT_OWNER, next_owner, "the bucket's first owner could not be used: a later one was")   \
	X(FLOW_NOTED, flow_noted,                                                                  \
	  "a new flow to a backend of a source service was noted, a direct one too")               \
	X(FLOW_REMAPPED, flow_remapped, "a clash of 5-tuples was resolved by another client port") \
	X(ICMP_RESTORED, icmp_restored, "an ICMP error of a backend was given its VIP")            \
	X(QUERY_ANSWERED, query_answered, "an access node asked for a mapping and was answered")   \
	X(LAST_SEARCH, last_search, "no owner that was tried could be used: any member was")       \
	X(USED_WHILE_DOWN, used_while_down,                                                        \
	  "no member was usable, and the service says to use them all the same")                   \
	X(RESET_SENT, reset_sent, "no member was usable: TCP was answered by a reset")             \
	X(PTP_PUSHED, ptp_pushed, "a PTP message was put into a tunnel")                           \
	X(PTP_POPPED, ptp_popped, "a packet came out of a tunnel")                                 \
	X(PROBE_ANSWERED, probe_answered, "a path probe ended here and was answered")              \
	X(PROBE_PASSED, probe_passed, "an answer to a path probe was passed to user space")        \
	X(ROUTER_ALERT, router_alert, "a labelled packet with router alert: left to the node")     \
	X(STAMP_HARDWARE, stamp_hardware, "a PTP-only label: when it came in was told by the NIC") \
	X(STAMP_KERNEL, stamp_kernel,                                                              \
	  "a PTP-only label: when it came in was told by the kernel's clock")                      \
	X(RESIDENCE_ADDED, residence_added, "residence time added to a correctionField")           \
	X(RESIDENCE_SKIPPED, residence_skipped,                                                    \
	  "an event message on a PTP-only label whose time here could not be told")                \
	X(ECHO_ANSWERED, echo_answered, "a ping of a VIP, or a fragment of one, was answered")     \
	X(ICMP_RELAYED, icmp_relayed,                                                              \
	  "an ICMP error about a VIP's packet was sent on to the backend that owns the flow")      \
	X(ICMP_DELIVERED, icmp_delivered,                                                          \
	  "an ICMP error about a VIP's packet was rewritten for the backend that has sent it")     \
	X(HANDED_OVER, handed_over,                                                                \
	  "no socket expected a TCP packet: handed on to the next owner")                          \
	X(HANDED_HERE, handed_here, "a TCP packet that was handed on found its socket here")       \
	X(NOT_FOUND, not_found, "a TCP packet that no owner's socket expects: left to the stack")  \
	X(FRAGMENT_NOTED, fragment_noted,                                                          \
	  "a first fragment was noted, so that later ones can follow it")                          \
	X(TIME_EXCEEDED_SENT, time_exceeded_sent,                                                  \
	  "TTL or hop limit used up at the balancer: the client was told")                         \
	X(TOO_BIG_SENT, too_big_sent,                                                              \
	  "longer than the way to the backend lets through: the client was told the MTU")          \
	X(ICMP_HANDED_OVER, icmp_handed_over,                                                      \
	  "an ICMP error about a packet of no connection here: handed on to the next owner")       \
	X(QUIC_ROUTED, quic_routed, "sent to the backend that a QUIC connection id names")         \
	X(QUIC_UNKNOWN, quic_unknown,                                                              \
	  "a QUIC packet of an established connection whose id names no backend that can be "      \
	  "used: "                                                                                 \
	  "sent as any other")                                                                     \
	X(FLOW_MOVED, flow_moved,                                                                  \
	  "the backend of a remembered flow could not be used: another has it now")                \
	X(FLOW_PUSHED_OUT, flow_pushed_out,                                                        \
	  "a remembered flow of the last minutes gave way to another: the cache is small")

enum xdplb_event {
#define X(NAME, name, help) XDPLB_EVENT_##NAME,
	XDPLB_EVENTS(X)
#undef X
	XDPLB_EVENT_COUNT
};

/*
 * The only element of the per-CPU maps `drops` and `events`: a counter for each reason, with its name
 * in BTF; a reason's number is its index. More room than is used, so that a newer program can go on
 * with the maps an older one has pinned.
 */
#define XDPLB_COUNTERS_CAPACITY 64

struct xdplb_drops {
#define X(NAME, name, help) __u64 name;
	XDPLB_DROP_REASONS(X)
#undef X
	__u64 reserved[XDPLB_COUNTERS_CAPACITY - XDPLB_DROP_COUNT];
};
XDPLB_ASSERT_SIZE(struct xdplb_drops, 8 * XDPLB_COUNTERS_CAPACITY);

struct xdplb_events {
#define X(NAME, name, help) __u64 name;
	XDPLB_EVENTS(X)
#undef X
	__u64 reserved[XDPLB_COUNTERS_CAPACITY - XDPLB_EVENT_COUNT];
};
XDPLB_ASSERT_SIZE(struct xdplb_events, 8 * XDPLB_COUNTERS_CAPACITY);

#endif
