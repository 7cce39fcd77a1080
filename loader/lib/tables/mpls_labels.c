// SPDX-License-Identifier: BSD-2-Clause
/*
 * What each label of a node means: the part of the plan that becomes `ilm` and `nhlfes`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables/mpls_tables.h"

/* One direction of a tunnel, as seen from this node. */
struct lsp_here {
	size_t number;
	unsigned int direction;
	const struct config_tunnel *tunnel;
	const struct config_lsp *lsp, *reverse;
};

/*
 * The label by which the node before link @at takes the LSP of the other direction, see
 * xdplb_nhlfe.reverse_label; 0 where that LSP does not come by this link.
 */
static uint32_t reverse_label(const struct lsp_here *here, size_t at)
{
	for (size_t i = 0; i < here->reverse->path.count; i++)
		if (here->reverse->path.links[i] == here->lsp->path.links[at])
			return here->reverse->labels[i];
	return 0;
}

/* Takes the next free place in the list. */
static void add_label(struct mpls_planner *planner, uint32_t label, const struct xdplb_nhlfe *entry)
{
	struct mpls_plan *plan = &planner->plan;

	plan->labels[plan->label_count++] =
		(struct mpls_plan_label){ .label = label, .entry = *entry };
}

/* The way out by a link, with the label that the next node wants. Return: false: not known. */
static bool set_way_out(const struct mpls_planner *planner, size_t link, uint32_t out,
			struct xdplb_nhlfe *entry)
{
	const struct mpls_link_fact *fact = &planner->facts->links[link];

	if (!fact->has_next_hop)
		return false;
	entry->op = XDPLB_OP_PHP;
	if (out != XDPLB_LABEL_IMPLICIT_NULL) {
		entry->op = XDPLB_OP_SWAP;
		entry->depth = 1;
		entry->out[0] = htonl(out << 12);
	}
	entry->payload = XDPLB_PAYLOAD_NONE; /* the last label is always below */
	entry->port = planner->plan.port_of[link];
	memcpy(entry->dmac, fact->next_hop, sizeof(entry->dmac));
	memcpy(entry->smac, fact->mac, sizeof(entry->smac));
	return true;
}

static void add_transit(struct mpls_planner *planner, const struct lsp_here *here, size_t at)
{
	const struct config_lsp *lsp = here->lsp;
	struct xdplb_nhlfe entry = { .reverse_label = reverse_label(here, at) };

	if (here->tunnel->transparent_clock)
		entry.flags |= XDPLB_NHLFE_PTP_ONLY;
	if (set_way_out(planner, lsp->path.links[at + 1], lsp->labels[at + 1], &entry))
		add_label(planner, lsp->labels[at], &entry);
	else
		planner->plan.missing++;
}

/* The labels that end here. */
static void add_end(struct mpls_planner *planner, const struct lsp_here *here)
{
	const struct config_lsp *lsp = here->lsp, *reverse = here->reverse;
	size_t at = lsp->path.count - 1;
	uint32_t back = reverse_label(here, at);
	struct xdplb_nhlfe pop = { .op = XDPLB_OP_POP, .reverse_label = back };
	struct xdplb_nhlfe turn = { .reverse_label = back };
	struct xdplb_nhlfe deliver = { .op = XDPLB_OP_DELIVER, .reverse_label = back };
	bool is_backup;

	if (lsp->labels[at] != XDPLB_LABEL_IMPLICIT_NULL)
		add_label(planner, lsp->labels[at], &pop);
	deliver.tunnel = mpls_plan_find(planner, here->number, &is_backup)->index;
	if (is_backup)
		deliver.flags |= XDPLB_NHLFE_BACKUP;
	for (__u8 payload = 1; payload < XDPLB_PAYLOAD_COUNT; payload++) {
		deliver.payload = payload;
		if (lsp->last[payload])
			add_label(planner, lsp->last[payload], &deliver);
	}
	if (set_way_out(planner, reverse->path.links[0], reverse->labels[0], &turn))
		add_label(planner, lsp->turn, &turn);
	else
		planner->plan.missing++;
}

static size_t other_node(const struct config_link *link, size_t node)
{
	return link->ends[link->ends[0].node == node].node;
}

static void add_lsp(struct mpls_planner *planner, const struct lsp_here *here)
{
	const struct config_lsp *lsp = here->lsp;
	size_t node = here->tunnel->ends[here->direction].node;

	for (size_t i = 0; i < lsp->path.count; i++) {
		node = other_node(&planner->config->links[lsp->path.links[i]], node);
		if (node != planner->facts->node)
			continue;
		if (i + 1 < lsp->path.count)
			add_transit(planner, here, i);
		else
			add_end(planner, here);
	}
}

int mpls_plan_labels(struct mpls_planner *planner)
{
	const struct config *config = planner->config;
	/* At its end a direction has one label, one for each payload and one to turn by. */
	size_t room = config->tunnel_count * 2 * (XDPLB_PAYLOAD_COUNT + 1);

	planner->plan.labels = calloc(room + 1, sizeof(*planner->plan.labels));
	if (!planner->plan.labels)
		return fail_errno(planner->error, -ENOMEM, "labels");
	for (size_t i = 0; i < config->tunnel_count; i++)
		for (unsigned int direction = 0; direction < 2; direction++) {
			const struct config_tunnel *tunnel = &config->tunnels[i];
			struct lsp_here here = { i, direction, tunnel, &tunnel->lsps[direction],
						 &tunnel->lsps[!direction] };

			add_lsp(planner, &here);
		}
	return 0;
}
