// SPDX-License-Identifier: BSD-2-Clause
/*
 * Config + running tables -> changes, of a node that switches labels: which port, tunnel, LSP and label
 * gets which index. What stands in the entries is in mpls_labels.c and mpls_push.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "tables/mpls_tables.h"

static const char *node_name(const struct mpls_planner *planner)
{
	return planner->config->nodes[planner->facts->node].name;
}

/* ---- ports ---- */

static uint32_t find_port(const struct mpls_planner *planner, uint32_t link)
{
	for (uint32_t i = 0; i < XDPLB_PORTS_MAX; i++) {
		const struct xdplb_lsr_link *port = map_at(&planner->view->links, i);

		if (port->ifindex && port->link == link)
			return i;
	}
	return MPLS_NO_PORT;
}

/* One that nobody has, now or in the plan. */
static uint32_t free_port(const struct mpls_planner *planner)
{
	for (uint32_t i = 0; i < XDPLB_PORTS_MAX; i++) {
		const struct xdplb_lsr_link *port = map_at(&planner->view->links, i);

		if (!port->ifindex && !planner->plan.ports[i].ifindex)
			return i;
	}
	return MPLS_NO_PORT;
}

static int plan_port(struct mpls_planner *planner, size_t link)
{
	const struct config_link *config = &planner->config->links[link];
	const struct config_link_end *end =
		&config->ends[config->ends[1].node == planner->facts->node];
	uint32_t port = find_port(planner, config->number);
	struct xdplb_lsr_link *wanted;

	if (port == MPLS_NO_PORT)
		port = free_port(planner);
	if (port == MPLS_NO_PORT)
		return fail(planner->error, -ENOSPC, "%s: more than %d links (old and new)",
			    node_name(planner), XDPLB_PORTS_MAX);
	planner->plan.port_of[link] = port;
	wanted = &planner->plan.ports[port];
	wanted->ifindex = planner->facts->links[link].ifindex;
	wanted->link = config->number;
	wanted->flags = end->is_exclusive ? XDPLB_LINK_OURS_ALONE : 0;
	planner->plan.changes +=
		!!memcmp(wanted, map_at(&planner->view->links, port), sizeof(*wanted));
	return 0;
}

static int plan_ports(struct mpls_planner *planner)
{
	const struct config *config = planner->config;
	int err = 0;

	planner->plan.port_of = calloc(config->link_count + 1, sizeof(uint32_t));
	if (!planner->plan.port_of)
		return fail_errno(planner->error, -ENOMEM, "links");
	for (size_t i = 0; !err && i < config->link_count; i++) {
		planner->plan.port_of[i] = MPLS_NO_PORT;
		if (planner->facts->links[i].ifindex)
			err = plan_port(planner, i);
	}
	return err;
}

/* ---- tunnels ---- */

const struct mpls_plan_tunnel *mpls_plan_find(const struct mpls_planner *planner, size_t number,
					      bool *ret_is_backup)
{
	const struct config *config = planner->config;

	*ret_is_backup = config->tunnels[number].kind == CONFIG_TUNNEL_SPARE;
	if (*ret_is_backup)
		number = config_protected_by(config, number);
	for (size_t i = 0; i < planner->plan.tunnel_count; i++)
		if (planner->plan.tunnels[i].number == number)
			return &planner->plan.tunnels[i];
	return NULL;
}

static void put_way(struct digest *digest, const struct config *config,
		    const struct config_tunnel *tunnel)
{
	for (int direction = 0; direction < 2; direction++) {
		const struct config_lsp *lsp = &tunnel->lsps[direction];

		digest_number(digest, lsp->path.count);
		for (size_t i = 0; i < lsp->path.count; i++) {
			digest_number(digest, config->links[lsp->path.links[i]].number);
			digest_number(digest, lsp->labels[i]);
		}
		for (size_t i = 1; i < XDPLB_PAYLOAD_COUNT; i++)
			digest_number(digest, lsp->last[i]);
	}
}

uint64_t mpls_way_of(const struct config *config, const struct config_tunnel *tunnel)
{
	struct digest digest;

	digest_init(&digest);
	put_way(&digest, config, tunnel);
	if (tunnel->protect_by != CONFIG_NO_TUNNEL)
		put_way(&digest, config, &config->tunnels[tunnel->protect_by]);
	return digest_final(&digest);
}

static uint32_t free_tunnel(const struct mpls_planner *planner)
{
	for (uint32_t i = 0; i < planner->view->infos.count; i++)
		if (!mpls_tunnel_info(planner->view, i)->id && !planner->plan.tunnel_kept[i])
			return i;
	return UINT32_MAX;
}

/* Does what the program reads, beside the control word, differ? */
static bool tunnel_differs(const struct mpls_planner *planner,
			   const struct mpls_plan_tunnel *tunnel)
{
	const struct xdplb_tunnel *running = mpls_tunnel(planner->view, tunnel->index);
	const struct mpls_tunnel_fact *fact = &planner->facts->tunnels[tunnel->number];
	bool has_own = tunnel->config->kind == CONFIG_TUNNEL_INTERFACE;

	return running->id != tunnel->config->number ||
	       running->ifindex != (has_own ? fact->ifindex : 0) ||
	       (has_own && memcmp(running->mac, fact->mac, sizeof(running->mac)));
}

static int plan_tunnel(struct mpls_planner *planner, size_t number)
{
	const struct config_tunnel *config = &planner->config->tunnels[number];
	struct mpls_plan_tunnel *tunnel = &planner->plan.tunnels[planner->plan.tunnel_count++];
	uint32_t index = mpls_find_tunnel(planner->view, config->number);

	*tunnel = (struct mpls_plan_tunnel){ .config = config, .number = number };
	tunnel->direction = config->ends[1].node == planner->facts->node;
	tunnel->is_new = index == UINT32_MAX;
	if (tunnel->is_new)
		index = free_tunnel(planner);
	if (index == UINT32_MAX)
		return fail(planner->error, -ENOSPC,
			    "%s: no room for tunnel %s: capacities.tunnels is %zu (old and new "
			    "ones count)",
			    node_name(planner), config->name, planner->view->infos.count);
	tunnel->index = index;
	planner->plan.tunnel_kept[index] = true;
	tunnel->way = mpls_way_of(planner->config, config);
	tunnel->way_is_new =
		tunnel->is_new || mpls_tunnel_info(planner->view, index)->way != tunnel->way;
	planner->plan.changes += tunnel->way_is_new || tunnel_differs(planner, tunnel);
	return 0;
}

static int plan_tunnels(struct mpls_planner *planner)
{
	const struct config *config = planner->config;
	int err = 0;

	planner->plan.tunnels = calloc(config->tunnel_count + 1, sizeof(*planner->plan.tunnels));
	if (!planner->plan.tunnels)
		return fail_errno(planner->error, -ENOMEM, "tunnels");
	for (size_t i = 0; !err && i < config->tunnel_count; i++)
		if (config->tunnels[i].kind != CONFIG_TUNNEL_SPARE &&
		    (config->tunnels[i].ends[0].node == planner->facts->node ||
		     config->tunnels[i].ends[1].node == planner->facts->node))
			err = plan_tunnel(planner, i);
	return err;
}

/* ---- LSPs ---- */

/* Those of tunnels that go are in use until the control words are written. */
static bool lsp_in_use(const struct mpls_planner *planner, uint32_t index)
{
	for (uint32_t i = 0; i < planner->view->infos.count; i++) {
		const struct xdplb_tunnel_info *info = mpls_tunnel_info(planner->view, i);

		if (info->id && (info->lsps[0] == index || info->lsps[1] == index))
			return true;
	}
	return false;
}

static int place_lsp(struct mpls_planner *planner, struct mpls_plan_tunnel *tunnel, int which)
{
	uint32_t running = tunnel->is_new
				   ? XDPLB_NO_LSP
				   : mpls_tunnel_info(planner->view, tunnel->index)->lsps[which];
	uint32_t index = 0;

	tunnel->lsp_index[which] = XDPLB_NO_LSP;
	if (!tunnel->has_lsp[which]) {
		planner->plan.changes += running != XDPLB_NO_LSP;
		return 0;
	}
	if (running < planner->view->lsps.count &&
	    !memcmp(map_at(&planner->view->lsps, running), &tunnel->lsps[which],
		    sizeof(struct xdplb_lsp))) {
		tunnel->lsp_index[which] = running;
		planner->plan.lsp_kept[running] = true;
		return 0;
	}
	while (index < planner->view->lsps.count &&
	       (planner->plan.lsp_kept[index] || lsp_in_use(planner, index)))
		index++;
	if (index == planner->view->lsps.count)
		return fail(planner->error, -ENOSPC, "%s: no room for the way of tunnel %s",
			    node_name(planner), tunnel->config->name);
	tunnel->lsp_index[which] = index;
	tunnel->lsp_is_new[which] = true;
	planner->plan.lsp_kept[index] = true;
	planner->plan.changes++;
	return 0;
}

static int plan_lsps(struct mpls_planner *planner)
{
	int err = 0;

	for (size_t i = 0; i < planner->plan.tunnel_count; i++) {
		struct mpls_plan_tunnel *tunnel = &planner->plan.tunnels[i];
		const struct config_tunnel *ways[2] = { tunnel->config, NULL };

		if (tunnel->config->protect_by != CONFIG_NO_TUNNEL)
			ways[1] = &planner->config->tunnels[tunnel->config->protect_by];
		for (int which = 0; which < 2 && !err; which++) {
			if (ways[which])
				tunnel->has_lsp[which] =
					mpls_make_lsp(planner, ways[which], tunnel->direction,
						      &tunnel->lsps[which]);
			planner->plan.missing += ways[which] && !tunnel->has_lsp[which];
			err = place_lsp(planner, tunnel, which);
		}
	}
	return err;
}

/* ---- labels ---- */

/* Labels that stay as they are keep their entries. */
static void keep_labels(struct mpls_planner *planner)
{
	struct mpls_plan *plan = &planner->plan;

	for (size_t i = 0; i < plan->label_count; i++) {
		struct mpls_plan_label *label = &plan->labels[i];
		const struct xdplb_ilm *ilm = mpls_ilm(planner->view, label->label);

		label->is_new = ilm->label != label->label ||
				ilm->nhlfe >= planner->view->nhlfes.count ||
				memcmp(mpls_nhlfe(planner->view, ilm->nhlfe), &label->entry,
				       sizeof(label->entry));
		label->index = ilm->nhlfe;
		if (!label->is_new)
			plan->nhlfe_kept[label->index] = true;
		plan->changes += label->is_new;
	}
}

/* Which entries does `ilm` name now? */
static bool *running_entries(const struct mpls_planner *planner)
{
	bool *in_use = calloc(planner->view->nhlfes.count + 1, sizeof(*in_use));

	for (size_t i = 0; in_use && i < planner->view->ilm.count; i++) {
		const struct xdplb_ilm *ilm = map_at(&planner->view->ilm, i);

		if (ilm->label && ilm->nhlfe < planner->view->nhlfes.count)
			in_use[ilm->nhlfe] = true;
	}
	return in_use;
}

static int place_labels(struct mpls_planner *planner)
{
	struct mpls_plan *plan = &planner->plan;
	bool *in_use = running_entries(planner);
	uint32_t next = 0, count = (uint32_t)planner->view->nhlfes.count;

	if (!in_use)
		return fail_errno(planner->error, -ENOMEM, "labels");
	for (size_t i = 0; i < plan->label_count; i++) {
		if (!plan->labels[i].is_new)
			continue;
		while (next < count && (in_use[next] || plan->nhlfe_kept[next]))
			next++;
		if (next == count)
			break;
		plan->labels[i].index = next;
		plan->nhlfe_kept[next] = true;
	}
	free(in_use);
	if (next < count)
		return 0;
	return fail(planner->error, -ENOSPC,
		    "%s: no room for %zu labels: raise capacities.labels (old and new ones count)",
		    node_name(planner), plan->label_count);
}

static int plan_labels(struct mpls_planner *planner)
{
	int err = mpls_plan_labels(planner);

	if (!err)
		keep_labels(planner);
	return err ? err : place_labels(planner);
}

/* What is there and not wanted any more is a change too. */
static void count_leaving(struct mpls_planner *planner)
{
	const struct mpls_view *view = planner->view;
	struct mpls_plan *plan = &planner->plan;
	bool *in_use = running_entries(planner);

	for (uint32_t i = 0; i < view->infos.count; i++)
		plan->changes += mpls_tunnel_info(view, i)->id && !plan->tunnel_kept[i];
	for (uint32_t i = 0; in_use && i < view->nhlfes.count; i++)
		plan->changes += in_use[i] && !plan->nhlfe_kept[i];
	for (uint32_t i = 0; i < XDPLB_PORTS_MAX; i++) {
		const struct xdplb_lsr_link *port = map_at(&view->links, i);

		plan->changes += port->ifindex && !plan->ports[i].ifindex;
	}
	plan->changes += plan->rules_changed;
	free(in_use);
}

int mpls_plan_build(const struct config *config, const struct mpls_view *view,
		    const struct mpls_facts *facts, struct mpls_plan *ret, struct error *error)
{
	struct mpls_planner planner = {
		.config = config, .view = view, .facts = facts, .error = error
	};
	struct mpls_plan *plan = &planner.plan;
	int err;

	plan->nhlfe_kept = calloc(view->nhlfes.count + 1, sizeof(bool));
	plan->lsp_kept = calloc(view->lsps.count + 1, sizeof(bool));
	plan->tunnel_kept = calloc(view->infos.count + 1, sizeof(bool));
	err = plan->nhlfe_kept && plan->lsp_kept && plan->tunnel_kept
		      ? plan_ports(&planner)
		      : fail_errno(error, -ENOMEM, "label tables");
	if (!err)
		err = plan_tunnels(&planner);
	if (!err)
		err = plan_lsps(&planner);
	if (!err)
		err = plan_labels(&planner);
	if (!err)
		err = mpls_plan_rules(&planner);
	if (err) {
		mpls_plan_free(plan);
		return err;
	}
	count_leaving(&planner);
	*ret = *plan;
	return 0;
}

void mpls_plan_free(struct mpls_plan *plan)
{
	free(plan->port_of);
	free(plan->labels);
	free(plan->tunnels);
	free(plan->nhlfe_kept);
	free(plan->lsp_kept);
	free(plan->tunnel_kept);
	memset(plan, 0, sizeof(*plan));
}
