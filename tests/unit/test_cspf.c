// SPDX-License-Identifier: BSD-2-Clause
/*
 * Constrained shortest paths: rows for each constraint, and small random graphs against an
 * exhaustive search that shares no code with cspf.c.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/cspf.h"

#define NODES_MAX 6
#define LINKS_MAX 11

/* ---- rows: 0 - 1 twice, 1 - 2, 0 - 3 - 2; link numbers in that order ---- */

static const uint32_t risk_1[] = { 1 }, risk_12[] = { 1, 2 }, risk_23[] = { 2, 3 };

static const struct cspf_link diamond[] = {
	{ { 0, 1 }, 5, { 100, 100 }, 1, risk_1, 1 },  { { 1, 0 }, 5, { 100, 40 }, 2, NULL, 0 },
	{ { 1, 2 }, 5, { 100, 100 }, 3, risk_12, 2 }, { { 0, 3 }, 6, { 100, 100 }, 4, NULL, 0 },
	{ { 2, 3 }, 6, { 20, 100 }, 4, risk_23, 2 },
};

#define LINKS(...) \
	.links = { __VA_ARGS__ }, .count = sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t)
#define HOPS(...)                                         \
	.hops = (const struct cspf_hop[]){ __VA_ARGS__ }, \
	.hop_count = sizeof((struct cspf_hop[]){ __VA_ARGS__ }) / sizeof(struct cspf_hop)
#define AVOID(...)                                  \
	.avoid = (const uint32_t[]){ __VA_ARGS__ }, \
	.avoid_count = sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t)

static const struct {
	const char *name;
	struct cspf_request request;
	int result;
	uint32_t links[4];
	size_t count;
} rows[] = {
	{ "of two equal links the first", { 0, 2 }, 0, LINKS(0, 2) },
	{ "the other way", { 2, 0 }, 0, LINKS(2, 0) },
	{ "bandwidth is of the direction: 20 from 2 to 3", { 2, 3, false, 21 }, 0, LINKS(2, 0, 3) },
	{ "and 100 from 3 to 2", { 3, 2, false, 21 }, 0, LINKS(4) },
	{ "in both directions at once", { 3, 2, true, 21 }, 0, LINKS(3, 0, 2) },
	{ "link 1 has 40 from 0 to 1", { 0, 1, false, 40, AVOID(0) }, 0, LINKS(1) },
	{ "and no more", { 0, 1, false, 41, AVOID(0) }, -ENETUNREACH },
	{ "but 100 from 1 to 0", { 1, 0, false, 41, AVOID(0) }, 0, LINKS(1) },
	{ "too much everywhere", { 0, 2, false, 101 }, -ENETUNREACH },
	{ "any of", { 0, 2, .include_any = 2 | 1 }, 0, LINKS(0, 2) },
	{ "any of 2", { 0, 2, .include_any = 2 }, 0, LINKS(1, 2) },
	{ "all of 1 and 2", { 1, 2, .include_all = 3 }, 0, LINKS(2) },
	{ "all of 1 and 2, no way", { 0, 2, .include_all = 3 }, -ENETUNREACH },
	{ "all of 4", { 0, 2, .include_all = 4 }, 0, LINKS(3, 4) },
	{ "none of 1", { 0, 2, .exclude = 1 }, 0, LINKS(3, 4) },
	{ "not with link 0", { 0, 1, AVOID(0) }, 0, LINKS(1) },
	{ "no risk with link 0: 2 shares it", { 0, 2, AVOID(0) }, 0, LINKS(3, 4) },
	{ "no risk with link 2", { 0, 2, AVOID(2) }, -ENETUNREACH },
	{ "strict by the second", { 0, 2, HOPS({ 1, false }) }, 0, LINKS(1, 2) },
	{ "strict all the way round",
	  { 0, 1, HOPS({ 3, false }, { 4, false }, { 2, false }) },
	  0,
	  LINKS(3, 4, 2) },
	{ "strict, out of order", { 0, 2, HOPS({ 2, false }) }, -ENETUNREACH },
	{ "loose", { 0, 2, HOPS({ 2, true }) }, 0, LINKS(0, 2) },
	{ "loose, by the long way", { 0, 1, HOPS({ 4, true }) }, 0, LINKS(3, 4, 2) },
	{ "loose, then strict", { 0, 1, HOPS({ 4, true }, { 2, false }) }, 0, LINKS(3, 4, 2) },
	{ "the link after the end", { 0, 1, HOPS({ 0, false }, { 2, true }) }, -ENETUNREACH },
	{ "no node twice", { 0, 1, HOPS({ 0, false }, { 1, false }) }, -ENETUNREACH },
	{ "an explicit link must meet the constraints",
	  { 0, 2, .exclude = 2, HOPS({ 1, false }) },
	  -ENETUNREACH },
};

Test(cspf, rows)
{
	const struct cspf_graph graph = { 4, diamond, 5 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cspf_path path = { 0 };

		cr_expect_eq(cspf_find(&graph, &rows[i].request, &path), rows[i].result, "%s",
			     rows[i].name);
		cr_expect_eq(path.count, rows[i].count, "%s: %zu links", rows[i].name, path.count);
		cr_expect(!memcmp(path.links, rows[i].links, rows[i].count * sizeof(uint32_t)),
			  "%s: %u %u %u", rows[i].name, path.links[0], path.links[1],
			  path.links[2]);
	}
}

Test(cspf, judge_says_why)
{
	const struct cspf_graph graph = { 4, diamond, 5 };
	const struct cspf_request request = { 0, 2, false, 50, 1 | 4, 0, 4, AVOID(2) };

	cr_expect_eq(cspf_judge(&graph, &request, 1, 1), CSPF_NO_BANDWIDTH);
	cr_expect_eq(cspf_judge(&graph, &request, 1, 0), CSPF_NOT_INCLUDED);
	cr_expect_eq(cspf_judge(&graph, &request, 3, 0), CSPF_EXCLUDED);
	cr_expect_eq(cspf_judge(&graph, &request, 0, 0), CSPF_NOT_DISJOINT);
}

Test(cspf, a_reserved_path_is_taken)
{
	struct cspf_link links[5];
	const struct cspf_graph graph = { 4, links, 5 };
	const struct cspf_request request = { 0, 2, true, 60 };
	struct cspf_path path;

	memcpy(links, diamond, sizeof(links));
	cr_assert_eq(cspf_find(&graph, &request, &path), 0);
	cspf_reserve(links, &path, 0, 60, true);
	cr_expect_eq(links[0].free[0], 40);
	cr_expect_eq(links[0].free[1], 40);
	cr_expect_eq(links[2].free[0], 40);
	cr_expect_eq(cspf_find(&graph, &request, &path), -ENETUNREACH, "20 from 2 to 3");
	/* Backwards over link 1, whose direction 0 leads from 1 to 0. */
	path = (struct cspf_path){ LINKS(1) };
	cspf_reserve(links, &path, 0, 40, false);
	cr_expect_eq(links[1].free[1], 0);
	cr_expect_eq(links[1].free[0], 100);
}

Test(cspf, the_reverse_is_the_reversed_list)
{
	const struct cspf_path path = { { 4, 1, 7 }, 3, 12 };
	struct cspf_path reverse;

	cspf_reverse(&path, &reverse);
	cr_expect_eq(reverse.count, 3);
	cr_expect_eq(reverse.cost, 12);
	cr_expect_eq(reverse.links[0], 7);
	cr_expect_eq(reverse.links[1], 1);
	cr_expect_eq(reverse.links[2], 4);
}

/* ---- against exhaustive search ---- */

struct trial {
	struct cspf_link links[LINKS_MAX];
	uint32_t risks[LINKS_MAX][2];
	struct cspf_hop hops[3];
	uint32_t avoid[2];
	struct cspf_graph graph;
	struct cspf_request request;
	struct cspf_path best;
	bool found;
};

static uint32_t below(unsigned int *seed, uint32_t bound)
{
	return (uint32_t)rand_r(seed) % bound;
}

static void make_link(struct trial *trial, uint32_t i, unsigned int *seed)
{
	struct cspf_link *link = &trial->links[i];

	link->nodes[0] = below(seed, trial->graph.node_count);
	do {
		link->nodes[1] = below(seed, trial->graph.node_count);
	} while (link->nodes[1] == link->nodes[0]);
	link->cost = below(seed, 4); /* few values and 0 among them: ties */
	link->free[0] = below(seed, 10);
	link->free[1] = below(seed, 10);
	link->affinity = below(seed, 8);
	link->is_off = !below(seed, 20);
	trial->risks[i][0] = below(seed, 20);
	trial->risks[i][1] = trial->risks[i][0] + 1 + below(seed, 20);
	link->srlgs = trial->risks[i];
	link->srlg_count = below(seed, 3);
}

static void make_trial(struct trial *trial, unsigned int *seed)
{
	struct cspf_request *request = &trial->request;

	memset(trial, 0, sizeof(*trial));
	trial->graph = (struct cspf_graph){ 2 + below(seed, NODES_MAX - 1), trial->links,
					    1 + below(seed, LINKS_MAX) };
	for (uint32_t i = 0; i < trial->graph.link_count; i++)
		make_link(trial, i, seed);
	request->from = below(seed, trial->graph.node_count);
	do {
		request->to = below(seed, trial->graph.node_count);
	} while (request->to == request->from);
	request->both_ways = below(seed, 2);
	request->bandwidth = below(seed, 4);
	request->include_any = below(seed, 3) ? 0 : below(seed, 8);
	request->include_all = below(seed, 5) ? 0 : below(seed, 8);
	request->exclude = below(seed, 3) ? 0 : below(seed, 8);
	request->hops = trial->hops;
	request->hop_count = below(seed, 2) ? 0 : below(seed, 4);
	for (size_t i = 0; i < request->hop_count; i++)
		trial->hops[i] = (struct cspf_hop){ below(seed, trial->graph.link_count),
						    below(seed, 4) > 0 };
	request->avoid = trial->avoid;
	request->avoid_count = below(seed, 3) ? 0 : below(seed, 3);
	for (size_t i = 0; i < request->avoid_count; i++)
		trial->avoid[i] = below(seed, trial->graph.link_count);
}

static bool shares(const struct cspf_link *a, const struct cspf_link *b)
{
	for (size_t i = 0; i < a->srlg_count; i++)
		for (size_t j = 0; j < b->srlg_count; j++)
			if (a->srlgs[i] == b->srlgs[j])
				return true;
	return false;
}

/* Every constraint on one link, from their description. */
static bool link_is_fine(const struct trial *trial, uint32_t number, uint32_t from)
{
	const struct cspf_request *request = &trial->request;
	const struct cspf_link *link = &trial->links[number];
	int direction = link->nodes[0] != from;

	if (link->is_off || link->free[direction] < request->bandwidth)
		return false;
	if (request->both_ways && link->free[1 - direction] < request->bandwidth)
		return false;
	if (request->include_any && (link->affinity & request->include_any) == 0)
		return false;
	if (request->include_all & ~link->affinity || link->affinity & request->exclude)
		return false;
	for (size_t i = 0; i < request->avoid_count; i++)
		if (request->avoid[i] == number || shares(&trial->links[request->avoid[i]], link))
			return false;
	return true;
}

/* Do a whole path's links go through the hops? Each hop's link stands once in a path at most. */
static bool hops_are_met(const struct trial *trial, const struct cspf_path *path)
{
	const struct cspf_request *request = &trial->request;
	size_t at = 0; /* links passed */

	for (size_t h = 0; h < request->hop_count; h++) {
		size_t found = at;

		while (found < path->count && path->links[found] != request->hops[h].link)
			found++;
		if (found == path->count || (!request->hops[h].loose && found != at))
			return false;
		at = found + 1;
	}
	return true;
}

static int compare_paths(const struct cspf_path *a, const struct cspf_path *b)
{
	if (a->cost != b->cost)
		return a->cost < b->cost ? -1 : 1;
	if (a->count != b->count)
		return a->count < b->count ? -1 : 1;
	for (size_t i = 0; i < a->count; i++)
		if (a->links[i] != b->links[i])
			return a->links[i] < b->links[i] ? -1 : 1;
	return 0;
}

/* Walks every simple path. */
static void exhaust(struct trial *trial, struct cspf_path *path, uint32_t node, uint32_t visited)
{
	if (node == trial->request.to) {
		if (hops_are_met(trial, path) &&
		    (!trial->found || compare_paths(path, &trial->best) < 0)) {
			trial->best = *path;
			trial->found = true;
		}
		return;
	}
	for (uint32_t i = 0; i < trial->graph.link_count; i++) {
		const struct cspf_link *link = &trial->links[i];
		uint32_t next = link->nodes[0] == node ? link->nodes[1] : link->nodes[0];

		if ((link->nodes[0] != node && link->nodes[1] != node) || visited >> next & 1 ||
		    !link_is_fine(trial, i, node))
			continue;
		path->links[path->count++] = i;
		path->cost += link->cost;
		exhaust(trial, path, next, visited | 1U << next);
		path->cost -= link->cost;
		path->count--;
	}
}

Test(cspf, agrees_with_exhaustive_search)
{
	unsigned int seed = 4;
	size_t found = 0, by_hops = 0;

	for (int round = 0; round < 60000; round++) {
		struct cspf_path path = { 0 }, none = { 0 };
		struct trial trial;
		int err;

		make_trial(&trial, &seed);
		exhaust(&trial, &none, trial.request.from, 1U << trial.request.from);
		err = cspf_find(&trial.graph, &trial.request, &path);
		cr_assert_eq(err, trial.found ? 0 : -ENETUNREACH, "round %d: %d", round, err);
		if (err)
			continue;
		found++;
		by_hops += trial.request.hop_count > 0;
		cr_assert_eq(compare_paths(&path, &trial.best), 0, "round %d", round);
	}
	/* Rows of nothing but "no path" would prove little. */
	cr_assert_gt(found, 10000, "%zu", found);
	cr_assert_gt(by_hops, 1000, "%zu", by_hops);
}

/* A grid of 60 x 60: the distances keep the search from looking at all its paths. */
Test(cspf, a_large_graph_is_no_matter, .timeout = 20)
{
	enum {
		SIDE = 60,
		LINKS = 2 * SIDE * (SIDE - 1)
	};
	struct cspf_link *links = calloc(LINKS, sizeof(*links));
	struct cspf_graph graph = { SIDE * SIDE, links, LINKS };
	struct cspf_hop hops[] = { { LINKS / 2, true }, { LINKS - 1, true } };
	struct cspf_request request = { 0, SIDE * SIDE - 1 };
	struct cspf_path path;
	uint32_t n = 0;

	cr_assert(links);
	for (uint32_t i = 0; i < SIDE * SIDE; i++) {
		if (i % SIDE < SIDE - 1)
			links[n++] = (struct cspf_link){ { i, i + 1 }, 1 };
		if (i / SIDE < SIDE - 1)
			links[n++] = (struct cspf_link){ { i, i + SIDE }, 1 };
	}
	cr_assert_eq(n, LINKS);
	cr_expect_eq(cspf_find(&graph, &request, &path), 0);
	cr_expect_eq(path.cost, 2 * (SIDE - 1));
	request.hops = hops;
	request.hop_count = 2;
	cr_expect_eq(cspf_find(&graph, &request, &path), 0);
	free(links);
}
