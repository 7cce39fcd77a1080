// SPDX-License-Identifier: BSD-2-Clause
/*
 * From single results to a verdict.
 */
#include "health/rise_fall.h"

void rise_fall_init(struct rise_fall *state, enum rise_fall_verdict initial)
{
	*state = (struct rise_fall){ .verdict = initial };
}

bool rise_fall_feed(struct rise_fall *state, const struct rise_fall_rule *rule, bool ok)
{
	enum rise_fall_verdict told = ok ? RISE_FALL_UP : RISE_FALL_DOWN;
	uint16_t wanted = ok ? rule->rise : rule->fall;

	if (state->verdict == told) {
		state->run = 0;
		return false;
	}
	if (state->last_ok != ok)
		state->run = 0;
	state->last_ok = ok;
	/* Cannot overflow: the verdict changes, and run with it, at 65535 at the latest. */
	state->run++;
	if (state->run < wanted)
		return false;
	rise_fall_init(state, told);
	return true;
}
