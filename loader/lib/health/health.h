/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map `health` of an access node, by backend names. lb_xdp obeys it at the next packet.
 */
#ifndef XDPLB_HEALTH_COMMAND_H
#define XDPLB_HEALTH_COMMAND_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "xdplb/health.h"

/* "up", "down", "maint", ...; "?" for a number that has no name. */
const char *health_state_name(enum xdplb_health_state state);

/* Why a backend is in its state: a word, and a sentence. */
const char *health_cause_name(enum xdplb_health_cause cause);
const char *health_cause_help(enum xdplb_health_cause cause);

/* What may be set by hand. */
struct health_wish {
	enum xdplb_health_state state;
	uint16_t weight; /* percent, 1 .. 99; 0: all */
};

/* A state by its name, or up with a weight by a percentage; -EINVAL: it is neither. */
int health_wish_parse(const char *word, struct health_wish *ret_wish);

/**
 * health_set() - Say how a backend is: an operator's word, which no reporter overwrites while it holds.
 * @node:     whose map
 * @target:   "BACKEND", all checks of it, or "BACKEND/CHECK"
 * @wish:     the new state and weight; cause is XDPLB_CAUSE_OPERATOR
 * @lease_ms: for how long this holds; 0: until somebody says otherwise
 *
 * Return: 0; -ENOENT no such node, no access node, or no such backend there, with words; -errno.
 */
int health_set(const char *node, const char *target, struct health_wish wish, uint64_t lease_ms,
	       struct error *error);

/* Takes an operator's word back: what was reported counts again, at once. As above. */
int health_give_back(const char *node, const char *target, struct error *error);

/**
 * health_list() - All targets of an access node, as a JSON array sorted by backend and check.
 *
 * Keys: name, check (empty: none), node, state (unknown where the lease is over), reported (what a
 * probe said last), used (by a service that keeps the last verdict), share (percent of the new flows it owns), cause, age_seconds (since the
 * state last changed; null: never), lease_seconds (left; negative: over; null: none), epoch.
 *
 * Return: 0; -errno with words.
 */
int health_list(const char *node, json_t **ret_json, struct error *error);

#endif
