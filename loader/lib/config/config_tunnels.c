// SPDX-License-Identifier: BSD-2-Clause
/*
 * The section `tunnels` of the cluster file. Ends and matches are in config_tunnel_ends.c, ways
 * through the links in config_paths.c.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"
#include "tables/mpls_tables.h"

/* ---- hops ---- */

static int compare_link_name(const void *name, const void *link)
{
	return strcmp(name, ((const struct config_link *)link)->name);
}

static size_t find_link(const struct config *config, const char *name)
{
	const struct config_link *link = NULL;

	if (config->link_count)
		link = bsearch(name, config->links, config->link_count, sizeof(*link),
			       compare_link_name);
	return link ? (size_t)(link - config->links) : NOT_FOUND;
}

/* "LINK", or {link: LINK, loose: yes}. */
static void read_hop(struct config_draft *draft, const struct yaml_place *place,
		     struct config_hop *hop)
{
	static const struct yaml_key keys[] = { { "link", "a link's name" }, { "loose", NULL } };
	struct yaml_place link = *place, child;
	const char *name;

	hop->link = NOT_FOUND;
	if (place->node->type == YAML_MAPPING_NODE) {
		place_keys(place, keys, ARRAY_SIZE(keys));
		if (!place_child(place, "link", &link))
			return;
		if (place_child(place, "loose", &child))
			draft_read_switch(&child, &hop->loose);
	}
	name = place_text(&link, "a link's name");
	if (!name)
		return;
	hop->link = find_link(&draft->config, name);
	if (hop->link == NOT_FOUND && !draft->has_bad_links)
		place_refuse_value(&link, "the name of one of the links");
}

static void read_hops(struct config_draft *draft, const struct yaml_place *place,
		      struct config_hop **ret_hops, size_t *ret_count)
{
	long length = place_length(place, "a list of links");

	if (length <= 0)
		return;
	if (length > CONFIG_HOPS_MAX) {
		place_refuse(place, "found %ld hops, expected at most %d", length, CONFIG_HOPS_MAX);
		return;
	}
	*ret_hops = draft_alloc(draft, (size_t)length, sizeof(**ret_hops));
	if (!*ret_hops)
		return;
	*ret_count = (size_t)length;
	for (size_t i = 0; i < *ret_count; i++) {
		struct yaml_place item = place_item(place, i);

		read_hop(draft, &item, &(*ret_hops)[i]);
	}
}

/* ---- a tunnel ---- */

static void read_affinities(struct config_draft *draft, const struct yaml_place *place,
			    struct config_tunnel *tunnel)
{
	struct yaml_place child;

	if (place_child(place, "include", &child))
		draft_read_affinities(draft, &child, false, &tunnel->include_any);
	if (place_child(place, "include_all", &child))
		draft_read_affinities(draft, &child, false, &tunnel->include_all);
	if (place_child(place, "exclude", &child))
		draft_read_affinities(draft, &child, false, &tunnel->exclude);
}

static void read_way(struct config_draft *draft, const struct yaml_place *place,
		     struct config_tunnel *tunnel)
{
	static const char *const metrics[] = { "te", "delay", NULL };
	struct yaml_place child;

	read_affinities(draft, place, tunnel);
	if (place_child(place, "bandwidth", &child))
		draft_read_bandwidth(&child, &tunnel->bandwidth);
	if (place_child(place, "metric", &child))
		tunnel->by_delay = place_choice(&child, metrics) == 1;
	if (place_child(place, "path", &child))
		read_hops(draft, &child, &tunnel->hops, &tunnel->hop_count);
	if (place_child(place, "reverse_path", &child))
		read_hops(draft, &child, &tunnel->reverse_hops, &tunnel->reverse_hop_count);
	if (place_child(place, "corouted", &child) &&
	    draft_read_switch(&child, &tunnel->corouted) && !tunnel->corouted)
		place_warn(&child, "the directions need not take the same links: clocks will be "
				   "off by half the difference of their delays");
}

static void read_probing(const struct yaml_place *place, struct config_tunnel *tunnel)
{
	static const struct yaml_range missed = { 2, 1000, "a number of probes" };
	struct yaml_place child;

	if (place_child(place, "probe_interval", &child))
		draft_read_duration(&child, 10, 60000, &tunnel->probe_interval_ms);
	if (place_child(place, "probe_missed", &child))
		place_number(&child, &missed, &tunnel->probe_missed);
	if (place_child(place, "transparent_clock", &child))
		draft_read_switch(&child, &tunnel->transparent_clock);
}

static void read_tunnel(struct config_draft *draft, size_t index)
{
	static const struct yaml_key keys[] = {
		{ "ends", "a list of two nodes" },
		{ "interface", NULL },
		{ "tag", NULL },
		{ "addresses", NULL },
		{ "match", NULL },
		{ "bandwidth", NULL },
		{ "include", NULL },
		{ "include_all", NULL },
		{ "exclude", NULL },
		{ "metric", NULL },
		{ "path", NULL },
		{ "reverse_path", NULL },
		{ "corouted", NULL },
		{ "disjoint_from", NULL },
		{ "protect_by", NULL },
		{ "probe_interval", NULL },
		{ "probe_missed", NULL },
		{ "transparent_clock", NULL },
	};
	const struct yaml_place *place = &draft->tunnels[index];
	struct config_tunnel *tunnel = &draft->config.tunnels[index];
	struct yaml_place child;

	tunnel->line = place->line;
	tunnel->corouted = true;
	tunnel->transparent_clock = true;
	tunnel->probe_interval_ms = 100;
	tunnel->probe_missed = 3;
	tunnel->disjoint_from = tunnel->protect_by = CONFIG_NO_TUNNEL;
	tunnel->ends[0].node = tunnel->ends[1].node = NOT_FOUND;
	strcpy(tunnel->name, place->key);
	if (!place_keys(place, keys, ARRAY_SIZE(keys)))
		return;
	draft_read_tunnel_ends(draft, place, tunnel);
	place_child(place, "match", &child);
	draft_read_match(draft, &child, tunnel);
	read_way(draft, place, tunnel);
	read_probing(place, tunnel);
}

/* ---- tunnels that name each other ---- */

static int compare_tunnel_name(const void *name, const void *tunnel)
{
	return strcmp(name, ((const struct config_tunnel *)tunnel)->name);
}

static size_t read_other(struct config_draft *draft, size_t index, const char *key)
{
	const struct config *config = &draft->config;
	const struct config_tunnel *other;
	struct yaml_place child;
	const char *name;

	if (!place_child(&draft->tunnels[index], key, &child))
		return CONFIG_NO_TUNNEL;
	name = place_text(&child, "a tunnel's name");
	if (!name)
		return CONFIG_NO_TUNNEL;
	other = bsearch(name, config->tunnels, config->tunnel_count, sizeof(*other),
			compare_tunnel_name);
	if (!other || other == &config->tunnels[index]) {
		place_refuse_value(&child, "the name of another tunnel");
		return CONFIG_NO_TUNNEL;
	}
	return (size_t)(other - config->tunnels);
}

size_t config_protected_by(const struct config *config, size_t spare)
{
	for (size_t i = 0; i < config->tunnel_count; i++)
		if (config->tunnels[i].protect_by == spare)
			return i;
	return CONFIG_NO_TUNNEL;
}

static bool have_same_ends(const struct config_tunnel *a, const struct config_tunnel *b)
{
	return a->ends[0].node == b->ends[0].node && a->ends[1].node == b->ends[1].node;
}

static void check_protection(struct config_draft *draft, size_t index)
{
	struct config *config = &draft->config;
	const struct config_tunnel *tunnel = &config->tunnels[index], *spare;
	size_t first = config_protected_by(config, tunnel->protect_by);
	struct yaml_place place;

	if (tunnel->protect_by == CONFIG_NO_TUNNEL)
		return;
	spare = &config->tunnels[tunnel->protect_by];
	place_child(&draft->tunnels[index], "protect_by", &place);
	if (spare->kind != CONFIG_TUNNEL_SPARE)
		place_refuse(&place,
			     "found %s, which has an interface of its own (line %d), expected a "
			     "tunnel without `interface` and `tag`",
			     spare->name, spare->line);
	else if (tunnel->kind == CONFIG_TUNNEL_SPARE)
		place_refuse(&place, "found it in a tunnel without interface or tag, expected it "
				     "in one that has packets of its own");
	else if (first != index)
		place_refuse(&place,
			     "found %s, which protects %s too (line %d), expected a tunnel for "
			     "this one alone",
			     spare->name, config->tunnels[first].name, config->tunnels[first].line);
	else if (!have_same_ends(tunnel, spare) && tunnel->ends[0].node != NOT_FOUND &&
		 spare->ends[0].node != NOT_FOUND)
		place_refuse(&place,
			     "found %s with other ends (line %d), expected the same in the same "
			     "order",
			     spare->name, spare->line);
}

static void check_spare(struct config_draft *draft, size_t index)
{
	const struct config_tunnel *tunnel = &draft->config.tunnels[index];

	if (tunnel->kind == CONFIG_TUNNEL_SPARE &&
	    config_protected_by(&draft->config, index) == CONFIG_NO_TUNNEL)
		place_refuse(&draft->tunnels[index],
			     "found neither interface nor tag, and no tunnel that it protects, "
			     "expected one of them");
}

/* The interface that two tunnels would both make; NULL: none. */
static const char *shared_interface(const struct config_tunnel *a, const struct config_tunnel *b)
{
	for (size_t e = 0; e < 4; e++) {
		const struct config_tunnel_end *x = &a->ends[e & 1], *y = &b->ends[e >> 1];

		if (x->node == y->node && x->node != NOT_FOUND &&
		    !strcmp(x->interface, y->interface))
			return x->interface;
	}
	return NULL;
}

static void check_tunnel_interfaces(struct config_draft *draft, size_t index)
{
	const struct config *config = &draft->config;
	const struct config_tunnel *tunnel = &config->tunnels[index];

	for (size_t i = 0; i < index && tunnel->kind == CONFIG_TUNNEL_INTERFACE; i++) {
		const struct config_tunnel *other = &config->tunnels[i];
		const char *shared = shared_interface(tunnel, other);

		if (shared && other->kind == CONFIG_TUNNEL_INTERFACE)
			place_refuse(&draft->tunnels[index],
				     "found %s, which tunnel %s has too (line %d), expected an "
				     "interface of this tunnel alone",
				     shared, other->name, other->line);
	}
}

/* What ptp_push looks at, one after the other. */
static void check_rules(struct config_draft *draft, size_t node)
{
	size_t needed = mpls_rules_needed(&draft->config, node);

	if (needed > XDPLB_PUSH_RULES_MAX)
		place_refuse(&draft->tunnels_place,
			     "found tunnels that need %zu rules at node %s (one for each peer, one "
			     "without), expected at most %d",
			     needed, draft->config.nodes[node].name, XDPLB_PUSH_RULES_MAX);
}

void draft_read_tunnels(struct config_draft *draft)
{
	struct config *config = &draft->config;
	size_t count;

	place_entries(&draft->tunnels_place, TUNNELS_MAX, &draft->tunnels, &count);
	config->tunnels = draft_alloc(draft, count, sizeof(*config->tunnels));
	config->tunnel_count = config->tunnels ? count : 0;
	for (size_t i = 0; i < config->tunnel_count; i++)
		read_tunnel(draft, i);
	for (size_t i = 0; i < config->tunnel_count; i++) {
		config->tunnels[i].disjoint_from = read_other(draft, i, "disjoint_from");
		config->tunnels[i].protect_by = read_other(draft, i, "protect_by");
	}
	for (size_t i = 0; i < config->tunnel_count; i++) {
		check_protection(draft, i);
		check_spare(draft, i);
		check_tunnel_interfaces(draft, i);
	}
	for (size_t i = 0; i < config->node_count; i++)
		if (config_can_switch(&config->nodes[i].mpls))
			check_rules(draft, i);
}
