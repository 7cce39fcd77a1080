/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's tick, cheaply: jiffies64 goes with CLOCK_MONOTONIC, so it is read once and reckoned
 * from then on.
 */
#ifndef XDPLB_AGENT_TICK_H
#define XDPLB_AGENT_TICK_H

#include <stdint.h>

/* Reads the tick, if that was not done yet. Return: 0; -EPERM without privileges; -errno. */
int tick_start(void);

/* jiffies64, to a tick or two, after tick_start(). */
uint64_t tick_now(void);

/* The tick so many milliseconds from now. */
uint64_t tick_in(uint64_t ms);

#endif
