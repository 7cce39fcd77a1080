// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing a service node's tables, in an order in which no packet sees half a change.
 */
#include "tables/node_tables.h"

#include <string.h>

#define NSEC_PER_SEC 1000000000ULL

static void write_names(struct xdplb_mapping_info *info, const struct node_plan_mapping *wanted)
{
	if (!strcmp(info->service, wanted->service) && !strcmp(info->backend, wanted->backend))
		return;
	memset(info, 0, sizeof(*info));
	strcpy(info->service, wanted->service);
	strcpy(info->backend, wanted->backend);
}

/* Mappings before the tables that name them; one that stays changes its hook and state alone. */
static void write_mappings(const struct node_plan *plan, struct node_view *view)
{
	for (size_t m = 0; m < plan->count; m++) {
		const struct node_plan_mapping *wanted = &plan->mappings[m];
		struct xdplb_mapping *mapping = node_mapping(view, wanted->index);
		struct xdplb_mapping_info *info = node_mapping_info(view, wanted->index);

		write_names(info, wanted);
		if (mapping->state == XDPLB_MAPPING_FREE) {
			*mapping = wanted->mapping;
			continue;
		}
		mapping->state = XDPLB_MAPPING_ACTIVE;
		mapping->rest_until = 0;
		__atomic_store_n(&mapping->ifindex, wanted->mapping.ifindex, __ATOMIC_RELAXED);
	}
}

static void switch_table(const struct xdplb_endpoint *table, uint32_t slots, uint32_t seed,
			 const struct map_array *map, struct xdplb_table_ref *live)
{
	struct xdplb_table_ref ref = { .base = live->base ? 0 : slots, .seed = seed };
	uint64_t word;

	if (!table)
		return;
	memcpy(map_at(map, ref.base), table, slots * sizeof(*table));
	memcpy(&word, &ref, sizeof(word));
	__atomic_store_n((uint64_t *)live, word, __ATOMIC_RELEASE);
}

static void put_to_rest(const struct config *config, const struct node_plan *plan, uint64_t now,
			struct node_view *view)
{
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		struct xdplb_mapping *mapping = node_mapping(view, i);

		if (mapping->state != XDPLB_MAPPING_ACTIVE || plan->wanted[i])
			continue;
		mapping->rest_until = now + config->tag_rest * NSEC_PER_SEC;
		mapping->state = XDPLB_MAPPING_RESTING;
	}
}

/* Keeps the epoch: the next mapping with this index raises it, so that old flow notes die. */
static void free_expired(const struct node_plan *plan, struct node_view *view)
{
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		struct xdplb_mapping *mapping = node_mapping(view, i);

		if (mapping->state != XDPLB_MAPPING_RESTING || !plan->expired[i] || plan->wanted[i])
			continue;
		mapping->state = XDPLB_MAPPING_FREE;
		memset(node_mapping_info(view, i), 0, sizeof(struct xdplb_mapping_info));
	}
}

/* Are there mappings of services of many ports, active or resting? */
static bool keeps_ports(const struct node_view *view)
{
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		const struct xdplb_mapping *mapping = node_mapping(view, i);

		if (mapping->state != XDPLB_MAPPING_FREE && !mapping->vport)
			return true;
	}
	return false;
}

void node_set_uplink(struct node_view *view, uint32_t ifindex, const uint8_t mac[6])
{
	struct xdplb_node_control *control = map_at(&view->control, 0);

	if (control->uplink == ifindex && !memcmp(control->uplink_mac, mac, 6))
		return;
	__atomic_store_n(&control->uplink, 0, __ATOMIC_RELEASE);
	map_wait_for_readers();
	memcpy(control->uplink_mac, mac, 6);
	__atomic_store_n(&control->uplink, ifindex, __ATOMIC_RELEASE);
}

void node_commit(const struct config *config, const struct node_plan *plan, uint64_t now,
		 struct node_view *view)
{
	struct xdplb_node_control *control = map_at(&view->control, 0);

	write_mappings(plan, view);
	put_to_rest(config, plan, now, view);
	if (keeps_ports(view))
		__atomic_store_n(&control->keeps_ports, 1, __ATOMIC_RELEASE);
	switch_table(plan->endpoints, plan->slots, plan->endpoints_seed, &view->endpoints,
		     &control->endpoints);
	switch_table(plan->tags, plan->slots, plan->tags_seed, &view->tags, &control->tags);
	if (plan->changes)
		control->generation++;
	map_wait_for_readers();
	free_expired(plan, view);
	__atomic_store_n(&control->keeps_ports, keeps_ports(view), __ATOMIC_RELEASE);
}
