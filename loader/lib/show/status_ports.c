// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ports of a service that has many, as JSON.
 */
#include "show/status_tables.h"

#include "tables/access_lookup.h"

json_t *status_ports(const struct access_view *view, uint32_t index)
{
	const struct xdplb_service_info *info = access_service_info(view, index);
	const struct xdplb_endpoint key = { .addr = info->vip,
					    .proto = info->proto,
					    .family = info->family };
	const struct xdplb_endpoint *range;
	json_t *list = json_array();

	for (uint32_t i = 0; (range = access_range(view, &key, i)); i++)
		if (range->index == index)
			json_array_append_new(
				list, json_sprintf("%u-%u", range->first_port, range->last_port));
	return list;
}
