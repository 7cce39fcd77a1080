// SPDX-License-Identifier: BSD-2-Clause
/*
 * Config and running tables in, changes out. Reads the view, writes nothing to it.
 */
#include "tables/access_chain.h"
#include "tables/access_running.h"
#include "tables/access_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables/access_sources.h"

/* ---- targets, services and members ---- */

static void keep_target(struct access_plan *plan, size_t number, uint32_t index)
{
	plan->targets[number] = index;
	plan->backend_kept[index] = true;
}

static void find_target(struct access_running *running, struct access_plan *plan, size_t number)
{
	const struct config *config = running->config;
	const struct config_target *target = &config->targets[number];
	uint32_t index;

	if (plan->targets[number] != LOOKUP_NONE || plan->target_is_new[number])
		return;
	index = access_running_target(running, target);
	plan->target_is_new[number] = index == LOOKUP_NONE;
	if (index == LOOKUP_NONE)
		return;
	keep_target(plan, number, index);
	plan->target_differs[number] =
		access_target_differs(config, target, access_backend_info(running->view, index));
}

/*
 * Those that are there already. The others get their indices when members have got theirs, so in the order of members
 * most are where the one before them lets expect.
 */
static void find_targets(struct access_running *running, struct access_plan *plan)
{
	const struct config *config = running->config;

	for (size_t i = 0; i < config->target_count; i++)
		plan->targets[i] = LOOKUP_NONE;
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		for (size_t m = 0; m < service->member_count; m++) {
			config_fetch_ahead(config, service, m);
			find_target(running, plan, service->members[m].target);
		}
	}
	for (size_t i = 0; i < config->target_count; i++)
		find_target(running, plan, i);
}

/* The index of its first member, where that is free: lb_xdp reads both at once then. */
static void place_targets(const struct access_running *running, struct access_plan *plan,
			  const struct access_plan_service *service)
{
	for (size_t m = 0; m < service->config->member_count; m++) {
		size_t target = service->config->members[m].target;
		uint32_t index = service->members[m];

		if (plan->targets[target] == LOOKUP_NONE &&
		    access_backend_is_free(running, plan, index))
			keep_target(plan, target, index);
	}
}

static int plan_new_targets(struct access_running *running, struct access_plan *plan,
			    struct error *error)
{
	const struct config *config = running->config;

	for (size_t i = 0; i < plan->service_count; i++)
		place_targets(running, plan, &plan->services[i]);
	for (size_t i = 0; i < config->target_count; i++) {
		uint32_t index = plan->targets[i];

		if (index != LOOKUP_NONE)
			continue;
		index = access_free_backend(running, plan);
		if (index == LOOKUP_NONE)
			return fail(error, -ENOSPC,
				    "backend %s: no free index: capacities.backends is %zu",
				    config->backends[config->targets[i].backend].name,
				    running->view->backend_infos.count);
		keep_target(plan, i, index);
	}
	return 0;
}

/* Is a table of another size, or number of members, than its service is to have? */
static bool is_outgrown(const struct access_view *view, const struct access_plan_service *service)
{
	return service->is_new || service->buckets.count != service->config->buckets ||
	       access_service_info(view, service->index)->members != service->config->member_count;
}

static int plan_service_index(struct access_running *running, struct access_plan *plan,
			      struct access_plan_service *service)
{
	service->index = access_running_service(running, service->config);
	if (service->index != LOOKUP_NONE) {
		service->buckets = access_service(running->view, service->index)->buckets;
	} else {
		service->index = access_free_service(running, plan);
		if (service->index == LOOKUP_NONE)
			return -ENOSPC;
		service->is_new = true;
	}
	plan->service_kept[service->index] = true;
	/* Without a look at its members. */
	service->is_filled_beside = is_outgrown(running->view, service);
	return 0;
}

/* Finds or allots one member; false: there is no free index. */
static bool plan_member(struct access_running *running, struct access_plan *plan,
			struct access_plan_service *service, size_t number)
{
	const struct config_member *member = &service->config->members[number];
	uint32_t index = LOOKUP_NONE;

	if (!service->is_new)
		index = access_running_member(running, plan, service->index, member);
	if (index == LOOKUP_NONE) {
		index = access_free_member(running, plan);
		if (index == LOOKUP_NONE)
			return false;
		service->member_is_new[number] = true;
		service->table_changed = true;
	} else if (access_member_info(running->view, index)->weight != member->weight) {
		service->table_changed = true;
	}
	service->members[number] = index;
	plan->member_kept[index] = true;
	return true;
}

/* Finds or allots the members of a service; says whether its table stays as it is. */
static int plan_members(struct access_running *running, struct access_plan *plan,
			struct access_plan_service *service)
{
	const struct config_service *wanted = service->config;
	const struct xdplb_service_info *info = access_service_info(running->view, service->index);

	service->members = calloc(wanted->member_count, sizeof(*service->members));
	service->member_is_new = calloc(wanted->member_count, sizeof(*service->member_is_new));
	if (!service->members || !service->member_is_new)
		return -ENOMEM;
	service->members_before = info->members;
	service->table_changed = service->is_filled_beside;
	for (size_t i = 0; i < wanted->member_count; i++)
		if (!plan_member(running, plan, service, i))
			return -ENOSPC;
	/* Another one is in use that the plan does not keep. */
	if (running->in_use[service->index] != wanted->member_count)
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

/* What a commit has to write of each; of a service that is as it should be, nothing. */
static void compare_services(const struct access_view *view, struct access_plan *plan)
{
	for (size_t i = 0; i < plan->service_count; i++) {
		struct access_plan_service *service = &plan->services[i];

		service->info_changed = described_otherwise(view, service);
		service->chain_changed = access_chain_differs(plan, service, view);
	}
}

static void count_changes(const struct access_view *view, struct access_plan *plan)
{
	plan->changes = (plan->vips != NULL) + plan->echo_changed;
	for (size_t i = 0; i < plan->service_count; i++) {
		const struct access_plan_service *service = &plan->services[i];

		plan->changes += service->table_changed || service->sources_changed ||
				 service->info_changed || service->chain_changed ||
				 service->ref_changed;
	}
	for (size_t i = 0; i < plan->target_count; i++)
		plan->changes += plan->target_is_new[i] || plan->target_differs[i];
	for (size_t i = 0; i < view->service_infos.count; i++)
		plan->changes += !plan->service_kept[i] && access_service_in_use(view, i);
	for (size_t i = 0; i < view->member_infos.count; i++)
		plan->changes += !plan->member_kept[i] && access_member_info(view, i)->in_use;
	for (size_t i = 0; i < view->backend_infos.count; i++)
		plan->changes += !plan->backend_kept[i] && access_backend_info(view, i)->name[0];
}

static int plan_indices(struct access_running *running, struct access_plan *plan,
			struct error *error)
{
	const struct config *config = running->config;

	for (size_t i = 0; i < config->service_count; i++) {
		plan->services[i].config = &config->services[i];
		if (plan_service_index(running, plan, &plan->services[i]))
			return fail(error, -ENOSPC,
				    "service %s: no free index: capacities.services is %zu, and a "
				    "service being replaced needs one for each version",
				    config->services[i].name, running->view->service_infos.count);
	}
	return 0;
}

static int plan_all_members(struct access_running *running, struct access_plan *plan,
			    struct error *error)
{
	for (size_t i = 0; i < plan->service_count; i++) {
		struct access_plan_service *service = &plan->services[i];
		int err = plan_members(running, plan, service);

		if (err == -ENOSPC)
			return fail(error, err,
				    "service %s: no free member: capacities.members is %zu, and a "
				    "member being replaced needs one for each version",
				    service->config->name, running->view->member_infos.count);
		if (!err && service->table_changed && !service->is_filled_beside)
			err = access_build_table(running->config, service);
		if (err)
			return fail_errno(error, err, "service %s", service->config->name);
	}
	return 0;
}

static int plan_services(struct access_running *running, struct access_plan *plan,
			 struct error *error)
{
	int err = plan_indices(running, plan, error);

	if (err)
		return err;
	err = access_filling_begin(running->config, plan);
	if (err)
		return fail_errno(error, err, "cannot fill bucket tables");
	access_running_count(running);
	find_targets(running, plan);
	err = plan_all_members(running, plan, error);
	if (!err)
		access_filling_planned(plan);
	return err;
}

static int allocate(const struct config *config, const struct access_view *view,
		    struct access_plan *plan)
{
	plan->service_count = config->service_count;
	plan->target_count = config->target_count;
	plan->services = calloc(plan->service_count + 1, sizeof(*plan->services));
	plan->targets = calloc(plan->target_count + 1, sizeof(*plan->targets));
	plan->target_is_new = calloc(plan->target_count + 1, sizeof(bool));
	plan->target_differs = calloc(plan->target_count + 1, sizeof(bool));
	plan->service_kept = calloc(view->service_infos.count, sizeof(bool));
	plan->member_kept = calloc(view->member_infos.count, sizeof(bool));
	plan->backend_kept = calloc(view->backend_infos.count, sizeof(bool));
	return plan->services && plan->targets && plan->target_is_new && plan->target_differs &&
			       plan->service_kept && plan->member_kept && plan->backend_kept
		       ? 0
		       : -ENOMEM;
}

int access_plan_build(const struct config *config, const struct access_view *view,
		      struct access_plan *ret_plan, struct error *error)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	struct access_plan plan = { 0 };
	struct access_running running = { 0 };
	int err = allocate(config, view, &plan);

	if (!err)
		err = access_running_open(config, view, &running);
	if (err) {
		fail_errno(error, err, "cannot plan");
		goto out;
	}
	err = plan_services(&running, &plan, error);
	if (!err)
		err = plan_new_targets(&running, &plan, error);
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
	plan.echo_changed = control->no_echo != config->no_echo;
	compare_services(view, &plan);
	count_changes(view, &plan);
	*ret_plan = plan;
out:
	if (err)
		access_plan_free(&plan);
	access_running_close(&running);
	return err;
}

void access_plan_free(struct access_plan *plan)
{
	access_filling_free(plan);
	for (size_t i = 0; plan->services && i < plan->service_count; i++) {
		free(plan->services[i].members);
		free(plan->services[i].member_is_new);
		free(plan->services[i].table);
		free(plan->services[i].name_hashes);
		free(plan->services[i].shares);
	}
	free(plan->services);
	free(plan->targets);
	free(plan->target_is_new);
	free(plan->target_differs);
	free(plan->vips);
	free(plan->service_kept);
	free(plan->member_kept);
	free(plan->backend_kept);
	memset(plan, 0, sizeof(*plan));
}
