// SPDX-License-Identifier: BSD-2-Clause
/*
 * Labels that were left out, put in later.
 */
#include "node/node_labels.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "tables/mpls_facts.h"

/* The next hop by an interface that entries have already. */
static const uint8_t *find_running(const struct mpls_view *view, uint32_t ifindex)
{
	for (uint32_t i = 0; i < view->nhlfes.count; i++)
		if (mpls_leaves_by(view, mpls_nhlfe(view, i), ifindex))
			return mpls_nhlfe(view, i)->dmac;
	for (uint32_t i = 0; i < view->lsps.count; i++) {
		const struct xdplb_lsp *lsp = map_at(&view->lsps, i);

		if (lsp->ifindex == ifindex)
			return lsp->dmac;
	}
	return NULL;
}

/* A neighbour that is silent just now must not take the entries away that lead to it. */
static void keep_running(const struct config *config, const struct mpls_view *view,
			 struct mpls_facts *facts)
{
	for (size_t i = 0; i < config->link_count; i++) {
		struct mpls_link_fact *fact = &facts->links[i];
		const uint8_t *running;

		if (!fact->ifindex || fact->has_next_hop)
			continue;
		running = find_running(view, fact->ifindex);
		fact->has_next_hop = running;
		if (running)
			memcpy(fact->next_hop, running, sizeof(fact->next_hop));
	}
}

static int make_plan(const struct config *config, size_t node, const struct mpls_view *view,
		     struct mpls_facts *ret_facts, struct mpls_plan *ret_plan)
{
	struct notes notes = { 0 };
	struct error error = { 0 };
	int err = mpls_facts_find(config, node, 0, ret_facts, &notes, &error);

	notes_free(&notes);
	if (err)
		return err;
	keep_running(config, view, ret_facts);
	err = mpls_plan_build(config, view, ret_facts, ret_plan, &error);
	if (err)
		mpls_facts_free(ret_facts);
	return err;
}

/* A port that is another one needs programs, which apply alone attaches. */
static bool has_ports(const struct mpls_plan *plan, const struct mpls_view *view)
{
	for (uint32_t i = 0; i < XDPLB_PORTS_MAX; i++)
		if (memcmp(&plan->ports[i], map_at(&view->links, i), sizeof(plan->ports[i])))
			return false;
	return true;
}

/* Without commit it is only looked at. */
static int fill(const struct config *config, size_t node, struct mpls_view *view, bool is_to_commit,
		size_t *ret_missing)
{
	struct mpls_facts facts;
	struct mpls_plan plan;
	int err = make_plan(config, node, view, &facts, &plan);

	if (err)
		return err;
	*ret_missing = plan.missing;
	err = has_ports(&plan, view) ? (int)plan.changes : -ESTALE;
	if (err > 0 && is_to_commit)
		mpls_commit(config, &plan, &facts, view);
	mpls_plan_free(&plan);
	mpls_facts_free(&facts);
	return err;
}

int node_fill_labels(const struct config *config, size_t node, struct mpls_view *view,
		     struct xdplb_node_info *info, size_t *ret_missing)
{
	struct error error;
	/* Looking needs no lock, which would turn away whoever runs xdplb-load in that moment. */
	int lock, err = fill(config, node, view, false, ret_missing);

	if (err <= 0)
		return err;
	lock = paths_lock(&error);
	if (lock < 0)
		return lock;
	err = config_hash(config) == info->config_hash ? fill(config, node, view, true, ret_missing)
						       : -ESTALE;
	if (err > 0)
		__atomic_fetch_add(&info->generation, 1, __ATOMIC_RELEASE);
	close(lock);
	return err;
}
