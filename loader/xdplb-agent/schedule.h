/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks: probes repeated at an interval, their results counted into verdicts. Owns the times;
 * knows nothing of what a probe does, of services, maps and messages.
 */
#ifndef XDPLB_SCHEDULE_H
#define XDPLB_SCHEDULE_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "probe.h"
#include "health/rise_fall.h"

#define SCHEDULE_INTERVAL_MAX 3600000 /* ms */

struct schedule;
struct check;

/* What is repeated, and how. */
struct check_plan {
	const struct probe_spec *spec; /* the caller's; lives until check_remove() or _update() */
	uint32_t interval_ms; /* from start to start; 1 to SCHEDULE_INTERVAL_MAX */
	uint32_t jitter_percent; /* of the interval, either way; 0 to 50 */
	struct rise_fall_rule rule;
};

/* One result. */
struct check_event {
	const struct probe_result *result; /* valid during the callback */
	enum rise_fall_verdict verdict; /* with this result counted */
	bool changed; /* the verdict, by this result */
	bool requested; /* the probe was started after check_now() */
};

/*
 * Called for each result, from the loop; may add, update and remove checks, this one too.
 * XDPLB_CAUSE_LOCAL is told but not counted: it says nothing about the backend.
 */
typedef void check_callback(void *data, struct check *check, const struct check_event *event);

/* 0 or -ENOMEM. */
int schedule_new(struct ev_loop *loop, struct probe_engine *engine, struct schedule **ret_schedule);

/* Removes all checks first. */
void schedule_free(struct schedule *schedule);

/**
 * check_add() - Begin to check.
 * @plan: copied; its spec must have passed probe_spec_check()
 *
 * Starts are spread: of N checks with the same interval, added one after the other, two neighbours
 * in time are never closer than about a third of interval / N. The first probe comes within the
 * first interval; check_now() brings it at once.
 *
 * Return: a handle, or NULL: out of memory.
 */
struct check *check_add(struct schedule *schedule, const struct check_plan *plan,
			enum rise_fall_verdict initial, check_callback *callback, void *data);

/*
 * Another plan for the same check: verdict and counted results stay. A running probe is given up
 * (and started again, if it was requested), since it uses the old spec; with the same interval the
 * times stay too.
 */
void check_update(struct check *check, const struct check_plan *plan);

/* Ends it, without a callback. */
void check_remove(struct check *check);

/* Probes at once; a probe that runs already is followed by a fresh one. */
void check_now(struct check *check);

enum rise_fall_verdict check_verdict(const struct check *check);

/* Starts that were left out since the probe before was still running, or the loop was not. */
uint64_t schedule_skipped(const struct schedule *schedule);

#endif
