// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ways of the tunnels through the links. Every node computes all of them, in one order and by the
 * same rules, so that all come to the same result.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

struct finder {
	struct config_draft *draft;
	struct config *config;
	struct cspf_link *by_metric, *by_delay; /* what is free changes in both alike */
	bool *is_found; /* by tunnel */
	bool *is_refused;
};

static struct yaml_place tunnel_place(const struct finder *finder, size_t tunnel, const char *key)
{
	struct yaml_place place;

	place_child(&finder->draft->tunnels[tunnel], key, &place);
	return place;
}

/* ---- the graph ---- */

/* Labels are switched by nodes with both blocks alone: other links lead nowhere. */
static void fill_link(const struct config *config, const struct config_link *link,
		      struct cspf_link *ret_link, uint32_t cost)
{
	*ret_link = (struct cspf_link){
		.nodes = { (uint32_t)link->ends[0].node, (uint32_t)link->ends[1].node },
		.cost = cost,
		.affinity = link->affinity,
		.srlgs = link->srlgs,
		.srlg_count = link->srlg_count,
	};
	ret_link->free[0] = ret_link->free[1] = link->bandwidth;
	for (int end = 0; end < 2; end++)
		ret_link->is_off |= !config_can_switch(&config->nodes[link->ends[end].node].mpls);
}

static bool make_graphs(struct finder *finder)
{
	const struct config *config = finder->config;
	size_t count = config->link_count;

	finder->by_metric = draft_alloc(finder->draft, count + 1, sizeof(*finder->by_metric));
	finder->by_delay = draft_alloc(finder->draft, count + 1, sizeof(*finder->by_delay));
	finder->is_found =
		draft_alloc(finder->draft, config->tunnel_count, sizeof(*finder->is_found));
	finder->is_refused =
		draft_alloc(finder->draft, config->tunnel_count, sizeof(*finder->is_refused));
	if (!finder->by_metric || !finder->by_delay || !finder->is_found || !finder->is_refused)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct config_link *link = &config->links[i];

		fill_link(config, link, &finder->by_metric[i], link->metric);
		fill_link(config, link, &finder->by_delay[i], link->delay_ns);
	}
	return true;
}

static struct cspf_graph graph_of(const struct finder *finder, const struct config_tunnel *tunnel)
{
	return (struct cspf_graph){
		.node_count = (uint32_t)finder->config->node_count,
		.links = tunnel->by_delay ? finder->by_delay : finder->by_metric,
		.link_count = (uint32_t)finder->config->link_count,
	};
}

/* ---- a path ---- */

/* What stands in each link's way, for the message. */
static void describe_refusals(const struct finder *finder, const struct cspf_graph *graph,
			      const struct cspf_request *request, char *ret_text, size_t size)
{
	static const char *const reasons[CSPF_REFUSALS] = {
		[CSPF_OFF] = "at a node without mpls and te",
		[CSPF_NO_BANDWIDTH] = "without the bandwidth",
		[CSPF_NOT_INCLUDED] = "without the included affinity",
		[CSPF_EXCLUDED] = "excluded by affinity",
		[CSPF_NOT_DISJOINT] = "not disjoint",
	};
	size_t length = 0;

	ret_text[0] = '\0';
	for (int reason = CSPF_USABLE + 1; reason < CSPF_REFUSALS; reason++) {
		const char *first = NULL;
		size_t count = 0;

		for (uint32_t i = 0; i < graph->link_count; i++) {
			if ((int)cspf_judge(graph, request, i, 0) != reason)
				continue;
			first = count++ ? first : finder->config->links[i].name;
		}
		if (count && length < size)
			length += (size_t)snprintf(
				ret_text + length, size - length, "%s%s%s%s", length ? "; " : " (",
				first, count > 1 ? " and others: " : ": ", reasons[reason]);
	}
	if (length && length < size)
		snprintf(ret_text + length, size - length, ")");
}

static void refuse_path(const struct finder *finder, size_t number, const struct cspf_graph *graph,
			const struct cspf_request *request, int err)
{
	const struct config *config = finder->config;
	struct yaml_place place = tunnel_place(finder, number, "path");
	char reasons[256];

	if (err == -ENOMEM) {
		finder->draft->tree.errors.out_of_memory = true;
		return;
	}
	describe_refusals(finder, graph, request, reasons, sizeof(reasons));
	place_refuse(place.node ? &place : &finder->draft->tunnels[number],
		     "found no way from %s to %s by the links%s, expected one%s%s",
		     config->nodes[request->from].name, config->nodes[request->to].name, reasons,
		     request->hop_count ? " through the hops of `path`" : "",
		     err == -E2BIG ? " (gave up: too many ways by loose hops)" : "");
}

/* One direction by hops, or the shortest. */
static int find_way(struct finder *finder, size_t number, unsigned int direction,
		    const struct cspf_hop *hops, size_t hop_count)
{
	struct config_tunnel *tunnel = &finder->config->tunnels[number];
	const struct config_tunnel *other =
		tunnel->disjoint_from == CONFIG_NO_TUNNEL
			? NULL
			: &finder->config->tunnels[tunnel->disjoint_from];
	struct cspf_graph graph = graph_of(finder, tunnel);
	struct cspf_request request = {
		.from = (uint32_t)tunnel->ends[direction].node,
		.to = (uint32_t)tunnel->ends[!direction].node,
		.both_ways = tunnel->corouted,
		.bandwidth = tunnel->bandwidth,
		.include_any = tunnel->include_any,
		.include_all = tunnel->include_all,
		.exclude = tunnel->exclude,
		.hops = hops,
		.hop_count = hop_count,
		.avoid = other ? other->lsps[0].path.links : NULL,
		.avoid_count = other ? other->lsps[0].path.count : 0,
	};
	int err = cspf_find(&graph, &request, &tunnel->lsps[direction].path);

	if (err)
		refuse_path(finder, number, &graph, &request, err);
	return err;
}

static void reserve(struct finder *finder, const struct config_tunnel *tunnel,
		    unsigned int direction)
{
	const struct cspf_path *path = &tunnel->lsps[direction].path;
	uint32_t from = (uint32_t)tunnel->ends[direction].node;

	cspf_reserve(finder->by_metric, path, from, tunnel->bandwidth, tunnel->corouted);
	cspf_reserve(finder->by_delay, path, from, tunnel->bandwidth, tunnel->corouted);
}

/* ---- both directions ---- */

/* Does the file's reverse_path say what the reverse is? Names the first link that differs. */
static void check_reverse(const struct finder *finder, size_t number)
{
	const struct config *config = finder->config;
	const struct config_tunnel *tunnel = &config->tunnels[number];
	const struct cspf_path *reverse = &tunnel->lsps[1].path;
	struct yaml_place place = tunnel_place(finder, number, "reverse_path");
	size_t count = tunnel->reverse_hop_count;

	for (size_t i = 0; i < count || i < reverse->count; i++) {
		if (i < count && tunnel->reverse_hops[i].link == NOT_FOUND)
			return; /* reported */
		if (i < count && i < reverse->count &&
		    tunnel->reverse_hops[i].link == reverse->links[i])
			continue;
		place_refuse(&place,
			     "found %s%s as hop %zu, expected %s%s: the way back takes the links "
			     "of the way there, in reverse",
			     i < count ? "link " : "no link",
			     i < count ? config->links[tunnel->reverse_hops[i].link].name : "",
			     i + 1, i < reverse->count ? "link " : "no link",
			     i < reverse->count ? config->links[reverse->links[i]].name : "");
		return;
	}
}

static struct cspf_hop *copy_hops(struct finder *finder, const struct config_hop *hops,
				  size_t count)
{
	struct cspf_hop *copy = draft_alloc(finder->draft, count + 1, sizeof(*copy));

	for (size_t i = 0; copy && i < count; i++)
		copy[i] = (struct cspf_hop){ (uint32_t)hops[i].link, hops[i].loose };
	return copy;
}

static int find_directions(struct finder *finder, size_t number)
{
	struct config_tunnel *tunnel = &finder->config->tunnels[number];
	struct cspf_hop *hops = copy_hops(finder, tunnel->hops, tunnel->hop_count);
	struct cspf_hop *back = copy_hops(finder, tunnel->reverse_hops, tunnel->reverse_hop_count);
	int err = hops && back ? find_way(finder, number, 0, hops, tunnel->hop_count) : -ENOMEM;

	if (!err)
		reserve(finder, tunnel, 0);
	if (!err && tunnel->corouted) {
		cspf_reverse(&tunnel->lsps[0].path, &tunnel->lsps[1].path);
		if (tunnel->reverse_hop_count)
			check_reverse(finder, number);
	} else if (!err) {
		err = find_way(finder, number, 1, back, tunnel->reverse_hop_count);
		if (!err)
			reserve(finder, tunnel, 1);
	}
	free(hops);
	free(back);
	return err;
}

static void sum_delays(const struct config *config, struct config_lsp *lsp)
{
	lsp->delay_ns = 0;
	for (size_t i = 0; i < lsp->path.count; i++)
		lsp->delay_ns += config->links[lsp->path.links[i]].delay_ns;
}

static bool has_bad_hop(const struct config_tunnel *tunnel)
{
	for (size_t i = 0; i < tunnel->hop_count; i++)
		if (tunnel->hops[i].link == NOT_FOUND)
			return true;
	for (size_t i = 0; i < tunnel->reverse_hop_count; i++)
		if (tunnel->reverse_hops[i].link == NOT_FOUND)
			return true;
	return false;
}

static void find_tunnel(struct finder *finder, size_t number)
{
	struct config_tunnel *tunnel = &finder->config->tunnels[number];

	if (tunnel->ends[0].node == NOT_FOUND || tunnel->ends[1].node == NOT_FOUND ||
	    has_bad_hop(tunnel) || finder->draft->has_bad_links ||
	    find_directions(finder, number)) {
		finder->is_refused[number] = true;
		return;
	}
	finder->is_found[number] = true;
	sum_delays(finder->config, &tunnel->lsps[0]);
	sum_delays(finder->config, &tunnel->lsps[1]);
}

/* ---- all of them ---- */

/* A tunnel comes after the one that it keeps apart from. Returns whether any was next. */
static bool find_round(struct finder *finder)
{
	const struct config *config = finder->config;
	bool any = false;

	for (size_t i = 0; i < config->tunnel_count; i++) {
		size_t other = config->tunnels[i].disjoint_from;

		if (finder->is_found[i] || finder->is_refused[i])
			continue;
		if (other != CONFIG_NO_TUNNEL && finder->is_refused[other]) {
			finder->is_refused[i] = true;
			any = true;
		} else if (other == CONFIG_NO_TUNNEL || finder->is_found[other]) {
			find_tunnel(finder, i);
			any = true;
		}
	}
	return any;
}

static void refuse_circle(const struct finder *finder)
{
	for (size_t i = 0; i < finder->config->tunnel_count; i++) {
		struct yaml_place place = tunnel_place(finder, i, "disjoint_from");

		if (finder->is_found[i] || finder->is_refused[i])
			continue;
		place_refuse_value(&place, "a tunnel that does not in turn keep apart from %s",
				   finder->config->tunnels[i].name);
		return;
	}
}

void draft_find_paths(struct config_draft *draft)
{
	struct finder finder = { .draft = draft, .config = &draft->config };

	if (!draft->config.tunnel_count)
		return;
	if (make_graphs(&finder)) {
		while (find_round(&finder))
			;
		refuse_circle(&finder);
	}
	free(finder.by_metric);
	free(finder.by_delay);
	free(finder.is_found);
	free(finder.is_refused);
}
