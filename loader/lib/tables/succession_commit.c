// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing the tables of hand-over, in an order in which no packet sees half a change.
 */
#include <stdlib.h>
#include <string.h>

#include "tables/succession.h"

/* Peers before the tables that name them; one that is named already changes its mapping alone. */
static void write_peers(const struct succession_plan *plan, struct node_view *view)
{
	for (uint32_t i = 0; i < view->peers.count; i++) {
		struct xdplb_peer *peer = map_at(&view->peers, i);

		if (!plan->peer_used[i])
			continue;
		if (peer->tag)
			__atomic_store_n(&peer->mapping, plan->peers[i].mapping, __ATOMIC_RELAXED);
		else
			*peer = plan->peers[i];
	}
}

static void write_table(const struct succession_plan_service *service, struct node_view *view)
{
	struct xdplb_bucket_ref table = service->tables[0];

	for (uint32_t i = 0; i < table.count; i++) {
		uint32_t bucket = table.base + i;
		struct xdplb_bucket_line *line =
			map_at(&view->owners, bucket / XDPLB_BUCKETS_PER_LINE);

		line->member[bucket % XDPLB_BUCKETS_PER_LINE] = service->table[i];
	}
}

/* Writes the half that is not live, then makes it live. */
static void switch_tables(struct xdplb_succession *succession,
			  const struct xdplb_bucket_ref *tables, uint32_t by_source)
{
	uint32_t next = !(succession->live & 1);

	memcpy(succession->tables[next], tables, sizeof(succession->tables[next]));
	succession->by_source[next] = by_source;
	__atomic_store_n(&succession->live, next, __ATOMIC_RELEASE);
}

static void write_service(const struct succession_plan_service *service, struct node_view *view)
{
	struct xdplb_succession_info *info = map_at(&view->succession_infos, service->index);

	memset(info->name, 0, sizeof(info->name));
	strcpy(info->name, service->config->name);
	info->vip = service->config->vip;
	info->port = service->config->port;
	info->many_ports = service->config->range_count > 0;
	info->proto = service->config->proto;
	info->family = service->config->family;
	memcpy(info->table_hash, service->digests, sizeof(info->table_hash));
	if (!service->is_changed)
		return;
	write_table(service, view);
	switch_tables(map_at(&view->successions, service->index), service->tables,
		      service->by_source);
}

static void write_links(const struct succession_plan *plan, struct node_view *view)
{
	for (uint32_t i = 0; i < view->mappings.count; i++) {
		struct xdplb_mapping *mapping = node_mapping(view, i);

		if (mapping->state == XDPLB_MAPPING_FREE)
			continue;
		__atomic_store_n(&mapping->netns, plan->links[i].netns, __ATOMIC_RELAXED);
		__atomic_store_n(&mapping->succession, plan->links[i].succession, __ATOMIC_RELEASE);
	}
}

static void mark_peers(const struct node_view *view, uint32_t index, bool *named)
{
	const struct xdplb_bucket_ref *tables = succession_tables(view, index);

	for (int g = 0; g < XDPLB_GENERATIONS; g++) {
		for (uint32_t i = 0; i < tables[g].count; i++) {
			uint32_t bucket = tables[g].base + i;
			const struct xdplb_bucket_line *line =
				map_at(&view->owners, bucket / XDPLB_BUCKETS_PER_LINE);
			uint32_t peer = line->member[bucket % XDPLB_BUCKETS_PER_LINE];

			if (peer < view->peers.count)
				named[peer] = true;
		}
	}
}

/* Frees what no table names any more, once no packet can have it. Without memory: the next time. */
static void clear_peers(struct node_view *view)
{
	static const struct xdplb_peer none;
	bool *named = calloc(view->peers.count, sizeof(*named));

	if (!named)
		return;
	map_wait_for_readers();
	for (uint32_t i = 1; i < view->successions.count; i++)
		mark_peers(view, i, named);
	for (uint32_t i = 0; i < view->peers.count; i++)
		if (!named[i])
			*(struct xdplb_peer *)map_at(&view->peers, i) = none;
	free(named);
}

static void drop_services(const struct succession_plan *plan, struct node_view *view)
{
	static const struct xdplb_bucket_ref none[XDPLB_GENERATIONS];

	for (uint32_t i = 1; i < view->successions.count; i++) {
		struct xdplb_succession_info *info = map_at(&view->succession_infos, i);

		if (plan->kept[i] || !info->name[0])
			continue;
		switch_tables(map_at(&view->successions, i), none, 0);
		memset(info, 0, sizeof(*info));
	}
}

void succession_commit(const struct succession_plan *plan, struct node_view *view)
{
	if (!plan->links)
		return;
	write_peers(plan, view);
	for (size_t i = 0; i < plan->count; i++)
		write_service(&plan->services[i], view);
	write_links(plan, view);
	drop_services(plan, view);
	if (plan->changes)
		clear_peers(view);
}

bool succession_forget(struct node_view *view)
{
	bool found = false;

	for (uint32_t i = 1; i < view->successions.count; i++) {
		struct xdplb_bucket_ref tables[XDPLB_GENERATIONS] = { succession_tables(view,
											i)[0] };

		if (!succession_tables(view, i)[1].count)
			continue;
		found = true;
		switch_tables(map_at(&view->successions, i), tables,
			      succession_by_source(view, i) & 1);
	}
	if (found)
		clear_peers(view);
	return found;
}
