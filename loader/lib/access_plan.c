// SPDX-License-Identifier: BSD-2-Clause
/*
 * Config and running tables in, changes out. Reads the view, writes nothing to it.
 */
#include "access_chain.h"
#include "access_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access_sources.h"

static bool same_address(const struct xdplb_addr *a, const struct xdplb_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* ---- targets ---- */

static int plan_target(const struct config *config, const struct access_view *view,
		       struct access_plan *plan, size_t number)
{
	const struct config_target *target = &config->targets[number];
	const char *name = config->backends[target->backend].name;
	uint32_t free_index = UINT32_MAX;

	for (uint32_t i = 0; i < view->backend_infos.count; i++) {
		const struct xdplb_backend_info *info = access_backend_info(view, i);

		if (!strcmp(info->name, name) && info->identity == target->identity) {
			plan->targets[number] = i;
			plan->backend_kept[i] = true;
			return 0;
		}
		if (!info->name[0] && !plan->backend_kept[i] && free_index == UINT32_MAX)
			free_index = i;
	}
	if (free_index == UINT32_MAX)
		return -ENOSPC;
	plan->targets[number] = free_index;
	plan->target_is_new[number] = true;
	plan->backend_kept[free_index] = true;
	return 0;
}

static int plan_targets(const struct config *config, const struct access_view *view,
			struct access_plan *plan, struct error *error)
{
	for (size_t i = 0; i < config->target_count; i++)
		if (plan_target(config, view, plan, i))
			return fail(error, -ENOSPC,
				    "backend %s: no free index: capacities.backends is %zu",
				    config->backends[config->targets[i].backend].name,
				    view->backend_infos.count);
	return 0;
}

/* ---- services and members ---- */

/* A service is what it is on the wire: it may be renamed. */
static bool is_service(const struct xdplb_service_info *info, const struct config_service *service)
{
	return same_address(&info->vip, &service->vip) && info->port == service->port &&
	       info->proto == service->proto && info->family == service->family;
}

static int plan_service_index(const struct access_view *view, struct access_plan *plan,
			      struct access_plan_service *service)
{
	uint32_t free_index = UINT32_MAX;

	for (uint32_t i = 0; i < view->service_infos.count; i++) {
		const struct xdplb_service_info *info = access_service_info(view, i);

		if (info->name[0] && is_service(info, service->config)) {
			service->index = i;
			service->buckets = access_service(view, i)->buckets;
			plan->service_kept[i] = true;
			return 0;
		}
		if (!access_service_in_use(view, i) && !plan->service_kept[i] &&
		    free_index == UINT32_MAX)
			free_index = i;
	}
	if (free_index == UINT32_MAX)
		return -ENOSPC;
	service->index = free_index;
	service->is_new = true;
	plan->service_kept[free_index] = true;
	return 0;
}

/* The members of each service, chained; and from where on there may be a free index. */
struct member_lists {
	uint32_t *first; /* by service; UINT32_MAX: none */
	uint32_t *next; /* by member */
	uint32_t free_from;
};

static int list_members(const struct access_view *view, struct member_lists *lists)
{
	lists->first = malloc(view->service_infos.count * sizeof(*lists->first));
	lists->next = malloc(view->member_infos.count * sizeof(*lists->next));
	if (!lists->first || !lists->next)
		return -ENOMEM;
	memset(lists->first, 0xff, view->service_infos.count * sizeof(*lists->first));
	for (uint32_t i = 0; i < view->member_infos.count; i++) {
		const struct xdplb_member_info *info = access_member_info(view, i);

		if (!info->in_use || info->service >= view->service_infos.count)
			continue;
		lists->next[i] = lists->first[info->service];
		lists->first[info->service] = i;
	}
	return 0;
}

/* The member of a service that stands for a config member already. */
static uint32_t find_member(const struct config *config, const struct access_view *view,
			    uint32_t first, const struct member_lists *lists,
			    const struct config_member *wanted)
{
	const struct config_backend *backend = &config->backends[wanted->backend];
	const char *node = config->nodes[backend->node].name;

	for (uint32_t i = first; i != UINT32_MAX; i = lists->next[i]) {
		const struct xdplb_member *member = access_member(view, i);
		const struct xdplb_backend_info *info =
			access_backend_info(view, access_member_info(view, i)->backend);

		/* On another node it is another member, which that node has to confirm. */
		if (!strcmp(info->name, backend->name) && !strcmp(info->node, node) &&
		    member->tag == wanted->tag && same_address(&member->addr, &wanted->addr))
			return i;
	}
	return UINT32_MAX;
}

static uint32_t free_member(const struct access_view *view, const struct access_plan *plan,
			    uint32_t *from)
{
	for (; *from < view->member_infos.count; (*from)++)
		if (!access_member_info(view, *from)->in_use && !plan->member_kept[*from])
			return *from;
	return UINT32_MAX;
}

/* Is a member in use that the service is to have no longer? */
static bool members_go(const struct access_plan *plan, uint32_t first,
		       const struct member_lists *lists)
{
	for (uint32_t i = first; i != UINT32_MAX; i = lists->next[i])
		if (!plan->member_kept[i])
			return true;
	return false;
}

/* Finds or allots one member; false: there is no free index. */
static bool plan_member(const struct config *config, const struct access_view *view,
			struct access_plan *plan, struct access_plan_service *service,
			struct member_lists *lists, size_t number)
{
	const struct config_member *member = &service->config->members[number];
	uint32_t index = UINT32_MAX;

	if (!service->is_new)
		index = find_member(config, view, lists->first[service->index], lists, member);
	if (index == UINT32_MAX) {
		index = free_member(view, plan, &lists->free_from);
		if (index == UINT32_MAX)
			return false;
		service->member_is_new[number] = true;
		service->table_changed = true;
	} else if (access_member_info(view, index)->weight != member->weight) {
		service->table_changed = true;
	}
	service->members[number] = index;
	plan->member_kept[index] = true;
	return true;
}

/* Finds or allots the members of a service; says whether its table stays as it is. */
static int plan_members(const struct config *config, const struct access_view *view,
			struct access_plan *plan, struct access_plan_service *service,
			struct member_lists *lists)
{
	const struct config_service *wanted = service->config;
	const struct xdplb_service_info *info = access_service_info(view, service->index);

	service->members = calloc(wanted->member_count, sizeof(*service->members));
	service->member_is_new = calloc(wanted->member_count, sizeof(*service->member_is_new));
	if (!service->members || !service->member_is_new)
		return -ENOMEM;
	service->members_before = info->members;
	service->table_changed = service->is_new || info->members != wanted->member_count ||
				 service->buckets.count != wanted->buckets;
	for (size_t i = 0; i < wanted->member_count; i++)
		if (!plan_member(config, view, plan, service, lists, i))
			return -ENOSPC;
	if (!service->is_new && members_go(plan, lists->first[service->index], lists))
		service->table_changed = true;
	return 0;
}

/* ---- all of it ---- */

/* Is a running service's description another one than its config's? */
static bool described_otherwise(const struct access_view *view,
				const struct access_plan_service *service)
{
	const struct xdplb_service_info *info = access_service_info(view, service->index);

	return strcmp(info->name, service->config->name) ||
	       info->restore != service->config->restore;
}

static void count_changes(const struct config *config, const struct access_view *view,
			  struct access_plan *plan)
{
	plan->changes = plan->vips != NULL;
	for (size_t i = 0; i < plan->service_count; i++)
		plan->changes += plan->services[i].table_changed ||
				 plan->services[i].sources_changed ||
				 described_otherwise(view, &plan->services[i]) ||
				 access_chain_differs(plan, &plan->services[i], view);
	for (size_t i = 0; i < plan->target_count; i++)
		plan->changes += plan->target_is_new[i] ||
				 access_target_differs(config, &config->targets[i],
						       access_backend_info(view, plan->targets[i]));
	for (size_t i = 0; i < view->service_infos.count; i++)
		plan->changes += access_service_in_use(view, i) && !plan->service_kept[i];
	for (size_t i = 0; i < view->member_infos.count; i++)
		plan->changes += access_member_info(view, i)->in_use && !plan->member_kept[i];
	for (size_t i = 0; i < view->backend_infos.count; i++)
		plan->changes += access_backend_info(view, i)->name[0] && !plan->backend_kept[i];
}

static int plan_services(const struct config *config, const struct access_view *view,
			 struct access_plan *plan, struct member_lists *lists, struct error *error)
{
	int err;

	for (size_t i = 0; i < config->service_count; i++) {
		struct access_plan_service *service = &plan->services[i];

		service->config = &config->services[i];
		if (plan_service_index(view, plan, service))
			return fail(error, -ENOSPC,
				    "service %s: no free index: capacities.services is %zu, and a "
				    "service being replaced needs one for each version",
				    service->config->name, view->service_infos.count);
		err = plan_members(config, view, plan, service, lists);
		if (err == -ENOSPC)
			return fail(error, err,
				    "service %s: no free member: capacities.members is %zu, and a "
				    "member being replaced needs one for each version",
				    service->config->name, view->member_infos.count);
		if (!err && service->table_changed)
			err = access_build_table(config, service);
		if (err)
			return fail_errno(error, err, "service %s", service->config->name);
	}
	return 0;
}

static int allocate(const struct config *config, const struct access_view *view,
		    struct access_plan *plan)
{
	plan->service_count = config->service_count;
	plan->target_count = config->target_count;
	plan->services = calloc(plan->service_count + 1, sizeof(*plan->services));
	plan->targets = calloc(plan->target_count + 1, sizeof(*plan->targets));
	plan->target_is_new = calloc(plan->target_count + 1, sizeof(bool));
	plan->service_kept = calloc(view->service_infos.count, sizeof(bool));
	plan->member_kept = calloc(view->member_infos.count, sizeof(bool));
	plan->backend_kept = calloc(view->backend_infos.count, sizeof(bool));
	return plan->services && plan->targets && plan->target_is_new && plan->service_kept &&
			       plan->member_kept && plan->backend_kept
		       ? 0
		       : -ENOMEM;
}

int access_plan_build(const struct config *config, const struct access_view *view,
		      struct access_plan *ret_plan, struct error *error)
{
	struct access_plan plan = { 0 };
	struct member_lists lists = { 0 };
	int err = allocate(config, view, &plan);

	if (!err)
		err = list_members(view, &lists);
	if (err) {
		fail_errno(error, err, "cannot plan");
		goto out;
	}
	err = plan_targets(config, view, &plan, error);
	if (!err)
		err = plan_services(config, view, &plan, &lists, error);
	if (!err)
		err = access_sources_plan(view, &plan, error);
	if (err)
		goto out;
	err = access_place_tables(view, &plan);
	if (err) {
		fail(error, err,
		     "no room for the new bucket tables: capacities.buckets is %zu, and a table "
		     "being "
		     "changed needs room for both versions",
		     view->buckets.count * XDPLB_BUCKETS_PER_LINE);
		goto out;
	}
	err = access_plan_vips(view, &plan);
	if (err) {
		fail_errno(error, err, "cannot fill the table of VIPs");
		goto out;
	}
	count_changes(config, view, &plan);
	*ret_plan = plan;
out:
	if (err)
		access_plan_free(&plan);
	free(lists.first);
	free(lists.next);
	return err;
}

void access_plan_free(struct access_plan *plan)
{
	for (size_t i = 0; plan->services && i < plan->service_count; i++) {
		free(plan->services[i].members);
		free(plan->services[i].member_is_new);
		free(plan->services[i].table);
	}
	free(plan->services);
	free(plan->targets);
	free(plan->target_is_new);
	free(plan->vips);
	free(plan->service_kept);
	free(plan->member_kept);
	free(plan->backend_kept);
	memset(plan, 0, sizeof(*plan));
}
