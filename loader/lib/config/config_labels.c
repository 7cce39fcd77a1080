// SPDX-License-Identifier: BSD-2-Clause
/*
 * Labels: one for each tunnel, direction and node on its way, and at its end one for each payload.
 * Derived from their names, so that they stay when other tunnels come and go; of two that come out
 * the same, that of the tunnel whose name comes later takes the next free one.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"
#include "base/digest.h"

/* Part of what labels and numbers mean: another would renumber every cluster. */
#define LABEL_SCHEME  "xdplb label 1"
#define NUMBER_SCHEME "xdplb number 1"

/* Besides the payloads: XDPLB_PAYLOAD_NONE is the label that nodes swap. */
#define TURN XDPLB_PAYLOAD_COUNT

struct want {
	size_t node, tunnel;
	unsigned int direction, payload;
	uint32_t *label;
};

struct wants {
	struct want *list;
	size_t count;
};

static void add_want(struct wants *wants, size_t node, size_t tunnel, unsigned int direction,
		     unsigned int payload, uint32_t *label)
{
	wants->list[wants->count++] = (struct want){ node, tunnel, direction, payload, label };
}

/* Of a spare tunnel: those of the one it protects. */
static uint8_t carried_transports(const struct config *config, size_t number)
{
	const struct config_tunnel *tunnel = &config->tunnels[number];

	if (tunnel->kind == CONFIG_TUNNEL_SPARE)
		tunnel = &config->tunnels[config_protected_by(config, number)];
	return tunnel->match.transports;
}

static void add_lsp(struct config *config, struct wants *wants, size_t number,
		    unsigned int direction)
{
	static const uint8_t transports[XDPLB_PAYLOAD_COUNT] = {
		[XDPLB_PAYLOAD_IPV4] = CONFIG_PTP_IPV4,
		[XDPLB_PAYLOAD_IPV6] = CONFIG_PTP_IPV6,
		[XDPLB_PAYLOAD_ETHERNET] = CONFIG_PTP_ETHERNET,
	};
	struct config_tunnel *tunnel = &config->tunnels[number];
	struct config_lsp *lsp = &tunnel->lsps[direction];
	size_t end = tunnel->ends[!direction].node, node = tunnel->ends[direction].node;

	for (size_t i = 0; i < lsp->path.count; i++) {
		const struct config_link *link = &config->links[lsp->path.links[i]];

		node = link->ends[link->ends[0].node == node].node;
		if (node == end && config->nodes[end].mpls.php)
			lsp->labels[i] = XDPLB_LABEL_IMPLICIT_NULL;
		else
			add_want(wants, node, number, direction, XDPLB_PAYLOAD_NONE,
				 &lsp->labels[i]);
	}
	for (unsigned int payload = 1; payload < XDPLB_PAYLOAD_COUNT; payload++)
		if (carried_transports(config, number) & transports[payload])
			add_want(wants, end, number, direction, payload, &lsp->last[payload]);
	add_want(wants, end, number, direction, TURN, &lsp->turn);
}

static int compare_wants(const void *left, const void *right)
{
	const struct want *a = left, *b = right;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	if (a->tunnel != b->tunnel)
		return a->tunnel < b->tunnel ? -1 : 1;
	if (a->direction != b->direction)
		return a->direction < b->direction ? -1 : 1;
	return (a->payload > b->payload) - (a->payload < b->payload);
}

/* Where in the node's range the label is looked for first. */
static uint32_t first_place(const struct config *config, const struct want *want, uint32_t count)
{
	struct digest digest;

	digest_init(&digest);
	digest_text(&digest, LABEL_SCHEME);
	digest_text(&digest, config->tunnels[want->tunnel].name);
	digest_number(&digest, want->direction);
	digest_number(&digest, want->payload);
	digest_text(&digest, config->nodes[want->node].name);
	return (uint32_t)(digest_final(&digest) % count);
}

static void allot_node(struct config_draft *draft, const struct want *wants, size_t count)
{
	const struct config_node *node = &draft->config.nodes[wants[0].node];
	uint32_t range = node->mpls.label_last - node->mpls.label_first + 1;
	struct yaml_place mpls, labels;
	bool *taken;

	if (count > range) {
		place_child(&draft->nodes[wants[0].node], "mpls", &mpls);
		place_child(&mpls, "labels", &labels);
		place_refuse(&labels,
			     "found %u labels from %u to %u, expected room for the %zu of the "
			     "tunnels through %s",
			     range, node->mpls.label_first, node->mpls.label_last, count,
			     node->name);
		return;
	}
	taken = draft_alloc(draft, range, sizeof(*taken));
	if (!taken)
		return;
	for (size_t i = 0; i < count; i++) {
		uint32_t place = first_place(&draft->config, &wants[i], range);

		while (taken[place])
			place = (place + 1) % range;
		taken[place] = true;
		*wants[i].label = node->mpls.label_first + place;
	}
	free(taken);
}

static void check_depth(struct config_draft *draft, size_t number)
{
	const struct config_tunnel *tunnel = &draft->config.tunnels[number];

	for (size_t direction = 0; direction < 2; direction++) {
		const struct config_node *node = &draft->config.nodes[tunnel->ends[direction].node];
		unsigned int depth = config_stack_depth(&tunnel->lsps[direction]);

		if (depth > node->mpls.depth)
			place_refuse(&draft->tunnels[number],
				     "found a stack of %u labels, expected at most %u, the depth "
				     "of node %s (line %d)",
				     depth, node->mpls.depth, node->name, node->mpls.line);
	}
}

static void allot_all(struct config_draft *draft)
{
	struct config *config = &draft->config;
	struct wants wants = { 0 };
	size_t room = 0, start = 0;

	for (size_t i = 0; i < config->tunnel_count; i++)
		for (unsigned int direction = 0; direction < 2; direction++)
			room += config->tunnels[i].lsps[direction].path.count +
				XDPLB_PAYLOAD_COUNT + 1;
	wants.list = draft_alloc(draft, room, sizeof(*wants.list));
	if (!wants.list)
		return;
	for (size_t i = 0; i < config->tunnel_count; i++)
		for (unsigned int direction = 0; direction < 2; direction++)
			add_lsp(config, &wants, i, direction);
	qsort(wants.list, wants.count, sizeof(*wants.list), compare_wants);
	for (size_t i = 1; i <= wants.count; i++) {
		if (i < wants.count && wants.list[i].node == wants.list[start].node)
			continue;
		allot_node(draft, wants.list + start, i - start);
		start = i;
	}
	free(wants.list);
	for (size_t i = 0; i < config->tunnel_count; i++)
		check_depth(draft, i);
}

/* ---- numbers ---- */

struct number {
	uint32_t number;
	const char *name;
	struct yaml_place place; /* to report about */
};

static uint32_t number_of(const char *name)
{
	struct digest digest;
	uint32_t number;

	digest_init(&digest);
	digest_text(&digest, NUMBER_SCHEME);
	digest_text(&digest, name);
	number = (uint32_t)digest_final(&digest);
	return number ? number : 1;
}

static int compare_numbers(const void *left, const void *right)
{
	const struct number *a = left, *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* One in a million files of a hundred names has a clash; then somebody renames. */
static void check_numbers(struct number *numbers, size_t count)
{
	if (count)
		qsort(numbers, count, sizeof(*numbers), compare_numbers);
	for (size_t i = 1; i < count; i++)
		if (numbers[i - 1].number == numbers[i].number)
			place_refuse(&numbers[i].place,
				     "found the number 0x%08x derived from the name %s, which %s "
				     "has too, expected another name",
				     numbers[i].number, numbers[i].name, numbers[i - 1].name);
}

static void number_nodes(struct config_draft *draft, struct number *numbers)
{
	struct config *config = &draft->config;
	size_t count = 0;

	for (size_t i = 0; i < config->node_count; i++) {
		struct config_node *node = &config->nodes[i];

		if (!config_can_switch(&node->mpls))
			continue;
		node->mpls.number = number_of(node->name);
		numbers[count++] =
			(struct number){ node->mpls.number, node->name, draft->nodes[i] };
	}
	check_numbers(numbers, count);
}

static void number_links(struct config_draft *draft, struct number *numbers)
{
	struct config *config = &draft->config;

	for (size_t i = 0; i < config->link_count; i++) {
		struct config_link *link = &config->links[i];

		link->number = number_of(link->name);
		numbers[i] = (struct number){ link->number, link->name,
					      draft->nodes[link->ends[0].node] };
	}
	check_numbers(numbers, config->link_count);
}

static void number_tunnels(struct config_draft *draft, struct number *numbers)
{
	struct config *config = &draft->config;

	for (size_t i = 0; i < config->tunnel_count; i++) {
		struct config_tunnel *tunnel = &config->tunnels[i];

		tunnel->number = number_of(tunnel->name);
		numbers[i] = (struct number){ tunnel->number, tunnel->name, draft->tunnels[i] };
	}
	check_numbers(numbers, config->tunnel_count);
}

void draft_allot_labels(struct config_draft *draft)
{
	const struct config *config = &draft->config;
	struct number *numbers;

	numbers = draft_alloc(draft, config->node_count + config->link_count + config->tunnel_count,
			      sizeof(*numbers));
	if (!numbers)
		return;
	number_nodes(draft, numbers);
	number_links(draft, numbers);
	number_tunnels(draft, numbers);
	free(numbers);
	if (config->tunnel_count)
		allot_all(draft);
}
