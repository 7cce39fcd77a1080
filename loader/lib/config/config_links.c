// SPDX-License-Identifier: BSD-2-Clause
/*
 * The links of the cluster file: each stands under `te` of two nodes, by the same name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

#define LINKS_MAX 4096 /* of a node */

/* What one node says of a link. */
struct half {
	struct yaml_place place;
	struct config_link link; /* ends[0] alone is filled */
	bool is_bad;
};

struct halves {
	struct half *list;
	size_t count;
	/* What the places of `list` refer to: one of each node. */
	struct yaml_place *te, *links;
};

/* ---- one end ---- */

static int compare_srlgs(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static void read_srlgs(const struct yaml_place *place, struct config_link *link)
{
	static const struct yaml_range range = { 0, UINT32_MAX, "a group's number" };
	long length = place_length(place, "a list of shared risk groups' numbers");

	if (length > CONFIG_SRLGS_MAX) {
		place_refuse(place, "found %ld groups, expected at most %d", length,
			     CONFIG_SRLGS_MAX);
		return;
	}
	for (long i = 0; i < length; i++) {
		struct yaml_place item = place_item(place, (size_t)i);

		if (place_number(&item, &range, &link->srlgs[link->srlg_count]))
			link->srlg_count++;
	}
}

static void read_mac(const struct yaml_place *place, struct config_link_end *end)
{
	static const char expected[] = "a MAC address: 02:00:00:00:00:01";
	const char *text = place_text(place, expected);
	int length = 0;

	if (!text)
		return;
	if (strspn(text, "0123456789abcdefABCDEF:") == 17 &&
	    sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &end->mac[0], &end->mac[1],
		   &end->mac[2], &end->mac[3], &end->mac[4], &end->mac[5], &length) == 6 &&
	    length == 17 && !(end->mac[0] & 1))
		end->has_mac = true;
	else
		place_refuse_value(place, "%s", expected);
}

/* What only costs and constrains. */
static void read_attributes(struct config_draft *draft, const struct yaml_place *place,
			    struct config_link *link)
{
	static const struct yaml_range metric = { 1, 16777215, "a metric" };
	struct yaml_place child;

	if (place_child(place, "metric", &child))
		place_number(&child, &metric, &link->metric);
	if (place_child(place, "bandwidth", &child))
		draft_read_bandwidth(&child, &link->bandwidth);
	if (place_child(place, "delay", &child))
		draft_read_delay(&child, &link->delay_ns);
	if (place_child(place, "affinity", &child))
		draft_read_affinities(draft, &child, true, &link->affinity);
	if (place_child(place, "srlg", &child))
		read_srlgs(&child, link);
}

static void read_half(struct config_draft *draft, struct half *half, size_t node)
{
	static const struct yaml_key keys[] = {
		{ "interface", "an interface's name" },
		{ "address", NULL },
		{ "mac", NULL },
		{ "metric", NULL },
		{ "bandwidth", NULL },
		{ "delay", NULL },
		{ "affinity", NULL },
		{ "srlg", NULL },
		{ "exclusive", NULL },
		{ "hardware_clock", NULL },
	};
	static const char *const clocks[] = { "none", "tai", NULL };
	struct config_link_end *end = &half->link.ends[0];
	const struct yaml_place *place = &half->place;
	struct yaml_place address, mac, child;
	bool has_address, has_mac;

	*end = (struct config_link_end){ .node = node, .line = place->line };
	half->link.bandwidth = UINT64_MAX;
	strcpy(half->link.name, place->key);
	if (!place_keys(place, keys, ARRAY_SIZE(keys)))
		return;
	if (place_child(place, "interface", &child))
		draft_read_interface(&child, end->interface);
	if (place_child(place, "exclusive", &child))
		draft_read_switch(&child, &end->is_exclusive);
	if (place_child(place, "hardware_clock", &child))
		end->has_tai_clock = place_choice(&child, clocks) == 1;
	has_address = place_child(place, "address", &address);
	has_mac = place_child(place, "mac", &mac);
	if (has_address)
		draft_read_address(&address, &end->addr, &end->family);
	if (has_mac)
		read_mac(&mac, end);
	if (!has_address && !has_mac)
		place_refuse(place, "found neither address nor mac, expected one: the other end "
				    "sends there");
	read_attributes(draft, place, &half->link);
}

/* ---- all of them ---- */

static size_t count_halves(const struct config_draft *draft, struct halves *halves)
{
	size_t count = 0;

	for (size_t i = 0; i < draft->config.node_count; i++) {
		const yaml_node_t *node;

		if (!place_child(&draft->nodes[i], "te", &halves->te[i]) ||
		    !place_child(&halves->te[i], "links", &halves->links[i]))
			continue;
		node = halves->links[i].node;
		if (node && node->type == YAML_MAPPING_NODE)
			count += (size_t)(node->data.mapping.pairs.top -
					  node->data.mapping.pairs.start);
	}
	return count;
}

static void read_node_links(struct config_draft *draft, struct halves *halves, size_t node)
{
	static const struct yaml_key keys[] = { { "links", "a mapping of the node's links" } };
	struct yaml_place *entries;
	size_t count;

	if (!halves->te[node].node && !place_child(&draft->nodes[node], "te", &halves->te[node]))
		return;
	draft->config.nodes[node].mpls.has_te = true;
	if (!place_keys(&halves->te[node], keys, ARRAY_SIZE(keys)) || !halves->links[node].node)
		return;
	place_entries(&halves->links[node], LINKS_MAX, &entries, &count);
	for (size_t i = 0; i < count; i++) {
		struct half *half = &halves->list[halves->count++];
		size_t errors = draft->tree.errors.count;

		half->place = entries[i];
		read_half(draft, half, node);
		half->is_bad = draft->tree.errors.count > errors;
		draft->has_bad_links |= half->is_bad;
	}
	free(entries);
}

static int compare_halves(const void *left, const void *right)
{
	const struct half *a = left, *b = right;
	int order = strcmp(a->link.name, b->link.name);

	return order ? order
		     : (a->link.ends[0].node > b->link.ends[0].node) -
			       (a->link.ends[0].node < b->link.ends[0].node);
}

static void join_srlgs(struct config_link *link, const struct config_link *other)
{
	size_t kept = 0;

	memcpy(&link->srlgs[link->srlg_count], other->srlgs,
	       other->srlg_count * sizeof(*other->srlgs));
	link->srlg_count += other->srlg_count;
	qsort(link->srlgs, link->srlg_count, sizeof(*link->srlgs), compare_srlgs);
	for (size_t i = 0; i < link->srlg_count; i++)
		if (!kept || link->srlgs[kept - 1] != link->srlgs[i])
			link->srlgs[kept++] = link->srlgs[i];
	link->srlg_count = kept;
}

#define DEFAULT_METRIC 10

/* Two halves make a link. */
static struct config_link join(const struct half *first, const struct half *second)
{
	const struct config_link *other = &second->link;
	struct config_link link = first->link;

	link.ends[1] = other->ends[0];
	if (other->metric > link.metric)
		link.metric = other->metric;
	if (!link.metric)
		link.metric = DEFAULT_METRIC;
	if (other->delay_ns > link.delay_ns)
		link.delay_ns = other->delay_ns;
	if (other->bandwidth < link.bandwidth)
		link.bandwidth = other->bandwidth;
	link.affinity |= other->affinity;
	join_srlgs(&link, other);
	return link;
}

/* The same family, or a MAC: else one end can't find the other. */
static void check_pair(const struct half *first, const struct half *second)
{
	const struct config_link_end *a = &first->link.ends[0], *b = &second->link.ends[0];
	struct yaml_place place;

	place_child(&second->place, "address", &place);
	if (a->family && b->family && a->family != b->family && !a->has_mac && !b->has_mac)
		place_refuse(&place,
			     "found an IPv%d address, expected one of IPv%d as at the other end "
			     "(line %d)",
			     b->family, a->family, a->line);
}

static void join_halves(struct config_draft *draft, const struct halves *halves)
{
	struct config *config = &draft->config;
	const struct half *list = halves->list;
	size_t same;

	for (size_t i = 0; i < halves->count; i += same) {
		for (same = 1; i + same < halves->count; same++)
			if (strcmp(list[i].link.name, list[i + same].link.name))
				break;
		if (same == 2 && !list[i].is_bad && !list[i + 1].is_bad) {
			check_pair(&list[i], &list[i + 1]);
			config->links[config->link_count++] = join(&list[i], &list[i + 1]);
		} else if (same == 1 && !list[i].is_bad) {
			draft->has_bad_links = true;
			place_refuse(&list[i].place,
				     "found link %s at node %s alone, expected it at two nodes",
				     list[i].link.name,
				     config->nodes[list[i].link.ends[0].node].name);
		} else if (same > 2) {
			draft->has_bad_links = true;
			place_refuse(&list[i + 2].place,
				     "found link %s at %zu nodes (lines %d, %d), expected it at "
				     "two",
				     list[i].link.name, same, list[i].place.line,
				     list[i + 1].place.line);
		}
	}
}

static void check_access(const struct config_draft *draft, const struct half *half)
{
	const struct config_link_end *end = &half->link.ends[0];
	const struct config_node *node = &draft->config.nodes[end->node];
	struct yaml_place place;

	place_child(&half->place, "interface", &place);
	for (size_t i = 0; i < node->access_interface_count; i++)
		if (!strcmp(node->access_interfaces[i], end->interface))
			place_refuse(&place,
				     "found %s, an access interface of node %s (line %d), expected "
				     "another one: lb_xdp and lsr_xdp can't both stand there",
				     end->interface, node->name, node->line);
}

/* Where TCX is missing (before Linux 6.6) one of our programs stands at each hook. */
static void check_uplink(const struct config_draft *draft, const struct half *half)
{
	const struct config_link_end *end = &half->link.ends[0];
	const struct config_node *node = &draft->config.nodes[end->node];
	struct yaml_place place;

	place_child(&half->place, "interface", &place);
	for (size_t i = 0; i < node->uplink_count; i++)
		if (!strcmp(node->uplinks[i], end->interface))
			place_refuse(&place,
				     "found %s, an uplink of node %s (line %d), expected another "
				     "one",
				     end->interface, node->name, node->line);
}

static int compare_interfaces(const void *left, const void *right)
{
	const struct half *a = *(const struct half *const *)left;
	const struct half *b = *(const struct half *const *)right;
	const struct config_link_end *x = &a->link.ends[0], *y = &b->link.ends[0];

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (strcmp(x->interface, y->interface))
		return strcmp(x->interface, y->interface);
	return strcmp(a->link.name, b->link.name);
}

/* An interface is one link's alone: `verify` and counters tell links by it. */
static void check_interfaces(struct config_draft *draft, const struct halves *halves)
{
	const struct half **sorted = draft_alloc(draft, halves->count, sizeof(*sorted));

	if (!sorted)
		return;
	for (size_t i = 0; i < halves->count; i++) {
		sorted[i] = &halves->list[i];
		check_access(draft, sorted[i]);
		check_uplink(draft, sorted[i]);
	}
	qsort(sorted, halves->count, sizeof(*sorted), compare_interfaces);
	for (size_t i = 1; i < halves->count; i++) {
		const struct config_link_end *first = &sorted[i - 1]->link.ends[0];
		const struct config_link_end *end = &sorted[i]->link.ends[0];
		struct yaml_place place;

		if (first->node != end->node || !end->interface[0] ||
		    strcmp(first->interface, end->interface))
			continue;
		place_child(&sorted[i]->place, "interface", &place);
		place_refuse(&place,
			     "found %s, which link %s has too (line %d), expected an interface of "
			     "this link alone",
			     end->interface, sorted[i - 1]->link.name, first->line);
	}
	free(sorted);
}

void draft_read_links(struct config_draft *draft)
{
	struct config *config = &draft->config;
	struct halves halves = { 0 };
	size_t count;

	halves.te = draft_alloc(draft, config->node_count, sizeof(*halves.te));
	halves.links = draft_alloc(draft, config->node_count, sizeof(*halves.links));
	count = halves.te && halves.links ? count_halves(draft, &halves) : 0;
	halves.list = draft_alloc(draft, count, sizeof(*halves.list));
	config->links = draft_alloc(draft, count, sizeof(*config->links));
	if (!draft->tree.errors.out_of_memory) {
		for (size_t i = 0; i < config->node_count; i++)
			read_node_links(draft, &halves, i);
		if (halves.count)
			qsort(halves.list, halves.count, sizeof(*halves.list), compare_halves);
		join_halves(draft, &halves);
		check_interfaces(draft, &halves);
	}
	free(halves.list);
	free(halves.te);
	free(halves.links);
}
