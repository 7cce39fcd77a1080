// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of neighbours: glibc's balanced tree.
 */
#include "neighbours.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare_neighbours(const void *a, const void *b)
{
	const struct neighbour *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

static struct neighbour *find(const struct neighbours *neighbours, const struct neighbour *key)
{
	struct neighbour **found = tfind(key, &neighbours->tree, compare_neighbours);

	return found ? *found : NULL;
}

static void add(struct neighbours *neighbours, const struct neighbour *new)
{
	struct neighbour *neighbour = malloc(sizeof(*neighbour));

	if (!neighbour)
		return;
	*neighbour = *new;
	if (!tsearch(neighbour, &neighbours->tree, compare_neighbours)) {
		free(neighbour);
		return;
	}
	neighbours->count++;
	neighbours->stale += neighbour->is_stale;
}

void neighbours_put(struct neighbours *neighbours, const struct neighbour *neighbour)
{
	struct neighbour *known = find(neighbours, neighbour);
	struct nexthop_via before;

	if (!known) {
		add(neighbours, neighbour);
		return;
	}
	before = known->via;
	neighbours->stale += neighbour->is_stale;
	neighbours->stale -= known->is_stale;
	*known = *neighbour;
	if (nexthop_via_compare(&before, &neighbour->via))
		neighbours->lost(neighbours->context, &before);
}

void neighbours_drop(struct neighbours *neighbours, const struct neighbour *neighbour)
{
	struct neighbour *known = find(neighbours, neighbour);

	if (!known)
		return;
	tdelete(known, &neighbours->tree, compare_neighbours);
	neighbours->count--;
	neighbours->stale -= known->is_stale;
	neighbours->lost(neighbours->context, &known->via);
	free(known);
}

void neighbours_clear(struct neighbours *neighbours)
{
	tdestroy(neighbours->tree, free);
	neighbours->tree = NULL;
	neighbours->count = 0;
	neighbours->stale = 0;
}

struct walk {
	void (*visit)(void *context, const struct neighbour *neighbour);
	void *context;
};

static void visit_node(const void *node, VISIT visit, void *context)
{
	const struct walk *walk = context;

	if (visit == postorder || visit == leaf)
		walk->visit(walk->context, *(struct neighbour *const *)node);
}

void neighbours_walk(const struct neighbours *neighbours,
		     void (*visit)(void *context, const struct neighbour *neighbour), void *context)
{
	struct walk walk = { visit, context };

	twalk_r(neighbours->tree, visit_node, &walk);
}
