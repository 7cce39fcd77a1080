/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the map `flow_cache`.
 */
#ifndef XDPLB_FLOW_LINES_H
#define XDPLB_FLOW_LINES_H

#include <stddef.h>
#include <stdint.h>

/* How many of the map's lines are sets of remembered flows; newcomers have the rest, which is less or as many. */
static inline uint32_t flow_lines(size_t count)
{
	uint32_t lines = 1;

	while (2 * (size_t)lines < count)
		lines *= 2;
	return lines;
}

#endif
