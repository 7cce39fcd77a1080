/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of an entry of the map `health` when something is heard of its target. The rules are
 * pure; verdict_write() stores the outcome in a map that others write too.
 *
 * An operator's word (cause operator) stands while its lease lies ahead: until then only `reported`
 * is kept up, and the next renewal after that puts it in force.
 */
#ifndef XDPLB_AGENT_VERDICTS_H
#define XDPLB_AGENT_VERDICTS_H

#include <stdbool.h>
#include <stdint.h>

#include "health/rise_fall.h"
#include "xdplb/health.h"

enum verdict_event {
	/* A state. Unknown with cause none means "no verdict yet": a state that is in force stays, and
	 * so does what was reported; what nothing is known of gets the check's initial verdict. */
	VERDICT_STATE,
	VERDICT_RENEW, /* nothing has changed: a new lease */
	VERDICT_SILENT, /* the node says nothing */
	VERDICT_UNREPORTED, /* the node says nothing of this target */
	VERDICT_LOST, /* the silent node's datapath says nothing either: down */
	VERDICT_FOUND, /* it does */
	VERDICT_RAMP, /* its share grows, or has grown: `ramp` */
};

struct verdict {
	enum verdict_event event;
	/* Of VERDICT_STATE: */
	enum xdplb_health_state state;
	enum xdplb_health_cause cause;
	uint16_t weight;
	uint32_t epoch;
	uint32_t age_ms; /* of the state */
	enum rise_fall_verdict initial; /* of the check */
	/* Of any: percent of what is reported that the target gets now, see slow_start.h; 0: all. */
	unsigned int ramp;
};

/* Now, in the clocks of the map. */
struct verdict_time {
	uint64_t jiffies;
	uint64_t lease; /* jiffies64: the end of a lease that begins now */
	uint64_t boottime_ns;
};

/* The entry as it is to be. Pure. */
struct xdplb_health verdict_next(const struct xdplb_health *entry, const struct verdict *verdict,
				 const struct verdict_time *time);

/**
 * verdict_write() - Let a verdict change an entry that packets and other programs read and write.
 *
 * How that agrees with `health set` at the same moment is told in health_entry.h: who writes by hand
 * wins.
 */
void verdict_write(struct xdplb_health *entry, const struct verdict *verdict,
		   const struct verdict_time *time);

#endif
