// SPDX-License-Identifier: BSD-2-Clause
/*
 * A node as a whole.
 */
#include "node/node_work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/netlink.h"

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* ---- what is to be ---- */

/* A container's sockets can be looked for by the number of its namespace, a VM's not at all. */
static int find_netns(struct work *work, const struct config_backend *backend, int32_t *ret_netns)
{
	int err;

	*ret_netns = XDPLB_NETNS_UNSEEN;
	if (!backend->netns[0])
		return 0;
	err = netlink_netns_number(backend->netns, ret_netns);
	return err ? fail_errno(work->error, err, "backend %s: network namespace %s", backend->name,
				backend->netns)
		   : 0;
}

static int find_vnics(struct work *work)
{
	const struct config *config = work->config;
	int err;

	work->ifindexes = calloc(config->backend_count + 1, sizeof(*work->ifindexes));
	work->netns = calloc(config->backend_count + 1, sizeof(*work->netns));
	if (!work->ifindexes || !work->netns)
		return -ENOMEM;
	for (size_t i = 0; i < config->backend_count; i++) {
		const struct config_backend *backend = &config->backends[i];

		work->netns[i] = XDPLB_NETNS_OWN;
		if (backend->node != work->number || !backend->vnic[0] ||
		    !config_in_service(config, i))
			continue;
		work->ifindexes[i] = if_nametoindex(backend->vnic);
		if (!work->ifindexes[i])
			return fail(work->error, -ENODEV, "backend %s: no such interface: %s",
				    backend->name, backend->vnic);
		err = find_netns(work, backend, &work->netns[i]);
		if (err)
			return err;
	}
	return 0;
}

/* A mapping that the file has no more, but flows that are under way. */
static bool is_resting(const struct work *work, uint32_t index)
{
	return node_mapping(&work->tables, index)->state != XDPLB_MAPPING_FREE &&
	       !work->node_plan.wanted[index] && !work->node_plan.expired[index];
}

/* VIPs that mappings at rest still need where they are. */
static struct host_address *resting_vips(const struct work *work, size_t *ret_count)
{
	struct host_address *addresses;
	size_t n = 0;

	addresses = calloc(work->tables.mappings.count + 1, sizeof(*addresses));
	for (uint32_t i = 0; addresses && i < work->tables.mappings.count; i++) {
		const struct xdplb_mapping *mapping = node_mapping(&work->tables, i);

		if (!is_resting(work, i))
			continue;
		addresses[n].family = mapping->family;
		addresses[n++].addr = mapping->vip;
	}
	*ret_count = n;
	return addresses;
}

/* Frees the mappings that have rested long enough, whatever becomes of the new config. */
static int purge_mappings(struct work *work)
{
	struct node_plan plan;
	int err = node_plan_purge(&work->tables, work->now, &plan, work->error);

	if (err)
		return err;
	node_commit(work->config, &plan, work->now, &work->tables);
	node_plan_free(&plan);
	return 0;
}

static int plan_mappings(struct work *work, const struct node_facts *facts)
{
	int err =
		node_plan_build(work->config, &work->tables, facts, &work->node_plan, work->error);

	if (err != -ENOSPC)
		return err;
	err = purge_mappings(work);
	return err ? err
		   : node_plan_build(work->config, &work->tables, facts, &work->node_plan,
				     work->error);
}

/* Tables of before go first where there is no room. */
static int plan_succession(struct work *work, const struct node_facts *facts)
{
	int err = succession_plan_build(work->config, &work->tables, &work->node_plan, facts,
					&work->succession, work->error);

	if (err != -ENOSPC || !succession_forget(&work->tables))
		return err;
	return succession_plan_build(work->config, &work->tables, &work->node_plan, facts,
				     &work->succession, work->error);
}

static int make_plans(struct work *work)
{
	struct host_address *resting = NULL;
	size_t resting_count = 0;
	int err = 0;

	if (work->node->is_access)
		err = access_plan_build(work->config, &work->access, &work->access_plan,
					work->error);
	if (!err && work->node->is_service) {
		struct node_facts facts = { .node = work->number, .now = work->now };

		err = find_vnics(work);
		facts.ifindexes = work->ifindexes;
		facts.netns = work->netns;
		if (!err)
			err = plan_mappings(work, &facts);
		if (!err)
			err = plan_succession(work, &facts);
		if (!err)
			resting = resting_vips(work, &resting_count);
	}
	if (!err)
		err = host_wanted_build(work->config, work->number, resting, resting_count,
					&work->host, work->error);
	free(resting);
	return err;
}

/* What is there is needed from here on. */
static int take_what_is_there(struct work *work)
{
	int err = node_beside_looked(&work->beside);

	work->host.there = &work->beside.there;
	return err ? fail_errno(work->error, err, "cannot see what is there of the node's network")
		   : 0;
}

/* The virtual NICs that mappings at rest are restored at, as far as they are still there. */
static int keep_resting_hooks(struct work *work)
{
	char interface[IF_NAMESIZE];
	int err = 0;

	for (uint32_t i = 0; work->node->is_service && i < work->tables.mappings.count; i++) {
		uint32_t ifindex = node_mapping(&work->tables, i)->ifindex;

		if (ifindex && is_resting(work, i) && if_indextoname(ifindex, interface))
			err = hooks_want_vnic(&work->hooks, interface);
		if (err)
			break;
	}
	return err;
}

static int plan_hooks(struct work *work)
{
	int err = hooks_of_config(work->config, work->number, &work->hooks);

	if (!err)
		err = keep_resting_hooks(work);

	work->hooks_options = (struct hooks_options){
		.paths = &work->paths,
		.undo_fd = work->undo_fd,
		.known = &work->beside.there.undos,
		.xdp = work->options->has_xdp ? work->options->xdp : work->node->mode,
		.tc = work->options->tc,
	};
	return err ? fail_errno(work->error, err, "cannot list hooks") : 0;
}

/* ---- doing it ---- */

static int prepare_tables(struct work *work)
{
	struct access_asking asking = {
		.node = work->number,
		.wait_ms = work->options->wait_ms,
		.notes = work->notes,
	};
	int err;

	node_beside_waited(&work->beside);
	err = access_prepare(work->config, &work->access_plan, &work->access, &asking);
	work->confirmed = asking.confirmed;

	if (err == -EINTR)
		return fail(work->error, err, "%s: interrupted: nothing was changed",
			    work->node->name);
	return err ? fail_errno(work->error, err, "%s: cannot prepare the tables", work->node->name)
		   : 0;
}

static int swap_programs(struct work *work)
{
	int err = 0;

	if (!work->load)
		return 0;
	if (work->was_attached)
		err = hooks_swap(&work->hooks, &work->programs, &work->hooks_options, work->error);
	return err ? err : programs_pin(&work->programs, &work->paths, work->error);
}

/* The steps that touch the node and may fail; each takes back its own, and this what went before. */
static int prepare(struct work *work)
{
	uint64_t generation =
		((struct xdplb_node_info *)map_at(&work->node_info, 0))->generation + 1;
	int err = hooks_attach(&work->hooks, &work->programs, &work->hooks_options, work->notes,
			       work->error);

	if (err)
		return err;
	err = work_prepare_mpls(work);
	if (!err && work->node->is_access)
		err = hooks_publish(&work->hooks, &work->hooks_options, work->error);
	if (!err && work->node->is_access)
		err = prepare_tables(work);
	if (!err) {
		err = host_prepare(&work->host, work->undo_fd, generation, work->notes,
				   work->error);
		if (!err)
			err = swap_programs(work);
		if (err && work->node->is_access)
			access_take_back(&work->access_plan, &work->access);
	}
	if (err)
		hooks_take_back(&work->hooks, &work->hooks_options);
	return err;
}

/* Hooks stand on interfaces of tunnels too. */
static int prepare_with_interfaces(struct work *work)
{
	int err = work_prepare_mpls_host(work);

	if (!err)
		err = prepare(work);
	if (err)
		work_take_back_mpls(work);
	return err;
}

static void give_back(struct work *work)
{
	node_beside_drop(&work->beside);
	programs_close(&work->programs);
	free(work->hooks.hooks);
	free(work->ifindexes);
	free(work->netns);
	succession_plan_free(&work->succession);
	host_wanted_free(&work->host);
	access_plan_free(&work->access_plan);
	node_plan_free(&work->node_plan);
	access_view_close(&work->access);
	node_view_close(&work->tables);
	work_free_mpls(work);
	map_array_close(&work->node_info);
	if (work->undo_fd >= 0)
		close(work->undo_fd);
}

static int run(struct work *work, struct node_result *result)
{
	int err = work_look_at_running(work);

	if (!err)
		err = work_open_programs(work);
	if (!err)
		err = work_open_maps(work);
	if (!err)
		err = make_plans(work);
	if (!err)
		err = take_what_is_there(work);
	if (!err)
		err = plan_hooks(work);
	if (!err)
		err = prepare_with_interfaces(work);
	if (!err)
		work_commit(work, result);
	return err;
}

int node_apply(const struct config *config, size_t node, const struct node_options *options,
	       struct node_result *result, struct notes *notes, struct error *error)
{
	struct work work = {
		.config = config,
		.node = &config->nodes[node],
		.number = node,
		.options = options,
		.notes = notes,
		.error = error,
		.undo_fd = -1,
		.access.traffic_fd = -1,
		.access.flows_fd = -1,
		.access.sources_fd = -1,
		.is_switch = config_can_switch(&config->nodes[node].mpls),
		.mpls = MPLS_VIEW_CLOSED,
		.now = boottime_ns(),
	};
	struct error ignored;
	int lock, err;

	memset(work.programs.fd, 0xff, sizeof(work.programs.fd));
	if (paths_of_node(work.node->name, &work.paths))
		return fail(error, -ENAMETOOLONG, "%s: the name is too long", work.node->name);
	lock = paths_lock(error);
	if (lock < 0)
		return lock;
	err = run(&work, result);
	if (err && !work.had_folder) {
		if (work.undo_fd >= 0)
			host_undo_all(work.undo_fd, notes);
		paths_remove(&work.paths, &ignored);
	}
	give_back(&work);
	close(lock);
	return err;
}
