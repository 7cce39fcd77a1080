// SPDX-License-Identifier: BSD-2-Clause
/*
 * Config and running tables in, changes out. Reads the view, writes nothing to it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tables/maglev.h"
#include "tables/succession_part.h"

static struct xdplb_succession_info *info_at(const struct node_view *view, uint32_t index)
{
	return map_at(&view->succession_infos, index);
}

/* Connections may go on where a service has no backend any more: what rests hands on, too. */
static bool has_resting(const struct planning *planning, const struct config_service *service)
{
	for (uint32_t i = 0; i < planning->view->mappings.count; i++) {
		const struct xdplb_mapping *mapping = node_mapping(planning->view, i);

		if (succession_is_resting(planning, i) && mapping->vport == config_vport(service) &&
		    mapping->proto == service->proto && mapping->family == service->family &&
		    !memcmp(&mapping->vip, &service->vip, sizeof(service->vip)))
			return true;
	}
	return false;
}

/* Does the node take part in handing the service's connections over? */
static bool takes_part(const struct planning *planning, const struct config_service *service)
{
	const struct config *config = planning->config;

	if (service->proto != IPPROTO_TCP || !service->hand_over)
		return false;
	for (size_t i = 0; i < service->member_count; i++)
		if (config->backends[service->members[i].backend].node == planning->facts->node)
			return true;
	return planning->any_resting && has_resting(planning, service);
}

/* ---- tables ---- */

static int build_table(const struct planning *planning, struct succession_plan_service *service,
		       uint64_t *ret_digest)
{
	const struct config_service *config = service->config;
	struct maglev_member *members = calloc(config->member_count + 1, sizeof(*members));
	uint64_t *hashes = calloc(config->buckets, sizeof(*hashes));
	int err = -ENOMEM;

	service->table = calloc(config->buckets, sizeof(*service->table));
	if (!members || !hashes || !service->table)
		goto out;
	for (size_t i = 0; i < config->member_count; i++)
		members[i] = (struct maglev_member){
			.name = planning->config->backends[config->members[i].backend].name,
			.weight = config->members[i].weight,
		};
	err = maglev_build(members, config->member_count, service->table, config->buckets);
	for (uint32_t i = 0; i < config->buckets && !err; i++) {
		hashes[i] = maglev_name_hash(members[service->table[i]].name);
		service->table[i] = service->peers[service->table[i]];
	}
	if (!err)
		*ret_digest = maglev_digest(hashes, config->buckets);
out:
	free(members);
	free(hashes);
	return err;
}

static bool is_present_table(const struct planning *planning,
			     const struct succession_plan_service *service)
{
	const struct xdplb_bucket_ref *tables = succession_tables(planning->view, service->index);

	if (service->is_new || tables[0].count != service->config->buckets ||
	    (service->by_source & 1) != service->config->by_source)
		return false;
	for (uint32_t i = 0; i < tables[0].count; i++)
		if (succession_owner(planning->view, tables[0].base + i) != service->table[i])
			return false;
	return true;
}

/* The new table, if it is one, goes before those there are. It is one, too, if owners are found by another
 * hash. */
static int plan_tables(struct planning *planning, struct succession_plan_service *service)
{
	const struct xdplb_succession_info *info = info_at(planning->view, service->index);
	uint64_t digest = 0;
	int err = build_table(planning, service, &digest);

	if (err)
		return err;
	if (!service->is_new) {
		memcpy(service->tables, succession_tables(planning->view, service->index),
		       sizeof(service->tables));
		memcpy(service->digests, info->table_hash, sizeof(service->digests));
		service->by_source = succession_by_source(planning->view, service->index);
	}
	service->is_changed = !is_present_table(planning, service);
	if (!service->is_changed) {
		/* The same, unless another release has worked it out. */
		service->digests[0] = digest;
		return 0;
	}
	memmove(&service->tables[1], service->tables,
		(XDPLB_GENERATIONS - 1) * sizeof(*service->tables));
	memmove(&service->digests[1], service->digests,
		(XDPLB_GENERATIONS - 1) * sizeof(*service->digests));
	service->digests[0] = digest;
	service->by_source = (service->by_source << 1 | service->config->by_source) &
			     ((1 << XDPLB_GENERATIONS) - 1);
	return extents_find(&planning->taken, planning->view->owners.count,
			    service->config->buckets, &service->tables[0]);
}

/* ---- services ---- */

static bool is_service(const struct xdplb_succession_info *info,
		       const struct config_service *service)
{
	return info->name[0] && info->port == service->port &&
	       info->many_ports == (service->range_count > 0) && info->proto == service->proto &&
	       info->family == service->family &&
	       !memcmp(&info->vip, &service->vip, sizeof(info->vip));
}

/* Element 0 stands for "none". */
static int find_index(const struct planning *planning, struct succession_plan_service *service)
{
	uint32_t free_index = 0;

	for (uint32_t i = 1; i < planning->view->successions.count; i++) {
		const struct xdplb_succession_info *info = info_at(planning->view, i);

		if (is_service(info, service->config)) {
			service->index = i;
			return 0;
		}
		if (!free_index && !info->name[0] && !planning->plan->kept[i])
			free_index = i;
	}
	service->index = free_index;
	service->is_new = true;
	return free_index ? 0 : -ENOSPC;
}

/* The tables of services that are gone stay as they are while mappings that rest use them. */
static void keep_resting(struct planning *planning)
{
	const struct node_view *view = planning->view;

	for (uint32_t i = 0; i < view->mappings.count; i++) {
		uint32_t succession = node_mapping(view, i)->succession;

		if (!succession_is_resting(planning, i))
			continue;
		planning->any_resting = true;
		if (succession && succession < view->successions.count &&
		    info_at(view, succession)->name[0])
			planning->plan->kept[succession] = true;
	}
}

static int list_services(struct planning *planning)
{
	struct succession_plan *plan = planning->plan;
	int err = 0;

	keep_resting(planning);
	for (size_t i = 0; i < planning->config->service_count && !err; i++) {
		struct succession_plan_service *service = &plan->services[plan->count];

		if (!takes_part(planning, &planning->config->services[i]))
			continue;
		service->config = &planning->config->services[i];
		err = find_index(planning, service);
		plan->count++;
		if (err)
			continue;
		plan->kept[service->index] = true;
		planning->by_service[i] = service->index;
	}
	return err;
}

/* What stays must not be given to others: peers and lines of all elements, those that go too. */
static int take_running(struct planning *planning)
{
	const struct node_view *view = planning->view;
	int err = 0;

	memcpy(planning->plan->peers, view->peers.values,
	       view->peers.count * sizeof(struct xdplb_peer));
	for (uint32_t i = 1; i < view->successions.count && !err; i++) {
		const struct xdplb_bucket_ref *tables = succession_tables(view, i);

		for (size_t n = succession_list_peers(planning, i); n-- > 0;)
			planning->plan->peer_used[planning->list[n]] = true;
		for (int g = 0; g < XDPLB_GENERATIONS && !err; g++)
			err = extents_take(&planning->taken, tables[g]);
	}
	return err;
}

static void count_changes(struct planning *planning)
{
	const struct node_view *view = planning->view;
	struct succession_plan *plan = planning->plan;

	for (size_t i = 0; i < plan->count; i++)
		plan->changes += plan->services[i].is_changed;
	for (uint32_t i = 1; i < view->successions.count; i++)
		plan->changes += info_at(view, i)->name[0] && !plan->kept[i];
	for (size_t m = 0; m < planning->mappings->count; m++) {
		uint32_t index = planning->mappings->mappings[m].index;
		const struct xdplb_mapping *mapping = node_mapping(view, index);

		plan->changes += mapping->succession != plan->links[index].succession ||
				 mapping->netns != plan->links[index].netns;
	}
}

/* ---- all of it ---- */

static int allocate(struct planning *planning)
{
	const struct config *config = planning->config;
	const struct node_view *view = planning->view;
	struct succession_plan *plan = planning->plan;

	planning->seen = calloc(view->peers.count, sizeof(bool));
	planning->list = calloc(view->peers.count, sizeof(*planning->list));
	planning->by_service = calloc(config->service_count + 1, sizeof(*planning->by_service));
	plan->services = calloc(config->service_count + 1, sizeof(*plan->services));
	plan->kept = calloc(view->successions.count, sizeof(bool));
	plan->peers = calloc(view->peers.count, sizeof(*plan->peers));
	plan->peer_used = calloc(view->peers.count, sizeof(bool));
	plan->links = calloc(view->mappings.count, sizeof(*plan->links));
	return plan->services && plan->kept && plan->peers && plan->peer_used && plan->links &&
			       planning->seen && planning->list && planning->by_service
		       ? 0
		       : -ENOMEM;
}

static int build(struct planning *planning)
{
	struct succession_plan *plan = planning->plan;
	int err = allocate(planning);

	if (!err)
		err = take_running(planning);
	if (!err)
		err = list_services(planning);
	for (size_t i = 0; i < plan->count && !err; i++) {
		err = succession_plan_peers(planning, &plan->services[i]);
		if (!err)
			err = plan_tables(planning, &plan->services[i]);
	}
	if (!err)
		err = succession_find_mappings(planning);
	if (!err) {
		succession_link_mappings(planning);
		count_changes(planning);
	}
	return err;
}

int succession_plan_build(const struct config *config, const struct node_view *view,
			  const struct node_plan *mappings, const struct node_facts *facts,
			  struct succession_plan *ret_plan, struct error *error)
{
	struct succession_plan plan = { 0 };
	struct planning planning = {
		.config = config, .view = view, .facts = facts, .mappings = mappings, .plan = &plan
	};
	int err = build(&planning);

	extents_free(&planning.taken);
	free(planning.seen);
	free(planning.list);
	free(planning.by_service);
	if (!err) {
		*ret_plan = plan;
		return 0;
	}
	succession_plan_free(&plan);
	if (err == -ENOSPC)
		return fail(error, err,
			    "no room for the tables that connections are handed over by: raise "
			    "capacities.buckets or capacities.members, or set `hand_over: false` "
			    "for some services");
	return fail_errno(error, err, "cannot plan");
}

void succession_plan_free(struct succession_plan *plan)
{
	for (size_t i = 0; plan->services && i < plan->count; i++) {
		free(plan->services[i].table);
		free(plan->services[i].peers);
	}
	free(plan->services);
	free(plan->kept);
	free(plan->peers);
	free(plan->peer_used);
	free(plan->links);
	memset(plan, 0, sizeof(*plan));
}
