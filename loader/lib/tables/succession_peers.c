// SPDX-License-Identifier: BSD-2-Clause
/*
 * Peers: who they are, which of them live here, and which mappings hand over to them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables/succession_part.h"

const struct xdplb_bucket_ref *succession_tables(const struct node_view *view, uint32_t index)
{
	const struct xdplb_succession *succession = map_at(&view->successions, index);

	return succession->tables[succession->live & 1];
}

uint32_t succession_by_source(const struct node_view *view, uint32_t index)
{
	const struct xdplb_succession *succession = map_at(&view->successions, index);

	return succession->by_source[succession->live & 1];
}

uint32_t succession_owner(const struct node_view *view, uint32_t bucket)
{
	const struct xdplb_bucket_line *line =
		map_at(&view->owners, bucket / XDPLB_BUCKETS_PER_LINE);

	return line->member[bucket % XDPLB_BUCKETS_PER_LINE];
}

bool succession_is_resting(const struct planning *planning, uint32_t index)
{
	return node_mapping(planning->view, index)->state != XDPLB_MAPPING_FREE &&
	       !planning->mappings->wanted[index] && !planning->mappings->expired[index];
}

/* ---- peers ---- */

size_t succession_list_peers(const struct planning *planning, uint32_t index)
{
	const struct xdplb_bucket_ref *tables = succession_tables(planning->view, index);
	size_t n = 0;

	for (int g = 0; g < XDPLB_GENERATIONS; g++) {
		for (uint32_t i = 0; i < tables[g].count; i++) {
			uint32_t peer = succession_owner(planning->view, tables[g].base + i);

			if (peer >= planning->view->peers.count || planning->seen[peer])
				continue;
			planning->seen[peer] = true;
			planning->list[n++] = peer;
		}
	}
	for (size_t i = 0; i < n; i++)
		planning->seen[planning->list[i]] = false;
	return n;
}

static int allot_peer(struct planning *planning, const struct config_member *member,
		      uint32_t *ret_index)
{
	struct succession_plan *plan = planning->plan;
	uint32_t count = planning->view->peers.count, i = planning->free_peer;

	while (i < count && plan->peer_used[i])
		i++;
	planning->free_peer = i;
	if (i == count)
		return -ENOSPC;
	plan->peer_used[i] = true;
	plan->peers[i] = (struct xdplb_peer){ .addr = member->addr,
					      .tag = member->tag,
					      .mapping = XDPLB_ELSEWHERE };
	*ret_index = i;
	return 0;
}

static uint32_t find_peer(const struct planning *planning, size_t count,
			  const struct config_member *member)
{
	for (size_t i = 0; i < count; i++) {
		const struct xdplb_peer *peer = &planning->plan->peers[planning->list[i]];

		if (peer->tag == member->tag &&
		    !memcmp(&peer->addr, &member->addr, sizeof(member->addr)))
			return planning->list[i];
	}
	return XDPLB_ELSEWHERE;
}

int succession_plan_peers(struct planning *planning, struct succession_plan_service *service)
{
	const struct config_service *config = service->config;
	size_t named = service->is_new ? 0 : succession_list_peers(planning, service->index);
	int err = 0;

	service->peers = calloc(config->member_count + 1, sizeof(*service->peers));
	if (!service->peers)
		return -ENOMEM;
	for (size_t m = 0; m < config->member_count && !err; m++) {
		service->peers[m] = find_peer(planning, named, &config->members[m]);
		if (service->peers[m] == XDPLB_ELSEWHERE)
			err = allot_peer(planning, &config->members[m], &service->peers[m]);
	}
	return err;
}

/* ---- which mappings are whose ---- */

static int by_peer(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct xdplb_peer, mapping));
}

int succession_find_mappings(struct planning *planning)
{
	const struct node_view *view = planning->view;
	const struct node_plan *mappings = planning->mappings;
	struct succession_plan *plan = planning->plan;
	struct xdplb_peer *here = calloc(view->mappings.count + 1, sizeof(*here));
	size_t n = 0;

	if (!here)
		return -ENOMEM;
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		const struct xdplb_mapping *mapping = node_mapping(view, i);

		if (succession_is_resting(planning, i))
			here[n++] = (struct xdplb_peer){ mapping->backend, mapping->tag, 0, i, 0 };
	}
	for (size_t m = 0; m < mappings->count; m++)
		here[n++] = (struct xdplb_peer){ mappings->mappings[m].mapping.backend,
						 mappings->mappings[m].mapping.tag, 0,
						 mappings->mappings[m].index, 0 };
	qsort(here, n, sizeof(*here), by_peer);
	for (uint32_t i = 0; i < view->peers.count; i++) {
		const struct xdplb_peer *found = NULL;

		if (plan->peer_used[i] && n)
			found = bsearch(&plan->peers[i], here, n, sizeof(*here), by_peer);
		plan->peers[i].mapping = found ? found->mapping : XDPLB_ELSEWHERE;
	}
	free(here);
	return 0;
}

/* What mappings that rest have stays, as long as their service's tables do. */
void succession_link_mappings(struct planning *planning)
{
	const struct node_view *view = planning->view;
	struct succession_plan *plan = planning->plan;
	const struct node_plan *mappings = planning->mappings;

	for (uint32_t i = 0; i < view->mappings.count; i++) {
		const struct xdplb_mapping *mapping = node_mapping(view, i);

		plan->links[i] = (struct succession_link){ mapping->succession, mapping->netns };
		if (mapping->succession >= view->successions.count ||
		    !plan->kept[mapping->succession])
			plan->links[i].succession = 0;
	}
	for (size_t m = 0; m < mappings->count; m++) {
		const struct node_plan_mapping *wanted = &mappings->mappings[m];
		struct succession_link *link = &plan->links[wanted->index];

		link->succession = planning->by_service[wanted->service_number];
		link->netns = planning->facts->netns[wanted->backend_number];
	}
}
