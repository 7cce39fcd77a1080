/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every node of a cluster file with tables of its own, in memory, and a packet that walks through
 * them: written from include/xdplb/mpls.h and tunnel.h, and sharing no code with the plan.
 */
#ifndef TEST_MPLS_CLUSTER_H
#define TEST_MPLS_CLUSTER_H

#include "config_file.h"
#include "tables/mpls_tables.h"

#define WORLD_NODES 4

struct mpls_cluster {
	struct loaded loaded;
	struct mpls_view views[WORLD_NODES];
	struct mpls_facts facts[WORLD_NODES];
	size_t changes[WORLD_NODES]; /* of the last mpls_cluster_apply() */
	size_t missing[WORLD_NODES];
};

void mpls_cluster_open(struct mpls_cluster *world, const char *text);
/* Another file; the tables stay. */
void mpls_cluster_change(struct mpls_cluster *world, const char *text);
/* Plan and commit at every node. Return: 0, or the first error. */
int mpls_cluster_apply(struct mpls_cluster *world);
void mpls_cluster_close(struct mpls_cluster *world);

/* Where a packet came by and ended. */
struct mpls_walk {
	uint32_t links[64]; /* numbers */
	size_t count;
	size_t node; /* the last one */
	int end; /* XDPLB_OP_DELIVER; XDPLB_LABEL_GAL; -1: an unknown label; -2: TTL; -3: wrong MAC */
	const struct xdplb_nhlfe *entry; /* where it ended */
	uint32_t reverse_label; /* of the top label's entry at the end or where the TTL expired */
	uint32_t last_link; /* the packet came in by, a number */
};

/* A stack of labels (host order, without the GAL), leaving a node by a link; ttl of the top label. */
struct mpls_walk mpls_cluster_walk(const struct mpls_cluster *world, size_t node,
				   uint32_t link_number, const uint32_t *stack, size_t depth,
				   int ttl);

/* Labels of a tunnel's LSP as its first node pushes them: *ret_link is the number of the link it
 * leaves by. Return: depth; 0: the tunnel is not there or down. */
size_t mpls_cluster_push(const struct mpls_cluster *world, size_t node, const char *tunnel,
			 unsigned int backup, unsigned int payload, uint32_t *ret_stack,
			 uint32_t *ret_link);

#endif
