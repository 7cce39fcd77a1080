// SPDX-License-Identifier: BSD-2-Clause
/*
 * Applying configs to an access node in memory, and what that must leave alone.
 */
#include "access_walk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <bpf/libbpf.h>

static char text[256];

static const char *disturbed(const char *what, const char *name, uint32_t index)
{
	snprintf(text, sizeof(text), "%s %s (index %u)", what, name, index);
	return text;
}

static bool same_service(const struct xdplb_service_info *a, const struct xdplb_service_info *b)
{
	return a->name[0] && !strcmp(a->name, b->name) && !memcmp(&a->vip, &b->vip, 16) &&
	       a->port == b->port && a->proto == b->proto && a->family == b->family;
}

static const char *moved_services(const struct access_view *before, const struct access_view *after)
{
	for (uint32_t i = 0; i < before->services.count; i++)
		for (uint32_t j = 0; j < after->services.count; j++)
			if (i != j && same_service(access_service_info(before, i),
						   access_service_info(after, j)))
				return disturbed("moved service",
						 access_service_info(after, j)->name, i);
	return NULL;
}

static const char *moved_backends(const struct access_view *before, const struct access_view *after)
{
	for (uint32_t i = 0; i < before->health.count; i++) {
		const char *name = access_backend_info(before, i)->name;
		int j = name[0] ? access_backend_index(after, name) : -1;

		if (j < 0)
			continue;
		if ((uint32_t)j != i)
			return disturbed("moved backend", name, i);
		if (memcmp(map_at(&before->health, i), map_at(&after->health, i),
			   sizeof(struct xdplb_health)))
			return disturbed("health of backend", name, i);
	}
	return NULL;
}

/* The member in `after` that stands for what member `i` stood for; -1: it has gone. */
static int same_member(const struct access_view *before, uint32_t i,
		       const struct access_view *after)
{
	const struct xdplb_member_info *old = access_member_info(before, i);
	const struct xdplb_member *member = access_member(before, i);

	for (uint32_t j = 0; j < after->members.count; j++) {
		const struct xdplb_member_info *info = access_member_info(after, j);

		if (info->in_use &&
		    same_service(access_service_info(before, old->service),
				 access_service_info(after, info->service)) &&
		    !strcmp(access_backend_info(before, old->backend)->name,
			    access_backend_info(after, info->backend)->name) &&
		    !strcmp(access_backend_info(before, old->backend)->node,
			    access_backend_info(after, info->backend)->node) &&
		    access_member(after, j)->tag == member->tag &&
		    !memcmp(&access_member(after, j)->addr, &member->addr, sizeof(member->addr)))
			return j;
	}
	return -1;
}

static const char *moved_members(const struct access_view *before, const struct access_view *after)
{
	for (uint32_t i = 0; i < before->members.count; i++) {
		const struct xdplb_member_info *info = access_member_info(before, i);
		struct xdplb_member old;
		const char *name;
		int j;

		if (!info->in_use)
			continue;
		name = access_backend_info(before, info->backend)->name;
		j = same_member(before, i, after);
		if (j < 0)
			continue;
		if ((uint32_t)j != i)
			return disturbed("moved member", name, i);
		/* Its place among the others, and its weight, are the config's. */
		old = *access_member(before, i);
		old.next = access_member(after, i)->next;
		old.weight = access_member(after, i)->weight;
		if (memcmp(&old, access_member(after, i), sizeof(old)))
			return disturbed("bytes of member", name, i);
	}
	return NULL;
}

/* Is a table written to that some slot of the live table of VIPs refers to? */
const char *access_written_under_slots(const struct access_view *before,
				       const struct access_view *after)
{
	const struct xdplb_lb_control *control = map_at(&before->control, 0);

	for (uint32_t i = 0; i < before->vips.count / 2; i++) {
		const struct xdplb_endpoint *slot = map_at(&before->vips, control->vips.base + i);
		uint32_t base = slot->buckets.base & ~XDPLB_REF_FLAGS;

		for (uint32_t b = base; b < base + slot->buckets.count; b++)
			if (!(slot->proto & XDPLB_RANGE) &&
			    *access_bucket(before, b) != *access_bucket(after, b))
				return disturbed("table of slot", "vips", i);
	}
	return NULL;
}

/* References to buckets may change in place. */
static const char *moved_vips(const struct access_view *before, const struct access_view *after)
{
	const struct xdplb_lb_control *control = map_at(&before->control, 0);

	for (uint32_t i = 0; i < before->vips.count / 2; i++) {
		const struct xdplb_endpoint *was = map_at(&before->vips, control->vips.base + i);
		const struct xdplb_endpoint *is = map_at(&after->vips, control->vips.base + i);
		bool refers = !(was->proto & XDPLB_RANGE);

		if (memcmp(was, is,
			   refers ? offsetof(struct xdplb_endpoint, buckets) : sizeof(*was)))
			return disturbed("live table", "vips", i);
	}
	return NULL;
}

const char *access_disturbed(const struct access_view *before, const struct access_view *after)
{
	const char *wrong = moved_services(before, after);

	if (!wrong)
		wrong = moved_backends(before, after);
	if (!wrong)
		wrong = moved_members(before, after);
	if (wrong)
		return wrong;
	for (uint32_t i = 0; i < before->services.count; i++) {
		struct xdplb_bucket_ref ref = access_service(before, i)->buckets;

		if (!access_service_info(before, i)->name[0])
			continue;
		for (uint32_t b = ref.base; b < ref.base + ref.count; b++)
			if (*access_bucket(before, b) != *access_bucket(after, b))
				return disturbed("live table of service",
						 access_service_info(before, i)->name, i);
	}
	wrong = moved_vips(before, after);
	return wrong ? wrong : access_written_under_slots(before, after);
}

int access_prepare_alone(const struct config *config, const struct access_plan *plan,
			 struct access_view *view)
{
	struct notes notes = { 0 };
	struct access_asking asking = { .node = CLUSTER_A, .notes = &notes };
	struct rlimit usual, none;
	int err;

	libbpf_num_possible_cpus(); /* reads a file, the first time */
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = usual.rlim_max };
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	err = access_prepare(config, plan, view, &asking);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
	notes_free(&notes);
	return err;
}

static struct applied apply(const struct config *config, struct access_view *view, bool sweep)
{
	struct applied applied = { 0 };
	struct access_plan plan;

	applied.err = access_plan_build(config, view, &plan, &applied.error);
	if (applied.err)
		return applied;
	applied.changes = plan.changes;
	applied.err = access_prepare_alone(config, &plan, view);
	if (sweep) {
		access_commit(config, &plan, view);
	} else {
		access_switch(config, &plan, view);
		access_seal(&plan, view);
		access_forget(&plan, view);
	}
	access_plan_free(&plan);
	return applied;
}

struct applied access_apply(const struct config *config, struct access_view *view)
{
	return apply(config, view, true);
}

struct applied access_apply_unswept(const struct config *config, struct access_view *view)
{
	return apply(config, view, false);
}

void access_apply_text(const char *row, const char *config_text, struct access_view *view)
{
	struct config config;
	bool clean = !access_litter(view);
	struct applied applied;
	const char *wrong;

	cluster_parse(config_text, &config);
	applied = access_apply(&config, view);
	cr_expect_eq(applied.err, 0, "%s: %s", row, applied.error.text);
	wrong = access_fault(view, &config);
	if (!wrong && clean)
		wrong = access_litter(view);
	cr_expect_null(wrong, "%s: %s", row, wrong);
	cluster_free(&config);
}

void access_live_on(struct access_view *view, uint64_t *random)
{
	for (uint32_t i = 0; i < view->members.count; i++) {
		struct xdplb_member *member = access_member(view, i);

		if (!access_member_info(view, i)->in_use)
			continue;
		member->flags &= ~XDPLB_MEMBER_CONFIRMED;
		member->flags |= next_random(random, 2) ? XDPLB_MEMBER_CONFIRMED : 0;
		member->nexthop.ifindex = next_random(random, 1000);
		member->nexthop.expires = next_random(random, 1000);
		member->nexthop.dmac[5] = next_random(random, 256);
	}
	for (uint32_t i = 0; i < view->health.count; i++) {
		struct xdplb_health *health = map_at(&view->health, i);

		if (!access_backend_info(view, i)->name[0])
			continue;
		health->state = next_random(random, XDPLB_HEALTH_MAINTENANCE + 1);
		health->cause = XDPLB_CAUSE_OPERATOR;
		health->epoch = next_random(random, 1000);
		health->changed = next_random(random, 1000);
	}
}
