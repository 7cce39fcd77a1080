// SPDX-License-Identifier: BSD-2-Clause
/*
 * From what is heard to the map.
 */
#include "verdicts.h"

#include <stddef.h>
#include <string.h>

bool verdict_is_held(const struct xdplb_health *entry, uint64_t jiffies)
{
	return entry->cause == XDPLB_CAUSE_OPERATOR && entry->state != XDPLB_HEALTH_UNKNOWN &&
	       (!entry->lease || (int64_t)(entry->lease - jiffies) > 0);
}

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

/* What was reported, in force until the lease is over. */
static void put_in_force(struct xdplb_health *entry, const struct verdict_time *time,
			 uint64_t changed)
{
	set_state(entry, entry->reported, entry->reported_cause, changed);
	entry->weight = entry->reported_weight;
	entry->lease = entry->reported == XDPLB_HEALTH_UNKNOWN ? 0 : time->lease;
}

static void take_state(struct xdplb_health *entry, const struct verdict *verdict,
		       const struct verdict_time *time, bool is_held)
{
	uint64_t age = verdict->age_ms * 1000000ULL, now = time->boottime_ns;

	entry->reported = verdict->state;
	entry->reported_cause = verdict->cause;
	entry->reported_weight = verdict->weight;
	if (!is_held)
		put_in_force(entry, time, now > age ? now - age : 0);
}

static void take_no_verdict(struct xdplb_health *entry, const struct verdict *verdict,
			    const struct verdict_time *time, bool is_held)
{
	struct verdict initial = *verdict;

	if (entry->reported == XDPLB_HEALTH_UNKNOWN && verdict->initial != RISE_FALL_UNKNOWN) {
		initial.state = verdict->initial == RISE_FALL_UP ? XDPLB_HEALTH_UP :
								   XDPLB_HEALTH_DOWN;
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

static void renew(struct xdplb_health *entry, const struct verdict_time *time)
{
	if (is_in_force(entry, time->jiffies) && entry->cause != XDPLB_CAUSE_OPERATOR)
		entry->lease = time->lease;
	else
		put_in_force(entry, time, time->boottime_ns);
}

struct xdplb_health verdict_next(const struct xdplb_health *entry, const struct verdict *verdict,
				 const struct verdict_time *time)
{
	bool is_held = verdict_is_held(entry, time->jiffies);
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
		renew(&next, time);
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

static uint32_t state_word(const struct xdplb_health *entry)
{
	uint32_t word;

	memcpy(&word, entry, sizeof(word));
	return word;
}

static uint32_t reported_word(const struct xdplb_health *entry)
{
	uint32_t word;

	memcpy(&word, &entry->reported, sizeof(word));
	return word;
}

void verdict_write(struct xdplb_health *entry, const struct verdict *verdict,
		   const struct verdict_time *time)
{
	struct xdplb_health old = *entry, next = verdict_next(&old, verdict, time);
	uint32_t word = state_word(&old);

	_Static_assert(offsetof(struct xdplb_health, reported) % 4 == 0, "a word of its own");
	__atomic_store_n((uint32_t *)&entry->reported, reported_word(&next), __ATOMIC_RELEASE);
	entry->epoch = next.epoch;
	if (!__atomic_compare_exchange_n((uint32_t *)entry, &word, state_word(&next), false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	if (next.changed != old.changed)
		entry->changed = next.changed;
	if (next.lease != old.lease)
		__atomic_compare_exchange_n(&entry->lease, &old.lease, next.lease, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
