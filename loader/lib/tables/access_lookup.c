// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lookups in the live table of VIPs.
 */
#include "tables/access_lookup.h"

#include <arpa/inet.h>
#include <string.h>

#include "bpf/lib/hash.h"

const struct xdplb_endpoint *access_find_vip(const struct access_view *view,
					     const struct xdplb_endpoint *key)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	uint32_t slots = view->vips.count / 2;
	uint32_t hash =
		endpoint_hash(control->vips.seed, &key->addr, key->port, key->proto, key->family);

	for (uint32_t i = 0; i < XDPLB_ENDPOINT_PROBES; i++) {
		const struct xdplb_endpoint *slot =
			map_at(&view->vips, control->vips.base + ((hash + i) & (slots - 1)));

		if (!slot->family)
			return NULL;
		if (!memcmp(slot, key, offsetof(struct xdplb_endpoint, index)))
			return slot;
	}
	return NULL;
}

const struct xdplb_endpoint *access_range(const struct access_view *view,
					  const struct xdplb_endpoint *key, uint32_t number)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	struct xdplb_endpoint range = *key;

	if (!control->has_ranges || number >= XDPLB_RANGES_MAX)
		return NULL;
	range.port = htons((uint16_t)number);
	range.proto |= XDPLB_RANGE;
	return access_find_vip(view, &range);
}

const struct xdplb_endpoint *access_find_served(const struct access_view *view,
						const struct xdplb_endpoint *key)
{
	const struct xdplb_endpoint *found = access_find_vip(view, key);
	uint16_t port = ntohs(key->port);

	for (uint32_t i = 0; !found && i < XDPLB_RANGES_MAX; i++) {
		const struct xdplb_endpoint *range = access_range(view, key, i);

		if (!range)
			break;
		if (port >= range->first_port && port <= range->last_port)
			found = range;
	}
	return found;
}
