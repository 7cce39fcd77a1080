/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of a service node: reading the pinned ones (node_view), working out what a config changes
 * (node_plan: pure), writing it (node_commit).
 */
#ifndef XDPLB_NODE_TABLES_H
#define XDPLB_NODE_TABLES_H

#include "config/config.h"
#include "base/error.h"
#include "base/maps.h"
#include "base/paths.h"
#include "xdplb/infos.h"
#include "xdplb/node.h"

struct node_view {
	struct map_array tags, endpoints, control, mappings, mapping_infos;
	struct map_array successions, succession_infos, owners, peers; /* see succession.h */
};

int node_view_open(const struct paths *paths, struct node_view *ret_view, struct error *error);
void node_view_close(struct node_view *view);

static inline struct xdplb_mapping *node_mapping(const struct node_view *view, uint32_t i)
{
	return map_at(&view->mappings, i);
}

static inline struct xdplb_mapping_info *node_mapping_info(const struct node_view *view, uint32_t i)
{
	return map_at(&view->mapping_infos, i);
}

/* A mapping as it is to be. */
struct node_plan_mapping {
	uint32_t index;
	struct xdplb_mapping mapping;
	const char *service, *backend; /* names, in the config */
	size_t service_number, backend_number; /* in the config */
};

struct node_plan {
	struct node_plan_mapping *mappings; /* all of the config that are this node's */
	size_t count;
	bool *wanted; /* by index in `mappings`: of the config */
	bool *expired; /* by index: has rested long enough */
	struct xdplb_endpoint *tags, *endpoints; /* the new tables, or NULL if they stay */
	uint32_t slots, tags_seed, endpoints_seed;
	size_t changes;
};

/* What the plan needs to know of the world. */
struct node_facts {
	size_t node; /* index into config.nodes */
	const uint32_t *ifindexes; /* of the virtual NIC of each config backend; 0: none */
	const int32_t *netns; /* where its sockets are: enum xdplb_netns, or the number */
	uint64_t now; /* CLOCK_BOOTTIME, nanoseconds */
};

/**
 * node_plan_build() - What it takes to make a service node's tables those of a config.
 *
 * Mappings that the config no longer has go to rest: they restore on, and their tags are given to
 * nobody, for config->tag_rest seconds.
 *
 * Return: 0; -EBUSY a tag still rests, with words; -ENOSPC a capacity is exhausted; -ENOMEM.
 */
int node_plan_build(const struct config *config, const struct node_view *view,
		    const struct node_facts *facts, struct node_plan *ret_plan,
		    struct error *error);
void node_plan_free(struct node_plan *plan);

/**
 * node_plan_purge() - What it takes to free the mappings that have rested long enough, and nothing
 * else: they make room before a new config is planned.
 *
 * Return: as node_plan_build().
 */
int node_plan_purge(const struct node_view *view, uint64_t now, struct node_plan *ret_plan,
		    struct error *error);

/* By which interface packets for the node's own addresses come in; 0: not known. */
void node_set_uplink(struct node_view *view, uint32_t ifindex, const uint8_t mac[6]);

/* Makes the plan true; cannot fail. */
void node_commit(const struct config *config, const struct node_plan *plan, uint64_t now,
		 struct node_view *view);

#endif
