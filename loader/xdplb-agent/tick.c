// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel's tick.
 */
#include "tick.h"

#include "clocks.h"
#include "jiffies.h"

static struct {
	uint64_t per_second; /* 0: not read yet */
	uint64_t at_ms, jiffies;
} start;

int tick_start(void)
{
	int err;

	if (start.per_second)
		return 0;
	err = jiffies_now(&start.jiffies);
	if (err)
		return err;
	start.at_ms = clock_ms();
	start.per_second = jiffies_per_second();
	return 0;
}

uint64_t tick_now(void)
{
	return start.jiffies + (clock_ms() - start.at_ms) * start.per_second / 1000;
}

uint64_t tick_in(uint64_t ms)
{
	return tick_now() + (ms * start.per_second + 999) / 1000;
}
