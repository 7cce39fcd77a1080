// SPDX-License-Identifier: BSD-2-Clause
/*
 * The steps of node_apply() that concern labels and tunnels.
 */
#include "node/node_work.h"

#include <string.h>

#include "tables/mpls_facts.h"
#include "tunnel/tunnel_walk.h"
#include "xdplb/infos.h"

/* How long neighbours have to answer, at most. */
#define NEIGHBOUR_WAIT_MS 1000

/* How long the nodes of a tunnel have. */
#define VERIFY_WAIT_MS 500

int work_prepare_mpls_host(struct work *work)
{
	uint64_t generation =
		((struct xdplb_node_info *)map_at(&work->node_info, 0))->generation + 1;

	if (!work->is_switch)
		return 0;
	return tunnel_host_prepare(work->config, work->number, work->undo_fd, generation,
				   &work->tunnel_host, work->error);
}

int work_prepare_mpls(struct work *work)
{
	unsigned int wait_ms = work->options->wait_ms < NEIGHBOUR_WAIT_MS ? work->options->wait_ms
									  : NEIGHBOUR_WAIT_MS;
	int err;

	if (!work->is_switch)
		return 0;
	err = mpls_facts_find(work->config, work->number, wait_ms, &work->mpls_facts, work->notes,
			      work->error);
	if (!err)
		err = mpls_plan_build(work->config, &work->mpls, &work->mpls_facts,
				      &work->mpls_plan, work->error);
	if (!err)
		err = mpls_prepare(&work->mpls_plan, &work->mpls,
				   work->programs.fd[PROGRAM_LSR_EGRESS], work->error);
	return err;
}

/* After any failure: what the running tables do not know goes. */
void work_take_back_mpls(struct work *work)
{
	if (!work->is_switch)
		return;
	mpls_forget_ports(NULL, &work->mpls);
	tunnel_host_take_back(&work->tunnel_host, work->undo_fd);
}

/* A tunnel that is down is walked, so that it may come up without an agent. */
static void verify_tunnels(struct work *work)
{
	static struct tunnel_walk walk; /* too large for a stack */
	unsigned int wait_ms =
		work->options->wait_ms < VERIFY_WAIT_MS ? work->options->wait_ms : VERIFY_WAIT_MS;

	for (size_t i = 0; i < work->mpls_plan.tunnel_count; i++) {
		const struct mpls_plan_tunnel *tunnel = &work->mpls_plan.tunnels[i];
		struct error error = { 0 };
		int err;

		if (mpls_tunnel(&work->mpls, tunnel->index)->control.state == XDPLB_TUNNEL_UP)
			continue;
		err = tunnel_verify(work->config, work->number, tunnel->number, &work->mpls,
				    wait_ms, &walk, &error);
		if (err)
			note(work->notes,
			     "tunnel %s carries nothing until it is verified (xdplb-agent does it, "
			     "or tunnel verify): %s",
			     tunnel->config->name, error.text);
	}
}

/* Of a node that switches labels no more: its other label maps go, this one is every node's. */
static void forget_infos(const struct work *work)
{
	struct map_array infos;
	char path[PATH_LEN];

	if (map_array_open(path_of_map(&work->paths, "tunnel_infos", path),
			   sizeof(struct xdplb_tunnel_info), &infos))
		return;
	for (size_t i = 0; i < infos.count; i++)
		memset(map_at(&infos, i), 0, sizeof(struct xdplb_tunnel_info));
	map_array_close(&infos);
}

void work_commit_mpls(struct work *work, struct node_result *result)
{
	if (work->is_switch) {
		mpls_commit(work->config, &work->mpls_plan, &work->mpls_facts, &work->mpls);
		result->changes += work->mpls_plan.changes;
	}
	/* Also of a node that switched labels before. */
	tunnel_host_finish(work->is_switch ? work->config : NULL, work->number, work->undo_fd,
			   &work->beside.there.undos, work->notes);
	if (work->is_switch)
		verify_tunnels(work);
	else
		forget_infos(work);
}

void work_free_mpls(struct work *work)
{
	mpls_plan_free(&work->mpls_plan);
	mpls_facts_free(&work->mpls_facts);
	mpls_view_close(&work->mpls);
}
