// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing an access node's tables, in an order in which no packet sees half a change.
 */
#include "access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "query.h"

/* The 16-bit ones' complement sum of (new + ~old) over an address. */
static uint32_t address_delta(const struct xdplb_addr *old, const struct xdplb_addr *new)
{
	uint32_t delta = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t before = ~old->word[i], after = new->word[i];

		delta += (before & 0xffff) + (before >> 16) + (after & 0xffff) + (after >> 16);
	}
	return delta;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static struct xdplb_member make_member(const struct config_service *service,
				       const struct config_member *config, uint32_t service_index,
				       uint32_t health_index)
{
	uint32_t delta = address_delta(&service->vip, &config->addr);

	return (struct xdplb_member){
		.addr = config->addr,
		.tag = config->tag,
		.l4_delta = fold(delta + (uint16_t)~service->port + config->tag),
		.ip_delta = service->family == XDPLB_IPV4 ? fold(delta) : 0,
		.health = health_index,
		.service = service_index,
	};
}

static void write_backends(const struct config *config, const struct access_plan *plan,
			   struct access_view *view)
{
	for (size_t i = 0; i < config->backend_count; i++) {
		const struct config_backend *backend = &config->backends[i];
		struct xdplb_backend_info *info = access_backend_info(view, plan->backends[i]);

		if (plan->backend_is_new[i]) {
			memset(map_at(&view->health, plan->backends[i]), 0,
			       sizeof(struct xdplb_health));
			strcpy(info->name, backend->name);
		}
		memset(info->node, 0, sizeof(info->node));
		strcpy(info->node, config->nodes[backend->node].name);
	}
}

static void write_members(const struct access_plan *plan, const struct access_plan_service *service,
			  struct access_view *view)
{
	/* Until its table is live: a loader killed in between must not take the service as done. */
	if (service->table_changed)
		access_service_info(view, service->index)->members = 0;
	for (size_t i = 0; i < service->config->member_count; i++) {
		const struct config_member *config = &service->config->members[i];
		struct xdplb_member_info *info = access_member_info(view, service->members[i]);
		uint32_t backend = plan->backends[config->backend];

		if (!service->member_is_new[i])
			continue;
		*access_member(view, service->members[i]) =
			make_member(service->config, config, service->index, backend);
		map_clear_percpu(view->traffic_fd, service->members[i]);
		info->service = service->index;
		info->backend = backend;
		info->buckets = 0;
		info->in_use = 1;
	}
}

/* The new table, into room that no live table uses. */
static void write_table(const struct access_plan_service *service, struct access_view *view)
{
	for (size_t i = 0; i < service->config->member_count; i++) {
		struct xdplb_member_info *info = access_member_info(view, service->members[i]);

		info->weight = service->config->members[i].weight;
		info->buckets = 0;
	}
	for (uint32_t i = 0; i < service->buckets.count; i++) {
		*access_bucket(view, service->buckets.base + i) = service->table[i];
		access_member_info(view, service->table[i])->buckets++;
	}
}

static void write_service_info(const struct access_plan_service *service, struct access_view *view)
{
	struct xdplb_service_info *info = access_service_info(view, service->index);
	const struct config_service *config = service->config;

	strcpy(info->name, config->name);
	info->vip = config->vip;
	info->port = config->port;
	info->proto = config->proto;
	info->family = config->family;
	info->restore = config->restore;
	info->members = config->member_count;
	if (service->table_changed)
		info->table_hash = service->digest;
}

/* The one store that makes a table live. */
static void switch_table(const struct access_plan_service *service, struct access_view *view)
{
	uint64_t *live = (uint64_t *)&access_service(view, service->index)->buckets, word;

	memcpy(&word, &service->buckets, sizeof(word));
	__atomic_store_n(live, word, __ATOMIC_RELEASE);
}

static void switch_vips(const struct access_plan *plan, struct access_view *view)
{
	struct xdplb_lb_control *control = map_at(&view->control, 0);
	struct xdplb_table_ref ref = {
		.base = control->vips.base ? 0 : plan->vip_slots,
		.seed = plan->vip_seed,
	};
	uint64_t word;

	memcpy(map_at(&view->vips, ref.base), plan->vips, plan->vip_slots * sizeof(*plan->vips));
	memcpy(&word, &ref, sizeof(word));
	__atomic_store_n((uint64_t *)&control->vips, word, __ATOMIC_RELEASE);
}

/* Clears what is in use and not part of the plan; nothing refers to it any more. */
static void clear_rest(const struct access_plan *plan, struct access_view *view)
{
	for (uint32_t i = 0; i < view->service_infos.count; i++) {
		if (plan->service_kept[i] || !access_service_info(view, i)->name[0])
			continue;
		memset(access_service(view, i), 0, sizeof(struct xdplb_service));
		memset(access_service_info(view, i), 0, sizeof(struct xdplb_service_info));
	}
	for (uint32_t i = 0; i < view->member_infos.count; i++) {
		if (plan->member_kept[i] || !access_member_info(view, i)->in_use)
			continue;
		memset(access_member(view, i), 0, sizeof(struct xdplb_member));
		memset(access_member_info(view, i), 0, sizeof(struct xdplb_member_info));
	}
	for (uint32_t i = 0; i < view->backend_infos.count; i++) {
		if (plan->backend_kept[i] || !access_backend_info(view, i)->name[0])
			continue;
		memset(map_at(&view->health, i), 0, sizeof(struct xdplb_health));
		memset(access_backend_info(view, i), 0, sizeof(struct xdplb_backend_info));
	}
}

/* ---- confirmation ---- */

/* One member that waits for its service node's word. */
struct pending {
	const struct access_plan_service *service;
	size_t number; /* of the config member */
};

/* A node that is access and service node has its mappings in place before this runs. */
static void confirm_own(const struct config *config, const struct access_plan *plan, size_t node,
			struct access_view *view)
{
	for (size_t i = 0; i < plan->service_count; i++) {
		const struct config_service *service = plan->services[i].config;

		for (size_t m = 0; m < service->member_count; m++)
			if (config->backends[service->members[m].backend].node == node)
				access_member(view, plan->services[i].members[m])->flags |=
					XDPLB_MEMBER_CONFIRMED;
	}
}

static size_t list_pending(const struct access_plan *plan, const struct access_view *view,
			   struct pending *pending, struct mapping_query *queries)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct access_plan_service *service = &plan->services[i];
		const struct config_service *config = service->config;

		for (size_t m = 0; m < config->member_count; m++) {
			const struct xdplb_member *member =
				access_member(view, service->members[m]);

			if (member->flags & XDPLB_MEMBER_CONFIRMED)
				continue;
			pending[n] = (struct pending){ .service = service, .number = m };
			queries[n++] = (struct mapping_query){
				.backend = member->addr,
				.vip = config->vip,
				.tag = member->tag,
				.vport = config->port,
				.proto = config->proto,
				.family = config->family,
			};
		}
	}
	return n;
}

static void take_answers(const struct config *config, const struct pending *pending,
			 const struct mapping_query *queries, size_t count,
			 struct access_view *view, struct notes *notes)
{
	size_t silent = 0;

	for (size_t i = 0; i < count; i++) {
		const struct config_service *service = pending[i].service->config;
		const struct config_backend *backend =
			&config->backends[service->members[pending[i].number].backend];
		uint32_t index = pending[i].service->members[pending[i].number];

		if (queries[i].answer == QUERY_CONFIRMED) {
			access_member(view, index)->flags |= XDPLB_MEMBER_CONFIRMED;
			continue;
		}
		if (++silent <= 10)
			note(notes, "service %s: backend %s gets no traffic yet: node %s %s",
			     service->name, backend->name, config->nodes[backend->node].name,
			     queries[i].answer == QUERY_MISMATCH
				     ? "has another mapping at its tag port"
				     : "has not confirmed the mapping");
	}
	if (silent > 10)
		note(notes, "... and %zu more backends", silent - 10);
	if (silent)
		note(notes, "apply on the service nodes first, then here again");
}

static int confirm_members(const struct config *config, const struct access_plan *plan,
			   struct access_view *view, const struct access_options *options)
{
	struct mapping_query *queries;
	struct error error = { 0 };
	struct pending *pending;
	size_t count = 0;
	int err = -ENOMEM;

	confirm_own(config, plan, options->node, view);
	for (size_t i = 0; i < plan->service_count; i++)
		count += plan->services[i].config->member_count;
	queries = calloc(count + 1, sizeof(*queries));
	pending = calloc(count + 1, sizeof(*pending));
	if (queries && pending) {
		count = list_pending(plan, view, pending, queries);
		err = count ? query_mappings(queries, count, &config->key, options->wait_ms, &error)
			    : 0;
		take_answers(config, pending, queries, count, view, options->notes);
		if (err)
			note(options->notes, "cannot ask service nodes: %s", error.text);
	}
	free(queries);
	free(pending);
	return err;
}

int access_commit(const struct config *config, const struct access_plan *plan,
		  struct access_view *view, const struct access_options *options)
{
	struct xdplb_lb_control *control = map_at(&view->control, 0);
	int err;

	write_backends(config, plan, view);
	for (size_t i = 0; i < plan->service_count; i++)
		write_members(plan, &plan->services[i], view);
	err = confirm_members(config, plan, view, options);
	for (size_t i = 0; i < plan->service_count; i++) {
		if (plan->services[i].table_changed) {
			write_table(&plan->services[i], view);
			switch_table(&plan->services[i], view);
		}
		write_service_info(&plan->services[i], view);
	}
	if (plan->vips)
		switch_vips(plan, view);
	if (plan->changes)
		control->generation++;
	map_wait_for_readers();
	clear_rest(plan, view);
	return err;
}
