// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bucket tables of a plan: filling them, and finding room for them beside those that are live.
 */
#include "tables/access_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables/maglev.h"

/* Buckets whose filling and digest take longer, by far, than to start a thread: some milliseconds. */
#define WORTH_A_THREAD (1 << 18)

int access_build_table(const struct config *config, struct access_plan_service *service)
{
	const struct config_service *wanted = service->config;
	struct maglev_member *members = calloc(wanted->member_count, sizeof(*members));
	int err = -ENOMEM;

	service->table = calloc(wanted->buckets, sizeof(*service->table));
	service->name_hashes = calloc(wanted->member_count, sizeof(*service->name_hashes));
	service->shares = calloc(wanted->member_count, sizeof(*service->shares));
	if (!members || !service->table || !service->name_hashes || !service->shares)
		goto out;
	for (size_t i = 0; i < wanted->member_count; i++) {
		members[i] = (struct maglev_member){
			.name = config->backends[wanted->members[i].backend].name,
			.weight = wanted->members[i].weight,
		};
		service->name_hashes[i] = maglev_name_hash(members[i].name);
	}
	err = maglev_build(members, wanted->member_count, service->table, wanted->buckets);
out:
	free(members);
	return err;
}

static void digest_table(struct access_plan_service *service)
{
	service->digest =
		maglev_table_digest(service->name_hashes, service->table, service->config->buckets);
	for (uint32_t i = 0; i < service->config->buckets; i++)
		service->shares[service->table[i]]++;
}

/* What each new table comes to, by names. */
static void digest_tables(void *arg)
{
	struct access_filling *filling = arg;

	for (size_t i = 0; i < filling->service_count; i++)
		if (filling->services[i].table_changed)
			digest_table(&filling->services[i]);
}

static void build_tables(void *arg)
{
	struct access_filling *filling = arg;

	for (size_t i = 0; i < filling->service_count && !filling->err; i++)
		if (filling->services[i].is_filled_beside)
			filling->err = access_build_table(filling->config, &filling->services[i]);
}

int access_filling_begin(const struct config *config, struct access_plan *plan)
{
	struct access_filling *filling = calloc(1, sizeof(*filling));
	size_t buckets = 0;

	if (!filling)
		return -ENOMEM;
	filling->config = config;
	filling->services = plan->services;
	filling->service_count = plan->service_count;
	plan->filling = filling;
	for (size_t i = 0; i < plan->service_count; i++)
		if (plan->services[i].is_filled_beside)
			buckets += plan->services[i].config->buckets;
	if (buckets >= WORTH_A_THREAD) {
		aside_begin(&filling->building, build_tables, filling);
		return 0; /* what comes of it access_filling_end() says */
	}
	build_tables(filling);
	return filling->err;
}

static bool has_many_new_buckets(const struct access_plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->service_count; i++)
		if (plan->services[i].table_changed)
			n += plan->services[i].config->buckets;
	return n >= WORTH_A_THREAD;
}

void access_filling_planned(struct access_plan *plan)
{
	if (!has_many_new_buckets(plan))
		digest_tables(plan->filling);
}

int access_filling_end(const struct access_plan *plan)
{
	struct access_filling *filling = plan->filling;

	if (!filling)
		return 0;
	aside_end(&filling->building);
	if (!filling->err && has_many_new_buckets(plan))
		aside_begin(&filling->digesting, digest_tables, filling);
	return filling->err;
}

void access_digests_end(const struct access_plan *plan)
{
	if (plan->filling)
		aside_end(&plan->filling->digesting);
}

void access_filling_free(struct access_plan *plan)
{
	if (plan->filling) {
		aside_drop(&plan->filling->building);
		aside_drop(&plan->filling->digesting);
	}
	free(plan->filling);
	plan->filling = NULL;
}

/* A run of bucket lines in use. */
struct extent {
	uint32_t first, count;
};

static int by_first(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static struct extent extent_of(struct xdplb_bucket_ref ref)
{
	return (struct extent){
		.first = ref.base / XDPLB_BUCKETS_PER_LINE,
		.count = (ref.count + XDPLB_BUCKETS_PER_LINE - 1) / XDPLB_BUCKETS_PER_LINE,
	};
}

/* The first gap of `count` lines between sorted extents below `end`; UINT32_MAX: none. */
static uint32_t find_gap(const struct extent *extents, size_t n, uint32_t count, uint32_t end)
{
	uint32_t at = 0;

	for (size_t i = 0; i < n; i++) {
		if (extents[i].first - at >= count)
			return at;
		at = extents[i].first + extents[i].count;
	}
	return end - at >= count ? at : UINT32_MAX;
}

/* Where there is room for one more. */
static void insert_extent(struct extent *extents, size_t n, struct extent extent)
{
	size_t at = n;

	while (at > 0 && extents[at - 1].first > extent.first)
		at--;
	memmove(&extents[at + 1], &extents[at], (n - at) * sizeof(*extents));
	extents[at] = extent;
}

/* What the slots of the live table of VIPs refer to: more than services do, if a loader was killed in between. */
static size_t slot_extents(const struct access_view *view, struct extent *extents, size_t n)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	const struct xdplb_endpoint *slots = map_at(&view->vips, control->vips.base);

	for (uint32_t i = 0; i < view->vips.count / 2; i++) {
		struct xdplb_bucket_ref ref = slots[i].buckets;

		if (!ref.count || slots[i].proto & XDPLB_RANGE ||
		    slots[i].index >= view->services.count)
			continue;
		ref.base &= ~(XDPLB_BUCKETS_PER_LINE - 1);
		if (!access_service_in_use(view, slots[i].index) ||
		    memcmp(&ref, &access_service(view, slots[i].index)->buckets, sizeof(ref)))
			extents[n++] = extent_of(ref);
	}
	return n;
}

int access_place_tables(const struct access_view *view, struct access_plan *plan)
{
	size_t capacity = 2 * view->services.count + plan->service_count, n = 0;
	struct extent *extents = calloc(capacity, sizeof(*extents));

	if (!extents)
		return -ENOMEM;
	for (uint32_t i = 0; i < view->services.count; i++)
		if (access_service_in_use(view, i) && access_service(view, i)->buckets.count)
			extents[n++] = extent_of(access_service(view, i)->buckets);
	n = slot_extents(view, extents, n);
	/* Sorted once and kept so: a file may bring thousands of tables. */
	qsort(extents, n, sizeof(*extents), by_first);
	for (size_t i = 0; i < plan->service_count; i++) {
		struct access_plan_service *service = &plan->services[i];
		struct extent extent;

		if (!service->table_changed)
			continue;
		service->buckets.count = service->config->buckets;
		extent = extent_of(service->buckets);
		extent.first = find_gap(extents, n, extent.count, view->buckets.count);
		if (extent.first == UINT32_MAX) {
			free(extents);
			return -ENOSPC;
		}
		service->buckets.base = extent.first * XDPLB_BUCKETS_PER_LINE;
		insert_extent(extents, n++, extent);
	}
	free(extents);
	return 0;
}
