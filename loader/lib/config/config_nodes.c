// SPDX-License-Identifier: BSD-2-Clause
/*
 * The section `nodes` of the cluster file.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

/* What the kernel's dev_valid_name() wants, without control characters. */
static bool is_interface_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= IF_NAMESIZE || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)name[i];

		if (byte <= ' ' || byte == 0x7f || byte == '/' || byte == ':')
			return false;
	}
	return true;
}

bool draft_read_interface(const struct yaml_place *place, char *ret_name)
{
	static const char expected[] =
		"an interface's name: 1 to 15 characters without /, : and white space";
	const char *name = place_text(place, expected);

	if (!name)
		return false;
	if (!is_interface_name(name)) {
		place_refuse_value(place, "%s", expected);
		return false;
	}
	strcpy(ret_name, name);
	return true;
}

/* Interfaces of a node, sorted. */
struct interface_list {
	char (*names)[IF_NAMESIZE];
	size_t count;
};

static void insert_interface(struct interface_list *list, const struct yaml_place *place)
{
	char name[IF_NAMESIZE];
	size_t at = list->count;

	if (!draft_read_interface(place, name))
		return;
	while (at > 0 && strcmp(list->names[at - 1], name) > 0)
		at--;
	if (at > 0 && !strcmp(list->names[at - 1], name)) {
		place_refuse_value(place, "each interface once");
		return;
	}
	memmove(list->names[at + 1], list->names[at], (list->count - at) * IF_NAMESIZE);
	strcpy(list->names[at], name);
	list->count++;
}

/* @names: CONFIG_INTERFACES_MAX of them. Returns how many were read. */
static size_t read_interfaces(const struct yaml_place *place, char (*names)[IF_NAMESIZE])
{
	struct interface_list list = { .names = names };
	long length = place_length(place, "a list of interfaces");

	if (length == 0)
		place_refuse(place, "found an empty list, expected at least one interface");
	if (length > CONFIG_INTERFACES_MAX) {
		place_refuse(place, "found %ld interfaces, expected at most %d", length,
			     CONFIG_INTERFACES_MAX);
		return 0;
	}
	for (long i = 0; i < length; i++) {
		struct yaml_place item = place_item(place, (size_t)i);

		insert_interface(&list, &item);
	}
	return list.count;
}

static void read_access(const struct yaml_place *place, struct config_node *node)
{
	static const struct yaml_key keys[] = {
		{ "interfaces", "a list of interfaces" },
		{ "mode", NULL },
	};
	static const char *const modes[] = {
		[CONFIG_XDP_AUTO] = "auto",
		[CONFIG_XDP_NATIVE] = "native",
		[CONFIG_XDP_GENERIC] = "generic",
		NULL,
	};
	struct yaml_place child;
	int mode;

	if (!place_keys(place, keys, ARRAY_SIZE(keys)))
		return;
	if (place_child(place, "interfaces", &child))
		node->access_interface_count = read_interfaces(&child, node->access_interfaces);
	if (place_child(place, "mode", &child)) {
		mode = place_choice(&child, modes);
		if (mode >= 0)
			node->mode = (enum config_xdp_mode)mode;
	}
}

static void read_service_block(const struct yaml_place *place, struct config_node *node)
{
	static const struct yaml_key keys[] = { { "uplinks", "a list of interfaces" } };
	struct yaml_place child;

	if (place_keys(place, keys, ARRAY_SIZE(keys)) && place_child(place, "uplinks", &child))
		node->uplink_count = read_interfaces(&child, node->uplinks);
}

static void read_node(const struct yaml_place *place, struct config_node *node)
{
	static const struct yaml_key keys[] = { { "access", NULL },
						{ "address", NULL },
						{ "service", NULL },
						{ "mpls", NULL },
						{ "te", NULL } };
	struct yaml_place access, service, mpls, te;

	node->line = place->line;
	strcpy(node->name, place->key);
	if (!place_keys(place, keys, ARRAY_SIZE(keys)))
		return;
	node->is_access = place_child(place, "access", &access);
	node->is_service = place_child(place, "service", &service);
	if (node->is_access)
		read_access(&access, node);
	if (node->is_service)
		read_service_block(&service, node);
	if (place_child(place, "mpls", &mpls))
		draft_read_mpls(&mpls, node);
	if (!node->is_access && !node->is_service && !node->mpls.is_set &&
	    !place_child(place, "te", &te))
		place_refuse(place, "found none of access, service, mpls and te, expected one");
}

void draft_read_nodes(struct config_draft *draft)
{
	struct config *config = &draft->config;
	const struct yaml_place *section = &draft->nodes_place;
	size_t errors = draft->tree.errors.count;
	size_t count;

	if (!section->node)
		return;
	place_entries(section, NODES_MAX, &draft->nodes, &count);
	if (count == 0 && draft->tree.errors.count == errors)
		place_refuse(section, "found no node, expected at least one");
	config->nodes = draft_alloc(draft, count, sizeof(*config->nodes));
	config->node_count = config->nodes ? count : 0;
	for (size_t i = 0; i < config->node_count; i++)
		read_node(&draft->nodes[i], &config->nodes[i]);
}
