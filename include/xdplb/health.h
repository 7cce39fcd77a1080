/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The health of backends: a dense array that lb_xdp reads for each packet and that any local
 * program may write. Indices are stable across apply (backend_infos names them).
 */
#ifndef XDPLB_HEALTH_H
#define XDPLB_HEALTH_H

#include "types.h"

/* Packed to one byte, yet an enum in BTF: bpftool prints the names. */
enum __attribute__((packed)) xdplb_health_state {
	XDPLB_HEALTH_UNKNOWN = 0, /* nobody has said anything yet: used */
	XDPLB_HEALTH_UP = 1, /* used */
	XDPLB_HEALTH_DRAINING = 2, /* reserved: no new connections */
	XDPLB_HEALTH_DOWN = 3, /* not used */
	XDPLB_HEALTH_MAINTENANCE = 4, /* not used, by an operator's wish */
};

enum __attribute__((packed)) xdplb_health_cause {
	XDPLB_CAUSE_NONE = 0,
	XDPLB_CAUSE_OPERATOR = 1, /* set by hand */
};

/*
 * One backend. The first four bytes are one word, read and written whole, so that a packet never
 * sees a state with another state's weight.
 */
struct xdplb_health {
	enum xdplb_health_state state;
	enum xdplb_health_cause cause;
	__u16 weight; /* reserved: percent of the configured weight, 0: not set */
	__u32 epoch; /* of the reporter: an older one never overwrites a newer one */
	__u64 lease; /* jiffies64 at which the state becomes unknown; 0: never */
	__u64 changed; /* CLOCK_BOOTTIME, nanoseconds, of the last change of state */
	__u64 reserved;
};
XDPLB_ASSERT_SIZE(enum xdplb_health_state, 1);
XDPLB_ASSERT_SIZE(enum xdplb_health_cause, 1);
XDPLB_ASSERT_SIZE(struct xdplb_health, 32);

#endif
