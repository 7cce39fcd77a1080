/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Constrained shortest path, on links and not on nodes: two nodes may have several links between
 * them. Pure; knows numbers alone, no names and no file.
 */
#ifndef XDPLB_CSPF_H
#define XDPLB_CSPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Links of a path: a label's TTL of 255 reaches no farther. */
#define CSPF_LINKS_MAX 254

/* A link joins nodes[0] and nodes[1], which differ. Its direction 0 leads from the former to the latter. */
struct cspf_link {
	uint32_t nodes[2];
	uint32_t cost;
	uint64_t free[2]; /* bandwidth still to be had, by direction; any unit */
	uint64_t affinity; /* administrative groups, a bit each (RFC 3209, 4.7.4) */
	const uint32_t *srlgs; /* shared risk link groups (RFC 4202, 2.3), ascending */
	size_t srlg_count;
	bool is_off; /* no path may use it */
};

struct cspf_graph {
	uint32_t node_count;
	const struct cspf_link *links;
	uint32_t link_count;
};

/* An explicit hop: the path takes this link. Strict: it is the very next one. Loose: others may lead
 * there. */
struct cspf_hop {
	uint32_t link;
	bool loose;
};

/* What a path must be like. */
struct cspf_request {
	uint32_t from, to;
	bool both_ways; /* bandwidth is needed in both directions of each link */
	uint64_t bandwidth;
	uint64_t include_any; /* 0: nothing; else a link has one of these bits */
	uint64_t include_all;
	uint64_t exclude; /* a link has none of these */
	const struct cspf_hop *hops; /* in order; after the last the way to `to` is free */
	size_t hop_count;
	const uint32_t *avoid; /* links that are not shared, nor any SRLG with them */
	size_t avoid_count;
};

/* A path as its links, in order from request.from. */
struct cspf_path {
	uint32_t links[CSPF_LINKS_MAX];
	size_t count;
	uint64_t cost;
};

/* Why a link can't be used for a request. */
enum cspf_refusal {
	CSPF_USABLE,
	CSPF_OFF,
	CSPF_NO_BANDWIDTH,
	CSPF_NOT_INCLUDED,
	CSPF_EXCLUDED,
	CSPF_NOT_DISJOINT,
	CSPF_REFUSALS
};

/**
 * cspf_judge() - May a request use a link, in this direction?
 * @direction: 0 or 1
 */
enum cspf_refusal cspf_judge(const struct cspf_graph *graph, const struct cspf_request *request,
			     uint32_t link, unsigned int direction);

/**
 * cspf_find() - The path of least cost that meets every constraint and visits no node twice.
 * @ret_path: filled on success
 *
 * Of paths of equal cost the one with fewest links, of those the first in the order of link numbers:
 * the same on every node. With loose hops the search may have to look at many paths; it gives up
 * after a fixed number of steps.
 *
 * Return: 0; -ENETUNREACH there is none; -E2BIG gave up; -ENOMEM.
 */
int cspf_find(const struct cspf_graph *graph, const struct cspf_request *request,
	      struct cspf_path *ret_path);

/**
 * cspf_next_node() - Where a link leads to.
 * Return: its other node; UINT32_MAX: it does not touch @node.
 */
uint32_t cspf_next_node(const struct cspf_link *link, uint32_t node);

/**
 * cspf_reverse() - The same links the other way round.
 */
void cspf_reverse(const struct cspf_path *path, struct cspf_path *ret_path);

/**
 * cspf_reserve() - Take a path's bandwidth off its links.
 * @links: of the graph that the path was found in
 * @from:  where the path begins
 * @both_ways: in both directions
 */
void cspf_reserve(struct cspf_link *links, const struct cspf_path *path, uint32_t from,
		  uint64_t bandwidth, bool both_ways);

#endif
