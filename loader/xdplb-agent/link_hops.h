/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MAC addresses at both ends of this node's links, as the kernel now knows them: written into the label
 * tables whenever they change, and asked for once a second, as if the kernel itself sent packets there. Labels that
 * apply has left out, since the next hop was not known, are put in once it is.
 */
#ifndef XDPLB_AGENT_LINK_HOPS_H
#define XDPLB_AGENT_LINK_HOPS_H

#include <ev.h>

#include "config/config.h"
#include "neigh.h"
#include "tables/mpls_tables.h"

struct link_hops;

/* @neigh: outlives this. Return: 0 or -ENOMEM. */
int link_hops_new(struct ev_loop *loop, struct neigh *neigh, struct link_hops **ret_hops);
void link_hops_free(struct link_hops *hops);

/**
 * link_hops_set() - Take over a file and the maps it was applied to.
 * @view: NULL: not attached, or no links: nothing is followed
 * @info: of the node
 *
 * All must live until the next call. Return: 0; -errno: nothing is followed.
 */
int link_hops_set(struct link_hops *hops, const struct config *config, size_t node,
		  struct mpls_view *view, struct xdplb_node_info *info);

/* Entries of label tables that were given another address. */
uint64_t link_hops_changed(const struct link_hops *hops);

#endif
