// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "model_choose.h"

#include "bpf/lib/hash.h"
#include "bpf/lib/owner.h"
#include "model_steps.h"

/* Ordered: the later the better. */
enum use {
	USE_NEVER, /* not confirmed */
	USE_DOWN,
	USE_DRAINING,
	USE_UP,
};

/* The rule of xdplb/health.h. */
static enum use use_of(const struct model_service *service, const struct model_member *member)
{
	const struct xdplb_health *health = &member->health;
	bool is_over = health->lease == 1;
	enum xdplb_health_state state = health->state;

	if (!member->confirmed)
		return USE_NEVER;
	if (state == XDPLB_HEALTH_UNKNOWN || is_over) {
		if (service->flags & XDPLB_SERVICE_UNKNOWN_IS_DOWN)
			return USE_DOWN;
		/* What it had time for is over. */
		if (state == XDPLB_HEALTH_DRAINING && health->cause != XDPLB_CAUSE_SERVER)
			return USE_DOWN;
		state = health->reported;
	}
	switch (state) {
	case XDPLB_HEALTH_UNKNOWN:
	case XDPLB_HEALTH_UP:
		return USE_UP;
	case XDPLB_HEALTH_DRAINING:
		return USE_DRAINING;
	default:
		return USE_DOWN;
	}
}

bool model_may_use(const struct model_service *service, const struct model_member *member,
		   bool opens)
{
	enum use use = use_of(service, member);

	return use == USE_UP || (use == USE_DRAINING && !opens);
}

/* Of a first owner that is up: has the flow drawn less than its weight? */
static bool takes(const struct model_member *member, __u64 hash)
{
	const struct xdplb_health *health = &member->health;
	bool is_over = health->lease == 1 || health->state == XDPLB_HEALTH_UNKNOWN;
	__u32 weight = is_over ? health->reported_weight : health->weight;

	return !weight || flow_draw(hash) < weight;
}

static const struct model_member *owner(const struct model_service *service, __u64 hash,
					__u32 attempt)
{
	__u32 bucket = attempt ? owner_bucket(hash, attempt, service->buckets)
			       : (hash >> 32) * service->buckets >> 32;

	if (service->table[bucket] >= service->member_count)
		return NULL;
	return &service->members[service->table[bucket]];
}

/* The owners, then all members, but for one; NULL: none of them is at least so usable. */
static const struct model_member *search(const struct model_service *service, __u64 hash,
					 enum use least, const struct model_member *skip,
					 __u32 *ret_event)
{
	for (__u32 attempt = 0; attempt < XDPLB_OWNERS_MAX; attempt++) {
		const struct model_member *member = owner(service, hash, attempt);

		*ret_event = EVENT(NEXT_OWNER);
		if (member && member != skip && use_of(service, member) >= least)
			return member;
	}
	*ret_event = EVENT(LAST_SEARCH);
	for (int weight = 1; weight >= 0; weight--)
		for (__u32 i = 0; i < service->member_count; i++)
			if (service->members[i].weight == (__u32)weight &&
			    &service->members[i] != skip &&
			    use_of(service, &service->members[i]) >= least)
				return &service->members[i];
	return NULL;
}

static void note_first_owner(const struct model_service *service, const struct model_member *first,
			     enum use use, struct model_result *result)
{
	if (use == USE_UP)
		result->paths |= PATH(DRAWN);
	else if (use == USE_DRAINING)
		result->paths |= PATH(DRAIN_AVOIDED);
	else
		result->paths |= PATH(DOWN);
	if (first && first->health.lease == 1)
		result->paths |= PATH(LEASE_OVER);
}

const struct model_member *model_choose(const struct model_service *service, __u64 hash, bool opens,
					struct model_result *ret_result)
{
	const struct model_member *member = owner(service, hash, 0);
	enum use use = member ? use_of(service, member) : USE_NEVER;
	__u32 event;

	if ((use == USE_UP && takes(member, hash)) || (use == USE_DRAINING && !opens))
		return member;
	note_first_owner(service, member, use, ret_result);
	member = search(service, hash, opens ? USE_UP : USE_DRAINING, member, &event);
	if (!member) {
		member = search(service, hash, USE_DRAINING, NULL, &event);
		if (member && opens && use_of(service, member) == USE_DRAINING)
			ret_result->paths |= PATH(DRAIN_TAKEN);
	}
	if (!member && service->flags & XDPLB_SERVICE_ALL_IF_DOWN) {
		member = search(service, hash, USE_DOWN, NULL, &event);
		event = EVENT(USED_WHILE_DOWN);
	}
	if (member)
		ret_result->events |= event;
	return member;
}
