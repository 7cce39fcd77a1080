// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shares that grow.
 */
#include "slow_start.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "health/health_entry.h"

#define NOT_STARTING UINT64_MAX

/* A target that is a member of some service with slow_start. */
struct target {
	uint32_t index; /* in the map */
	uint64_t since_ms; /* it came up; NOT_STARTING: it does not come up */
	bool is_up; /* at the last look */
	unsigned int share; /* as told; 0: all */
	unsigned int next; /* while a step is worked out: 1 .. 100 */
};

struct service {
	uint32_t ms;
	uint32_t *targets; /* places in slow_start.targets */
	size_t count;
};

struct slow_start {
	const struct access_view *view;
	struct target *targets; /* sorted by index */
	size_t target_count;
	struct service *services;
	size_t service_count;
};

/* ---- making ---- */

static const struct config_service *find_service(const struct config *config,
						 const struct xdplb_service_info *info)
{
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		if (service->slow_start_ms && service->family == info->family &&
		    service->proto == info->proto && service->port == info->port &&
		    !memcmp(&service->vip, &info->vip, sizeof(service->vip)))
			return service;
	}
	return NULL;
}

static int compare_targets(const void *left, const void *right)
{
	const struct target *a = left, *b = right;

	return (a->index > b->index) - (a->index < b->index);
}

static struct target *find_target(const struct slow_start *slow, uint32_t index)
{
	const struct target key = { .index = index };

	return slow ? bsearch(&key, slow->targets, slow->target_count, sizeof(key), compare_targets)
		    : NULL;
}

/* By service index: which of slow->services it is; UINT32_MAX: none. */
static int list_services(struct slow_start *slow, const struct config *config,
			 const struct access_view *view, uint32_t *place)
{
	slow->services = calloc(view->service_infos.count + 1, sizeof(*slow->services));
	if (!slow->services)
		return -ENOMEM;
	for (uint32_t i = 0; i < view->service_infos.count; i++) {
		const struct xdplb_service_info *info = access_service_info(view, i);
		const struct config_service *service =
			info->name[0] ? find_service(config, info) : NULL;

		place[i] = UINT32_MAX;
		if (!service)
			continue;
		place[i] = (uint32_t)slow->service_count;
		slow->services[slow->service_count++] = (struct service){
			.ms = service->slow_start_ms,
		};
	}
	return 0;
}

/* The service of slow->services that a member is of, or NULL. */
static struct service *service_of(struct slow_start *slow, const struct access_view *view,
				  const uint32_t *place, uint32_t member)
{
	const struct xdplb_member_info *info = access_member_info(view, member);

	if (!info->in_use || info->service >= view->service_infos.count ||
	    place[info->service] == UINT32_MAX ||
	    access_member(view, member)->health >= view->health.count)
		return NULL;
	return &slow->services[place[info->service]];
}

/* What the entry says: came up before, and is how far, or is used already. */
static void begin_target(struct slow_start *slow, struct target *target, uint32_t ms,
			 const struct slow_start_time *time)
{
	const struct xdplb_health *entry = map_at(&slow->view->health, target->index);
	unsigned int has = health_share(entry, time->jiffies, false);
	unsigned int whole = entry->reported_weight && entry->reported_weight < 100
				     ? entry->reported_weight
				     : 100;

	target->is_up = health_effective(entry, time->jiffies, false) == XDPLB_HEALTH_UP;
	target->since_ms = NOT_STARTING;
	if (!target->is_up || entry->cause != XDPLB_CAUSE_SLOW_START || has >= whole)
		return;
	target->share = has * 100 / whole;
	target->since_ms = time->ms - (uint64_t)ms * target->share / 100;
}

static int list_targets(struct slow_start *slow, const struct access_view *view,
			const uint32_t *place, const struct slow_start_time *time)
{
	size_t kept = 0;

	slow->targets = calloc(view->members.count + 1, sizeof(*slow->targets));
	if (!slow->targets)
		return -ENOMEM;
	for (uint32_t i = 0; i < view->members.count; i++) {
		struct service *service = service_of(slow, view, place, i);

		if (!service)
			continue;
		slow->targets[slow->target_count++].index = access_member(view, i)->health;
		service->count++;
	}
	qsort(slow->targets, slow->target_count, sizeof(*slow->targets), compare_targets);
	for (size_t i = 0; i < slow->target_count; i++)
		if (!kept || slow->targets[kept - 1].index != slow->targets[i].index)
			slow->targets[kept++] = slow->targets[i];
	slow->target_count = kept;
	for (size_t i = 0; i < slow->service_count; i++) {
		struct service *service = &slow->services[i];

		service->targets = calloc(service->count + 1, sizeof(*service->targets));
		service->count = 0;
		if (!service->targets)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < view->members.count; i++) {
		struct service *service = service_of(slow, view, place, i);
		struct target *target;

		if (!service)
			continue;
		target = find_target(slow, access_member(view, i)->health);
		begin_target(slow, target, service->ms, time);
		service->targets[service->count++] = (uint32_t)(target - slow->targets);
	}
	return 0;
}

int slow_start_new(const struct config *config, const struct access_view *view,
		   const struct slow_start_time *time, struct slow_start **ret_slow)
{
	struct slow_start *slow = calloc(1, sizeof(*slow));
	uint32_t *place = calloc(view->service_infos.count + 1, sizeof(*place));
	int err = slow && place ? 0 : -ENOMEM;

	*ret_slow = NULL;
	if (!err) {
		slow->view = view;
		err = list_services(slow, config, view, place);
	}
	if (!err && slow->service_count)
		err = list_targets(slow, view, place, time);
	free(place);
	if (!err && slow->service_count)
		*ret_slow = slow;
	else
		slow_start_free(slow);
	return err;
}

void slow_start_free(struct slow_start *slow)
{
	if (!slow)
		return;
	for (size_t i = 0; i < slow->service_count; i++)
		free(slow->services[i].targets);
	free(slow->services);
	free(slow->targets);
	free(slow);
}

/* ---- steps ---- */

static unsigned int part_of(const struct target *target, uint32_t ms, uint64_t now)
{
	uint64_t age = now - target->since_ms, part;

	if (target->since_ms == NOT_STARTING || age >= ms)
		return 100;
	part = age * 100 / ms;
	return part < SLOW_START_PERCENT ? SLOW_START_PERCENT : (unsigned int)part;
}

/* Up by its node's word, not by an operator's, who knows what he does. */
static bool may_start(const struct xdplb_health *entry, uint64_t jiffies)
{
	return entry->state == XDPLB_HEALTH_UP && !health_held(entry, jiffies);
}

static void look_at(struct slow_start *slow, struct target *target,
		    const struct slow_start_time *time)
{
	const struct xdplb_health *entry = map_at(&slow->view->health, target->index);
	bool is_up = health_effective(entry, time->jiffies, false) == XDPLB_HEALTH_UP;

	if (!is_up) {
		target->since_ms = NOT_STARTING;
		target->share = 0;
	} else if (!target->is_up && may_start(entry, time->jiffies)) {
		target->since_ms = time->ms;
	}
	target->is_up = is_up;
	target->next = 100;
}

/* Shares of the members of one service, where it lets them have less than others do. */
static void share_out(struct slow_start *slow, const struct service *service, uint64_t now)
{
	unsigned int best = 0;

	for (size_t i = 0; i < service->count; i++) {
		const struct target *target = &slow->targets[service->targets[i]];
		unsigned int part = target->is_up ? part_of(target, service->ms, now) : 0;

		if (part > best)
			best = part;
	}
	for (size_t i = 0; best && i < service->count; i++) {
		struct target *target = &slow->targets[service->targets[i]];
		unsigned int share = part_of(target, service->ms, now) * 100 / best;

		if (share < target->next)
			target->next = share;
	}
}

static void tell(struct target *target, slow_start_callback *callback, void *context)
{
	unsigned int share = target->next < 100 ? target->next : 0;

	if (share == target->share || !target->is_up)
		return;
	target->share = share;
	callback(context, target->index, share);
}

void slow_start_step(struct slow_start *slow, const struct slow_start_time *time,
		     slow_start_callback *callback, void *context)
{
	for (size_t i = 0; i < slow->target_count; i++)
		look_at(slow, &slow->targets[i], time);
	for (size_t i = 0; i < slow->service_count; i++)
		share_out(slow, &slow->services[i], time->ms);
	for (size_t i = 0; i < slow->target_count; i++)
		tell(&slow->targets[i], callback, context);
}

unsigned int slow_start_share(struct slow_start *slow, uint32_t target, bool says_up,
			      const struct slow_start_time *time)
{
	struct target *found = find_target(slow, target);
	const struct xdplb_health *entry;

	if (!found)
		return 0;
	entry = map_at(&slow->view->health, target);
	if (says_up && !health_held(entry, time->jiffies) &&
	    health_effective(entry, time->jiffies, false) != XDPLB_HEALTH_UP) {
		found->since_ms = time->ms;
		found->is_up = true;
		found->share = SLOW_START_PERCENT;
	}
	return found->share;
}
