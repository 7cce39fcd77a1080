/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way to the backends, as the kernel of an access node sees it. lb_xdp learns next hops by itself
 * and renews each once a second; this makes it learn anew the moment that a neighbour's MAC address, a
 * route, a rule or a link changes (rtnetlink), and has the kernel verify the neighbours in use, which
 * it would not do for frames that pass it by: without that a next hop that has died stays known for
 * good.
 */
#ifndef XDPLB_AGENT_NEIGH_H
#define XDPLB_AGENT_NEIGH_H

#include <ev.h>
#include <jansson.h>

#include "tables/access.h"

struct neigh;
struct neighbour;

/* Who else wants to know. */
struct neigh_listener {
	void *context;
	/* A neighbour can be sent to, by this MAC address: each when it is first heard of, and when
	 * anything about it changes. */
	void (*on_neighbour)(void *context, const struct neighbour *neighbour);
	/* A link has changed; it may be its own MAC address. */
	void (*on_link)(void *context, uint32_t ifindex, const uint8_t mac[6]);
};

/* Return: 0 or -ENOMEM. Follows nothing before neigh_use(). */
int neigh_new(struct ev_loop *loop, struct neigh **ret_neigh);
void neigh_free(struct neigh *neigh);

/**
 * neigh_use() - The maps of the node as they now are.
 * @view: kept; NULL: they are about to be closed
 *
 * To be called again when what is in them has changed. Return: 0; -errno: nothing is followed.
 */
int neigh_use(struct neigh *neigh, const struct access_view *view);

/**
 * neigh_listen() - Tell somebody of all neighbours that there are, and of changes.
 * @listener: copied; NULL: nobody any more
 * Return: 0; -errno: nothing is followed.
 */
int neigh_listen(struct neigh *neigh, const struct neigh_listener *listener);

/* Counters: neighbours (known), forgotten (next hops), verified (neighbours), overruns (of the socket,
 * after which all is read anew). */
json_t *neigh_json(const struct neigh *neigh);

#endif
