// SPDX-License-Identifier: BSD-2-Clause
/*
 * Services going up and down.
 */
#include "services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "health/health_entry.h"

struct watched {
	struct xdplb_service_info info;
	uint32_t index;
	unsigned int usable; /* members, at the last scan; of weight 0 only if no other is */
	unsigned int unweighted; /* usable ones of weight 0 */
	bool is_known; /* is_up was found out */
	bool is_up;
};

struct services {
	services_callback *callback;
	void *context;
	struct watched *watched;
	size_t count;
	uint32_t *members; /* in use */
	size_t member_count;
	uint32_t *place; /* in watched, by index in the map; UINT32_MAX: none */
	size_t place_count;
};

int services_new(services_callback *callback, void *context, struct services **ret_services)
{
	struct services *services = calloc(1, sizeof(*services));

	if (!services)
		return -ENOMEM;
	services->callback = callback;
	services->context = context;
	*ret_services = services;
	return 0;
}

static void free_lists(struct services *services)
{
	free(services->watched);
	free(services->members);
	free(services->place);
}

void services_free(struct services *services)
{
	if (!services)
		return;
	free_lists(services);
	free(services);
}

static bool is_same(const struct xdplb_service_info *a, const struct xdplb_service_info *b)
{
	return !memcmp(&a->vip, &b->vip, sizeof(a->vip)) && a->port == b->port &&
	       a->many_ports == b->many_ports && a->proto == b->proto && a->family == b->family;
}

static const struct watched *find(const struct services *services,
				  const struct xdplb_service_info *info, uint32_t index)
{
	/* An apply keeps the indices of what stays. */
	if (index < services->place_count && services->place[index] != UINT32_MAX) {
		const struct watched *watched = &services->watched[services->place[index]];

		if (is_same(&watched->info, info))
			return watched;
	}
	for (size_t i = 0; i < services->count; i++) {
		if (is_same(&services->watched[i].info, info))
			return &services->watched[i];
	}
	return NULL;
}

static void list_services(const struct services *before, const struct access_view *view,
			  struct services *lists)
{
	for (uint32_t i = 0; i < view->service_infos.count; i++) {
		const struct xdplb_service_info *info = access_service_info(view, i);
		struct watched *watched = &lists->watched[lists->count];
		const struct watched *known;

		lists->place[i] = UINT32_MAX;
		if (!info->name[0])
			continue;
		known = find(before, info, i);
		if (known)
			*watched = *known;
		watched->info = *info;
		watched->index = i;
		lists->place[i] = (uint32_t)lists->count++;
	}
	lists->place_count = view->service_infos.count;
	for (uint32_t i = 0; i < view->member_infos.count; i++) {
		if (access_member_info(view, i)->in_use)
			lists->members[lists->member_count++] = i;
	}
}

static int make_lists(struct services *services, const struct access_view *view)
{
	struct services lists = { .callback = services->callback, .context = services->context };

	lists.watched = calloc(view->service_infos.count + 1, sizeof(*lists.watched));
	lists.members = calloc(view->member_infos.count + 1, sizeof(*lists.members));
	lists.place = calloc(view->service_infos.count + 1, sizeof(*lists.place));
	if (!lists.watched || !lists.members || !lists.place) {
		free_lists(&lists);
		return -ENOMEM;
	}
	list_services(services, view, &lists);
	free_lists(services);
	*services = lists;
	return 0;
}

static void count_member(struct watched *watched, const struct access_view *view, uint32_t index,
			 uint64_t jiffies)
{
	const struct xdplb_member *member = access_member(view, index);
	uint32_t flags = access_service(view, watched->index)->flags;

	if (!(member->flags & XDPLB_MEMBER_CONFIRMED) || member->health >= view->health.count ||
	    !health_usable(map_at(&view->health, member->health), jiffies,
			   flags & XDPLB_SERVICE_UNKNOWN_IS_DOWN))
		return;
	if (access_member_info(view, index)->weight)
		watched->usable++;
	else
		watched->unweighted++;
}

static void count_usable(struct services *services, const struct access_view *view,
			 uint64_t jiffies)
{
	for (size_t i = 0; i < services->count; i++) {
		services->watched[i].usable = 0;
		services->watched[i].unweighted = 0;
	}
	for (size_t i = 0; i < services->member_count; i++) {
		uint32_t index = services->members[i];
		uint32_t service = access_member_info(view, index)->service;

		if (service < services->place_count && services->place[service] != UINT32_MAX)
			count_member(&services->watched[services->place[service]], view, index,
				     jiffies);
	}
	for (size_t i = 0; i < services->count; i++) {
		if (!services->watched[i].usable)
			services->watched[i].usable = services->watched[i].unweighted;
	}
}

void services_scan(struct services *services, const struct access_view *view, uint64_t jiffies,
		   bool is_new)
{
	if (is_new && make_lists(services, view))
		return;
	count_usable(services, view, jiffies);
	for (size_t i = 0; i < services->count; i++) {
		struct watched *watched = &services->watched[i];
		bool is_up = watched->usable > 0, was_up = watched->is_up || !watched->is_known;

		watched->is_known = true;
		watched->is_up = is_up;
		if (is_up != was_up)
			services->callback(services->context, &watched->info, is_up,
					   watched->usable);
	}
}

void services_count(const struct services *services, size_t *ret_up, size_t *ret_all)
{
	*ret_all = services->count;
	*ret_up = 0;
	for (size_t i = 0; i < services->count; i++)
		*ret_up += services->watched[i].is_up;
}
