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

/* Is the key in the table, with that index? Then its slot is marked in @seen. */
static bool see_slot(const struct access_plan *plan, const struct xdplb_endpoint *slots,
		     uint32_t seed, const struct xdplb_endpoint *key, uint8_t *seen,
		     uint32_t *ret_slot)
{
	uint32_t slot = endpoint_table_find(slots, plan->vip_slots, seed, key);

	if (slot == ENDPOINT_NO_SLOT || slots[slot].index != key->index)
		return false;
	seen[slot] = 1;
	*ret_slot = slot;
	return true;
}

/* The slots of all services of one port. False: some key that the plan has is not there, or another index. */
static bool find_slots(struct access_plan *plan, const struct xdplb_endpoint *slots, uint32_t seed,
		       uint8_t *seen)
{
	for (size_t i = 0; i < plan->service_count; i++) {
		struct access_plan_service *service = &plan->services[i];
		struct xdplb_endpoint key = { .addr = service->config->vip,
					      .family = service->config->family,
					      .index = XDPLB_INDEX_ADDRESS };
		uint32_t slot;

		if (!see_slot(plan, slots, seed, &key, seen, &slot))
			return false;
		key.port = service->config->port;
		key.proto = service->config->proto;
		key.index = service->index;
		if (!service->config->range_count &&
		    !see_slot(plan, slots, seed, &key, seen, &service->slot))
			return false;
		service->ref = slot_ref(service);
	}
	return true;
}

/*
 * Is the live table the planned one, whatever its references say? It has what is planned, and nothing else. (Ranges
 * and server ids are not worth looking for one by one.) Then says which references change.
 */
static bool live_table_stays(const struct access_view *view, struct access_plan *plan,
			     uint8_t *seen)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	const struct xdplb_endpoint *live = map_at(&view->vips, control->vips.base);

	for (size_t i = 0; i < plan->service_count; i++)
		if (plan->services[i].config->range_count || plan->services[i].config->has_quic)
			return false;
	if (!find_slots(plan, live, control->vips.seed, seen))
		return false;
	for (uint32_t i = 0; i < plan->vip_slots; i++)
		if (live[i].family && !seen[i])
			return false;
	for (size_t i = 0; i < plan->service_count; i++) {
		struct access_plan_service *service = &plan->services[i];

		service->ref_changed = memcmp(&live[service->slot].buckets, &service->ref,
					      sizeof(service->ref)) != 0;
	}
	return true;
}

/* A table made anew may be the live one all the same, but for references. */
static bool new_table_is_live(const struct access_view *view, struct access_plan *plan)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	const struct xdplb_endpoint *live = map_at(&view->vips, control->vips.base);
	struct access_plan_service *end = plan->services + plan->service_count, *s;
	bool same = plan->vip_seed == control->vips.seed;

	for (s = plan->services; s < end && same; s++)
		if (!s->config->range_count)
			plan->vips[s->slot].buckets = live[s->slot].buckets;
	same = same && !memcmp(plan->vips, live, plan->vip_slots * sizeof(*live));
	for (s = plan->services; s < end; s++) {
		if (s->config->range_count)
			continue;
		s->ref_changed =
			same && memcmp(&plan->vips[s->slot].buckets, &s->ref, sizeof(s->ref));
		plan->vips[s->slot].buckets = s->ref;
	}
	return same;
}

/* @seen: room for a mark of each slot */
static int build_table(const struct access_view *view, struct access_plan *plan, uint8_t *seen)
{
	size_t most = 2 * plan->service_count + 1;
	struct xdplb_endpoint *entries;
	int err;

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct config_service *service = plan->services[i].config;

		most += service->range_count + (service->has_quic ? service->member_count : 0);
		plan->has_ranges |= service->range_count > 0;
	}
	entries = calloc(most, sizeof(*entries));
	plan->vips = calloc(plan->vip_slots, sizeof(*plan->vips));
	err = entries && plan->vips ? 0 : -ENOMEM;
	if (!err)
		err = endpoint_table_build(entries, list_vips(plan, entries), plan->vips,
					   plan->vip_slots, &plan->vip_seed);
	free(entries);
	if (err)
		return err;
	find_slots(plan, plan->vips, plan->vip_seed, seen);
	if (new_table_is_live(view, plan)) {
		free(plan->vips);
		plan->vips = NULL;
	}
	return 0;
}

int access_plan_vips(const struct access_view *view, struct access_plan *plan)
{
	uint8_t *seen;
	int err;

	plan->vip_slots = view->vips.count / 2;
	seen = calloc(plan->vip_slots, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	err = live_table_stays(view, plan, seen) ? 0 : build_table(view, plan, seen);
	free(seen);
	return err;
}
