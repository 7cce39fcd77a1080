// SPDX-License-Identifier: BSD-2-Clause
/*
 * The last steps of node_apply(), which can't fail: writing tables, and forgetting what was there before.
 */
#include "node/node_work.h"

#include <string.h>
#include <time.h>

static size_t count_attached(const struct hooks *hooks)
{
	size_t n = 0;

	for (size_t i = 0; i < hooks->count; i++)
		n += hooks->hooks[i].attached_now;
	return n;
}

/* Another file counts as a change: one that was killed may have made all changes, and told the agent of none. */
static void write_node_info(struct work *work, uint64_t hash, size_t changes)
{
	struct xdplb_node_info *info = map_at(&work->node_info, 0);
	bool is_new = changes || info->config_hash != hash || !info->generation;

	strcpy(info->cluster, work->config->cluster);
	strcpy(info->node, work->node->name);
	info->applied = time(NULL);
	info->config_hash = hash;
	info->program_hash = programs_hash(&work->constants, work->node);
	info->abi = XDPLB_ABI;
	if (is_new)
		info->generation++;
}

static void tidy(struct work *work, struct node_result *result)
{
	work_commit_mpls(work, result);
	work_forget_ways(work);
	host_finish(&work->host, work->undo_fd, work->notes);
	result->changes += hooks_prune(&work->hooks, &work->hooks_options, work->notes);
	if (!work->node->is_access)
		result->changes += programs_unpin_access(&work->paths);
	if (!work->node->is_service)
		result->changes += programs_unpin_service(&work->paths);
	if (!work->is_switch)
		result->changes += programs_unpin_mpls(&work->paths);
}

void work_commit(struct work *work, struct node_result *result)
{
	uint64_t hash;

	result->swapped = work->load;
	result->changes = work->confirmed + count_attached(&work->hooks) +
			  work->access_plan.changes + work->node_plan.changes +
			  work->succession.changes;
	if (work->node->is_service) {
		work_write_uplink(work);
		node_commit(work->config, &work->node_plan, work->now, &work->tables);
		succession_commit(&work->succession, &work->tables);
	}
	if (work->node->is_access) {
		access_switch(work->config, &work->access_plan, &work->access);
		access_seal(&work->access_plan, &work->access);
	}
	tidy(work, result);
	hash = node_beside_hash(&work->beside);
	/* Right before the agent is told, who may still write to what is forgotten. */
	if (work->node->is_access)
		access_forget(&work->access_plan, &work->access);
	write_node_info(work, hash, result->changes);
}
