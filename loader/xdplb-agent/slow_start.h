/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slow start: which targets of an access node come up in a service that has `slow_start`, and how large a share
 * of it they get meanwhile. Pure but for the maps it reads; the time is handed in. Writes nothing: who has it
 * tells the map.
 *
 * A target comes up when it was not used before, or is new here. Its part then grows evenly from
 * SLOW_START_PERCENT to 100 over the service's time, and its share is that part of the largest part that a usable
 * member of the service has: where all come up together, each has all of its share. In several services it has the
 * smallest of its shares. How far a target was is told by its entry (cause slow_start and its weight), so that
 * a restart of the agent, or an apply, does not begin anew.
 *
 * If the agent dies, its lease ends, and then what was reported counts, whose weight is none of this: a share
 * does not stay small for ever.
 */
#ifndef XDPLB_AGENT_SLOW_START_H
#define XDPLB_AGENT_SLOW_START_H

#include "config/config.h"
#include "tables/access.h"

#define SLOW_START_PERCENT 5 /* to begin with */
#define SLOW_START_SECONDS 0.1 /* between two steps */

struct slow_start;

/* Now: the map's clock, and a steady one in milliseconds, never back. */
struct slow_start_time {
	uint64_t jiffies;
	uint64_t ms;
};

/* A target's share has become another one: write it. 0: all. */
typedef void slow_start_callback(void *context, uint32_t target, unsigned int percent);

/**
 * slow_start_new() - For one config and one state of the maps.
 * @view: must outlive it
 *
 * Return: 0 or -ENOMEM; *ret_slow is NULL where no service of the maps has slow_start.
 */
int slow_start_new(const struct config *config, const struct access_view *view,
		   const struct slow_start_time *time, struct slow_start **ret_slow);
void slow_start_free(struct slow_start *slow);

/**
 * slow_start_share() - What a target's entry is to have, now.
 * @target:  index in the map `health`
 * @says_up: it is about to be written as up; if it was not used before it comes up now
 *
 * Return: percent, 1 .. 99; 0: all, also if @slow is NULL.
 */
unsigned int slow_start_share(struct slow_start *slow, uint32_t target, bool says_up,
			      const struct slow_start_time *time);

/* Looks at all entries, whoever wrote them, and tells what has changed. */
void slow_start_step(struct slow_start *slow, const struct slow_start_time *time,
		     slow_start_callback *callback, void *context);

#endif
