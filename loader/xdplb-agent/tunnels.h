/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tunnels that end at this node: probes them, walks them, tells the far end's agent what it sees,
 * and writes into the maps whether each carries PTP and by which of its LSPs.
 *
 * Once a probe interval a probe goes to the far end over each LSP; walks go on beside that, one after
 * the other. Nothing here waits.
 */
#ifndef XDPLB_AGENT_TUNNELS_H
#define XDPLB_AGENT_TUNNELS_H

#include <ev.h>
#include <jansson.h>

#include "config/config.h"
#include "tables/mpls_tables.h"
#include "tunnel/tunnel_guard.h"

struct tunnels;

/* A tunnel has gone up or down, or to its other LSP. @fault: words, of what is wrong; may be empty. */
typedef void tunnels_callback(void *context, const struct config_tunnel *tunnel,
			      const struct tunnel_choice *choice, const char *fault);

int tunnels_new(struct ev_loop *loop, tunnels_callback *callback, void *context,
		struct tunnels **ret_tunnels);
void tunnels_free(struct tunnels *tunnels);

/**
 * tunnels_set() - Take over a file and the maps it was applied to.
 * @view: NULL: not attached, or no tunnels: everything is left as it is
 *
 * Both must live until the next call.
 *
 * Return: 0 or -ENOMEM, with nothing watched. What can't be probed is logged.
 */
int tunnels_set(struct tunnels *tunnels, const struct config *config, size_t node,
		const struct mpls_view *view);

/* How many are up, and how many are watched. */
void tunnels_count(const struct tunnels *tunnels, size_t *ret_up, size_t *ret_all);

/* An array, one object a tunnel. */
json_t *tunnels_json(const struct tunnels *tunnels);

#endif
