// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel's tick.
 */
#include "tick.h"

#include <stdbool.h>

#include "base/jiffies.h"

static struct jiffies_clock start;
static bool is_started;

int tick_start(void)
{
	int err = is_started ? 0 : jiffies_clock_start(&start);

	is_started = !err;
	return err;
}

uint64_t tick_now(void)
{
	return jiffies_clock_read(&start);
}

uint64_t tick_in(uint64_t ms)
{
	return tick_now() + (ms * jiffies_per_second() + 999) / 1000;
}
