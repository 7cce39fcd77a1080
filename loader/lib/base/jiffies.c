// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel's tick.
 */
#include "base/jiffies.h"

#include <errno.h>
#include <time.h>

#include <bpf/bpf.h>

#include "bpf/clock.skel.h"

uint64_t jiffies_per_second(void)
{
	struct timespec tick;

	/* The coarse clocks advance with the tick, and their resolution says how often that is. */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec || tick.tv_nsec <= 0)
		return 250;
	return (1000000000 + tick.tv_nsec / 2) / tick.tv_nsec;
}

int jiffies_now(uint64_t *ret_jiffies)
{
	struct clock_bpf *clock = clock_bpf__open_and_load();
	uint64_t now = 0;
	/* The kernel writes a syscall program's context back to where it came from. */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &now, .ctx_size_in = sizeof(now));
	int err;

	if (!clock)
		return -errno;
	err = bpf_prog_test_run_opts(bpf_program__fd(clock->progs.read_jiffies), &opts);
	clock_bpf__destroy(clock);
	if (err)
		return -errno;
	*ret_jiffies = now;
	return 0;
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int jiffies_clock_start(struct jiffies_clock *ret_clock)
{
	struct jiffies_clock clock = { .per_second = jiffies_per_second() };
	int err = jiffies_now(&clock.jiffies);

	if (err)
		return err;
	clock.monotonic_ns = monotonic_ns();
	*ret_clock = clock;
	return 0;
}

uint64_t jiffies_clock_read(const struct jiffies_clock *clock)
{
	uint64_t passed = monotonic_ns() - clock->monotonic_ns;

	/* In two steps: the product of nanoseconds and ticks would overflow after half a year. */
	return clock->jiffies + passed / 1000000000 * clock->per_second +
	       passed % 1000000000 * clock->per_second / 1000000000;
}
