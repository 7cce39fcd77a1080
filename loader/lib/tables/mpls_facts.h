/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a node's host tells of its links and tunnel interfaces: indices, MAC addresses, neighbours.
 */
#ifndef XDPLB_MPLS_FACTS_H
#define XDPLB_MPLS_FACTS_H

#include "tables/mpls_tables.h"

/**
 * mpls_facts_find() - Look up interfaces, and wait for neighbours that are not known yet.
 * @wait_ms: how long at most
 * @notes:   tells of each next hop that stays unknown
 * @ret:     filled on success; mpls_facts_free() gives it back
 *
 * Return: 0; -ENODEV an interface is missing; -errno; with words in @error.
 */
int mpls_facts_find(const struct config *config, size_t node, unsigned int wait_ms,
		    struct mpls_facts *ret, struct notes *notes, struct error *error);
void mpls_facts_free(struct mpls_facts *facts);

/* This node's end of a link; NULL: it has none. */
const struct config_link_end *mpls_own_end(const struct config_link *link, size_t node,
					   const struct config_link_end **ret_other);

#endif
