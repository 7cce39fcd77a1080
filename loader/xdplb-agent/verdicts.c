// SPDX-License-Identifier: BSD-2-Clause
/*
 * From what is heard to the map.
 */
#include "verdicts.h"

#include "health/health_entry.h"

/* A reporter's verdict, in force now. */
static bool is_in_force(const struct xdplb_health *entry, uint64_t jiffies)
{
	return entry->state != XDPLB_HEALTH_UNKNOWN && entry->cause != XDPLB_CAUSE_PATH_LOST &&
	       (!entry->lease || (int64_t)(entry->lease - jiffies) > 0);
}

static void set_state(struct xdplb_health *entry, enum xdplb_health_state state,
		      enum xdplb_health_cause cause, uint64_t changed)
{
	if (entry->state != state)
		entry->changed = changed;
	entry->state = state;
	entry->cause = cause;
}

static void set_unknown(struct xdplb_health *entry, enum xdplb_health_cause cause, uint64_t now)
{
	set_state(entry, XDPLB_HEALTH_UNKNOWN, cause, now);
	entry->lease = 0;
}

/* The reported weight, or while the share of a target that is up grows a part of it. */
static void set_weight(struct xdplb_health *entry, unsigned int ramp)
{
	unsigned int whole = entry->reported_weight && entry->reported_weight < 100
				     ? entry->reported_weight
				     : 100;

	entry->cause = entry->reported_cause;
	entry->weight = entry->reported_weight;
	if (entry->state != XDPLB_HEALTH_UP || !ramp)
		return;
	entry->cause = XDPLB_CAUSE_SLOW_START;
	entry->weight = (uint16_t)((whole * ramp + 99) / 100);
}

/* What was reported, in force until the lease is over. */
static void put_in_force(struct xdplb_health *entry, const struct verdict_time *time,
			 uint64_t changed, unsigned int ramp)
{
	set_state(entry, entry->reported, entry->reported_cause, changed);
	set_weight(entry, ramp);
	entry->lease = entry->reported == XDPLB_HEALTH_UNKNOWN ? 0 : time->lease;
}

static void take_state(struct xdplb_health *entry, const struct verdict *verdict,
		       const struct verdict_time *time, bool is_held)
{
	uint64_t age = verdict->age_ms * 1000000ULL, now = time->boottime_ns;

	entry->reported = verdict->state;
	entry->reported_cause = verdict->cause;
	entry->reported_weight = verdict->weight;
	/* Older than this machine's clock: 0 would be no time at all. */
	if (!is_held)
		put_in_force(entry, time, now > age ? now - age : 1, verdict->ramp);
}

static void take_no_verdict(struct xdplb_health *entry, const struct verdict *verdict,
			    const struct verdict_time *time, bool is_held)
{
	struct verdict initial = *verdict;

	if (entry->reported == XDPLB_HEALTH_UNKNOWN && verdict->initial != RISE_FALL_UNKNOWN) {
		initial.state =
			verdict->initial == RISE_FALL_UP ? XDPLB_HEALTH_UP : XDPLB_HEALTH_DOWN;
		initial.age_ms = 0;
		take_state(entry, &initial, time, is_held);
	} else if (is_held) {
		return;
	} else if (is_in_force(entry, time->jiffies) && entry->cause != XDPLB_CAUSE_OPERATOR) {
		entry->lease = time->lease;
	} else {
		set_unknown(entry, XDPLB_CAUSE_NONE, time->boottime_ns);
	}
}

static void renew(struct xdplb_health *entry, const struct verdict_time *time, unsigned int ramp)
{
	if (is_in_force(entry, time->jiffies) && entry->cause != XDPLB_CAUSE_OPERATOR)
		entry->lease = time->lease;
	else
		put_in_force(entry, time, time->boottime_ns, ramp);
}

struct xdplb_health verdict_next(const struct xdplb_health *entry, const struct verdict *verdict,
				 const struct verdict_time *time)
{
	bool is_held = health_held(entry, time->jiffies);
	bool is_lost = entry->state == XDPLB_HEALTH_DOWN && entry->cause == XDPLB_CAUSE_PATH_LOST;
	struct xdplb_health next = *entry;

	if (verdict->event == VERDICT_STATE) {
		next.epoch = verdict->epoch;
		if (verdict->state != XDPLB_HEALTH_UNKNOWN)
			take_state(&next, verdict, time, is_held);
		else if (verdict->cause == XDPLB_CAUSE_NONE)
			take_no_verdict(&next, verdict, time, is_held);
		else if (!is_held)
			set_unknown(&next, verdict->cause, time->boottime_ns);
		return next;
	}
	if (is_held)
		return next;
	if (verdict->event == VERDICT_RENEW)
		renew(&next, time, verdict->ramp);
	else if (verdict->event == VERDICT_RAMP && is_in_force(entry, time->jiffies) &&
		 entry->state == entry->reported)
		set_weight(&next, verdict->ramp);
	else if (verdict->event == VERDICT_UNREPORTED)
		set_unknown(&next, XDPLB_CAUSE_NOT_REPORTED, time->boottime_ns);
	else if (verdict->event == VERDICT_LOST)
		set_state(&next, XDPLB_HEALTH_DOWN, XDPLB_CAUSE_PATH_LOST, time->boottime_ns);
	else if (verdict->event == (is_lost ? VERDICT_FOUND : VERDICT_SILENT))
		/* A node that is lost and silent stays lost. */
		set_unknown(&next, XDPLB_CAUSE_NODE_SILENT, time->boottime_ns);
	if (verdict->event == VERDICT_LOST)
		next.lease = 0;
	return next;
}

/* Until when the reporter vouches for what it has reported, by this event. */
static uint64_t vouched_until(const struct xdplb_health *next, const struct verdict *verdict,
			      const struct verdict_time *time)
{
	bool is_verdict = verdict->state != XDPLB_HEALTH_UNKNOWN ||
			  verdict->cause == XDPLB_CAUSE_NONE; /* "as before" */
	bool vouches =
		verdict->event == VERDICT_RENEW || (verdict->event == VERDICT_STATE && is_verdict);

	return vouches && next->reported != XDPLB_HEALTH_UNKNOWN ? time->lease : 0;
}

void verdict_write(struct xdplb_health *entry, const struct verdict *verdict,
		   const struct verdict_time *time)
{
	struct xdplb_health old = *entry, next = verdict_next(&old, verdict, time);
	const struct health_word reported = { next.reported, next.reported_cause,
					      next.reported_weight };
	const struct health_word word = { next.state, next.cause, next.weight };

	if (verdict->event != VERDICT_RAMP)
		health_vouch(entry, reported, vouched_until(&next, verdict, time));
	entry->epoch = next.epoch;
	health_take(entry, word, time->jiffies, next.lease,
		    next.changed == old.changed ? 0 : next.changed);
}
