/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Labels that apply has left out since nobody knew the MAC address that they lead to: put in once it is known.
 */
#ifndef XDPLB_NODE_LABELS_H
#define XDPLB_NODE_LABELS_H

#include "config/config.h"
#include "tables/mpls_tables.h"
#include "xdplb/infos.h"

/**
 * node_fill_labels() - Make the entries whose next hop is known by now.
 * @config: with its key
 * @node:   index into config->nodes
 * @view:   the node's label tables
 * @info:   of the node; its generation counts one up where entries were made
 * @ret_missing: how many are left out still
 *
 * Nothing else is changed, and nothing at all unless @config is what was applied.
 *
 * Return: how many changes it made; -ESTALE @config is not what was applied, or links have become other
 * interfaces: apply is needed; -EWOULDBLOCK xdplb-load is at work; -errno.
 */
int node_fill_labels(const struct config *config, size_t node, struct mpls_view *view,
		     struct xdplb_node_info *info, size_t *ret_missing);

#endif
