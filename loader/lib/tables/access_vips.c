// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of VIPs of a plan.
 */
#include "tables/access_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables/endpoint_table.h"

static int by_endpoint(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct xdplb_endpoint));
}

/* The entries of `vips`: each service, and each VIP as such once. */
static size_t list_vips(const struct access_plan *plan, struct xdplb_endpoint *entries)
{
	size_t n = 0, unique = 0;

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct config_service *service = plan->services[i].config;

		entries[n++] = (struct xdplb_endpoint){
			.addr = service->vip,
			.port = service->port,
			.proto = service->proto,
			.family = service->family,
			.index = plan->services[i].index,
		};
		entries[n++] = (struct xdplb_endpoint){
			.addr = service->vip,
			.family = service->family,
			.index = XDPLB_INDEX_ADDRESS,
		};
	}
	qsort(entries, n, sizeof(*entries), by_endpoint);
	for (size_t i = 0; i < n; i++)
		if (!i || by_endpoint(&entries[i], &entries[i - 1]))
			entries[unique++] = entries[i];
	return unique;
}

int access_plan_vips(const struct access_view *view, struct access_plan *plan)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	struct xdplb_endpoint *entries;
	int err;

	plan->vip_slots = view->vips.count / 2;
	entries = calloc(2 * plan->service_count + 1, sizeof(*entries));
	plan->vips = calloc(plan->vip_slots, sizeof(*plan->vips));
	if (!entries || !plan->vips) {
		free(entries);
		return -ENOMEM;
	}
	err = endpoint_table_build(entries, list_vips(plan, entries), plan->vips, plan->vip_slots,
				   &plan->vip_seed);
	free(entries);
	if (!err && plan->vip_seed == control->vips.seed &&
	    !memcmp(plan->vips, map_at(&view->vips, control->vips.base),
		    plan->vip_slots * sizeof(*plan->vips))) {
		free(plan->vips);
		plan->vips = NULL;
	}
	return err;
}
