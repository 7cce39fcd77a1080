// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a clock node sends into a tunnel, and by which labels: the part of the plan that becomes `lsps`
 * and `push_rules`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "tables/mpls_tables.h"

/* versionPTP of IEEE 1588-2008 and later. */
#define PTP_VERSION 2

static __be32 label_entry(const struct config_mpls *mpls, uint32_t label, bool bottom)
{
	return htonl(label << 12 | (uint32_t)mpls->traffic_class << 9 | (uint32_t)bottom << 8 |
		     mpls->ttl);
}

bool mpls_make_lsp(const struct mpls_planner *planner, const struct config_tunnel *tunnel,
		   unsigned int direction, struct xdplb_lsp *ret_lsp)
{
	const struct config_mpls *mpls = &planner->config->nodes[planner->facts->node].mpls;
	const struct config_lsp *config = &tunnel->lsps[direction];
	const struct mpls_link_fact *fact = &planner->facts->links[config->path.links[0]];
	struct xdplb_lsp lsp = { .ifindex = fact->ifindex };

	if (!fact->has_next_hop)
		return false;
	if (config->labels[0] != XDPLB_LABEL_IMPLICIT_NULL)
		lsp.stack[lsp.depth++] = label_entry(mpls, config->labels[0], false);
	for (size_t i = 1; i < XDPLB_PAYLOAD_COUNT; i++)
		if (config->last[i])
			lsp.last[i] = label_entry(mpls, config->last[i], true);
	memcpy(lsp.dmac, fact->next_hop, sizeof(lsp.dmac));
	memcpy(lsp.smac, fact->mac, sizeof(lsp.smac));
	*ret_lsp = lsp;
	return true;
}

/* ---- rules ---- */

/* The rules of one tunnel: one for each peer, one for what has no IP peer. Counts where @rules is NULL. */
static size_t make_rules(const struct config_tunnel *tunnel, const struct xdplb_push_rule *model,
			 struct xdplb_push_rule *rules)
{
	const struct config_match *match = &tunnel->match;
	uint8_t rest = match->transports;
	size_t count = 0;

	for (size_t i = 0; i < match->peer_count; i++) {
		uint8_t transport =
			match->peers[i].family == XDPLB_IPV4 ? XDPLB_PTP_UDP4 : XDPLB_PTP_UDP6;
		struct xdplb_push_rule rule = *model;

		if (!(match->transports & transport))
			continue;
		rule.transports = transport;
		rule.match |= XDPLB_PUSH_PEER;
		rule.peer = match->peers[i].addr;
		if (rules)
			rules[count] = rule;
		count++;
	}
	if (match->peer_count)
		rest &= XDPLB_PTP_ETHERNET;
	if (!rest)
		return count;
	if (rules) {
		rules[count] = *model;
		rules[count].transports = rest;
	}
	return count + 1;
}

static bool ends_at(const struct config_tunnel *tunnel, size_t node)
{
	return tunnel->ends[0].node == node || tunnel->ends[1].node == node;
}

size_t mpls_rules_needed(const struct config *config, size_t node)
{
	static const struct xdplb_push_rule none;
	size_t count = 0;

	for (size_t i = 0; i < config->tunnel_count; i++)
		if (config->tunnels[i].kind != CONFIG_TUNNEL_SPARE &&
		    ends_at(&config->tunnels[i], node))
			count += make_rules(&config->tunnels[i], &none, NULL);
	return count;
}

int mpls_plan_rules(struct mpls_planner *planner)
{
	const struct xdplb_push_control *control = map_at(&planner->view->push_control, 0);
	struct mpls_plan *plan = &planner->plan;
	size_t needed = mpls_rules_needed(planner->config, planner->facts->node);

	if (needed > XDPLB_PUSH_RULES_MAX)
		return fail(planner->error, -ENOSPC,
			    "%s: its tunnels need %zu rules for what takes them, there is room for "
			    "%d: name fewer peers",
			    planner->config->nodes[planner->facts->node].name, needed,
			    XDPLB_PUSH_RULES_MAX);
	for (size_t i = 0; i < plan->tunnel_count; i++) {
		const struct mpls_plan_tunnel *tunnel = &plan->tunnels[i];
		const struct config_match *match = &tunnel->config->match;
		struct xdplb_push_rule model = {
			.match = XDPLB_PUSH_VERSION | XDPLB_PUSH_INTERFACE |
				 (match->has_domain ? XDPLB_PUSH_DOMAIN : 0),
			.classes = XDPLB_PTP_EVENT | XDPLB_PTP_GENERAL,
			.version = PTP_VERSION,
			.domain = match->domain,
			.ifindex = planner->facts->tunnels[tunnel->number].ifindex,
			.tunnel = tunnel->index,
		};

		plan->rule_count += (uint32_t)make_rules(tunnel->config, &model,
							 &plan->rules[plan->rule_count]);
	}
	plan->rules_changed = plan->rule_count != control->count ||
			      memcmp(plan->rules, map_at(&planner->view->rules, control->base),
				     plan->rule_count * sizeof(*plan->rules));
	return 0;
}
