// SPDX-License-Identifier: BSD-2-Clause
/*
 * Limits of sources, from the file's rates to the clock ticks of the map.
 */
#include "tables/access_limit.h"

#include <arpa/inet.h>
#include <string.h>

static struct xdplb_addr make_mask(__u8 family, uint32_t prefix)
{
	struct xdplb_addr mask = { 0 };
	uint32_t words = family == XDPLB_IPV4 ? 1 : 4;

	for (uint32_t i = 0; i < words && prefix; i++) {
		uint32_t bits = prefix < 32 ? prefix : 32;

		mask.word[i] = htonl(bits == 32 ? UINT32_MAX : ~(UINT32_MAX >> bits));
		prefix -= bits;
	}
	return mask;
}

struct xdplb_source_limit access_limit_make(__u8 family, const struct config_limit *limit)
{
	const uint64_t ticks = limit->seconds * (1000000000ULL >> XDPLB_LIMIT_TICK_BITS);
	const uint32_t interval = (uint32_t)((ticks + limit->connections / 2) / limit->connections);

	return (struct xdplb_source_limit){
		.interval = interval ? interval : 1,
		.tolerance = (limit->burst - 1) * (interval ? interval : 1),
		.mask = make_mask(family, limit->prefix),
	};
}

bool access_limit_differs(const struct access_plan_service *service, const struct access_view *view)
{
	const struct config_service *config = service->config;
	struct xdplb_source_limit wanted;

	if (!config->limit.connections || !view->source_limits.count)
		return false;
	wanted = access_limit_make(config->family, &config->limit);
	return memcmp(&wanted, map_at(&view->source_limits, service->index), sizeof(wanted));
}

void access_limit_write(const struct access_plan_service *service, struct access_view *view)
{
	const struct config_service *config = service->config;
	struct xdplb_source_limit wanted, *running;
	uint64_t word;

	if (!access_limit_differs(service, view))
		return;
	running = map_at(&view->source_limits, service->index);
	wanted = access_limit_make(config->family, &config->limit);
	memcpy(&word, &wanted, sizeof(word));
	running->mask = wanted.mask;
	/* Interval and tolerance belong together. */
	__atomic_store_n((uint64_t *)running, word, __ATOMIC_RELAXED);
}
