/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables by which a service node hands TCP connections over (xdplb/handover.h): working out what a
 * config changes (succession_plan: pure), writing it (succession_commit).
 *
 * A service whose table changes keeps those it had, XDPLB_GENERATIONS in all; a table that stays is not
 * held twice. Tables are built as on an access node, from the same file: all nodes agree.
 */
#ifndef XDPLB_SUCCESSION_H
#define XDPLB_SUCCESSION_H

#include "tables/node_tables.h"

/* A service's tables as they are to be. */
struct succession_plan_service {
	const struct config_service *config;
	uint32_t index; /* in `successions` */
	bool is_new;
	bool is_changed; /* there is a new table, which is tables[0] */
	uint32_t *table; /* if so: its buckets, indices of peers */
	uint32_t *peers; /* of each member of the config */
	struct xdplb_bucket_ref tables[XDPLB_GENERATIONS];
	uint32_t by_source; /* a bit a table, as in struct xdplb_succession */
	uint64_t digests[XDPLB_GENERATIONS];
};

/* Of a mapping, by its index. */
struct succession_link {
	uint32_t succession;
	int32_t netns;
};

struct succession_plan {
	struct succession_plan_service *services;
	size_t count;
	bool *kept; /* by index in `successions` */
	struct xdplb_peer *peers; /* all of them, as they are to be */
	bool *peer_used;
	struct succession_link *links; /* by index in `mappings` */
	size_t changes;
};

/**
 * succession_plan_build() - What it takes to make the tables those of a config.
 * @mappings: the plan of the node's mappings, already built
 * @netns:    enum xdplb_netns or a number, for each backend of the config that lives on this node
 *
 * Return: 0; -ENOSPC a capacity is exhausted, with words; -ENOMEM.
 */
int succession_plan_build(const struct config *config, const struct node_view *view,
			  const struct node_plan *mappings, const struct node_facts *facts,
			  struct succession_plan *ret_plan, struct error *error);
void succession_plan_free(struct succession_plan *plan);

/* Forgets the tables of before, to make room; there is no hand-over by them any more. Return: whether
 * there were any. */
bool succession_forget(struct node_view *view);

/* Makes the plan true, when the mappings are; cannot fail. */
void succession_commit(const struct succession_plan *plan, struct node_view *view);

/* The live tables of element @index, and which of them follow the source alone: a bit each. */
const struct xdplb_bucket_ref *succession_tables(const struct node_view *view, uint32_t index);
uint32_t succession_by_source(const struct node_view *view, uint32_t index);

/* The peer that owns a bucket, counted from the start of `owners`. */
uint32_t succession_owner(const struct node_view *view, uint32_t bucket);

#endif
