// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tables of a service node's plan: which mapping each tag and each endpoint stands for.
 */
#include "tables/node_plan_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables/endpoint_table.h"

/* An entry of a table, and how much its mapping is to be preferred to others with the same key. */
struct candidate {
	struct xdplb_endpoint entry;
	uint64_t rank;
};

#define RANK_WANTED UINT64_MAX
#define RANK_ACTIVE (UINT64_MAX - 1) /* goes to rest now; before that, the latest to go to rest */

static int by_key_and_rank(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = memcmp(&x->entry, &y->entry, offsetof(struct xdplb_endpoint, index));

	if (order)
		return order;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return (x->entry.index > y->entry.index) - (x->entry.index < y->entry.index);
}

static bool same_endpoint(const struct xdplb_endpoint *a, const struct xdplb_endpoint *b)
{
	return !memcmp(a, b, offsetof(struct xdplb_endpoint, index));
}

/* What `tags` (or `endpoints`) is to hold for one mapping; false: nothing. */
static bool candidate_of(const struct xdplb_mapping *mapping, uint32_t index, bool is_tag,
			 struct candidate *ret)
{
	/* An address whose mapping keeps ports is looked up in both directions. */
	if (!is_tag && mapping->vport && mapping->restore != XDPLB_RESTORE_SOURCE)
		return false;
	ret->entry = (struct xdplb_endpoint){
		.addr = mapping->backend,
		.port = is_tag ? mapping->tag : mapping->port,
		.proto = is_tag ? 0 : mapping->proto,
		.family = mapping->family,
		.index = index,
	};
	return true;
}

static size_t list_candidates(const struct node_view *view, const struct node_plan *plan,
			      bool is_tag, struct candidate *candidates)
{
	size_t n = 0;

	for (size_t m = 0; m < plan->count; m++) {
		const struct node_plan_mapping *wanted = &plan->mappings[m];

		candidates[n].rank = RANK_WANTED;
		n += candidate_of(&wanted->mapping, wanted->index, is_tag, &candidates[n]);
	}
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		const struct xdplb_mapping *old = node_mapping(view, i);

		if (old->state == XDPLB_MAPPING_FREE || plan->wanted[i] || plan->expired[i])
			continue;
		candidates[n].rank =
			old->state == XDPLB_MAPPING_ACTIVE ? RANK_ACTIVE : old->rest_until;
		n += candidate_of(old, i, is_tag, &candidates[n]);
	}
	return n;
}

/* The entries of a table, each key once. */
static size_t list_entries(const struct node_view *view, const struct node_plan *plan, bool is_tag,
			   struct candidate *candidates, struct xdplb_endpoint *entries)
{
	size_t count = list_candidates(view, plan, is_tag, candidates), n = 0;

	qsort(candidates, count, sizeof(*candidates), by_key_and_rank);
	for (size_t i = 0; i < count; i++)
		if (!n || !same_endpoint(&candidates[i].entry, &entries[n - 1]))
			entries[n++] = candidates[i].entry;
	return n;
}

/* Builds one of the two tables; NULL in *ret_table: it stays as it is. */
static int plan_table(const struct node_view *view, const struct node_plan *plan, bool is_tag,
		      struct xdplb_endpoint **ret_table, uint32_t *ret_seed)
{
	const struct xdplb_node_control *control = map_at(&view->control, 0);
	const struct map_array *map = is_tag ? &view->tags : &view->endpoints;
	const struct xdplb_table_ref *live = is_tag ? &control->tags : &control->endpoints;
	size_t most = plan->count + view->mappings.count + 1, count;
	struct xdplb_endpoint *entries = calloc(most, sizeof(*entries));
	struct candidate *candidates = calloc(most, sizeof(*candidates));
	struct xdplb_endpoint *table = calloc(plan->slots, sizeof(*table));
	int err = -ENOMEM;

	if (entries && candidates && table) {
		count = list_entries(view, plan, is_tag, candidates, entries);
		err = endpoint_table_build(entries, count, table, plan->slots, ret_seed);
	}
	free(entries);
	free(candidates);
	if (err || (*ret_seed == live->seed &&
		    !memcmp(table, map_at(map, live->base), plan->slots * sizeof(*table)))) {
		free(table);
		table = NULL;
	}
	*ret_table = table;
	return err;
}

int node_plan_tables(const struct node_view *view, struct node_plan *plan, struct error *error)
{
	int err;

	plan->slots = view->tags.count / 2;
	err = plan_table(view, plan, true, &plan->tags, &plan->tags_seed);
	if (!err)
		err = plan_table(view, plan, false, &plan->endpoints, &plan->endpoints_seed);
	if (err)
		return fail_errno(error, err, "cannot fill the tables of tags and endpoints");
	plan->changes += (plan->tags != NULL) + (plan->endpoints != NULL);
	return 0;
}
