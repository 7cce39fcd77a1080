// SPDX-License-Identifier: BSD-2-Clause
/*
 * Config and running mappings in, changes out. Reads the view, writes nothing to it.
 */
#include "tables/node_plan_tables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/lookup.h"

#define NSEC_PER_SEC 1000000000ULL

static bool same_address(const struct xdplb_addr *a, const struct xdplb_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Do two mappings stand for the same VIP, port and protocol? */
static bool same_face(const struct xdplb_mapping *a, const struct xdplb_mapping *b)
{
	return a->family == b->family && same_address(&a->vip, &b->vip) && a->vport == b->vport &&
	       a->proto == b->proto;
}

static bool same_tag(const struct xdplb_mapping *a, const struct xdplb_mapping *b)
{
	return a->family == b->family && a->tag == b->tag && same_address(&a->backend, &b->backend);
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
		.vport = config_vport(service),
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
			.service_number = (size_t)(service - config->services),
			.backend_number = member->backend,
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

struct running {
	const struct node_view *view;
	struct lookup tags; /* mappings by tag and address */
};

/* Tag and address alone, so that both the same mapping and another one with its tag are found. */
static uint32_t hash_tag(const struct xdplb_mapping *mapping)
{
	return lookup_hash(mapping->tag, &mapping->backend, sizeof(mapping->backend));
}

/* All that run, the lowest index first. */
static int find_tags(const struct node_view *view, struct lookup *ret_tags)
{
	int err = lookup_open(ret_tags, view->mappings.count);

	for (uint32_t i = view->mappings.count; !err && i-- > 0;)
		if (node_mapping(view, i)->state != XDPLB_MAPPING_FREE)
			lookup_add(ret_tags, hash_tag(node_mapping(view, i)), i);
	return err;
}

/* A tag that another service had is not given on before it has rested. */
static int check_rest(const struct running *running, const struct node_plan *plan,
		      const struct node_plan_mapping *wanted, const struct node_facts *facts,
		      struct error *error)
{
	const struct node_view *view = running->view;
	uint32_t i = lookup_first(&running->tags, hash_tag(&wanted->mapping));

	for (; i != LOOKUP_NONE; i = lookup_next(&running->tags, i)) {
		const struct xdplb_mapping *old = node_mapping(view, i);
		uint64_t left;

		if (plan->expired[i] || plan->wanted[i] || !same_tag(old, &wanted->mapping) ||
		    same_face(old, &wanted->mapping))
			continue;
		if (old->state == XDPLB_MAPPING_ACTIVE)
			return fail(
				error, -EBUSY,
				"service %s: tag %u at backend %s is still service %s's: remove "
				"that first and let the tag rest, or set another `tag:`",
				wanted->service, ntohs(old->tag), wanted->backend,
				node_mapping_info(view, i)->service);
		left = (old->rest_until - facts->now + NSEC_PER_SEC - 1) / NSEC_PER_SEC;
		return fail(
			error, -EBUSY,
			"service %s: tag %u at backend %s was service %s's and rests for %llu s "
			"more: wait, or set another `tag:`",
			wanted->service, ntohs(old->tag), wanted->backend,
			node_mapping_info(view, i)->service, (unsigned long long)left);
	}
	return 0;
}

/* Does a running mapping stand under other names? */
static bool renamed(const struct node_view *view, const struct node_plan_mapping *wanted)
{
	const struct xdplb_mapping_info *info = node_mapping_info(view, wanted->index);

	return strcmp(info->service, wanted->service) || strcmp(info->backend, wanted->backend);
}

/* The index of a mapping that runs and that no other of the config is; LOOKUP_NONE: it does not. */
static uint32_t find_mapping(const struct running *running, const struct node_plan *plan,
			     const struct xdplb_mapping *mapping)
{
	uint32_t i = lookup_first(&running->tags, hash_tag(mapping));

	while (i != LOOKUP_NONE &&
	       (plan->wanted[i] || !same_mapping(node_mapping(running->view, i), mapping)))
		i = lookup_next(&running->tags, i);
	return i;
}

static void find_running(const struct running *running, struct node_plan *plan)
{
	for (size_t m = 0; m < plan->count; m++) {
		struct node_plan_mapping *wanted = &plan->mappings[m];
		uint32_t i = find_mapping(running, plan, &wanted->mapping);
		const struct xdplb_mapping *old;

		if (i == LOOKUP_NONE)
			continue;
		old = node_mapping(running->view, i);
		wanted->index = i;
		plan->wanted[i] = true;
		plan->changes += old->state != XDPLB_MAPPING_ACTIVE ||
				 old->ifindex != wanted->mapping.ifindex ||
				 renamed(running->view, wanted);
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
	}
}

int node_plan_build(const struct config *config, const struct node_view *view,
		    const struct node_facts *facts, struct node_plan *ret_plan, struct error *error)
{
	struct running running = { .view = view };
	struct node_plan plan = { 0 };
	int err;

	plan.wanted = calloc(view->mappings.count, sizeof(bool));
	plan.expired = calloc(view->mappings.count, sizeof(bool));
	err = plan.wanted && plan.expired ? list_mappings(config, facts, &plan) : -ENOMEM;
	if (!err)
		err = find_tags(view, &running.tags);
	if (err) {
		fail_errno(error, err, "cannot plan");
		goto out;
	}
	mark_resting(config, view, facts, &plan);
	find_running(&running, &plan);
	for (size_t m = 0; m < plan.count && !err; m++)
		err = check_rest(&running, &plan, &plan.mappings[m], facts, error);
	if (!err)
		err = allot_indices(view, &plan, error);
	if (err)
		goto out;
	plan_rest(view, &plan);
	err = node_plan_tables(view, &plan, error);
out:
	lookup_close(&running.tags);
	if (err)
		node_plan_free(&plan);
	else
		*ret_plan = plan;
	return err;
}

int node_plan_purge(const struct node_view *view, uint64_t now, struct node_plan *ret_plan,
		    struct error *error)
{
	static const struct config nothing_new = { .tag_rest = 1 };
	const struct node_facts facts = { .now = now };
	struct node_plan plan = { 0 };
	int err = 0;

	plan.mappings = calloc(view->mappings.count + 1, sizeof(*plan.mappings));
	plan.wanted = calloc(view->mappings.count, sizeof(bool));
	plan.expired = calloc(view->mappings.count, sizeof(bool));
	if (!plan.mappings || !plan.wanted || !plan.expired) {
		err = fail_errno(error, -ENOMEM, "cannot plan");
		goto out;
	}
	mark_resting(&nothing_new, view, &facts, &plan);
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		if (node_mapping(view, i)->state != XDPLB_MAPPING_ACTIVE)
			continue;
		plan.wanted[i] = true;
		plan.mappings[plan.count++] = (struct node_plan_mapping){
			.index = i,
			.mapping = *node_mapping(view, i),
			.service = node_mapping_info(view, i)->service,
			.backend = node_mapping_info(view, i)->backend,
		};
	}
	plan_rest(view, &plan);
	err = node_plan_tables(view, &plan, error);
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
	free(plan->tags);
	free(plan->endpoints);
	memset(plan, 0, sizeof(*plan));
}
