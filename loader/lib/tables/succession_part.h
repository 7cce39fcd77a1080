/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of succession_plan_build() share: succession_plan.c (services and tables),
 * succession_peers.c (whose packets go where).
 */
#ifndef XDPLB_SUCCESSION_PART_H
#define XDPLB_SUCCESSION_PART_H

#include "base/extents.h"
#include "tables/succession.h"

/* What one run of succession_plan_build() works with. */
struct planning {
	const struct config *config;
	const struct node_view *view;
	const struct node_facts *facts;
	const struct node_plan *mappings;
	struct succession_plan *plan;
	struct extents taken; /* lines of `owners` */
	uint32_t free_peer; /* from where on there may be a free one */
	bool any_resting; /* is there any mapping at rest? */
	bool *seen; /* by peer, all false but while a list is made */
	uint32_t *list; /* of peers */
	uint32_t *by_service; /* of each service of the config: its index in `successions`, or 0 */
};

/* Does a mapping restore on, although the config no longer has it? */
bool succession_is_resting(const struct planning *planning, uint32_t index);

/* The peers that the tables of an element name, each once, into planning->list. Returns how many. */
size_t succession_list_peers(const struct planning *planning, uint32_t index);

/* The members' peers: those that the service's tables name already, or new ones. 0; -ENOSPC; -ENOMEM. */
int succession_plan_peers(struct planning *planning, struct succession_plan_service *service);

/* Says of each peer in use whether it lives here. 0 or -ENOMEM. */
int succession_find_mappings(struct planning *planning);

/* Says of each mapping which tables it hands over by, and where its sockets are. */
void succession_link_mappings(struct planning *planning);

#endif
