/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The service role's own part: the targets of this node, a check for each, and what is known of
 * each. Owns the schedule; knows nothing of sharing and of maps: who wants to know is told.
 *
 * A verdict is proven once a result agrees with it. Until then, that is before the first results
 * and while a configured initial verdict only waits to be contradicted, the state is unknown with
 * cause none: the access nodes then keep what they know, so that a restart of this agent is seen by
 * nobody.
 */
#ifndef XDPLB_AGENT_CHECKS_H
#define XDPLB_AGENT_CHECKS_H

#include "config/config.h"
#include "schedule.h"
#include "xdplb/health.h"

/* A target of this node. */
struct own_target {
	char backend[XDPLB_NAME_LEN];
	char check_name[XDPLB_NAME_LEN];
	uint64_t hash; /* of the backend's name, as in share_wire.h */
	uint64_t identity;
	/* Unknown, up or down by its probes; up by those, what the server says of itself. */
	enum xdplb_health_state state;
	enum xdplb_health_cause cause;
	uint16_t weight; /* percent, as in xdplb/health.h */
	uint64_t since_ms; /* of the state */
	bool is_stopped; /* nobody wants it: not probed */
	bool has_result;
	struct probe_result result; /* the last one */
	uint64_t result_ms; /* when it came */
	/* Inside of checks.c. */
	struct checks *owner;
	size_t index;
	struct probe_spec spec;
	struct check_plan plan;
	enum rise_fall_verdict initial;
	struct check *check; /* NULL: stopped */
	bool is_due; /* its first probe waits for its turn */
	bool is_seen; /* mark while a config is taken over */
};

struct checks_sink {
	void *context;
	/* State or cause of target @index have changed. */
	void (*changed)(void *context, size_t index);
	/* A probe that checks_request() has asked for has ended. */
	void (*answered)(void *context, size_t index);
};

struct checks;

/* Return: 0 or -ENOMEM. */
int checks_new(struct ev_loop *loop, const struct checks_sink *sink, struct checks **ret_checks);
void checks_free(struct checks *checks);

/**
 * checks_set() - Check the targets that a config has for a node.
 * @config: must live until the next call, or checks_free()
 * @node:   index into config->nodes
 *
 * Targets that stay (same backend, same identity) keep verdict, counted results and times. New ones
 * are probed at once, a few each millisecond.
 *
 * Return: 0; -ENOMEM: nothing has changed, and the config before still counts.
 */
int checks_set(struct checks *checks, const struct config *config, size_t node);

size_t checks_count(const struct checks *checks);
const struct own_target *checks_at(const struct checks *checks, size_t index);

/* Return: the index, or SIZE_MAX. */
size_t checks_find(const struct checks *checks, uint64_t hash, uint64_t identity);

/* Probes a target now, also one that is stopped; sink.answered tells the result. */
void checks_request(struct checks *checks, size_t index);

/* Stops a target's check, or starts it again. Its state is unknown while it is stopped. */
void checks_stop(struct checks *checks, size_t index, bool stop);

/* Starts of probes that were left out, see schedule.h. */
uint64_t checks_skipped(const struct checks *checks);

#endif
