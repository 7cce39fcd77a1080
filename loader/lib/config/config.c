// SPDX-License-Identifier: BSD-2-Clause
/*
 * The cluster file as structures: the order in which its parts are read, and the root's own keys.
 * The parts are in config_*.c.
 */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_check_kinds.h"

const struct yaml_range config_port_range = { 1, 65535, "a port" };

static const char *const sections[] = { "nodes", "backends", "services" };

void *draft_alloc(struct config_draft *draft, size_t count, size_t size)
{
	void *array = count ? calloc(count, size) : NULL;

	if (count && !array)
		draft->tree.errors.out_of_memory = true;
	return array;
}

static void read_root(struct config_draft *draft)
{
	static const struct yaml_key keys[] = {
		{ "cluster", "the cluster's name" },
		{ "key_file", "the file of the cluster's key" },
		{ "tags", NULL },
		{ "capacities", NULL },
		{ "nodes", "a mapping of the cluster's nodes" },
		{ "backends", NULL },
		{ "services", NULL },
		{ "checks", NULL },
		{ "sharing", NULL },
		{ "on_service", NULL },
		{ "tunnels", NULL },
		{ "on_tunnel", NULL },
		{ "echo", NULL },
	};
	struct yaml_place place;
	const char *name;
	bool echo;

	draft->root = yaml_tree_root(&draft->tree);
	place_keys(&draft->root, keys, ARRAY_SIZE(keys));
	if (place_child(&draft->root, "cluster", &place)) {
		name = place_name(&place);
		if (name)
			strcpy(draft->config.cluster, name);
	}
	if (place_child(&draft->root, "echo", &place) && draft_read_switch(&place, &echo))
		draft->config.no_echo = !echo;
	place_child(&draft->root, "capacities", &draft->capacities_place);
	place_child(&draft->root, sections[0], &draft->nodes_place);
	place_child(&draft->root, sections[1], &draft->backends_place);
	place_child(&draft->root, sections[2], &draft->services_place);
	place_child(&draft->root, "tunnels", &draft->tunnels_place);
}

/* Plain seconds, or with s, m or h; -1: it is no such thing. */
static long parse_duration(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long unit = 1;

	if (digits == 0 || digits > 6)
		return -1;
	if (text[digits] == 'm')
		unit = 60;
	else if (text[digits] == 'h')
		unit = 3600;
	else if (text[digits] && text[digits] != 's')
		return -1;
	if (text[digits] && text[digits + 1])
		return -1;
	return atol(text) * unit;
}

static void read_rest(struct config_draft *draft, const struct yaml_place *place)
{
	static const char expected[] = "a time from 0 to 24h: seconds, or a number with s, m or h";
	const char *text = place_text(place, expected);
	long seconds;

	if (!text)
		return;
	seconds = parse_duration(text);
	if (seconds < 0 || seconds > 24 * 3600)
		place_refuse_value(place, "%s", expected);
	else
		draft->config.tag_rest = (uint32_t)seconds;
}

/* Read a tag port if the key is there. Return: whether @tag can be relied on. */
static bool read_tag_bound(const struct yaml_place *place, uint16_t *tag)
{
	static const struct yaml_range range = { 1024, 65535, "a port" };
	uint32_t number;

	if (!place->node)
		return true;
	if (!place_number(place, &range, &number))
		return false;
	*tag = (uint16_t)number;
	return true;
}

static void read_tags(struct config_draft *draft)
{
	static const struct yaml_key keys[] = { { "first", NULL },
						{ "last", NULL },
						{ "rest", NULL } };
	struct config *config = &draft->config;
	struct yaml_place tags, first, last, rest;
	bool are_read;

	config->tag_first = 61000;
	config->tag_last = 65535;
	config->tag_rest = 600;
	if (!place_child(&draft->root, "tags", &tags) || !place_keys(&tags, keys, ARRAY_SIZE(keys)))
		return;
	place_child(&tags, "first", &first);
	place_child(&tags, "last", &last);
	are_read = read_tag_bound(&first, &config->tag_first);
	are_read &= read_tag_bound(&last, &config->tag_last);
	draft->has_bad_tags = !are_read || config->tag_first > config->tag_last;
	if (are_read && draft->has_bad_tags)
		place_refuse(last.node ? &last : &first,
			     "found a range from %u to %u, expected first <= last",
			     config->tag_first, config->tag_last);
	if (place_child(&tags, "rest", &rest))
		read_rest(draft, &rest);
}

static void read_capacities(struct config_draft *draft)
{
	static const struct yaml_key keys[] = { { "services", NULL }, { "members", NULL },
						{ "backends", NULL }, { "buckets", NULL },
						{ "flows", NULL },    { "labels", NULL },
						{ "tunnels", NULL },  { "cached_flows", NULL } };
	static const struct yaml_range ranges[] = {
		{ 1, SERVICES_MAX, "a capacity" }, { 1, MEMBERS_MAX, "a capacity" },
		{ 1, BACKENDS_MAX, "a capacity" }, { 1, BUCKETS_MAX, "a capacity" },
		{ 1, FLOWS_MAX, "a capacity" },    { 1, LABELS_MAX, "a capacity" },
		{ 1, TUNNELS_MAX, "a capacity" },  { 1, CACHED_FLOWS_MAX, "a capacity" }
	};
	struct config_capacities *capacities = &draft->config.capacities;
	uint32_t *values[] = { &capacities->services, &capacities->members,
			       &capacities->backends, &capacities->buckets,
			       &capacities->flows,    &capacities->labels,
			       &capacities->tunnels,  &capacities->cached_flows };

	*capacities = (struct config_capacities){ 1024,   8192, 4096, 2097152,
						  262144, 4096, 256,  CACHED_FLOWS_DEFAULT };
	if (!place_keys(&draft->capacities_place, keys, ARRAY_SIZE(keys)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct yaml_place place;

		/* What is refused is unlimited: nobody need hear of its default. */
		if (place_child(&draft->capacities_place, keys[i].name, &place) &&
		    !place_number(&place, &ranges[i], values[i]))
			*values[i] = UINT32_MAX;
	}
}

static int read_draft(struct config_draft *draft, const char *path)
{
	int err = yaml_tree_load(&draft->tree, path);

	if (err)
		return err;
	read_root(draft);
	draft_read_key(draft);
	read_tags(draft);
	read_capacities(draft);
	draft_read_nodes(draft);
	draft_read_sharing(draft);
	draft_read_node_addresses(draft);
	draft_read_checks(draft);
	draft_read_hook(draft);
	draft_read_backends(draft);
	draft_read_services(draft);
	draft_allot_tags(draft);
	draft_allot_quic_ids(draft);
	draft_read_links(draft);
	draft_read_tunnels(draft);
	draft_find_paths(draft);
	draft_check(draft);
	if (!draft->tree.errors.count) {
		draft_allot_labels(draft);
		if (config_derive_targets(&draft->config))
			draft->tree.errors.out_of_memory = true;
		else
			draft_check_targets(draft);
	}
	if (draft->tree.errors.out_of_memory)
		return -ENOMEM;
	return draft->tree.errors.count ? -EINVAL : 0;
}

int config_load(const char *path, struct config *ret_config, struct config_errors *ret_errors)
{
	struct config_draft draft = { 0 };
	struct error_list *list;
	char *text = NULL;
	int err = read_draft(&draft, path);

	list = err ? &draft.tree.errors : &draft.tree.warnings;
	*ret_errors = (struct config_errors){ .count = list->count };
	if (error_list_join(list, &text) || list->out_of_memory)
		err = -ENOMEM;
	ret_errors->text = text;
	if (err)
		config_free(&draft.config);
	else
		*ret_config = draft.config;
	yaml_tree_free(&draft.tree);
	free(draft.nodes);
	free(draft.backends);
	free(draft.services);
	free(draft.tunnels);
	free(draft.addresses);
	free(draft.has_bad_address);
	explicit_bzero(&draft.config.key, sizeof(draft.config.key));
	return err;
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < config->service_count; i++) {
		free(config->services[i].members);
		free(config->services[i].sources);
	}
	free(config->services);
	for (size_t i = 0; i < config->check_count; i++)
		free_check_spec(&config->checks[i].spec);
	free(config->checks);
	free_command(config->on_service.argv);
	free_command(config->on_tunnel.argv);
	for (size_t i = 0; i < config->tunnel_count; i++) {
		free(config->tunnels[i].hops);
		free(config->tunnels[i].reverse_hops);
	}
	free(config->tunnels);
	free(config->links);
	free(config->targets);
	free(config->backends);
	free(config->nodes);
	explicit_bzero(config, sizeof(*config));
}

void config_errors_free(struct config_errors *errors)
{
	free(errors->text);
	*errors = (struct config_errors){ 0 };
}

static int compare_node_name(const void *name, const void *node)
{
	return strcmp(name, ((const struct config_node *)node)->name);
}

int config_find_node(const struct config *config, const char *name)
{
	const struct config_node *node = NULL;

	if (config->node_count)
		node = bsearch(name, config->nodes, config->node_count, sizeof(*config->nodes),
			       compare_node_name);
	return node ? (int)(node - config->nodes) : -ENOENT;
}

bool config_in_service(const struct config *config, size_t backend)
{
	for (size_t i = 0; i < config->service_count; i++)
		for (size_t m = 0; m < config->services[i].member_count; m++)
			if (config->services[i].members[m].backend == backend)
				return true;
	return false;
}
