/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steady clock that all of the agent goes by. The wall clock is never asked.
 */
#ifndef XDPLB_AGENT_CLOCKS_H
#define XDPLB_AGENT_CLOCKS_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of CLOCK_MONOTONIC. */
static inline uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
