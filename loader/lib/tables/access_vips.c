// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of VIPs of a plan.
 */
#include "tables/access_tables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables/access_chain.h"
#include "tables/endpoint_table.h"
#include "xdplb/quic.h"

static int by_endpoint(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct xdplb_endpoint));
}

/* The narrower range first: of those that hold a port it is the more specific. */
static int by_width(const void *a, const void *b)
{
	const struct xdplb_endpoint *x = a, *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	if (!order)
		order = memcmp(&x->proto, &y->proto, 2); /* and family */
	if (!order)
		order = (x->last_port - x->first_port) - (y->last_port - y->first_port);
	return order ? order : x->first_port - y->first_port;
}

/* The ranges of all services, numbered for each VIP and protocol. */
static size_t list_ranges(const struct access_plan *plan, struct xdplb_endpoint *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct config_service *service = plan->services[i].config;

		for (size_t r = 0; r < service->range_count; r++)
			entries[n++] = (struct xdplb_endpoint){
				.addr = service->vip,
				.proto = service->proto | XDPLB_RANGE,
				.family = service->family,
				.index = plan->services[i].index,
				.first_port = service->ranges[r].first,
				.last_port = service->ranges[r].last,
			};
	}
	qsort(entries, n, sizeof(*entries), by_width);
	for (size_t i = 1, number = 0; i < n; i++) {
		bool same =
			!memcmp(&entries[i].addr, &entries[i - 1].addr, sizeof(entries->addr)) &&
			!memcmp(&entries[i].proto, &entries[i - 1].proto, 2);

		number = same ? number + 1 : 0;
		entries[i].port = htons((uint16_t)number);
	}
	return n;
}

/* The server ids of services known by connection ids. */
static size_t list_quic_ids(const struct access_plan *plan, struct xdplb_endpoint *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct access_plan_service *service = &plan->services[i];

		for (size_t m = 0; service->config->has_quic && m < service->config->member_count;
		     m++)
			entries[n++] = (struct xdplb_endpoint){
				.addr = { { service->index, service->config->members[m].quic_id } },
				.proto = XDPLB_QUIC_ENTRY,
				.family = XDPLB_IPV6,
				.index = service->members[m],
			};
	}
	return n;
}

/* The entries of `vips`: each service of one port, each range, and each VIP as such once. */
static size_t list_vips(const struct access_plan *plan, struct xdplb_endpoint *entries)
{
	size_t n = list_ranges(plan, entries), unique = 0;

	n += list_quic_ids(plan, entries + n);
	for (size_t i = 0; i < plan->service_count; i++) {
		const struct config_service *service = plan->services[i].config;

		if (!service->range_count)
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

/* What a slot says of where its service's buckets lie: of one with particulars nothing. */
static struct xdplb_bucket_ref slot_ref(const struct access_plan_service *service)
{
	struct xdplb_bucket_ref ref = service->buckets;
	uint32_t flags = access_chain_flags(service);

	if (flags & ~XDPLB_PLAIN_FLAGS)
		return (struct xdplb_bucket_ref){ 0 };
	ref.base |= flags & XDPLB_REF_FLAGS;
	return ref;
}

/* The slots of all services of one port, in a table that has them. */
static void find_slots(struct access_plan *plan)
{
	for (size_t i = 0; i < plan->service_count; i++) {
		struct access_plan_service *service = &plan->services[i];
		const struct config_service *config = service->config;
		const struct xdplb_endpoint key = { .addr = config->vip,
						    .port = config->port,
						    .proto = config->proto,
						    .family = config->family };

		if (config->range_count)
			continue;
		service->slot =
			endpoint_table_find(plan->vips, plan->vip_slots, plan->vip_seed, &key);
		service->ref = slot_ref(service);
	}
}

/*
 * Is the live table the planned one, whatever its references say? Then says which of these change; else the new
 * table has all of them.
 */
static bool live_table_stays(const struct access_view *view, struct access_plan *plan)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	const struct xdplb_endpoint *live = map_at(&view->vips, control->vips.base);
	struct access_plan_service *end = plan->services + plan->service_count, *s;
	bool stays = plan->vip_seed == control->vips.seed;

	for (s = plan->services; s < end && stays; s++)
		if (!s->config->range_count)
			plan->vips[s->slot].buckets = live[s->slot].buckets;
	stays = stays && !memcmp(plan->vips, live, plan->vip_slots * sizeof(*live));
	for (s = plan->services; s < end; s++) {
		if (s->config->range_count)
			continue;
		s->ref_changed =
			stays && memcmp(&plan->vips[s->slot].buckets, &s->ref, sizeof(s->ref));
		plan->vips[s->slot].buckets = s->ref;
	}
	return stays;
}

int access_plan_vips(const struct access_view *view, struct access_plan *plan)
{
	size_t most = 2 * plan->service_count + 1;
	struct xdplb_endpoint *entries;
	int err;

	plan->vip_slots = view->vips.count / 2;
	for (size_t i = 0; i < plan->service_count; i++) {
		const struct config_service *service = plan->services[i].config;

		most += service->range_count + (service->has_quic ? service->member_count : 0);
		plan->has_ranges |= service->range_count > 0;
	}
	entries = calloc(most, sizeof(*entries));
	plan->vips = calloc(plan->vip_slots, sizeof(*plan->vips));
	if (!entries || !plan->vips) {
		free(entries);
		return -ENOMEM;
	}
	err = endpoint_table_build(entries, list_vips(plan, entries), plan->vips, plan->vip_slots,
				   &plan->vip_seed);
	free(entries);
	if (err)
		return err;
	find_slots(plan);
	if (live_table_stays(view, plan)) {
		free(plan->vips);
		plan->vips = NULL;
	}
	return 0;
}
