// SPDX-License-Identifier: BSD-2-Clause
/*
 * The last steps of node_apply(), which can't fail: writing tables, and clearing up after what was there before.
 */
#include "node/node_work.h"

#include <string.h>
#include <time.h>

#include "base/aside.h"

static size_t count_attached(const struct hooks *hooks)
{
	size_t n = 0;

	for (size_t i = 0; i < hooks->count; i++)
		n += hooks->hooks[i].attached_now;
	return n;
}

static void write_node_info(struct work *work, size_t changes)
{
	struct xdplb_node_info *info = map_at(&work->node_info, 0);

	strcpy(info->cluster, work->config->cluster);
	strcpy(info->node, work->node->name);
	info->applied = time(NULL);
	info->config_hash = node_beside_hash(&work->beside);
	info->program_hash = programs_hash(&work->constants, work->node);
	info->abi = XDPLB_ABI;
	if (changes || !info->generation)
		info->generation++;
}

static void wait_for_readers(void *nothing)
{
	map_wait_for_readers();
}

/* What needs no grace period, and nothing of what is cleared after one. */
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
	struct aside grace = { 0 };

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
		/* It takes longer than most of what is to be done. */
		aside_begin(&grace, wait_for_readers, NULL);
		access_seal(&work->access_plan, &work->access);
	}
	tidy(work, result);
	if (work->node->is_access) {
		aside_end(&grace);
		access_clear(&work->access_plan, &work->access);
		/* While the digest is not there yet. */
		access_view_close(&work->access);
	}
	write_node_info(work, result->changes);
}
