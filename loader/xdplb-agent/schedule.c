// SPDX-License-Identifier: BSD-2-Clause
/*
 * Checks on a grid of monotonic time: a check's starts lie at phase + k * interval, however long
 * probes take. The wall clock is never asked.
 */
#include "schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct schedule {
	struct ev_loop *loop;
	struct probe_engine *engine;
	struct check *checks; /* a list */
	uint32_t phase; /* of the check added last, as a fraction of 2^32 of its interval */
	uint64_t random;
	uint64_t skipped;
};

struct check {
	struct check *next, **link; /* link: what points here */
	struct schedule *schedule;
	struct check_plan plan;
	struct rise_fall state;
	check_callback *callback;
	void *data;
	ev_timer timer; /* the next start */
	uint64_t due_us; /* the next start on the grid, jitter left out */
	struct probe *probe; /* NULL: none runs */
	uint32_t phase;
	bool wanted; /* check_now() was called, and no probe was started since */
	bool requested; /* the running probe is one that was asked for */
};

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* xorshift64: jitter needs no better one. */
static uint64_t next_random(struct schedule *schedule)
{
	schedule->random ^= schedule->random << 13;
	schedule->random ^= schedule->random >> 7;
	schedule->random ^= schedule->random << 17;
	return schedule->random;
}

static uint64_t interval_us(const struct check *check)
{
	return (uint64_t)check->plan.interval_ms * 1000;
}

static void set_timer(struct check *check)
{
	struct ev_loop *loop = check->schedule->loop;
	uint64_t now = now_us(), at = check->due_us;
	uint64_t swing = interval_us(check) * check->plan.jitter_percent / 100;

	if (swing)
		at += next_random(check->schedule) % (2 * swing + 1);
	at = at > swing ? at - swing : 0;
	ev_timer_stop(loop, &check->timer);
	ev_timer_set(&check->timer, at > now ? (double)(at - now) / 1e6 : 0, 0);
	ev_timer_start(loop, &check->timer);
}

/* Puts the next start on the first point of the check's grid after now. */
static void place(struct check *check)
{
	uint64_t interval = interval_us(check), now = now_us();
	uint64_t phase = interval * check->phase >> 32;

	check->due_us = now - now % interval + phase;
	if (check->due_us <= now)
		check->due_us += interval;
	set_timer(check);
}

static void on_result(void *data, const struct probe_result *result);

static void start_probe(struct check *check)
{
	static const struct probe_result no_memory = { .cause = XDPLB_CAUSE_LOCAL,
						       .detail = "out of memory" };
	struct schedule *schedule = check->schedule;

	check->requested = check->wanted;
	check->wanted = false;
	check->probe = probe_start(schedule->engine, check->plan.spec, on_result, check);
	if (!check->probe)
		on_result(check, &no_memory);
}

static void on_result(void *data, const struct probe_result *result)
{
	struct check *check = data;
	struct check_event event = { .result = result, .requested = check->requested };

	check->probe = NULL;
	if (result->cause != XDPLB_CAUSE_LOCAL)
		event.changed = rise_fall_feed(&check->state, &check->plan.rule, result->ok);
	event.verdict = check->state.verdict;
	/* Soon, but not from here: with the timer it can be removed by the callback. */
	if (check->wanted) {
		ev_timer_stop(check->schedule->loop, &check->timer);
		ev_feed_event(check->schedule->loop, &check->timer, EV_TIMER);
	}
	check->callback(check->data, check, &event);
}

/* The next point of the grid; those that are past already are left out, not made up for. */
static void advance(struct check *check)
{
	uint64_t interval = interval_us(check), now = now_us(), missed;

	check->due_us += interval;
	if (check->due_us > now)
		return;
	missed = (now - check->due_us) / interval + 1;
	check->schedule->skipped += missed;
	check->due_us += missed * interval;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct check *check = timer->data;

	/* What was asked for comes besides the grid: its timer was stopped and fed by hand. */
	if (!check->wanted || check->probe)
		advance(check);
	set_timer(check);
	if (check->probe)
		check->schedule->skipped++;
	else
		start_probe(check);
}

int schedule_new(struct ev_loop *loop, struct probe_engine *engine, struct schedule **ret_schedule)
{
	struct schedule *schedule = calloc(1, sizeof(*schedule));

	if (!schedule)
		return -ENOMEM;
	schedule->loop = loop;
	schedule->engine = engine;
	schedule->random = now_us() | 1;
	*ret_schedule = schedule;
	return 0;
}

void schedule_free(struct schedule *schedule)
{
	if (!schedule)
		return;
	while (schedule->checks)
		check_remove(schedule->checks);
	free(schedule);
}

struct check *check_add(struct schedule *schedule, const struct check_plan *plan,
			enum rise_fall_verdict initial, check_callback *callback, void *data)
{
	struct check *check = calloc(1, sizeof(*check));

	if (!check)
		return NULL;
	check->schedule = schedule;
	check->plan = *plan;
	rise_fall_init(&check->state, initial);
	check->callback = callback;
	check->data = data;
	/* Steps of the golden ratio: evenly spread at every number of checks. */
	schedule->phase += 2654435769U;
	check->phase = schedule->phase;
	check->next = schedule->checks;
	check->link = &schedule->checks;
	if (check->next)
		check->next->link = &check->next;
	schedule->checks = check;
	ev_init(&check->timer, on_timer);
	check->timer.data = check;
	place(check);
	return check;
}

static void stop_probe(struct check *check)
{
	if (check->probe)
		probe_cancel(check->probe);
	check->probe = NULL;
}

void check_update(struct check *check, const struct check_plan *plan)
{
	bool same = plan->interval_ms == check->plan.interval_ms;
	bool again = check->wanted || (check->probe && check->requested);

	stop_probe(check);
	check->plan = *plan;
	if (!same)
		place(check);
	if (again)
		check_now(check);
}

void check_remove(struct check *check)
{
	stop_probe(check);
	ev_timer_stop(check->schedule->loop, &check->timer);
	*check->link = check->next;
	if (check->next)
		check->next->link = check->link;
	free(check);
}

void check_now(struct check *check)
{
	check->wanted = true;
	if (check->probe)
		return;
	ev_timer_stop(check->schedule->loop, &check->timer);
	ev_feed_event(check->schedule->loop, &check->timer, EV_TIMER);
}

enum rise_fall_verdict check_verdict(const struct check *check)
{
	return check->state.verdict;
}

uint64_t schedule_skipped(const struct schedule *schedule)
{
	return schedule->skipped;
}
