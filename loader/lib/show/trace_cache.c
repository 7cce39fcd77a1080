// SPDX-License-Identifier: BSD-2-Clause
/*
 * Looking a flow up in the cache, as bpf/lib/cache.h does.
 */
#include "show/trace.h"

#include "show/flow_lines.h"
#include "xdplb/flow_cache.h"

static bool is_flow(uint64_t flow, uint64_t hash)
{
	return flow >> 32 == hash >> 32 && flow & XDPLB_FLOW_SET;
}

uint32_t trace_recall(const struct access_view *view, uint64_t hash)
{
	uint32_t lines = flow_lines(view->flow_cache.count);
	uint32_t newcomers =
		view->flow_cache.count > lines
			? (uint32_t)(view->flow_cache.count - lines) * XDPLB_FLOWS_PER_LINE
			: 0;
	const struct xdplb_flow_line *line;
	uint32_t place;
	uint64_t flow;

	if (!newcomers)
		return XDPLB_NO_MEMBER;
	line = map_at(&view->flow_cache, (uint32_t)hash & (lines - 1));
	for (int i = 0; i < XDPLB_FLOWS_PER_LINE; i++) {
		flow = __atomic_load_n(&line->flow[i], __ATOMIC_RELAXED);
		if (is_flow(flow, hash))
			return flow & XDPLB_FLOW_MEMBER;
	}
	place = (uint32_t)hash & (newcomers - 1);
	line = map_at(&view->flow_cache, lines + place / XDPLB_FLOWS_PER_LINE);
	flow = __atomic_load_n(&line->flow[place % XDPLB_FLOWS_PER_LINE], __ATOMIC_RELAXED);
	return is_flow(flow, hash) ? flow & XDPLB_FLOW_MEMBER : XDPLB_NO_MEMBER;
}
