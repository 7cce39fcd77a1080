// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every node of a cluster with tables of its own.
 */
#include "mpls_cluster.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void make_array(struct map_array *array, size_t value_size, size_t count)
{
	array->fd = -1;
	array->stride = (value_size + 7) / 8 * 8;
	array->count = count;
	array->values = aligned_alloc(64, (array->stride * count + 63) / 64 * 64);
	cr_assert(array->values);
	memset(array->values, 0, array->stride * count);
}

static void make_view(struct mpls_view *view)
{
	*view = MPLS_VIEW_CLOSED;
	make_array(&view->ilm, sizeof(struct xdplb_ilm), 1024);
	make_array(&view->nhlfes, sizeof(struct xdplb_nhlfe), 512);
	make_array(&view->links, sizeof(struct xdplb_lsr_link), XDPLB_PORTS_MAX);
	make_array(&view->tunnels, sizeof(struct xdplb_tunnel), 8);
	make_array(&view->lsps, sizeof(struct xdplb_lsp), 32);
	make_array(&view->rules, sizeof(struct xdplb_push_rule), 2 * XDPLB_PUSH_RULES_MAX);
	make_array(&view->push_control, sizeof(struct xdplb_push_control), 1);
	make_array(&view->infos, sizeof(struct xdplb_tunnel_info), 8);
}

/* Interface and MAC of a node at a link: both are told from anywhere. */
static void make_mac(const struct config *config, size_t link, size_t node, uint8_t *mac)
{
	mac[0] = 2;
	mac[4] = (uint8_t)config->links[link].number;
	mac[5] = (uint8_t)node;
}

static void make_facts(struct mpls_cluster *world, size_t node)
{
	const struct config *config = &world->loaded.config;
	struct mpls_facts *facts = &world->facts[node];

	free(facts->links);
	free(facts->tunnels);
	*facts = (struct mpls_facts){ .node = node };
	facts->links = calloc(config->link_count + 1, sizeof(*facts->links));
	facts->tunnels = calloc(config->tunnel_count + 1, sizeof(*facts->tunnels));
	for (size_t i = 0; i < config->link_count; i++) {
		const struct config_link *link = &config->links[i];

		for (int end = 0; end < 2; end++) {
			if (link->ends[end].node != node)
				continue;
			facts->links[i].ifindex = link->number;
			facts->links[i].has_next_hop = true;
			make_mac(config, i, node, facts->links[i].mac);
			make_mac(config, i, link->ends[!end].node, facts->links[i].next_hop);
		}
	}
	for (size_t i = 0; i < config->tunnel_count; i++)
		facts->tunnels[i].ifindex = 100 + (uint32_t)i;
}

void mpls_cluster_change(struct mpls_cluster *world, const char *text)
{
	loaded_free(&world->loaded);
	load_text(text, NULL, &world->loaded);
	cr_assert_eq(world->loaded.result, 0, "%s", world->loaded.errors.text);
	cr_assert_leq(world->loaded.config.node_count, (size_t)WORLD_NODES);
	for (size_t node = 0; node < world->loaded.config.node_count; node++)
		make_facts(world, node);
}

void mpls_cluster_open(struct mpls_cluster *world, const char *text)
{
	memset(world, 0, sizeof(*world));
	for (size_t node = 0; node < WORLD_NODES; node++)
		make_view(&world->views[node]);
	load_text(text, NULL, &world->loaded);
	mpls_cluster_change(world, text);
}

int mpls_cluster_apply(struct mpls_cluster *world)
{
	for (size_t node = 0; node < world->loaded.config.node_count; node++) {
		struct error error = { 0 };
		struct mpls_plan plan;
		int err = mpls_plan_build(&world->loaded.config, &world->views[node],
					  &world->facts[node], &plan, &error);

		if (err)
			return err;
		world->changes[node] = plan.changes;
		world->missing[node] = plan.missing;
		mpls_commit(&world->loaded.config, &plan, &world->facts[node], &world->views[node]);
		mpls_plan_free(&plan);
	}
	return 0;
}

void mpls_cluster_close(struct mpls_cluster *world)
{
	for (size_t node = 0; node < WORLD_NODES; node++) {
		struct mpls_view *view = &world->views[node];
		struct map_array *arrays[] = { &view->ilm,     &view->nhlfes,      &view->links,
					       &view->tunnels, &view->lsps,        &view->rules,
					       &view->infos,   &view->push_control };

		for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
			free(arrays[i]->values);
		free(world->facts[node].links);
		free(world->facts[node].tunnels);
	}
	loaded_free(&world->loaded);
}

static const struct config_link *link_by_number(const struct config *config, uint32_t number)
{
	for (size_t i = 0; i < config->link_count; i++)
		if (config->links[i].number == number)
			return &config->links[i];
	return NULL;
}

/* A packet in the air: labels, top first. */
struct flying {
	uint32_t stack[XDPLB_LABELS_MAX];
	size_t depth;
	int ttl;
	uint32_t link;
	uint8_t dmac[6];
};

static void pop(struct flying *packet)
{
	packet->depth--;
	memmove(packet->stack, packet->stack + 1, packet->depth * sizeof(*packet->stack));
}

/* A node takes the packet. Return: whether it goes on. */
static bool step(const struct mpls_cluster *world, struct flying *packet, struct mpls_walk *walk)
{
	const struct mpls_view *view = &world->views[walk->node];

	for (;;) {
		const struct xdplb_ilm *ilm = map_at(&view->ilm, packet->stack[0] & 1023);
		const struct xdplb_nhlfe *entry;
		const struct xdplb_lsr_link *port;

		if (!packet->depth) {
			walk->end = XDPLB_LABEL_GAL;
			return false;
		}
		if (ilm->label != packet->stack[0]) {
			walk->end = -1;
			return false;
		}
		entry = walk->entry = map_at(&view->nhlfes, ilm->nhlfe);
		walk->reverse_label = entry->reverse_label;
		walk->end = entry->op;
		if (entry->op == XDPLB_OP_DELIVER)
			return false;
		if (entry->op == XDPLB_OP_POP) {
			pop(packet);
			packet->ttl = 255;
			continue;
		}
		if (packet->ttl <= 1) {
			walk->end = -2;
			return false;
		}
		packet->ttl--;
		if (entry->op == XDPLB_OP_PHP) {
			pop(packet);
			packet->ttl = 255;
		} else {
			cr_assert_eq(entry->depth, 1);
			packet->stack[0] = ntohl(entry->out[0]) >> 12;
		}
		port = map_at(&view->links, entry->port);
		packet->link = port->link;
		memcpy(packet->dmac, entry->dmac, sizeof(packet->dmac));
		return true;
	}
}

struct mpls_walk mpls_cluster_walk(const struct mpls_cluster *world, size_t node,
				   uint32_t link_number, const uint32_t *stack, size_t depth,
				   int ttl)
{
	const struct config *config = &world->loaded.config;
	struct mpls_walk walk = { .node = node };
	struct flying packet = { .depth = depth, .ttl = ttl, .link = link_number };
	bool first = true;

	memcpy(packet.stack, stack, depth * sizeof(*stack));
	do {
		const struct config_link *link = link_by_number(config, packet.link);
		uint8_t mac[6] = { 0 };

		cr_assert(link, "no link %u", packet.link);
		cr_assert_lt(walk.count, 64, "a packet that goes in a circle");
		walk.node = link->ends[link->ends[0].node == walk.node].node;
		walk.links[walk.count++] = walk.last_link = packet.link;
		make_mac(config, (size_t)(link - config->links), walk.node, mac);
		if (!first && memcmp(mac, packet.dmac, sizeof(mac))) {
			walk.end = -3;
			return walk;
		}
		first = false;
	} while (step(world, &packet, &walk));
	return walk;
}

size_t mpls_cluster_push(const struct mpls_cluster *world, size_t node, const char *tunnel,
			 unsigned int backup, unsigned int payload, uint32_t *ret_stack,
			 uint32_t *ret_link)
{
	const struct mpls_view *view = &world->views[node];

	for (uint32_t i = 0; i < view->infos.count; i++) {
		const struct xdplb_tunnel_info *info = map_at(&view->infos, i);
		const struct xdplb_lsp *lsp;
		size_t depth = 0;

		if (!info->id || strcmp(info->name, tunnel) || info->lsps[backup] == XDPLB_NO_LSP)
			continue;
		lsp = map_at(&view->lsps, info->lsps[backup]);
		for (; depth < lsp->depth; depth++)
			ret_stack[depth] = ntohl(lsp->stack[depth]) >> 12;
		ret_stack[depth++] = ntohl(lsp->last[payload]) >> 12;
		*ret_link = lsp->ifindex; /* of these facts, the link's number */
		return depth;
	}
	return 0;
}
