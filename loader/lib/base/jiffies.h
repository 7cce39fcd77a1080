/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's tick, in which leases and next hops of the datapath are counted.
 */
#ifndef XDPLB_JIFFIES_H
#define XDPLB_JIFFIES_H

#include <stdint.h>

/* Ticks a second (CONFIG_HZ). */
uint64_t jiffies_per_second(void);

/**
 * jiffies_now() - jiffies64 as BPF programs see it.
 * Return: 0; -EPERM without root; -errno.
 */
int jiffies_now(uint64_t *ret_jiffies);

/* jiffies_now() without its cost: the tick follows the monotonic clock, so one look is enough. */
struct jiffies_clock {
	uint64_t jiffies; /* at ... */
	uint64_t monotonic_ns;
	uint64_t per_second;
};

/* 0; -errno as jiffies_now(). */
int jiffies_clock_start(struct jiffies_clock *ret_clock);
uint64_t jiffies_clock_read(const struct jiffies_clock *clock);

#endif
