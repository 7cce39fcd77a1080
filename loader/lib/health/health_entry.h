/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One entry of the map `health` and its writers: a reporter (the agent) and operators (`health
 * set`), in any order and on any CPU, while lb_xdp reads. Pure but for the entry: the time is handed
 * in. Knows no map.
 *
 * An operator's word is one whose cause is XDPLB_CAUSE_OPERATOR. While it holds (its lease is 0 or
 * lies ahead) reporters change `reported` alone.
 *
 * How two writers don't mix. The state word and the lease are two stores, so each side checks the
 * other half afterwards:
 *   Operators store the lease, then the word, and store both again if either has changed since.
 *   A reporter reads the word, then the lease, and gives up if an operator's word holds; it then
 *   changes each by compare-and-swap, the word first. If the lease has changed meanwhile, it puts
 *   back an operator's word that it replaced; if the word has, it puts the lease back.
 *   Operators' leases are odd (or 0), reporters' even: no value of one can be taken for the other's
 *   but 0, of which a reporter that puts a lease back has to be sure whose it is.
 *   Who gives an operator's word back is a reporter from then on: it reports until nothing newer has
 *   been vouched for meanwhile.
 * At every moment in between a packet finds a state that one of the two has written.
 */
#ifndef XDPLB_HEALTH_ENTRY_H
#define XDPLB_HEALTH_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "xdplb/health.h"

/* Longest lease of a reporter, jiffies: what reported_lease can tell from one that is over. */
#define HEALTH_VOUCHED_MAX (1U << 22)

/* What a reporter has to say. */
struct health_word {
	enum xdplb_health_state state;
	enum xdplb_health_cause cause;
	uint16_t weight;
};

/**
 * health_effective() - What counts for a packet at this jiffies64, by the rule in xdplb/health.h.
 * @unknown_is_down: of the service
 * Return: XDPLB_HEALTH_UNKNOWN: nobody vouches and nothing was ever reported; used.
 */
enum xdplb_health_state health_effective(const struct xdplb_health *entry, uint64_t jiffies,
					 bool unknown_is_down);

/* Are packets sent there, as far as health goes? */
bool health_usable(const struct xdplb_health *entry, uint64_t jiffies, bool unknown_is_down);

/* Percent of the new flows it owns that a target gets, by state and weight: 0 .. 100. */
unsigned int health_share(const struct xdplb_health *entry, uint64_t jiffies, bool unknown_is_down);

/* Does an operator's word hold? */
bool health_held(const struct xdplb_health *entry, uint64_t jiffies);

/**
 * health_vouch() - What a reporter says of a target, whoever's word holds.
 * @until: jiffies64 until which it vouches for that, at most HEALTH_VOUCHED_MAX from now; 0: it does not
 */
void health_vouch(struct xdplb_health *entry, struct health_word word, uint64_t until);

/**
 * health_take() - Make a reporter's word and its lease what counts, unless an operator's word holds.
 * @jiffies: now
 * @until:   jiffies64, made even; 0: no lease
 * @changed: CLOCK_BOOTTIME, ns, when that state began, if it is another one; 0: leave that alone
 * Return: whether it counts now.
 */
bool health_take(struct xdplb_health *entry, struct health_word word, uint64_t jiffies,
		 uint64_t until, uint64_t changed);

/**
 * health_hold() - An operator's word.
 * @lease:   jiffies64 at which it ends; 0: never
 * @changed: CLOCK_BOOTTIME, ns: now
 */
void health_hold(struct xdplb_health *entry, enum xdplb_health_state state, uint64_t lease,
		 uint64_t changed);

/* The same with a weight: percent, 1 .. 99; 0: all, as above. */
void health_hold_weighted(struct xdplb_health *entry, enum xdplb_health_state state,
			  uint16_t weight, uint64_t lease, uint64_t changed);

/**
 * health_release() - Take an operator's word back: what was reported counts again, at once, with
 * what is left of the reporter's lease (nothing left: as unknown).
 */
void health_release(struct xdplb_health *entry, uint64_t jiffies, uint64_t changed);

#endif
