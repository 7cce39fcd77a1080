// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finding what runs already, and free indices.
 */
#include "tables/access_running.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Indices from the likely one on that are looked at first: what has gone in between is skipped. */
#define GUESSES 2

/* So many of what the guesses miss are looked for from end to end, which costs less than to fill a lookup. */
#define SCANS 4

static bool same_address(const struct xdplb_addr *a, const struct xdplb_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static uint32_t hash_service(const struct xdplb_addr *vip, __be16 port, __u8 proto)
{
	uint32_t hash = lookup_hash(proto, vip, sizeof(*vip));

	return lookup_hash(hash, &port, sizeof(port));
}

static uint32_t hash_member(uint32_t service, const struct xdplb_addr *addr, __be16 tag)
{
	uint32_t hash = lookup_hash(service, addr, sizeof(*addr));

	return lookup_hash(hash, &tag, sizeof(tag));
}

static uint32_t hash_target(const char *name, uint64_t identity)
{
	return lookup_hash(lookup_hash(0, name, strlen(name)), &identity, sizeof(identity));
}

/* From the highest index down, so that of two the lower is found first. */
static void add_services(struct access_running *running)
{
	for (uint32_t i = running->view->service_infos.count; i-- > 0;) {
		const struct xdplb_service_info *info = access_service_info(running->view, i);

		if (info->name[0])
			lookup_add(&running->services,
				   hash_service(&info->vip, info->port, info->proto), i);
	}
}

static void add_backends(struct access_running *running)
{
	for (uint32_t i = running->view->backend_infos.count; i-- > 0;) {
		const struct xdplb_backend_info *info = access_backend_info(running->view, i);

		if (info->name[0])
			lookup_add(&running->backends, hash_target(info->name, info->identity), i);
	}
}

static void add_members(struct access_running *running)
{
	const struct access_view *view = running->view;

	for (uint32_t i = view->member_infos.count; i-- > 0;) {
		const struct xdplb_member_info *info = access_member_info(view, i);
		const struct xdplb_member *member = access_member(view, i);

		if (info->in_use)
			lookup_add(&running->members,
				   hash_member(info->service, &member->addr, member->tag), i);
	}
}

void access_running_count(struct access_running *running)
{
	const struct access_view *view = running->view;

	for (uint32_t i = 0; i < view->member_infos.count; i++) {
		const struct xdplb_member_info *info = access_member_info(view, i);

		if (info->in_use && info->service < view->service_infos.count)
			running->in_use[info->service]++;
	}
}

int access_running_open(const struct config *config, const struct access_view *view,
			struct access_running *ret)
{
	struct access_running running = { .config = config, .view = view };
	int err;

	running.in_use = calloc(view->service_infos.count, sizeof(*running.in_use));
	err = running.in_use ? 0 : -ENOMEM;
	err = err ?: lookup_open(&running.services, view->service_infos.count);
	err = err ?: lookup_open(&running.members, view->member_infos.count);
	err = err ?: lookup_open(&running.backends, view->backend_infos.count);
	if (err) {
		access_running_close(&running);
		return err;
	}
	*ret = running;
	return 0;
}

void access_running_close(struct access_running *running)
{
	lookup_close(&running->services);
	lookup_close(&running->members);
	lookup_close(&running->backends);
	free(running->in_use);
	memset(running, 0, sizeof(*running));
}

/* Is a lookup worth its filling? Not for the first few that the guesses miss. */
static bool worth_filling(uint32_t *misses)
{
	return ++*misses > SCANS;
}

static bool is_service(const struct access_running *running, uint32_t index,
		       const struct config_service *service)
{
	const struct xdplb_service_info *info = access_service_info(running->view, index);

	return info->name[0] && same_address(&info->vip, &service->vip) &&
	       info->port == service->port && info->many_ports == (service->range_count > 0) &&
	       info->proto == service->proto && info->family == service->family;
}

static uint32_t search_service(struct access_running *running, const struct config_service *service)
{
	uint32_t count = running->view->service_infos.count, i;

	for (i = running->likely_service; i < count && i < running->likely_service + GUESSES; i++)
		if (is_service(running, i, service))
			return i;
	if (!worth_filling(&running->service_misses)) {
		for (i = 0; i < count; i++)
			if (is_service(running, i, service))
				return i;
		return LOOKUP_NONE;
	}
	if (running->service_misses == SCANS + 1)
		add_services(running);
	i = lookup_first(&running->services,
			 hash_service(&service->vip, service->port, service->proto));
	while (i != LOOKUP_NONE && !is_service(running, i, service))
		i = lookup_next(&running->services, i);
	return i;
}

uint32_t access_running_service(struct access_running *running,
				const struct config_service *service)
{
	uint32_t i = search_service(running, service);

	running->likely_service = i == LOOKUP_NONE ? running->likely_service : i + 1;
	return i;
}

static bool is_target(const struct access_running *running, uint32_t index, const char *name,
		      uint64_t identity)
{
	const struct xdplb_backend_info *info = access_backend_info(running->view, index);

	return info->identity == identity && !strcmp(info->name, name);
}

static uint32_t search_target(struct access_running *running, const struct config_target *target)
{
	const char *name = running->config->backends[target->backend].name;
	uint32_t count = running->view->backend_infos.count, i;

	for (i = running->likely_backend; i < count && i < running->likely_backend + GUESSES; i++)
		if (is_target(running, i, name, target->identity))
			return i;
	if (!worth_filling(&running->backend_misses)) {
		for (i = 0; i < count; i++)
			if (is_target(running, i, name, target->identity))
				return i;
		return LOOKUP_NONE;
	}
	if (running->backend_misses == SCANS + 1)
		add_backends(running);
	i = lookup_first(&running->backends, hash_target(name, target->identity));
	while (i != LOOKUP_NONE && !is_target(running, i, name, target->identity))
		i = lookup_next(&running->backends, i);
	return i;
}

uint32_t access_running_target(struct access_running *running, const struct config_target *target)
{
	uint32_t i = search_target(running, target);

	running->likely_backend = i == LOOKUP_NONE ? running->likely_backend : i + 1;
	return i;
}

/* On another node it is another member, which that node has to confirm. */
static bool is_at_backend(const struct access_running *running, const struct access_plan *plan,
			  uint32_t index, const struct config_member *wanted)
{
	const struct config *config = running->config;
	const struct config_backend *backend = &config->backends[wanted->backend];
	const struct xdplb_backend_info *info = access_backend_info(running->view, index);

	/* Most are: of these the names have been compared with the targets. */
	if (plan->targets[wanted->target] == index && !plan->target_is_new[wanted->target] &&
	    !plan->target_differs[wanted->target])
		return true;
	return !strcmp(info->name, backend->name) &&
	       !strcmp(info->node, config->nodes[backend->node].name);
}

static bool is_member(const struct access_running *running, const struct access_plan *plan,
		      uint32_t service, uint32_t index, const struct config_member *wanted)
{
	const struct xdplb_member_info *info = access_member_info(running->view, index);
	const struct xdplb_member *member = access_member(running->view, index);

	return info->in_use && info->service == service && member->tag == wanted->tag &&
	       same_address(&member->addr, &wanted->addr) &&
	       is_at_backend(running, plan, info->backend, wanted);
}

static uint32_t search_member(struct access_running *running, const struct access_plan *plan,
			      uint32_t service, const struct config_member *member)
{
	uint32_t count = running->view->member_infos.count, i;

	for (i = running->likely_member; i < count && i < running->likely_member + GUESSES; i++)
		if (is_member(running, plan, service, i, member))
			return i;
	if (!worth_filling(&running->member_misses)) {
		for (i = 0; i < count; i++)
			if (is_member(running, plan, service, i, member))
				return i;
		return LOOKUP_NONE;
	}
	if (running->member_misses == SCANS + 1)
		add_members(running);
	i = lookup_first(&running->members, hash_member(service, &member->addr, member->tag));
	while (i != LOOKUP_NONE && !is_member(running, plan, service, i, member))
		i = lookup_next(&running->members, i);
	return i;
}

uint32_t access_running_member(struct access_running *running, const struct access_plan *plan,
			       uint32_t service, const struct config_member *member)
{
	uint32_t i = search_member(running, plan, service, member);

	running->likely_member = i == LOOKUP_NONE ? running->likely_member : i + 1;
	return i;
}

uint32_t access_free_service(struct access_running *running, const struct access_plan *plan)
{
	for (uint32_t *i = &running->free_service; *i < running->view->service_infos.count; (*i)++)
		if (!access_service_in_use(running->view, *i) && !plan->service_kept[*i])
			return *i;
	return LOOKUP_NONE;
}

uint32_t access_free_member(struct access_running *running, const struct access_plan *plan)
{
	for (uint32_t *i = &running->free_member; *i < running->view->member_infos.count; (*i)++)
		if (!access_member_info(running->view, *i)->in_use && !plan->member_kept[*i])
			return *i;
	return LOOKUP_NONE;
}

bool access_backend_is_free(const struct access_running *running, const struct access_plan *plan,
			    uint32_t index)
{
	return index < running->view->backend_infos.count && !plan->backend_kept[index] &&
	       !access_backend_info(running->view, index)->name[0];
}

uint32_t access_free_backend(struct access_running *running, const struct access_plan *plan)
{
	for (uint32_t *i = &running->free_backend; *i < running->view->backend_infos.count; (*i)++)
		if (access_backend_is_free(running, plan, *i))
			return *i;
	return LOOKUP_NONE;
}
