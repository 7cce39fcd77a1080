// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing the tables of a node that switches labels, in an order in which no packet meets half an
 * entry.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "tables/mpls_tables.h"

/* ---- ports ---- */

/* The devmap takes a program by its descriptor, and tells it by its id. */
static int put_port(const struct mpls_view *view, uint32_t port, uint32_t ifindex, int egress_fd)
{
	struct bpf_devmap_val value = { .ifindex = ifindex, .bpf_prog.fd = egress_fd };
	int err = map_put(view->ports_fd, &port, &value);

	return err ? err : map_put(view->ingress_fd, &ifindex, &port);
}

static void drop_port(const struct mpls_view *view, uint32_t port, uint32_t ifindex)
{
	uint32_t owner;

	map_delete(view->ports_fd, &port);
	if (!map_get(view->ingress_fd, &ifindex, &owner) && owner == port)
		map_delete(view->ingress_fd, &ifindex);
}

int mpls_prepare(const struct mpls_plan *plan, const struct mpls_view *view, int egress_fd,
		 struct error *error)
{
	for (uint32_t i = 0; i < XDPLB_PORTS_MAX; i++) {
		const struct xdplb_lsr_link *running = map_at(&view->links, i);
		const struct xdplb_lsr_link *wanted = &plan->ports[i];
		int err;

		if (!wanted->ifindex || egress_fd < 0)
			continue;
		err = put_port(view, i, wanted->ifindex, egress_fd);
		if (err) {
			mpls_forget_ports(NULL, view);
			return fail_errno(error, err, "cannot add interface %u to the ports",
					  wanted->ifindex);
		}
		if (running->ifindex && running->ifindex != wanted->ifindex)
			map_delete(view->ingress_fd, &running->ifindex);
	}
	return 0;
}

void mpls_forget_ports(const struct mpls_plan *plan, const struct mpls_view *view)
{
	for (uint32_t i = 0; i < XDPLB_PORTS_MAX; i++) {
		const struct xdplb_lsr_link *running = map_at(&view->links, i);
		uint32_t ifindex = plan ? plan->ports[i].ifindex : running->ifindex;
		struct bpf_devmap_val value;

		if (!ifindex && !map_get(view->ports_fd, &i, &value))
			drop_port(view, i, value.ifindex);
	}
}

static void write_links(const struct mpls_plan *plan, struct mpls_view *view)
{
	for (uint32_t i = 0; i < XDPLB_PORTS_MAX; i++)
		if (plan->ports[i].ifindex)
			*(struct xdplb_lsr_link *)map_at(&view->links, i) = plan->ports[i];
}

/* ---- labels ---- */

static void store_ilm(struct xdplb_ilm *place, struct xdplb_ilm value)
{
	uint64_t word;

	memcpy(&word, &value, sizeof(word));
	__atomic_store_n((uint64_t *)place, word, __ATOMIC_RELEASE);
}

static void write_labels(const struct mpls_plan *plan, struct mpls_view *view)
{
	for (size_t i = 0; i < plan->label_count; i++) {
		const struct mpls_plan_label *label = &plan->labels[i];

		if (!label->is_new)
			continue;
		*mpls_nhlfe(view, label->index) = label->entry;
		map_clear_percpu(view->traffic_fd, label->index);
	}
	for (size_t i = 0; i < plan->label_count; i++)
		if (plan->labels[i].is_new)
			store_ilm(
				mpls_ilm(view, plan->labels[i].label),
				(struct xdplb_ilm){ plan->labels[i].label, plan->labels[i].index });
}

static void remove_labels(const struct mpls_plan *plan, struct mpls_view *view)
{
	for (size_t i = 0; i < view->ilm.count; i++) {
		struct xdplb_ilm *ilm = map_at(&view->ilm, i);

		if (ilm->label &&
		    (ilm->nhlfe >= view->nhlfes.count || !plan->nhlfe_kept[ilm->nhlfe]))
			store_ilm(ilm, (struct xdplb_ilm){ 0 });
	}
}

/* ---- tunnels ---- */

static void write_info(const struct config *config, const struct mpls_plan_tunnel *tunnel,
		       struct xdplb_tunnel_info *info)
{
	const struct config_tunnel *wanted = tunnel->config;

	snprintf(info->name, sizeof(info->name), "%s", wanted->name);
	snprintf(info->far_node, sizeof(info->far_node), "%s",
		 config->nodes[wanted->ends[!tunnel->direction].node].name);
	snprintf(info->backup, sizeof(info->backup), "%s",
		 wanted->protect_by == CONFIG_NO_TUNNEL ? ""
							: config->tunnels[wanted->protect_by].name);
	info->unchecked = !wanted->corouted;
	info->way = tunnel->way;
	memcpy(info->lsps, tunnel->lsp_index, sizeof(info->lsps));
}

static void write_tunnel(const struct config *config, const struct mpls_plan_tunnel *tunnel,
			 const struct mpls_tunnel_fact *fact, struct mpls_view *view)
{
	struct xdplb_tunnel_info *info = mpls_tunnel_info(view, tunnel->index);
	struct xdplb_tunnel *place = mpls_tunnel(view, tunnel->index);
	bool has_own = tunnel->config->kind == CONFIG_TUNNEL_INTERFACE;
	unsigned int backup = tunnel->way_is_new ? 0 : place->control.backup;
	unsigned int state = place->control.state, cause = info->cause;

	for (int which = 0; which < 2; which++)
		if (tunnel->lsp_is_new[which])
			*(struct xdplb_lsp *)map_at(&view->lsps, tunnel->lsp_index[which]) =
				tunnel->lsps[which];
	if (tunnel->is_new) {
		memset(place, 0, sizeof(*place));
		memset(info, 0, sizeof(*info));
		map_clear_percpu(view->counters_fd, tunnel->index);
	}
	write_info(config, tunnel, info);
	place->ifindex = has_own ? fact->ifindex : 0;
	memcpy(place->mac, fact->mac, sizeof(place->mac));
	place->id = tunnel->config->number;
	if (tunnel->way_is_new || state == XDPLB_TUNNEL_DOWN) {
		state = info->unchecked ? XDPLB_TUNNEL_UP : XDPLB_TUNNEL_DOWN;
		cause = info->unchecked      ? XDPLB_TUNNEL_UNCHECKED
			: tunnel->way_is_new ? XDPLB_TUNNEL_NOT_VERIFIED
					     : cause;
	}
	mpls_set_tunnel(view, tunnel->index, state, backup, cause);
	info->id = tunnel->config->number; /* last: it says that the rest is there */
}

static void switch_rules(const struct mpls_plan *plan, struct mpls_view *view)
{
	struct xdplb_push_control *control = map_at(&view->push_control, 0);
	struct xdplb_push_control next = {
		.base = control->base ? 0 : XDPLB_PUSH_RULES_MAX,
		.count = plan->rule_count,
	};
	uint64_t word;

	memcpy(map_at(&view->rules, next.base), plan->rules,
	       plan->rule_count * sizeof(*plan->rules));
	memcpy(&word, &next, sizeof(word));
	__atomic_store_n((uint64_t *)control, word, __ATOMIC_RELEASE);
}

/* Nothing refers to it any more. */
static void clear_rest(const struct mpls_plan *plan, struct mpls_view *view)
{
	for (uint32_t i = 0; i < view->nhlfes.count; i++)
		if (!plan->nhlfe_kept[i])
			memset(mpls_nhlfe(view, i), 0, sizeof(struct xdplb_nhlfe));
	for (uint32_t i = 0; i < view->lsps.count; i++)
		if (!plan->lsp_kept[i])
			memset(map_at(&view->lsps, i), 0, sizeof(struct xdplb_lsp));
	for (uint32_t i = 0; i < view->infos.count; i++) {
		if (plan->tunnel_kept[i])
			continue;
		memset(mpls_tunnel(view, i), 0, sizeof(struct xdplb_tunnel));
		memset(mpls_tunnel_info(view, i), 0, sizeof(struct xdplb_tunnel_info));
	}
	for (uint32_t i = 0; i < XDPLB_PORTS_MAX; i++)
		if (!plan->ports[i].ifindex)
			memset(map_at(&view->links, i), 0, sizeof(struct xdplb_lsr_link));
}

void mpls_commit(const struct config *config, const struct mpls_plan *plan,
		 const struct mpls_facts *facts, struct mpls_view *view)
{
	write_links(plan, view);
	write_labels(plan, view);
	for (size_t i = 0; i < plan->tunnel_count; i++)
		write_tunnel(config, &plan->tunnels[i], &facts->tunnels[plan->tunnels[i].number],
			     view);
	if (plan->rules_changed)
		switch_rules(plan, view);
	remove_labels(plan, view);
	map_wait_for_readers();
	clear_rest(plan, view);
	mpls_forget_ports(plan, view);
}
