/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The neighbours that a kernel can send to, as far as it has told. Pure: knows neither netlink nor maps.
 */
#ifndef XDPLB_AGENT_NEIGHBOURS_H
#define XDPLB_AGENT_NEIGHBOURS_H

#include "nexthops.h"

/* Known by interface, family and address. */
struct neighbour {
	uint32_t ifindex;
	uint8_t family; /* AF_INET, AF_INET6 */
	struct xdplb_addr addr;
	struct nexthop_via via; /* how frames get there */
	bool is_stale; /* the kernel does not verify that it lives */
};

struct neighbours {
	/* A neighbour is not reached by this any more. */
	void (*lost)(void *context, const struct nexthop_via *via);
	void *context;
	size_t count, stale;
	void *tree; /* tsearch() */
};

/* The neighbour is as said. Where there is no memory for it, it stays unknown. */
void neighbours_put(struct neighbours *neighbours, const struct neighbour *neighbour);

/* It can't be sent to; only what it is known by counts. */
void neighbours_drop(struct neighbours *neighbours, const struct neighbour *neighbour);

/* Forgets them all; nothing is told as lost. */
void neighbours_clear(struct neighbours *neighbours);

void neighbours_walk(const struct neighbours *neighbours,
		     void (*visit)(void *context, const struct neighbour *neighbour),
		     void *context);

#endif
