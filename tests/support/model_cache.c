// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The rules of include/xdplb/flow_cache.h.
 */
#include <netinet/in.h>

#include "model_choose.h"
#include "model_flows.h"

#define AGES          2048
#define SEEN_JUST_NOW 32 /* units: to push such a one out is told */

static struct model_place *set_of(struct model_cache *cache, __u64 hash)
{
	return cache->places + (__u32)hash % cache->lines * XDPLB_FLOWS_PER_LINE;
}

static struct model_place *newcomer_place(struct model_cache *cache, __u64 hash)
{
	__u32 places = cache->lines * XDPLB_FLOWS_PER_LINE;

	return cache->places + places + (__u32)hash % places;
}

static bool is_newcomer(const struct model_cache *cache, const struct model_place *place)
{
	return place >= cache->places + cache->lines * XDPLB_FLOWS_PER_LINE;
}

static bool is_flow(const struct model_place *place, __u64 hash)
{
	return place->is_set && place->upper == hash >> 32;
}

static struct model_place *find(struct model_cache *cache, __u64 hash)
{
	struct model_place *set = set_of(cache, hash), *newcomer = newcomer_place(cache, hash);

	for (int way = 0; way < XDPLB_FLOWS_PER_LINE; way++)
		if (is_flow(&set[way], hash))
			return &set[way];
	return is_flow(newcomer, hash) ? newcomer : NULL;
}

bool model_is_remembered(struct model_world *world, __u64 hash)
{
	return find(&world->cache, hash);
}

static __u32 unseen_for(const struct model_cache *cache, const struct model_place *place)
{
	return (cache->now - place->age) % AGES;
}

/* The place in its set that a flow gets which has none there. */
static struct model_place *make_room(struct model_cache *cache, __u64 hash,
				     struct model_result *result)
{
	struct model_place *set = set_of(cache, hash), *oldest = set;

	for (int way = 0; way < XDPLB_FLOWS_PER_LINE; way++)
		if (!set[way].is_set)
			return &set[way];
	for (int way = 1; way < XDPLB_FLOWS_PER_LINE; way++)
		if (unseen_for(cache, &set[way]) > unseen_for(cache, oldest))
			oldest = &set[way];
	if (unseen_for(cache, oldest) < SEEN_JUST_NOW)
		result->events |= EVENT(FLOW_PUSHED_OUT);
	else
		result->paths |= PATH(OLD_PUSHED_OUT);
	return oldest;
}

static void note(struct model_cache *cache, const struct model_ask *ask, struct model_place *place,
		 const struct model_member *member, struct model_result *result)
{
	bool is_syn = ask->opens && ask->proto == IPPROTO_TCP;

	if (!place) {
		place = newcomer_place(cache, ask->hash);
	} else if (is_newcomer(cache, place) && !is_syn) {
		place->is_set = false;
		place = make_room(cache, ask->hash, result);
		result->paths |= PATH(PROMOTED);
	}
	*place = (struct model_place){
		.is_set = true, .upper = ask->hash >> 32, .member = member->index, .age = cache->now
	};
}

/* The remembered member, if it may be used. */
static const struct model_member *recall(const struct model_ask *ask,
					 const struct model_place *place)
{
	const struct model_member *member = model_member_at(ask->service, place->member);
	bool is_syn = ask->opens && ask->proto == IPPROTO_TCP;

	return member && model_may_use(ask->service, member, is_syn) ? member : NULL;
}

static const struct model_member *choose(const struct model_ask *ask, struct model_result *result)
{
	if (!ask->service->buckets)
		return NULL;
	return model_choose(ask->service, ask->bucket_hash, ask->opens, result);
}

/* The flow has not got the member that was remembered, or none was. */
static void count_change(const struct model_ask *ask, const struct model_place *place,
			 const struct model_member *member, struct model_result *result)
{
	bool is_tcp = ask->proto == IPPROTO_TCP;

	if (!place && !is_tcp)
		result->opened = member;
	if (!place || (is_tcp && ask->opens))
		return;
	result->paths |= PATH(NOT_RECALLED);
	if (place->member != member->index)
		result->events |= EVENT(FLOW_MOVED);
}

const struct model_member *model_pick(struct model_world *world, const struct model_ask *ask,
				      struct model_result *result)
{
	const struct model_member *member = NULL;
	struct model_place *place;

	if (!(ask->service->flags & XDPLB_SERVICE_CACHE))
		return choose(ask, result);
	place = find(&world->cache, ask->hash);
	if (place)
		member = recall(ask, place);
	if (member) {
		result->paths |= ask->is_error                       ? PATH(ERROR_RECALLED)
				 : is_newcomer(&world->cache, place) ? PATH(NEWCOMER_RECALLED)
								     : PATH(RECALLED);
	} else {
		member = choose(ask, result);
		if (member && !ask->is_error)
			count_change(ask, place, member, result);
	}
	if (member && !ask->is_error)
		note(&world->cache, ask, place, member, result);
	return member;
}
