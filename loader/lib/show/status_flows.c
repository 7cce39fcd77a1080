// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an access node remembers of flows, and how many a source may open.
 */
#include "show/status_tables.h"

#include "show/flow_lines.h"
#include "xdplb/flow_cache.h"

/* Of more lines only the first so many are counted, and the rest taken to be as full. */
#define LINES_COUNTED 262144

static json_int_t count_flows(const struct map_array *cache, uint32_t first, uint32_t lines)
{
	uint32_t counted = lines < LINES_COUNTED ? lines : LINES_COUNTED;
	json_int_t flows = 0;

	for (uint32_t i = first; i < first + counted; i++) {
		const struct xdplb_flow_line *line = map_at(cache, i);

		for (int way = 0; way < XDPLB_FLOWS_PER_LINE; way++)
			flows += !!(line->flow[way] & XDPLB_FLOW_SET);
	}
	return counted ? flows * lines / counted : 0;
}

json_t *status_flow_cache(const struct access_view *view)
{
	const struct map_array *cache = &view->flow_cache;
	uint32_t lines = flow_lines(cache->count);

	if (!cache->count)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "flows", count_flows(cache, 0, lines), "places",
			 (json_int_t)lines * XDPLB_FLOWS_PER_LINE, "newcomers",
			 count_flows(cache, lines, (uint32_t)cache->count - lines), "bytes",
			 (json_int_t)(cache->count * sizeof(struct xdplb_flow_line)));
}

static json_t *limit_json(const struct xdplb_source_limit *limit)
{
	double ticks = 1e9 / (1 << XDPLB_LIMIT_TICK_BITS);

	if (!limit->interval)
		return json_null();
	return json_pack("{s:f, s:I}", "per_second", ticks / limit->interval, "burst",
			 (json_int_t)limit->tolerance / limit->interval + 1);
}

void status_add_flows(json_t *service, const struct access_view *view, uint32_t index)
{
	uint32_t flags = access_service(view, index)->flags;

	json_object_set_new(service, "flow_cache", json_boolean(flags & XDPLB_SERVICE_CACHE));
	json_object_set_new(service, "source_limit",
			    flags & XDPLB_SERVICE_LIMIT && index < view->source_limits.count
				    ? limit_json(map_at(&view->source_limits, index))
				    : json_null());
}
