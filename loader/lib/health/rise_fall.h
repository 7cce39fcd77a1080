/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From single results to a verdict: so many successes in a row mean up, so many failures in a row
 * mean down. Pure; knows nothing of probes and time.
 */
#ifndef XDPLB_RISE_FALL_H
#define XDPLB_RISE_FALL_H

#include <stdbool.h>
#include <stdint.h>

enum rise_fall_verdict {
	RISE_FALL_UNKNOWN,
	RISE_FALL_UP,
	RISE_FALL_DOWN
};

/* Results in a row that change the verdict; 0 is taken as 1. */
struct rise_fall_rule {
	uint16_t rise, fall;
};

struct rise_fall {
	enum rise_fall_verdict verdict;
	bool last_ok; /* what the results counted in run were */
	uint16_t run; /* results in a row that speak against the verdict */
};

/* Starts anew with a verdict that no result stands for yet. */
void rise_fall_init(struct rise_fall *state, enum rise_fall_verdict initial);

/**
 * rise_fall_feed() - Count one result.
 * @rule: may be another one than last time; results counted so far are kept
 *
 * From RISE_FALL_UNKNOWN both ways are open, each after its own number of results.
 *
 * Return: whether the verdict changed.
 */
bool rise_fall_feed(struct rise_fall *state, const struct rise_fall_rule *rule, bool ok);

#endif
