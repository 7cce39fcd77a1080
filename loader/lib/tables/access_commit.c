// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing an access node's tables, in an order in which no packet sees half a change.
 */
#include "tables/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables/access_chain.h"
#include "tables/access_confirm.h"
#include "tables/access_sources.h"
#include "tables/access_tables.h"

/* The 16-bit ones' complement sum of (new + ~old) over an address. */
static uint32_t address_delta(const struct xdplb_addr *old, const struct xdplb_addr *new)
{
	uint32_t delta = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t before = ~old->word[i], after = new->word[i];

		delta += (before & 0xffff) + (before >> 16) + (after & 0xffff) + (after >> 16);
	}
	return delta;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static struct xdplb_member make_member(const struct access_plan *plan,
				       const struct access_plan_service *service, size_t number)
{
	const struct config_service *wanted = service->config;
	const struct config_member *config = &wanted->members[number];
	uint32_t delta = address_delta(&wanted->vip, &config->addr);
	uint16_t ports = wanted->range_count ? 0 : fold((uint16_t)~wanted->port + config->tag);

	return (struct xdplb_member){
		.addr = config->addr,
		.tag = config->tag,
		.l4_delta = fold(delta + ports),
		.ip_delta = wanted->family == XDPLB_IPV4 ? fold(delta) : 0,
		.flags = wanted->range_count ? XDPLB_MEMBER_KEEPS_PORT : 0,
		.health = plan->targets[config->target],
		.service = service->index,
		.weight = config->weight,
		.next = access_chain_next(service, number),
	};
}

static void write_new_targets(const struct config *config, const struct access_plan *plan,
			      struct access_view *view)
{
	for (size_t i = 0; i < plan->target_count; i++) {
		struct xdplb_backend_info *info = access_backend_info(view, plan->targets[i]);

		if (!plan->target_is_new[i])
			continue;
		memset(map_at(&view->health, plan->targets[i]), 0, sizeof(struct xdplb_health));
		info->identity = config->targets[i].identity;
		strcpy(info->name, config->backends[config->targets[i].backend].name);
	}
}

static void describe_targets(const struct config *config, const struct access_plan *plan,
			     struct access_view *view)
{
	for (size_t i = 0; i < plan->target_count; i++)
		if (plan->target_is_new[i] || plan->target_differs[i])
			access_target_describe(config, &config->targets[i],
					       access_backend_info(view, plan->targets[i]));
}

static void write_members(const struct access_plan *plan, const struct access_plan_service *service,
			  struct access_view *view)
{
	/* Until its table is live: a loader killed in between must not take the service as done. */
	if (service->table_changed)
		access_service_info(view, service->index)->members = 0;
	for (size_t i = 0; i < service->config->member_count; i++) {
		const struct config_member *config = &service->config->members[i];
		struct xdplb_member_info *info = access_member_info(view, service->members[i]);
		uint32_t backend = plan->targets[config->target];

		if (!service->member_is_new[i])
			continue;
		*access_member(view, service->members[i]) = make_member(plan, service, i);
		map_clear_percpu(view->traffic_fd, service->members[i]);
		if (view->flows_fd >= 0)
			map_clear_percpu(view->flows_fd, service->members[i]);
		info->service = service->index;
		info->backend = backend;
		info->buckets = 0;
		info->in_use = 1;
	}
}

/* The new table, into room that no live table uses. */
static void write_table(const struct access_plan_service *service, struct access_view *view)
{
	/* It begins with a line, and lines have nothing between their buckets. */
	uint32_t *buckets = access_bucket(view, service->buckets.base);

	for (uint32_t i = 0; i < service->buckets.count; i++)
		buckets[i] = service->members[service->table[i]];
	for (size_t i = 0; i < service->config->member_count; i++)
		access_member_info(view, service->members[i])->weight =
			service->config->members[i].weight;
}

static void write_service_info(const struct access_plan_service *service, struct access_view *view)
{
	struct xdplb_service_info *info = access_service_info(view, service->index);
	const struct config_service *config = service->config;

	/* At no moment without a name, which would make it a free one: strncpy() fills the rest with zeros. */
	strncpy(info->name, config->name, sizeof(info->name));
	info->vip = config->vip;
	info->port = config->port;
	info->proto = config->proto;
	info->family = config->family;
	info->restore = config->restore;
	info->many_ports = config->range_count > 0;
}

/* What says that all the rest is done: until it stands the next apply makes the table anew. */
static void seal_service(const struct access_plan_service *service, struct access_view *view)
{
	struct xdplb_service_info *info = access_service_info(view, service->index);

	for (size_t i = 0; i < service->config->member_count; i++)
		access_member_info(view, service->members[i])->buckets = service->shares[i];
	info->table_hash = service->digest;
	__atomic_store_n(&info->members, service->config->member_count, __ATOMIC_RELEASE);
}

/* The one store that makes a table live. */
static void switch_table(const struct access_plan_service *service, struct access_view *view)
{
	uint64_t *live = (uint64_t *)&access_service(view, service->index)->buckets, word;

	memcpy(&word, &service->buckets, sizeof(word));
	__atomic_store_n(live, word, __ATOMIC_RELEASE);
}

static void switch_vips(const struct access_plan *plan, struct access_view *view)
{
	struct xdplb_lb_control *control = map_at(&view->control, 0);
	struct xdplb_table_ref ref = {
		.base = control->vips.base ? 0 : plan->vip_slots,
		.seed = plan->vip_seed,
	};
	uint64_t word;

	memcpy(map_at(&view->vips, ref.base), plan->vips, plan->vip_slots * sizeof(*plan->vips));
	memcpy(&word, &ref, sizeof(word));
	if (plan->has_ranges)
		__atomic_store_n(&control->has_ranges, 1, __ATOMIC_RELEASE);
	__atomic_store_n((uint64_t *)&control->vips, word, __ATOMIC_RELEASE);
	if (!plan->has_ranges)
		__atomic_store_n(&control->has_ranges, 0, __ATOMIC_RELEASE);
}

/* Of services whose packets take the fast road, this is the store that makes a table live for them. */
static void switch_refs(const struct access_plan *plan, struct access_view *view)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct access_plan_service *service = &plan->services[i];
		struct xdplb_endpoint *slot;
		uint64_t word;

		if (!service->ref_changed)
			continue;
		slot = map_at(&view->vips, control->vips.base + service->slot);
		memcpy(&word, &service->ref, sizeof(word));
		__atomic_store_n((uint64_t *)&slot->buckets, word, __ATOMIC_RELEASE);
	}
}

/* A flow may be remembered with it: it moves before anything of the member is cleared. */
static void stop_member(const struct access_view *view, uint32_t i)
{
	__atomic_fetch_and(&access_member(view, i)->flags, ~XDPLB_MEMBER_CONFIRMED,
			   __ATOMIC_RELAXED);
}

static void stop_rest(const struct access_plan *plan, struct access_view *view)
{
	for (uint32_t i = 0; i < view->member_infos.count; i++)
		if (!plan->member_kept[i] && access_member_info(view, i)->in_use)
			stop_member(view, i);
}

/* Most are zero already, in memory that should not be written for nothing. */
static void clear(void *value, size_t size)
{
	static const char zeros[256];

	if (size > sizeof(zeros) || memcmp(value, zeros, size))
		memset(value, 0, size);
}

/* What is free and still as it was when it was in use: zeros, so that nothing of it comes to who gets the index. */
static int sweep(struct access_view *view)
{
	for (uint32_t i = 0; i < view->service_infos.count; i++)
		if (!access_service_in_use(view, i)) {
			clear(access_service(view, i), sizeof(struct xdplb_service));
			clear(access_service_info(view, i), sizeof(struct xdplb_service_info));
		}
	for (uint32_t i = 0; i < view->member_infos.count; i++)
		if (!access_member_info(view, i)->in_use) {
			clear(access_member(view, i), sizeof(struct xdplb_member));
			clear(access_member_info(view, i), sizeof(struct xdplb_member_info));
		}
	for (uint32_t i = 0; i < view->backend_infos.count; i++)
		if (!access_backend_info(view, i)->name[0]) {
			clear(map_at(&view->health, i), sizeof(struct xdplb_health));
			clear(access_backend_info(view, i), sizeof(struct xdplb_backend_info));
		}
	return access_sources_prune(view);
}

static void stop_new_members(const struct access_plan_service *service, struct access_view *view)
{
	for (size_t m = 0; m < service->config->member_count; m++)
		if (service->member_is_new[m])
			stop_member(view, service->members[m]);
}

static void clear_new_members(const struct access_plan_service *service, struct access_view *view)
{
	for (size_t m = 0; m < service->config->member_count; m++) {
		uint32_t index = service->members[m];

		if (!service->member_is_new[m])
			continue;
		memset(access_member(view, index), 0, sizeof(struct xdplb_member));
		memset(access_member_info(view, index), 0, sizeof(struct xdplb_member_info));
	}
}

/*
 * Takes back what access_prepare() wrote. No bucket refers to it, but a flow may be remembered with the index of a new
 * member, from the days of one that had it before.
 */
void access_take_back(const struct access_plan *plan, struct access_view *view)
{
	for (size_t i = 0; i < plan->service_count; i++)
		stop_new_members(&plan->services[i], view);
	map_wait_for_readers();
	for (size_t i = 0; i < plan->service_count; i++) {
		const struct access_plan_service *service = &plan->services[i];

		clear_new_members(service, view);
		access_service_info(view, service->index)->members = service->members_before;
	}
	for (size_t i = 0; i < plan->target_count; i++)
		if (plan->target_is_new[i])
			memset(access_backend_info(view, plan->targets[i]), 0,
			       sizeof(struct xdplb_backend_info));
	access_sources_prune(view); /* what can't be read now goes with the next apply */
}

/* Only what is to change: of 10,000 services most stay, and a write to each costs more than all else. */
static void commit_service(const struct access_plan *plan,
			   const struct access_plan_service *service, struct access_view *view)
{
	struct xdplb_service *running = access_service(view, service->index);

	if (service->table_changed) {
		write_table(service, view);
		switch_table(service, view);
	}
	/* A table comes with members, which the plan has compared as they were before they were written. */
	if (service->table_changed || service->sources_changed || service->chain_changed)
		access_chain_write(plan, service, view);
	else if (running->down_until) /* a member may have been confirmed */
		__atomic_store_n(&running->down_until, 0, __ATOMIC_RELAXED);
	if (service->table_changed || service->info_changed)
		write_service_info(service, view);
}

/* The buckets that will be written, and what lies between: one mapping, however many tables there are. */
static int show_buckets(const struct access_plan *plan, const struct access_view *view)
{
	size_t first = view->buckets.count, end = 0;

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct access_plan_service *service = &plan->services[i];
		size_t line = service->buckets.base / XDPLB_BUCKETS_PER_LINE;
		size_t after = line + (service->buckets.count + XDPLB_BUCKETS_PER_LINE - 1) /
					      XDPLB_BUCKETS_PER_LINE;

		if (!service->table_changed)
			continue;
		first = line < first ? line : first;
		end = after > end ? after : end;
	}
	return first < end ? map_array_show(&view->buckets, first, end - first) : 0;
}

int access_prepare(const struct config *config, const struct access_plan *plan,
		   struct access_view *view, struct access_asking *asking)
{
	int err = show_buckets(plan, view);

	if (!err)
		err = sweep(view);
	if (!err)
		err = access_sources_write(plan, view);
	if (err)
		return err;
	write_new_targets(config, plan, view);
	for (size_t i = 0; i < plan->service_count; i++)
		write_members(plan, &plan->services[i], view);
	err = access_confirm(config, plan, view, asking);
	if (err != -EINTR)
		err = access_filling_end(plan);
	if (err)
		access_take_back(plan, view);
	return err;
}

void access_switch(const struct config *config, const struct access_plan *plan,
		   struct access_view *view)
{
	struct xdplb_lb_control *control = map_at(&view->control, 0);

	for (size_t i = 0; i < plan->service_count; i++)
		commit_service(plan, &plan->services[i], view);
	describe_targets(config, plan, view);
	if (plan->vips)
		switch_vips(plan, view);
	else
		switch_refs(plan, view);
	if (plan->echo_changed)
		__atomic_store_n(&control->no_echo, config->no_echo, __ATOMIC_RELEASE);
	if (plan->changes)
		control->generation++;
	stop_rest(plan, view);
}

void access_seal(const struct access_plan *plan, struct access_view *view)
{
	access_digests_end(plan);
	for (size_t i = 0; i < plan->service_count; i++)
		if (plan->services[i].table_changed)
			seal_service(&plan->services[i], view);
}

void access_forget(const struct access_plan *plan, struct access_view *view)
{
	for (uint32_t i = 0; i < view->member_infos.count; i++)
		if (!plan->member_kept[i] && access_member_info(view, i)->in_use)
			memset(access_member_info(view, i), 0, sizeof(struct xdplb_member_info));
	for (uint32_t i = 0; i < view->service_infos.count; i++)
		if (!plan->service_kept[i] && access_service_in_use(view, i))
			memset(access_service_info(view, i), 0, sizeof(struct xdplb_service_info));
	for (uint32_t i = 0; i < view->backend_infos.count; i++)
		if (!plan->backend_kept[i] && access_backend_info(view, i)->name[0])
			memset(access_backend_info(view, i), 0, sizeof(struct xdplb_backend_info));
}

void access_commit(const struct config *config, const struct access_plan *plan,
		   struct access_view *view)
{
	access_switch(config, plan, view);
	access_seal(plan, view);
	access_forget(plan, view);
	map_wait_for_readers();
	sweep(view);
}
