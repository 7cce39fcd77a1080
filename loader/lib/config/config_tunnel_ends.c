// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a tunnel of the cluster file is at its ends: nodes, interfaces, addresses; and which PTP
 * messages take it.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

/* ---- nodes ---- */

static void read_end_node(struct config_draft *draft, const struct yaml_place *place,
			  struct config_tunnel_end *end)
{
	const struct config_node *node;
	size_t index;

	if (!draft_read_node(draft, place, &index))
		return;
	node = &draft->config.nodes[index];
	if (!node->mpls.is_set || !node->mpls.has_te) {
		place_refuse(place,
			     "found node %s, which has no `%s` block (line %d), expected both "
			     "`mpls` and `te` at each end of a tunnel",
			     node->name, node->mpls.is_set ? "te" : "mpls", node->line);
		return;
	}
	end->node = index;
}

static void read_ends(struct config_draft *draft, const struct yaml_place *place,
		      struct config_tunnel *tunnel)
{
	static const char expected[] = "a list of two nodes";
	long length = place_length(place, expected);

	if (length < 0)
		return;
	if (length != 2) {
		place_refuse(place, "found %ld nodes, expected two", length);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		struct yaml_place item = place_item(place, i);

		read_end_node(draft, &item, &tunnel->ends[i]);
	}
	if (tunnel->ends[0].node != NOT_FOUND && tunnel->ends[0].node == tunnel->ends[1].node) {
		place_refuse(place, "found node %s twice, expected two nodes",
			     draft->config.nodes[tunnel->ends[0].node].name);
		tunnel->ends[0].node = tunnel->ends[1].node = NOT_FOUND;
	}
}

/* The end that a key below `addresses`, `interface` or `tag.interface` names; NULL: refused. */
static struct config_tunnel_end *find_end(const struct config_draft *draft,
					  const struct yaml_place *place,
					  struct config_tunnel *tunnel)
{
	const struct config *config = &draft->config;

	for (size_t i = 0; i < 2; i++) {
		struct config_tunnel_end *end = &tunnel->ends[i];

		if (end->node == NOT_FOUND)
			return NULL; /* reported */
		if (!strcmp(config->nodes[end->node].name, place->key))
			return end;
	}
	place_refuse(place, "found %s, expected %s or %s, the tunnel's ends", place->key,
		     config->nodes[tunnel->ends[0].node].name,
		     config->nodes[tunnel->ends[1].node].name);
	return NULL;
}

/* ---- interfaces ---- */

static void read_interface_of_each(struct config_draft *draft, const struct yaml_place *place,
				   struct config_tunnel *tunnel)
{
	struct yaml_place *entries;
	size_t count;

	place_entries(place, 2, &entries, &count);
	for (size_t i = 0; i < count; i++) {
		struct config_tunnel_end *end = find_end(draft, &entries[i], tunnel);

		if (end)
			draft_read_interface(&entries[i], end->interface);
	}
	free(entries);
	if (count == 1)
		place_refuse(place, "found an interface of one end, expected one of both");
}

/* One name for both ends, or a mapping. */
static void read_interface(struct config_draft *draft, const struct yaml_place *place,
			   struct config_tunnel *tunnel)
{
	if (place->node && place->node->type == YAML_MAPPING_NODE)
		read_interface_of_each(draft, place, tunnel);
	else if (draft_read_interface(place, tunnel->ends[0].interface))
		strcpy(tunnel->ends[1].interface, tunnel->ends[0].interface);
}

/* Of links too this is refused: at a hook of an uplink stands another program. */
static void check_tagged(const struct config_draft *draft, const struct yaml_place *place,
			 const struct config_tunnel_end *end)
{
	const struct config_node *node;

	if (end->node == NOT_FOUND)
		return;
	node = &draft->config.nodes[end->node];
	for (size_t i = 0; i < node->uplink_count; i++)
		if (!strcmp(node->uplinks[i], end->interface))
			place_refuse(place,
				     "found %s, an uplink of node %s (line %d), expected another "
				     "one",
				     end->interface, node->name, node->line);
}

static void read_kind(struct config_draft *draft, const struct yaml_place *place,
		      struct config_tunnel *tunnel)
{
	static const struct yaml_key keys[] = { { "interface", "an interface's name" } };
	struct yaml_place own, tag, child;
	bool has_own = place_child(place, "interface", &own);
	bool has_tag = place_child(place, "tag", &tag);

	tunnel->kind = has_own   ? CONFIG_TUNNEL_INTERFACE
		       : has_tag ? CONFIG_TUNNEL_TAG
				 : CONFIG_TUNNEL_SPARE;
	if (has_own && has_tag)
		place_refuse(&tag, "found interface and tag, expected one of them");
	if (has_own)
		read_interface(draft, &own, tunnel);
	else if (has_tag && place_keys(&tag, keys, ARRAY_SIZE(keys)) &&
		 place_child(&tag, "interface", &child)) {
		read_interface(draft, &child, tunnel);
		check_tagged(draft, &child, &tunnel->ends[0]);
		check_tagged(draft, &child, &tunnel->ends[1]);
	}
}

/* ---- addresses ---- */

/* "ADDRESS/LENGTH", of an interface: the length is told, and not 0. */
static bool parse_own_prefix(const char *text, struct config_prefix *ret_prefix)
{
	struct config_prefix prefix;

	if (!strchr(text, '/') || !draft_parse_prefix(text, &prefix) || !prefix.length ||
	    address_unusable(&prefix.addr, prefix.family))
		return false;
	*ret_prefix = prefix;
	return true;
}

static void read_prefix(const struct yaml_place *place, struct config_tunnel_end *end)
{
	static const char expected[] = "an address with its prefix length: 10.0.0.1/30";
	const char *text = place_text(place, expected);
	struct config_prefix prefix, *slot;

	if (!text)
		return;
	if (!parse_own_prefix(text, &prefix)) {
		place_refuse_value(place, "%s", expected);
		return;
	}
	slot = prefix.family == XDPLB_IPV4 ? &end->ipv4 : &end->ipv6;
	if (slot->family)
		place_refuse_value(place, "at most one IPv%d address", prefix.family);
	else
		*slot = prefix;
}

static void read_addresses(struct config_draft *draft, const struct yaml_place *place,
			   struct config_tunnel *tunnel)
{
	struct yaml_place *entries;
	size_t count;

	if (tunnel->kind != CONFIG_TUNNEL_INTERFACE) {
		place_refuse(place, "found addresses and no `interface`, expected them of a tunnel "
				    "interface alone");
		return;
	}
	place_entries(place, 2, &entries, &count);
	for (size_t i = 0; i < count; i++) {
		struct config_tunnel_end *end = find_end(draft, &entries[i], tunnel);
		long length = end ? place_length(&entries[i], "a list of addresses") : 0;

		for (long j = 0; j < length; j++) {
			struct yaml_place item = place_item(&entries[i], (size_t)j);

			read_prefix(&item, end);
		}
	}
	free(entries);
}

void draft_read_tunnel_ends(struct config_draft *draft, const struct yaml_place *place,
			    struct config_tunnel *tunnel)
{
	struct yaml_place child;

	tunnel->ends[0].node = tunnel->ends[1].node = NOT_FOUND;
	if (place_child(place, "ends", &child))
		read_ends(draft, &child, tunnel);
	read_kind(draft, place, tunnel);
	if (place_child(place, "addresses", &child))
		read_addresses(draft, &child, tunnel);
}

/* ---- what takes the tunnel ---- */

static void read_transports(const struct yaml_place *place, struct config_match *match)
{
	static const char *const words[] = { "ipv4", "ipv6", "ethernet", NULL };
	long length = place_length(place, "a list of ipv4, ipv6, ethernet");

	if (length == 0)
		place_refuse(place, "found an empty list, expected at least one transport");
	match->transports = 0;
	for (long i = 0; i < length; i++) {
		struct yaml_place item = place_item(place, (size_t)i);
		int word = place_choice(&item, words);

		if (word >= 0)
			match->transports |= (uint8_t)(1 << word);
	}
}

static void read_peers(const struct yaml_place *place, struct config_match *match)
{
	long length = place_length(place, "a list of addresses");

	if (length > CONFIG_PEERS_MAX) {
		place_refuse(place, "found %ld peers, expected at most %d", length,
			     CONFIG_PEERS_MAX);
		return;
	}
	for (long i = 0; i < length; i++) {
		struct yaml_place item = place_item(place, (size_t)i);
		size_t n = match->peer_count;

		if (draft_read_address(&item, &match->peers[n].addr, &match->peers[n].family))
			match->peer_count++;
	}
}

void draft_read_match(struct config_draft *draft, const struct yaml_place *place,
		      struct config_tunnel *tunnel)
{
	static const struct yaml_key keys[] = { { "transport", NULL },
						{ "domain", NULL },
						{ "peers", NULL } };
	static const struct yaml_range domains = { 0, 255, "a domain" };
	struct config_match *match = &tunnel->match;
	struct yaml_place child;
	uint32_t domain;

	match->transports = CONFIG_PTP_IPV4 | CONFIG_PTP_IPV6 | CONFIG_PTP_ETHERNET;
	if (!place->node || !place_keys(place, keys, ARRAY_SIZE(keys)))
		return;
	if (place_child(place, "transport", &child))
		read_transports(&child, match);
	if (place_child(place, "domain", &child) && place_number(&child, &domains, &domain)) {
		match->has_domain = true;
		match->domain = (uint8_t)domain;
	}
	if (place_child(place, "peers", &child))
		read_peers(&child, match);
}
