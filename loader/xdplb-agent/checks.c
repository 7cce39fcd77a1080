// SPDX-License-Identifier: BSD-2-Clause
/*
 * The targets of this node and their checks.
 */
#include "checks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "health/health.h"
#include "log.h"

/* First probes: so many every so often, so that a thousand of them are no burst. */
#define FIRST_PROBES  16
#define FIRST_SECONDS 0.004

struct checks {
	struct ev_loop *loop;
	struct checks_sink sink;
	struct probe_engine *engine;
	struct schedule *schedule;
	struct own_target **targets; /* sorted as in config.targets */
	size_t count;
	ev_timer first; /* the next first probes */
};

/* ---- results ---- */

static void set_state(struct own_target *target, enum xdplb_health_state state,
		      enum xdplb_health_cause cause, uint16_t weight)
{
	const char *detail = state == XDPLB_HEALTH_UNKNOWN ? "" : target->result.detail;

	if (target->state == state && target->cause == cause && target->weight == weight)
		return;
	if (target->state != state) {
		target->since_ms = clock_ms();
		log_event(state == XDPLB_HEALTH_DOWN ? LOG_WARNING : LOG_NOTICE,
			  "backend %s, check %s: %s (%s%s%s)", target->backend, target->check_name,
			  health_state_name(state), health_cause_name(cause), *detail ? ": " : "",
			  detail);
	}
	target->state = state;
	target->cause = cause;
	target->weight = weight;
	target->owner->sink.changed(target->owner->sink.context, target->index);
}

/* Well, and what the server says then counts at once: it need not be proven by several results. */
static void take_said(struct own_target *target, const struct probe_result *result)
{
	const struct probe_said *said = &result->said;
	bool is_whole = said->state <= XDPLB_HEALTH_UP && !said->weight;

	if (is_whole)
		set_state(target, XDPLB_HEALTH_UP, result->cause, 0);
	else
		set_state(target, said->state, XDPLB_CAUSE_SERVER, said->weight);
}

/* The result speaks for the verdict, or the verdict for nothing yet. */
static void take_verdict(struct own_target *target, const struct check_event *event)
{
	const struct probe_result *result = event->result;

	if (event->verdict == RISE_FALL_UP && result->ok)
		take_said(target, result);
	else if (event->verdict == RISE_FALL_DOWN && !result->ok)
		set_state(target, XDPLB_HEALTH_DOWN, result->cause, 0);
}

static void on_event(void *data, struct check *check, const struct check_event *event)
{
	struct own_target *target = data;
	struct checks *checks = target->owner;

	target->result = *event->result;
	target->has_result = true;
	target->result_ms = clock_ms();
	if (event->result->cause == XDPLB_CAUSE_LOCAL)
		log_event(LOG_ERR, "backend %s, check %s: cannot probe: %s", target->backend,
			  target->check_name, event->result->detail);
	else if (!target->is_stopped)
		take_verdict(target, event);
	if (event->requested)
		checks->sink.answered(checks->sink.context, target->index);
	/* Was asked for while it is stopped: this once. */
	if (target->is_stopped && event->requested) {
		check_remove(target->check);
		target->check = NULL;
	}
}

/* ---- the schedule ---- */

static void on_first(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct checks *checks = timer->data;
	size_t started = 0;

	for (size_t i = 0; i < checks->count; i++) {
		struct own_target *target = checks->targets[i];

		if (!target->is_due)
			continue;
		if (started++ == FIRST_PROBES)
			return;
		target->is_due = false;
		if (target->check)
			check_now(target->check);
	}
	ev_timer_stop(loop, timer);
}

/* The check's spec, made out to the target. Strings stay those of the config. */
static struct probe_spec spec_of(const struct config *config, const struct config_target *target)
{
	struct probe_spec spec = config->checks[target->check].spec;

	spec.family = target->family;
	spec.addr = target->addr;
	spec.port = target->port;
	spec.netns = config->backends[target->backend].netns;
	return spec;
}

static int start_check(struct own_target *target)
{
	target->check = check_add(target->owner->schedule, &target->plan, target->initial, on_event,
				  target);
	return target->check ? 0 : -ENOMEM;
}

/* For good: its first probe comes in its turn. */
static void begin_check(struct own_target *target)
{
	struct checks *checks = target->owner;

	if (start_check(target)) {
		log_line(LOG_ERR, "backend %s, check %s: no memory to check it", target->backend,
			 target->check_name);
		return;
	}
	target->is_due = true;
	if (!ev_is_active(&checks->first))
		ev_timer_again(checks->loop, &checks->first);
}

static void free_target(struct own_target *target)
{
	if (target && target->check)
		check_remove(target->check);
	free(target);
}

static struct own_target *make_target(struct checks *checks, const struct config *config,
				      const struct config_target *from)
{
	struct own_target *target = calloc(1, sizeof(*target));

	if (!target)
		return NULL;
	target->owner = checks;
	target->identity = from->identity;
	strcpy(target->backend, config->backends[from->backend].name);
	target->hash = share_hash_name(target->backend);
	target->since_ms = clock_ms();
	return target;
}

size_t checks_find(const struct checks *checks, uint64_t hash, uint64_t identity)
{
	for (size_t i = 0; i < checks->count; i++) {
		if (checks->targets[i]->hash == hash && checks->targets[i]->identity == identity)
			return i;
	}
	return SIZE_MAX;
}

static bool is_own(const struct config *config, const struct config_target *target, size_t node)
{
	return target->check != CONFIG_NO_CHECK && config->backends[target->backend].node == node;
}

/* Takes targets that are there, makes the others; changes none. */
static int collect(struct checks *checks, const struct config *config, size_t node,
		   struct own_target **targets, size_t *ret_count)
{
	size_t n = 0;

	for (size_t i = 0; i < config->target_count; i++) {
		const struct config_target *from = &config->targets[i];
		uint64_t hash = share_hash_name(config->backends[from->backend].name);
		size_t known;

		if (!is_own(config, from, node))
			continue;
		known = checks_find(checks, hash, from->identity);
		targets[n] = known == SIZE_MAX ? make_target(checks, config, from)
					       : checks->targets[known];
		if (!targets[n])
			return -ENOMEM;
		if (known != SIZE_MAX)
			targets[n]->is_seen = true;
		*ret_count = ++n;
	}
	return 0;
}

static void take_over(struct own_target *target, const struct config *config,
		      const struct config_target *from)
{
	const struct config_check *check = &config->checks[from->check];

	strcpy(target->check_name, check->name);
	target->spec = spec_of(config, from);
	target->initial = check->initial;
	target->plan = (struct check_plan){
		.spec = &target->spec,
		.interval_ms = check->interval_ms,
		.jitter_percent = check->jitter_percent,
		.rule = check->rule,
	};
	if (target->check)
		check_update(target->check, &target->plan);
	else if (!target->is_stopped)
		begin_check(target);
}

/* Makes the new targets the ones that count; nothing fails from here on. */
static void adopt(struct checks *checks, struct own_target **targets, size_t count)
{
	for (size_t i = 0; i < checks->count; i++) {
		if (!checks->targets[i]->is_seen)
			free_target(checks->targets[i]);
	}
	free(checks->targets);
	checks->targets = targets;
	checks->count = count;
	for (size_t i = 0; i < count; i++)
		targets[i]->index = i;
}

int checks_set(struct checks *checks, const struct config *config, size_t node)
{
	struct own_target **targets = calloc(config->target_count + 1, sizeof(*targets));
	size_t count = 0, n = 0;
	int err = targets ? collect(checks, config, node, targets, &count) : -ENOMEM;

	if (err) {
		for (size_t i = 0; i < count; i++) {
			if (!targets[i]->is_seen)
				free_target(targets[i]);
		}
		free(targets);
	} else {
		adopt(checks, targets, count);
		for (size_t i = 0; i < config->target_count; i++) {
			if (is_own(config, &config->targets[i], node))
				take_over(targets[n++], config, &config->targets[i]);
		}
	}
	for (size_t i = 0; i < checks->count; i++)
		checks->targets[i]->is_seen = false;
	return err;
}

int checks_new(struct ev_loop *loop, const struct checks_sink *sink, struct checks **ret_checks)
{
	struct checks *checks = calloc(1, sizeof(*checks));
	int err;

	if (!checks)
		return -ENOMEM;
	checks->loop = loop;
	checks->sink = *sink;
	ev_init(&checks->first, on_first);
	checks->first.repeat = FIRST_SECONDS;
	checks->first.data = checks;
	err = probe_engine_new(loop, &checks->engine);
	if (!err)
		err = schedule_new(loop, checks->engine, &checks->schedule);
	if (err)
		checks_free(checks);
	else
		*ret_checks = checks;
	return err;
}

void checks_free(struct checks *checks)
{
	if (!checks)
		return;
	ev_timer_stop(checks->loop, &checks->first);
	for (size_t i = 0; i < checks->count; i++)
		free_target(checks->targets[i]);
	free(checks->targets);
	schedule_free(checks->schedule);
	if (checks->engine)
		probe_engine_free(checks->engine);
	free(checks);
}

/* ---- what others want ---- */

void checks_request(struct checks *checks, size_t index)
{
	static const struct probe_result no_memory = { .cause = XDPLB_CAUSE_LOCAL,
						       .detail = "out of memory" };
	struct own_target *target = checks->targets[index];

	if (!target->check && start_check(target)) {
		target->result = no_memory;
		target->has_result = true;
		checks->sink.answered(checks->sink.context, index);
		return;
	}
	check_now(target->check);
}

void checks_stop(struct checks *checks, size_t index, bool stop)
{
	struct own_target *target = checks->targets[index];

	if (target->is_stopped == stop)
		return;
	target->is_stopped = stop;
	log_event(LOG_NOTICE, "backend %s, check %s: %s, as the access nodes wish", target->backend,
		  target->check_name, stop ? "stopped" : "started");
	if (!stop) {
		set_state(target, XDPLB_HEALTH_UNKNOWN, XDPLB_CAUSE_NONE, 0);
		/* One that was asked for may be under way. */
		if (!target->check)
			begin_check(target);
		return;
	}
	if (target->check)
		check_remove(target->check);
	target->check = NULL;
	set_state(target, XDPLB_HEALTH_UNKNOWN, XDPLB_CAUSE_NOT_REPORTED, 0);
}

size_t checks_count(const struct checks *checks)
{
	return checks->count;
}

const struct own_target *checks_at(const struct checks *checks, size_t index)
{
	return checks->targets[index];
}

uint64_t checks_skipped(const struct checks *checks)
{
	return schedule_skipped(checks->schedule);
}
