/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking a tunnel on the wire, and finding out which tunnels of a node there are to walk.
 */
#ifndef XDPLB_TUNNEL_WALK_H
#define XDPLB_TUNNEL_WALK_H

#include "tables/mpls_tables.h"
#include "tunnel/tunnel_probe.h"

/* What came of a walk. */
struct tunnel_walk {
	struct tunnel_hop hops[TUNNEL_HOPS_MAX];
	uint64_t rtt_ns[TUNNEL_HOPS_MAX]; /* of answered ones */
	size_t count;
};

/**
 * tunnel_way_of() - The way of a tunnel, primary or backup, from a node.
 * @tunnel: index into config->tunnels, of one that is no spare
 * @backup: 0 or 1
 * @ret:    filled on success; it refers to config and view
 *
 * Return: 0; -ENOENT the tunnel does not end at this node; -ENODATA it has no backup;
 * -ENETUNREACH the running tables have no way for it (the next hop is not known, or the file was not
 * applied); with words.
 */
int tunnel_way_of(const struct config *config, size_t node, size_t tunnel, unsigned int backup,
		  const struct mpls_view *view, struct tunnel_way *ret, struct error *error);

/**
 * tunnel_walk() - Ask every hop, both ways, repeatedly until all have answered or time is up.
 * @wait_ms: at most so long
 * @ret:     also of a walk that found a fault
 *
 * Return: as tunnel_judge(); -errno if it could not be asked.
 */
int tunnel_walk(const struct tunnel_way *way, unsigned int wait_ms, struct tunnel_walk *ret,
		struct error *error);

/**
 * tunnel_verify_lsp() - Walk one LSP of a tunnel; if it is the one that carries it, mark the tunnel up or
 * down by what comes of it.
 * @tunnel: index into config->tunnels, of one that is no spare
 * @backup: 0 or 1
 *
 * Return: as tunnel_way_of() and tunnel_walk(); a tunnel that must not be verified
 * (`corouted: false`) is left as it is: -EOPNOTSUPP.
 */
int tunnel_verify_lsp(const struct config *config, size_t node, size_t tunnel, unsigned int backup,
		      const struct mpls_view *view, unsigned int wait_ms,
		      struct tunnel_walk *ret_walk, struct error *error);

/* The same of the LSP that carries it, or is to. */
int tunnel_verify(const struct config *config, size_t node, size_t tunnel,
		  const struct mpls_view *view, unsigned int wait_ms, struct tunnel_walk *ret_walk,
		  struct error *error);

#endif
