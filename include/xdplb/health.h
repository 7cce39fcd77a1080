/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The health of backends: a dense array that lb_xdp reads for each packet and that any local
 * program may write. An entry stands for a target: a backend as one check tests it (so that a
 * backend's web server may be down while its name server is up); backend_infos names them by the
 * same indices, which are stable across apply.
 */
#ifndef XDPLB_HEALTH_H
#define XDPLB_HEALTH_H

#include "types.h"

/* Packed to one byte, yet an enum in BTF: bpftool prints the names. */
enum __attribute__((packed)) xdplb_health_state {
	XDPLB_HEALTH_UNKNOWN = 0, /* what was reported last counts, see struct xdplb_health */
	XDPLB_HEALTH_UP = 1, /* used */
	/* No new connections; established ones go on. A lease is the time it has for that: when that is
	 * over, it is not used at all. (With XDPLB_CAUSE_SERVER, what a reporter says: as with any other
	 * state of a reporter.) */
	XDPLB_HEALTH_DRAINING = 2,
	XDPLB_HEALTH_DOWN = 3, /* not used */
	XDPLB_HEALTH_MAINTENANCE = 4, /* not used, by an operator's wish */
};

/* Why a target is in its state: X(NAME, name, "help"). Append-only; numbers go over the wire. */
#define XDPLB_HEALTH_CAUSES(X)                                                             \
	X(NONE, none, "nobody has said anything yet")                                      \
	X(OPERATOR, operator, "set by hand")                                               \
	X(NODE_SILENT, node_silent, "nothing was heard of its service node for too long")  \
	X(NOT_REPORTED, not_reported, "its service node does not report it")               \
	X(OK, ok, "the answer was as wanted")                                              \
	X(TIMEOUT, timeout, "no (whole) answer within the timeout")                        \
	X(REFUSED, refused, "the port is closed")                                          \
	X(UNREACHABLE, unreachable, "no way to the address, or a rule forbids it")         \
	X(RESET, reset, "the connection was reset")                                        \
	X(CLOSED, closed, "the connection was closed before the answer was whole")         \
	X(WRONG_ANSWER, wrong_answer, "an answer came that is not the wanted one")         \
	X(HTTP_STATUS, http_status, "an HTTP status outside the wanted ranges")            \
	X(TLS, tls, "the TLS handshake failed or the certificate was not accepted")        \
	X(DNS_RCODE, dns_rcode, "a DNS response code that is not the wanted one")          \
	X(GRPC_STATUS, grpc_status, "the gRPC call ended with an error status")            \
	X(NOT_SERVING, not_serving, "the gRPC service says that it is not serving")        \
	X(EXIT_STATUS, exit_status, "the program ended with another exit status than 0")   \
	X(KILLED, killed, "the program was killed by a signal")                            \
	X(OUTPUT, output, "the program printed more than it may")                          \
	X(CANNOT_RUN, cannot_run, "the program could not be started")                      \
	X(NO_NETNS, no_netns, "the backend's network namespace is not there")              \
	X(LOCAL, local, "the agent lacked means to probe: says nothing about the backend") \
	X(PATH_LOST, path_lost, "neither its node's agent nor its datapath answers")       \
	X(SERVER, server, "as the backend itself says")                                    \
	X(SLOW_START, slow_start, "up, and its share grows")

enum __attribute__((packed)) xdplb_health_cause {
#define X(NAME, name, help) XDPLB_CAUSE_##NAME,
	XDPLB_HEALTH_CAUSES(X)
#undef X
	XDPLB_CAUSE_COUNT
};

/*
 * A weight: so many percent of the flows whose first owner a member is stay with it, picked by the flow's
 * hash (flow_draw() in bpf/lib/hash.h); the others go to their next owner, which takes them whatever its
 * own weight. 0, or more than 99: all of them. It counts for state up and unknown.
 */

/*
 * One target. The first four bytes are one word, read and written whole, so that a packet never
 * sees a state with another state's weight; the reported word likewise.
 *
 * What counts for a packet: `state`, while `lease` lies ahead and state is not UNKNOWN. Otherwise
 * the target is unknown: to a service with XDPLB_SERVICE_UNKNOWN_IS_DOWN that means down; to all
 * others `reported` counts, the last verdict of a probe, with its weight (none: usable). So who writes a state
 * with a lease and wants it to outlive the lease writes it to `reported` too; who does not (an
 * operator: "down, for ten seconds") leaves `reported` alone.
 */
struct xdplb_health {
	enum xdplb_health_state state;
	enum xdplb_health_cause cause;
	__u16 weight; /* percent, see above */
	__u32 epoch; /* of the reporter: an older one never overwrites a newer one */
	__u64 lease; /* jiffies64 at which the state becomes unknown; 0: never */
	__u64 changed; /* CLOCK_BOOTTIME, nanoseconds, of the last change of state */
	enum xdplb_health_state reported;
	enum xdplb_health_cause reported_cause;
	__u16 reported_weight;
	/* The lower 32 bits of the jiffies64 until which the reporter vouches for `reported`; 0: it
	 * does not. Nothing to a packet: `lease` takes it on when an operator gives the state back. */
	__u32 reported_lease;
};
XDPLB_ASSERT_SIZE(enum xdplb_health_state, 1);
XDPLB_ASSERT_SIZE(enum xdplb_health_cause, 1);
XDPLB_ASSERT_SIZE(struct xdplb_health, 32);

#endif
