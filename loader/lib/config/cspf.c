// SPDX-License-Identifier: BSD-2-Clause
/*
 * Constrained shortest path.
 *
 * A state is (node, number of explicit hops done). Distances to the end are found for all states,
 * backwards, by Dijkstra's method; they are exact but for one thing: a walk through loose hops may
 * come to a node twice. So the path is then searched forwards, link by link in the order of their
 * numbers, with the distances as lower bound. Without loose hops that search never turns back.
 */
#include "config/cspf.h"

#include <errno.h>
#include <stdlib.h>

/* A link's weight: cost first, then the number of links. */
#define WEIGHT_SHIFT 16
#define UNREACHABLE  UINT64_MAX

/* Links tried before giving up: about a second. */
#define STEPS_MAX 20000000

struct search {
	const struct cspf_graph *graph;
	const struct cspf_request *request;
	uint8_t *usable; /* by link: bit 0, 1: in that direction */
	uint32_t *first; /* by node: where its links begin in `incident`; one more at the end */
	uint32_t *incident; /* links by node, ascending */
	uint64_t *distance; /* by state, to the end */
	uint32_t *heap; /* states, nearest first */
	uint32_t *place; /* by state: where in the heap, plus one */
	size_t heap_count;
	bool *visited; /* by node */
	struct cspf_path path; /* being tried */
	struct cspf_path *best;
	uint64_t limit; /* a path must be shorter */
	uint64_t steps;
};

static uint64_t weight(const struct cspf_link *link)
{
	return ((uint64_t)link->cost << WEIGHT_SHIFT) + 1;
}

uint32_t cspf_next_node(const struct cspf_link *link, uint32_t node)
{
	if (link->nodes[0] == node)
		return link->nodes[1];
	return link->nodes[1] == node ? link->nodes[0] : UINT32_MAX;
}

static bool share_risk(const struct cspf_link *a, const struct cspf_link *b)
{
	for (size_t i = 0, j = 0; i < a->srlg_count && j < b->srlg_count;) {
		if (a->srlgs[i] == b->srlgs[j])
			return true;
		if (a->srlgs[i] < b->srlgs[j])
			i++;
		else
			j++;
	}
	return false;
}

static bool is_to_avoid(const struct cspf_graph *graph, const struct cspf_request *request,
			uint32_t number)
{
	for (size_t i = 0; i < request->avoid_count; i++)
		if (request->avoid[i] == number ||
		    share_risk(&graph->links[request->avoid[i]], &graph->links[number]))
			return true;
	return false;
}

enum cspf_refusal cspf_judge(const struct cspf_graph *graph, const struct cspf_request *request,
			     uint32_t number, unsigned int direction)
{
	const struct cspf_link *link = &graph->links[number];

	if (link->is_off)
		return CSPF_OFF;
	if (link->free[direction] < request->bandwidth ||
	    (request->both_ways && link->free[!direction] < request->bandwidth))
		return CSPF_NO_BANDWIDTH;
	if ((request->include_any && !(link->affinity & request->include_any)) ||
	    (link->affinity & request->include_all) != request->include_all)
		return CSPF_NOT_INCLUDED;
	if (link->affinity & request->exclude)
		return CSPF_EXCLUDED;
	return is_to_avoid(graph, request, number) ? CSPF_NOT_DISJOINT : CSPF_USABLE;
}

/* ---- the graph by nodes ---- */

static void fill_incident(struct search *search)
{
	const struct cspf_graph *graph = search->graph;
	uint32_t *first = search->first;

	for (uint32_t i = 0; i < graph->link_count; i++)
		for (int end = 0; end < 2; end++)
			first[graph->links[i].nodes[end] + 1]++;
	for (uint32_t node = 0; node < graph->node_count; node++)
		first[node + 1] += first[node];
	/* Each node's mark runs through its part and so ends where the next one's began. */
	for (uint32_t i = 0; i < graph->link_count; i++)
		for (int end = 0; end < 2; end++)
			search->incident[first[graph->links[i].nodes[end]]++] = i;
	for (uint32_t node = graph->node_count; node > 0; node--)
		first[node] = first[node - 1];
	first[0] = 0;
}

static void judge_links(struct search *search)
{
	for (uint32_t i = 0; i < search->graph->link_count; i++)
		for (unsigned int direction = 0; direction < 2; direction++)
			if (cspf_judge(search->graph, search->request, i, direction) == CSPF_USABLE)
				search->usable[i] |= 1 << direction;
}

static bool is_usable(const struct search *search, uint32_t link, uint32_t from)
{
	unsigned int direction = search->graph->links[link].nodes[0] == from ? 0 : 1;

	return search->usable[link] >> direction & 1;
}

/* The number of hops done after a link is taken; SIZE_MAX: it may not be taken now. */
static size_t stage_after(const struct cspf_request *request, size_t stage, uint32_t link)
{
	if (stage == request->hop_count)
		return stage;
	if (request->hops[stage].link == link)
		return stage + 1;
	return request->hops[stage].loose ? stage : SIZE_MAX;
}

/* ---- distances ---- */

static uint32_t state_of(const struct search *search, uint32_t node, size_t stage)
{
	return (uint32_t)stage * search->graph->node_count + node;
}

static void heap_set(struct search *search, size_t at, uint32_t state)
{
	search->heap[at] = state;
	search->place[state] = (uint32_t)at + 1;
}

static void sift_up(struct search *search, size_t at, uint32_t state)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;

		if (search->distance[search->heap[parent]] <= search->distance[state])
			break;
		heap_set(search, at, search->heap[parent]);
		at = parent;
	}
	heap_set(search, at, state);
}

static void sift_down(struct search *search, uint32_t state)
{
	size_t at = 0, child;

	while ((child = 2 * at + 1) < search->heap_count) {
		if (child + 1 < search->heap_count && search->distance[search->heap[child + 1]] <
							      search->distance[search->heap[child]])
			child++;
		if (search->distance[search->heap[child]] >= search->distance[state])
			break;
		heap_set(search, at, search->heap[child]);
		at = child;
	}
	heap_set(search, at, state);
}

static uint32_t heap_take(struct search *search)
{
	uint32_t state = search->heap[0];

	search->heap_count--;
	if (search->heap_count)
		sift_down(search, search->heap[search->heap_count]);
	search->place[state] = 0;
	return state;
}

static void come_nearer(struct search *search, uint32_t state, uint64_t distance)
{
	if (distance >= search->distance[state])
		return;
	search->distance[state] = distance;
	sift_up(search, search->place[state] ? search->place[state] - 1 : search->heap_count++,
		state);
}

/* All states from which one link leads to (node, stage). */
static void relax(struct search *search, uint32_t node, size_t stage)
{
	const struct cspf_request *request = search->request;
	uint64_t distance = search->distance[state_of(search, node, stage)];

	for (uint32_t i = search->first[node]; i < search->first[node + 1]; i++) {
		uint32_t number = search->incident[i];
		const struct cspf_link *link = &search->graph->links[number];
		uint32_t from = cspf_next_node(link, node);

		if (!is_usable(search, number, from))
			continue;
		for (size_t before = stage ? stage - 1 : 0; before <= stage; before++)
			if (stage_after(request, before, number) == stage)
				come_nearer(search, state_of(search, from, before),
					    distance + weight(link));
	}
}

static void find_distances(struct search *search)
{
	uint32_t nodes = search->graph->node_count;
	size_t states = (search->request->hop_count + 1) * nodes;

	for (size_t i = 0; i < states; i++)
		search->distance[i] = UNREACHABLE;
	come_nearer(search, state_of(search, search->request->to, search->request->hop_count), 0);
	while (search->heap_count) {
		uint32_t state = heap_take(search);

		relax(search, state % nodes, state / nodes);
	}
}

/* ---- the path ---- */

static void try_links(struct search *search, uint32_t node, size_t stage, uint64_t length);

static void try_link(struct search *search, uint32_t number, uint32_t node, size_t stage,
		     uint64_t length)
{
	const struct cspf_link *link = &search->graph->links[number];
	uint32_t next = cspf_next_node(link, node);
	size_t after = stage_after(search->request, stage, number);
	uint64_t rest;

	search->steps++;
	if (after == SIZE_MAX || search->visited[next] || !is_usable(search, number, node))
		return;
	rest = search->distance[state_of(search, next, after)];
	length += weight(link);
	if (rest == UNREACHABLE || length + rest >= search->limit)
		return;
	search->path.links[search->path.count++] = number;
	search->path.cost += link->cost;
	search->visited[next] = true;
	try_links(search, next, after, length);
	search->visited[next] = false;
	search->path.cost -= link->cost;
	search->path.count--;
}

static void try_links(struct search *search, uint32_t node, size_t stage, uint64_t length)
{
	if (node == search->request->to && stage == search->request->hop_count) {
		*search->best = search->path;
		search->limit = length;
		return;
	}
	if (search->path.count == CSPF_LINKS_MAX)
		return;
	for (uint32_t i = search->first[node]; i < search->first[node + 1]; i++) {
		/* Nothing shorter than the shortest is to be had. */
		if (search->steps > STEPS_MAX ||
		    length + search->distance[state_of(search, node, stage)] >= search->limit)
			return;
		try_link(search, search->incident[i], node, stage, length);
	}
}

static int find_path(struct search *search)
{
	uint32_t from = search->request->from;
	uint64_t shortest = search->distance[state_of(search, from, 0)];
	const uint64_t limits[] = { shortest + 1, UNREACHABLE };

	if (shortest == UNREACHABLE)
		return -ENETUNREACH;
	search->visited[from] = true;
	for (int i = 0; i < 2; i++) {
		search->limit = limits[i];
		try_links(search, from, 0, 0);
		if (search->steps > STEPS_MAX)
			return -E2BIG;
		if (search->limit != limits[i])
			return 0;
	}
	return -ENETUNREACH;
}

static bool make_room(struct search *search)
{
	uint32_t nodes = search->graph->node_count, links = search->graph->link_count;
	size_t states = (search->request->hop_count + 1) * nodes;

	search->usable = calloc(links + 1, sizeof(*search->usable));
	search->first = calloc(nodes + 1, sizeof(*search->first));
	search->incident = calloc(2 * (size_t)links + 1, sizeof(*search->incident));
	search->distance = calloc(states, sizeof(*search->distance));
	search->heap = calloc(states, sizeof(*search->heap));
	search->place = calloc(states, sizeof(*search->place));
	search->visited = calloc(nodes, sizeof(*search->visited));
	return search->usable && search->first && search->incident && search->distance &&
	       search->heap && search->place && search->visited;
}

static void give_back(struct search *search)
{
	free(search->usable);
	free(search->first);
	free(search->incident);
	free(search->distance);
	free(search->heap);
	free(search->place);
	free(search->visited);
}

int cspf_find(const struct cspf_graph *graph, const struct cspf_request *request,
	      struct cspf_path *ret_path)
{
	struct cspf_path best = { 0 };
	struct search search = { .graph = graph, .request = request, .best = &best };
	int err = -ENOMEM;

	if (make_room(&search)) {
		fill_incident(&search);
		judge_links(&search);
		find_distances(&search);
		err = find_path(&search);
	}
	give_back(&search);
	if (!err)
		*ret_path = best;
	return err;
}

void cspf_reverse(const struct cspf_path *path, struct cspf_path *ret_path)
{
	ret_path->count = path->count;
	ret_path->cost = path->cost;
	for (size_t i = 0; i < path->count; i++)
		ret_path->links[i] = path->links[path->count - 1 - i];
}

void cspf_reserve(struct cspf_link *links, const struct cspf_path *path, uint32_t from,
		  uint64_t bandwidth, bool both_ways)
{
	uint32_t node = from;

	for (size_t i = 0; i < path->count; i++) {
		struct cspf_link *link = &links[path->links[i]];
		unsigned int direction = link->nodes[0] == node ? 0 : 1;

		link->free[direction] -= bandwidth;
		if (both_ways)
			link->free[!direction] -= bandwidth;
		node = cspf_next_node(link, node);
	}
}
