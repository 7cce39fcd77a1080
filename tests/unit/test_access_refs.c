// SPDX-License-Identifier: BSD-2-Clause
/*
 * What changes of a service while its bucket table stays: flags, and so what its slot among the VIPs says; the target
 * of a member.
 */
#include <criterion/criterion.h>

#include "access_walk.h"
#include "tables/access_limit.h"
#include "plan_world.h"

#define WEB "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3"
#define DNS "dns 192.0.2.2 53 udp s 31: b1 b4:5353"

static const struct xdplb_endpoint *slot_of(const struct access_view *view,
					    const struct config_service *service)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	const struct xdplb_endpoint key = { .addr = service->vip,
					    .port = service->port,
					    .proto = service->proto,
					    .family = service->family };

	return endpoint_find(&view->vips, control->vips, &key);
}

/* Applies what the config has become: no table is built, none written, and once more changes nothing. */
static void apply_in_place(const char *row, const struct config *config, struct access_view *view,
			   size_t changes)
{
	struct access_view before;
	struct access_plan plan;
	struct error error;

	access_memory_copy(view, &before);
	cr_assert_eq(access_plan_build(config, view, &plan, &error), 0);
	cr_expect_eq(plan.changes, changes, "%s: %zu changes", row, plan.changes);
	cr_expect_null(plan.vips, "%s: a table of VIPs", row);
	for (size_t i = 0; i < plan.service_count; i++)
		cr_expect_null(plan.services[i].table, "%s: a table", row);
	cr_expect_eq(access_prepare_alone(config, &plan, view), 0);
	access_commit(config, &plan, view);
	access_plan_free(&plan);
	cr_expect_null(access_written_under_slots(&before, view), "%s: a live table", row);
	for (size_t i = 0; i < config->service_count; i++)
		cr_expect(access_ref_right(view, slot_of(view, &config->services[i])), "%s: %s",
			  row, config->services[i].name);
	cr_expect_eq(access_apply(config, view).changes, 0, "%s: not done at once", row);
	access_memory_free(&before);
}

/* Two services, sorted by name: dns, web. */
static void apply_two(struct config *ret_config, struct access_view *ret_view)
{
	skip_grace_periods();
	access_memory(&usual_sizes, ret_view);
	cluster_parse(WEB ";" DNS, ret_config);
	cr_assert_eq(access_apply(ret_config, ret_view).err, 0);
}

Test(access_refs, flags_go_with_the_slot)
{
	const struct xdplb_endpoint *slot;
	struct config_service *web;
	struct access_view view;
	struct config config;

	apply_two(&config, &view);
	web = &config.services[1]; /* sorted by name */
	slot = slot_of(&view, web);
	cr_expect_eq(slot->buckets.count, 61, "%u buckets", slot->buckets.count);
	cr_expect_eq(slot->buckets.base & XDPLB_REF_FLAGS, 0);
	web->unknown_is_down = true;
	apply_in_place("unknown is down", &config, &view, 1);
	cr_expect_eq(slot_of(&view, web)->buckets.base & XDPLB_REF_FLAGS,
		     XDPLB_SERVICE_UNKNOWN_IS_DOWN);
	web->by_source = true;
	apply_in_place("affinity", &config, &view, 1);
	cr_expect_eq(slot_of(&view, web)->buckets.count, 0, "the fast road takes it");
	web->by_source = web->unknown_is_down = false;
	apply_in_place("back", &config, &view, 1);
	cr_expect_eq(slot_of(&view, web)->buckets.count, 61);
	cluster_free(&config);
	access_memory_free(&view);
}

/* A slot that says something else, as a killed loader may leave it, is put right alone. */
Test(access_refs, a_wrong_slot_is_repaired)
{
	struct xdplb_endpoint *slot;
	struct access_view view;
	struct config config;

	apply_two(&config, &view);
	slot = (struct xdplb_endpoint *)slot_of(&view, &config.services[0]);
	slot->buckets = (struct xdplb_bucket_ref){ 0 };
	apply_in_place("none", &config, &view, 1);
	cluster_free(&config);
	access_memory_free(&view);
}

Test(access_refs, a_target_changes_alone)
{
	struct access_view view;
	struct config config;
	uint32_t member, before;
	size_t target;

	apply_two(&config, &view);
	member = access_member_index(&view, "web", "b2");
	before = access_member(&view, member)->health;
	cr_expect_eq(before, member, "its member's index is free, and not its own");
	target = config.services[1].members[1].target;
	config.targets[target].identity = 0x1234; /* probed otherwise */
	/* The service's, the new target, and the old one. */
	apply_in_place("another check", &config, &view, 3);
	cr_expect_neq(access_member(&view, member)->health, before);
	cr_expect_eq(access_member_info(&view, member)->backend,
		     access_member(&view, member)->health);
	cluster_free(&config);
	access_memory_free(&view);
}

static void expect_limit(const char *row, const struct access_view *view,
			 const struct config_service *service, uint32_t flags)
{
	uint32_t index = slot_of(view, service)->index;
	const struct xdplb_source_limit *found = map_at(&view->source_limits, index);
	struct xdplb_source_limit wanted;

	cr_expect_eq(access_service(view, index)->flags, flags, "%s: flags %#x", row,
		     access_service(view, index)->flags);
	if (!service->limit.connections)
		return;
	wanted = access_limit_make(service->family, &service->limit);
	cr_expect_eq(found->interval, wanted.interval, "%s", row);
	cr_expect_eq(found->tolerance, wanted.tolerance, "%s", row);
	cr_expect_eq(found->mask.word[0], wanted.mask.word[0], "%s", row);
}

/* A limit comes, changes and goes, and so does the cache; the slot leads past the fast road meanwhile. */
Test(access_refs, limits_and_cache)
{
	struct config_service *web;
	struct access_view view;
	struct config config;

	apply_two(&config, &view);
	web = &config.services[1];
	web->limit = (struct config_limit){ 20, 1, 100, 24 };
	apply_in_place("a limit", &config, &view, 1);
	expect_limit("a limit", &view, web, XDPLB_SERVICE_LIMIT);
	cr_expect_eq(slot_of(&view, web)->buckets.count, 0, "the fast road takes it");
	web->limit.burst = 50;
	apply_in_place("another burst", &config, &view, 1);
	expect_limit("another burst", &view, web, XDPLB_SERVICE_LIMIT);
	web->limit.prefix = 32;
	web->flow_cache = true;
	apply_in_place("another prefix", &config, &view, 1);
	expect_limit("another prefix", &view, web, XDPLB_SERVICE_LIMIT | XDPLB_SERVICE_CACHE);
	web->limit.connections = 0;
	apply_in_place("none", &config, &view, 1);
	expect_limit("none", &view, web, XDPLB_SERVICE_CACHE);
	web->flow_cache = false;
	apply_in_place("back", &config, &view, 1);
	expect_limit("back", &view, web, 0);
	cr_expect_eq(slot_of(&view, web)->buckets.count, 61);
	cluster_free(&config);
	access_memory_free(&view);
}
