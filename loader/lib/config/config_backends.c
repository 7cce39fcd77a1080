// SPDX-License-Identifier: BSD-2-Clause
/*
 * The section `backends` of the cluster file.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

bool draft_read_address(const struct yaml_place *place, struct xdplb_addr *ret_addr,
			__u8 *ret_family)
{
	const char *text = place_text(place, EXPECTED_ADDRESS);
	struct xdplb_addr addr;
	const char *fault;
	__u8 family;

	if (!text)
		return false;
	if (address_parse(text, &addr, &family)) {
		place_refuse_value(place, EXPECTED_ADDRESS);
		return false;
	}
	fault = address_unusable(&addr, family);
	if (fault) {
		place_refuse(place, "found %s, %s, expected " EXPECTED_ADDRESS, text, fault);
		return false;
	}
	*ret_addr = addr;
	*ret_family = family;
	return true;
}

bool draft_read_node(const struct config_draft *draft, const struct yaml_place *place,
		     size_t *ret_index)
{
	const char *name = place_text(place, "a node's name");
	int index = name ? config_find_node(&draft->config, name) : -1;

	if (name && index < 0)
		place_refuse_value(place, "the name of one of the nodes");
	if (index < 0)
		return false;
	*ret_index = (size_t)index;
	return true;
}

/* Returns whether the address was taken. */
static bool read_backend_address(struct config_draft *draft, size_t index,
				 const struct yaml_place *place)
{
	struct config_backend *backend = &draft->config.backends[index];
	struct claim claim = { .line = place->line, .owner = index };
	bool *has;

	if (!draft_read_address(place, &claim.addr, &claim.family))
		return false;
	has = claim.family == XDPLB_IPV4 ? &backend->has_ipv4 : &backend->has_ipv6;
	if (*has) {
		place_refuse_value(place, "at most one IPv%d address", claim.family);
		return false;
	}
	*has = true;
	if (claim.family == XDPLB_IPV4)
		backend->ipv4 = claim.addr;
	else
		backend->ipv6 = claim.addr;
	draft->addresses[draft->address_count++] = claim;
	return true;
}

static void read_addresses(struct config_draft *draft, size_t index, const struct yaml_place *place)
{
	long length = place_length(place, "a list of addresses");

	draft->has_bad_address[index] = length <= 0;
	if (length == 0)
		place_refuse(place, "found an empty list, expected at least one address");
	/* Of three, one is refused anyway. */
	for (long i = 0; i < length && i < 3; i++) {
		struct yaml_place item = place_item(place, (size_t)i);

		if (!read_backend_address(draft, index, &item))
			draft->has_bad_address[index] = true;
	}
}

static void read_backend_node(struct config_draft *draft, struct config_backend *backend,
			      const struct yaml_place *place)
{
	const struct config_node *node;

	if (!draft_read_node(draft, place, &backend->node))
		return;
	node = &draft->config.nodes[backend->node];
	if (!node->is_service && node->is_access)
		place_refuse(place,
			     "found node %s, which has no `service` block (line %d), "
			     "expected a service node",
			     node->name, node->line);
}

static void read_vnic(struct config_draft *draft, struct config_backend *backend,
		      const struct yaml_place *place)
{
	const struct config_node *node;

	if (!draft_read_interface(place, backend->vnic) || backend->node == NOT_FOUND)
		return;
	node = &draft->config.nodes[backend->node];
	for (size_t i = 0; i < node->uplink_count; i++) {
		if (!strcmp(node->uplinks[i], backend->vnic))
			place_refuse(place,
				     "found %s, an uplink of node %s (line %d), "
				     "expected an interface of this backend alone",
				     backend->vnic, node->name, node->line);
	}
}

static void read_netns(struct config_backend *backend, const struct yaml_place *place)
{
	static const char expected[] =
		"a network namespace: its name below /run/netns, or an absolute path";
	const char *text = place_text(place, expected);
	const char *folder = "/run/netns/";
	size_t length;

	if (!text)
		return;
	if (text[0] == '/')
		folder = "";
	else if (strchr(text, '/') || !strcmp(text, ".") || !strcmp(text, "..")) {
		place_refuse_value(place, "%s", expected);
		return;
	}
	length = strlen(folder) + strlen(text);
	if (length > CONFIG_PATH_LEN) {
		place_refuse(place, "found a path of %zu bytes, expected at most %d", length,
			     CONFIG_PATH_LEN);
		return;
	}
	strcpy(stpcpy(backend->netns, folder), text);
}

static void read_backend(struct config_draft *draft, size_t index)
{
	static const struct yaml_key keys[] = {
		{ "node", "a node's name" },
		{ "addresses", "a list of addresses" },
		{ "vnic", NULL },
		{ "netns", NULL },
	};
	const struct yaml_place *place = &draft->backends[index];
	struct config_backend *backend = &draft->config.backends[index];
	struct yaml_place child;

	backend->line = place->line;
	backend->node = NOT_FOUND;
	strcpy(backend->name, place->key);
	draft->has_bad_address[index] = true;
	if (!place_keys(place, keys, ARRAY_SIZE(keys)))
		return;
	if (place_child(place, "node", &child))
		read_backend_node(draft, backend, &child);
	if (place_child(place, "addresses", &child))
		read_addresses(draft, index, &child);
	if (place_child(place, "vnic", &child))
		read_vnic(draft, backend, &child);
	if (place_child(place, "netns", &child))
		read_netns(backend, &child);
}

static void refuse_duplicate_addresses(const struct config_draft *draft)
{
	for (size_t i = 1; i < draft->address_count; i++) {
		const struct claim *first = &draft->addresses[i - 1], *claim = first + 1;
		const struct config_backend *owner = &draft->config.backends[first->owner];
		struct yaml_place place;
		char text[ADDRESS_TEXT_LEN];

		if (!claims_equal(first, claim))
			continue;
		place_child(&draft->backends[claim->owner], "addresses", &place);
		place.line = claim->line;
		place_refuse(&place,
			     "found %s, which backend %s has too (line %d), "
			     "expected another address",
			     address_print(&claim->addr, claim->family, text), owner->name,
			     first->line);
	}
}

void draft_read_backends(struct config_draft *draft)
{
	struct config *config = &draft->config;
	size_t count;

	place_entries(&draft->backends_place, BACKENDS_MAX, &draft->backends, &count);
	config->backends = draft_alloc(draft, count, sizeof(*config->backends));
	draft->addresses = draft_alloc(draft, 2 * count, sizeof(*draft->addresses));
	draft->has_bad_address = draft_alloc(draft, count, sizeof(*draft->has_bad_address));
	if (draft->tree.errors.out_of_memory)
		return;
	config->backend_count = count;
	for (size_t i = 0; i < count; i++)
		read_backend(draft, i);
	claims_sort(draft->addresses, draft->address_count);
	refuse_duplicate_addresses(draft);
}
