// SPDX-License-Identifier: BSD-2-Clause
/*
 * Config and running mappings in, changes out. Reads the view, writes nothing to it.
 */
#include "node_tables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint_table.h"

#define NSEC_PER_SEC 1000000000ULL

static bool same_address(const struct xdplb_addr *a, const struct xdplb_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Do two mappings stand for the same VIP, port and protocol? */
static bool same_face(const struct xdplb_mapping *a, const struct xdplb_mapping *b)
{
	return same_address(&a->vip, &b->vip) && a->vport == b->vport && a->proto == b->proto;
}

static bool same_tag(const struct xdplb_mapping *a, const struct xdplb_mapping *b)
{
	return a->tag == b->tag && same_address(&a->backend, &b->backend);
}

static bool same_mapping(const struct xdplb_mapping *a, const struct xdplb_mapping *b)
{
	return same_tag(a, b) && same_face(a, b) && a->port == b->port && a->restore == b->restore;
}

/* ---- the mappings of the config ---- */

static struct xdplb_mapping make_mapping(const struct config_service *service,
					 const struct config_member *member, uint32_t ifindex)
{
	return (struct xdplb_mapping){
		.vip = service->vip,
		.backend = member->addr,
		.vport = service->port,
		.tag = member->tag,
		.port = member->port,
		.proto = service->proto,
		.family = service->family,
		.restore = service->restore,
		.state = XDPLB_MAPPING_ACTIVE,
		.ifindex = ifindex,
	};
}

static size_t list_service(const struct config *config, const struct node_facts *facts,
			   const struct config_service *service, struct node_plan_mapping *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < service->member_count; i++) {
		const struct config_member *member = &service->members[i];
		const struct config_backend *backend = &config->backends[member->backend];

		if (backend->node != facts->node)
			continue;
		ret[n++] = (struct node_plan_mapping){
			.index = UINT32_MAX,
			.mapping = make_mapping(service, member, facts->ifindexes[member->backend]),
			.service = service->name,
			.backend = backend->name,
		};
	}
	return n;
}

static int list_mappings(const struct config *config, const struct node_facts *facts,
			 struct node_plan *plan)
{
	size_t most = 1;

	for (size_t i = 0; i < config->service_count; i++)
		most += config->services[i].member_count;
	plan->mappings = calloc(most, sizeof(*plan->mappings));
	if (!plan->mappings)
		return -ENOMEM;
	for (size_t i = 0; i < config->service_count; i++)
		plan->count += list_service(config, facts, &config->services[i],
					    plan->mappings + plan->count);
	return 0;
}

/* ---- against what is running ---- */

/* A tag that another service had is not given on before it has rested. */
static int check_rest(const struct node_view *view, const struct node_plan *plan,
		      const struct node_plan_mapping *wanted, const struct node_facts *facts,
		      struct error *error)
{
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		const struct xdplb_mapping *old = node_mapping(view, i);
		uint64_t left;

		if (old->state == XDPLB_MAPPING_FREE || plan->expired[i] || plan->wanted[i] ||
		    !same_tag(old, &wanted->mapping) || same_face(old, &wanted->mapping))
			continue;
		if (old->state == XDPLB_MAPPING_ACTIVE)
			return fail(
				error, -EBUSY,
				"service %s: tag %u at backend %s is still service %s's: remove "
				"that first and let the tag rest, or set another `tag:`",
				wanted->service, ntohs(old->tag), wanted->backend,
				node_mapping_info(view, i)->service);
		left = (old->rest_until - facts->now) / NSEC_PER_SEC + 1;
		return fail(
			error, -EBUSY,
			"service %s: tag %u at backend %s was service %s's and rests for %llu s "
			"more: wait, or set another `tag:`",
			wanted->service, ntohs(old->tag), wanted->backend,
			node_mapping_info(view, i)->service, (unsigned long long)left);
	}
	return 0;
}

static void find_running(const struct node_view *view, struct node_plan *plan)
{
	for (size_t m = 0; m < plan->count; m++) {
		struct node_plan_mapping *wanted = &plan->mappings[m];

		for (uint32_t i = 0; i < view->mappings.count; i++) {
			const struct xdplb_mapping *old = node_mapping(view, i);

			if (old->state == XDPLB_MAPPING_FREE || plan->wanted[i] ||
			    !same_mapping(old, &wanted->mapping))
				continue;
			wanted->index = i;
			plan->wanted[i] = true;
			plan->changes += old->state != XDPLB_MAPPING_ACTIVE ||
					 old->ifindex != wanted->mapping.ifindex;
			break;
		}
	}
}

static int allot_indices(const struct node_view *view, struct node_plan *plan, struct error *error)
{
	uint32_t next = 0;

	for (size_t m = 0; m < plan->count; m++) {
		struct node_plan_mapping *wanted = &plan->mappings[m];

		if (wanted->index != UINT32_MAX)
			continue;
		while (next < view->mappings.count &&
		       (node_mapping(view, next)->state != XDPLB_MAPPING_FREE ||
			plan->wanted[next]))
			next++;
		if (next == view->mappings.count)
			return fail(error, -ENOSPC,
				    "service %s: no free mapping: capacities.members is %zu, and "
				    "mappings of removed services rest for a while",
				    wanted->service, view->mappings.count);
		wanted->index = next;
		wanted->mapping.epoch = node_mapping(view, next)->epoch + 1;
		if (!wanted->mapping.epoch)
			wanted->mapping.epoch = 1; /* 0 is the epoch of direct flows */
		plan->wanted[next] = true;
		plan->changes++;
	}
	return 0;
}

static void mark_resting(const struct config *config, const struct node_view *view,
			 const struct node_facts *facts, struct node_plan *plan)
{
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		const struct xdplb_mapping *old = node_mapping(view, i);

		if (old->state == XDPLB_MAPPING_RESTING)
			plan->expired[i] = old->rest_until <= facts->now;
		else if (old->state == XDPLB_MAPPING_ACTIVE)
			plan->expired[i] = !config->tag_rest;
	}
}

/* Goes over what is neither wanted nor free. */
static void plan_rest(const struct node_view *view, struct node_plan *plan)
{
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		const struct xdplb_mapping *old = node_mapping(view, i);

		if (old->state == XDPLB_MAPPING_FREE || plan->wanted[i])
			continue;
		plan->changes += old->state == XDPLB_MAPPING_ACTIVE || plan->expired[i];
		for (size_t m = 0; m < plan->count && !plan->shadowed[i]; m++)
			plan->shadowed[i] = same_tag(old, &plan->mappings[m].mapping);
	}
}

/* ---- the tables ---- */

static int by_endpoint(const void *a, const void *b)
{
	const struct xdplb_endpoint *x = a, *y = b;
	int order = memcmp(x, y, offsetof(struct xdplb_endpoint, index));

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static bool same_endpoint(const struct xdplb_endpoint *a, const struct xdplb_endpoint *b)
{
	return !memcmp(a, b, offsetof(struct xdplb_endpoint, index));
}

/* What `tags` (or `endpoints`) is to hold for one mapping; false: nothing. */
static bool entry_of(const struct xdplb_mapping *mapping, uint32_t index, bool is_tag,
		     struct xdplb_endpoint *ret_entry)
{
	if (!is_tag && mapping->restore != XDPLB_RESTORE_SOURCE)
		return false;
	*ret_entry = (struct xdplb_endpoint){
		.addr = mapping->backend,
		.port = is_tag ? mapping->tag : mapping->port,
		.proto = is_tag ? 0 : mapping->proto,
		.family = mapping->family,
		.index = index,
	};
	return true;
}

static size_t list_entries(const struct node_view *view, const struct node_plan *plan, bool is_tag,
			   struct xdplb_endpoint *entries)
{
	size_t n = 0, unique = 0;

	for (size_t m = 0; m < plan->count; m++)
		n += entry_of(&plan->mappings[m].mapping, plan->mappings[m].index, is_tag,
			      &entries[n]);
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		const struct xdplb_mapping *old = node_mapping(view, i);

		if (old->state == XDPLB_MAPPING_FREE || plan->wanted[i] || plan->expired[i] ||
		    (is_tag && plan->shadowed[i]))
			continue;
		n += entry_of(old, i, is_tag, &entries[n]);
	}
	qsort(entries, n, sizeof(*entries), by_endpoint);
	for (size_t i = 0; i < n; i++)
		if (!unique || !same_endpoint(&entries[i], &entries[unique - 1]))
			entries[unique++] = entries[i];
	return unique;
}

/* Builds one of the two tables; NULL in *ret_table: it stays as it is. */
static int plan_table(const struct node_view *view, const struct node_plan *plan, bool is_tag,
		      struct xdplb_endpoint **ret_table, uint32_t *ret_seed)
{
	const struct xdplb_node_control *control = map_at(&view->control, 0);
	const struct map_array *map = is_tag ? &view->tags : &view->endpoints;
	const struct xdplb_table_ref *live = is_tag ? &control->tags : &control->endpoints;
	struct xdplb_endpoint *entries, *table;
	int err = -ENOMEM;

	entries = calloc(plan->count + view->mappings.count + 1, sizeof(*entries));
	table = calloc(plan->slots, sizeof(*table));
	if (entries && table)
		err = endpoint_table_build(entries, list_entries(view, plan, is_tag, entries),
					   table, plan->slots, ret_seed);
	free(entries);
	if (err || (*ret_seed == live->seed &&
		    !memcmp(table, map_at(map, live->base), plan->slots * sizeof(*table)))) {
		free(table);
		table = NULL;
	}
	*ret_table = table;
	return err;
}

static int plan_tables(const struct node_view *view, struct node_plan *plan, struct error *error)
{
	int err;

	plan->slots = view->tags.count / 2;
	err = plan_table(view, plan, true, &plan->tags, &plan->tags_seed);
	if (!err)
		err = plan_table(view, plan, false, &plan->endpoints, &plan->endpoints_seed);
	if (err)
		return fail_errno(error, err, "cannot fill the tables of tags and endpoints");
	plan->changes += (plan->tags != NULL) + (plan->endpoints != NULL);
	return 0;
}

int node_plan_build(const struct config *config, const struct node_view *view,
		    const struct node_facts *facts, struct node_plan *ret_plan, struct error *error)
{
	struct node_plan plan = { 0 };
	int err;

	plan.wanted = calloc(view->mappings.count, sizeof(bool));
	plan.expired = calloc(view->mappings.count, sizeof(bool));
	plan.shadowed = calloc(view->mappings.count, sizeof(bool));
	err = plan.wanted && plan.expired && plan.shadowed ? list_mappings(config, facts, &plan)
							   : -ENOMEM;
	if (err) {
		fail_errno(error, err, "cannot plan");
		goto out;
	}
	mark_resting(config, view, facts, &plan);
	find_running(view, &plan);
	for (size_t m = 0; m < plan.count && !err; m++)
		err = check_rest(view, &plan, &plan.mappings[m], facts, error);
	if (!err)
		err = allot_indices(view, &plan, error);
	if (err)
		goto out;
	plan_rest(view, &plan);
	err = plan_tables(view, &plan, error);
out:
	if (err)
		node_plan_free(&plan);
	else
		*ret_plan = plan;
	return err;
}

void node_plan_free(struct node_plan *plan)
{
	free(plan->mappings);
	free(plan->wanted);
	free(plan->expired);
	free(plan->shadowed);
	free(plan->tags);
	free(plan->endpoints);
	memset(plan, 0, sizeof(*plan));
}
