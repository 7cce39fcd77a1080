// SPDX-License-Identifier: BSD-2-Clause
/*
 * The agent's tick, which is read once and reckoned from then on, beside the kernel's.
 */
#include <criterion/criterion.h>
#include <unistd.h>

#include "base/jiffies.h"
#include "tick.h"

TestSuite(tick);

/* The kernel's tick at a moment between two of ours: ours may differ by a tick or two. */
static void check_tick(const char *when)
{
	uint64_t before = tick_now(), kernel, after;

	cr_assert_eq(jiffies_now(&kernel), 0);
	after = tick_now();
	cr_assert(before <= kernel + 2 && kernel <= after + 2,
		  "%s: ours %llu to %llu, the kernel's %llu", when, (unsigned long long)before,
		  (unsigned long long)after, (unsigned long long)kernel);
}

Test(tick, goes_with_the_kernel)
{
	uint64_t start, last = 0;

	cr_assert_eq(tick_start(), 0);
	cr_assert_eq(tick_start(), 0, "a second start");
	start = tick_now();
	check_tick("start");
	for (int i = 0; i < 200; i++) {
		uint64_t now = tick_now();

		cr_assert_geq(now, last, "it goes back");
		last = now;
		usleep(2500);
	}
	check_tick("after half a second");
	/* Half a second at least has passed. */
	cr_assert_geq(tick_now() - start, jiffies_per_second() / 2 - 1);
}

/* A time in milliseconds is never cut short: rounded up to whole ticks. */
Test(tick, in_some_time)
{
	static const uint64_t times[] = { 0, 1, 3, 4, 5, 999, 1000, 1001, 3600000, 86400000000 };
	uint64_t hz = jiffies_per_second();

	cr_assert_eq(tick_start(), 0);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		uint64_t before = tick_now(), then = tick_in(times[i]), after = tick_now();
		uint64_t ticks = times[i] / 1000 * hz + (times[i] % 1000 * hz + 999) / 1000;

		cr_assert(then >= before + ticks && then <= after + ticks,
			  "%llu ms: %llu ticks, want %llu", (unsigned long long)times[i],
			  (unsigned long long)(then - before), (unsigned long long)ticks);
	}
}
