// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every moment of an apply on an access node: what packets meet then is right by the old config or the
 * new, and if the loader is killed there, the next apply puts everything right.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "access_walk.h"
#include "stepper.h"

#define WEB "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3"
#define DNS "dns 192.0.2.2 53 udp s 31: b1 b4:5353"
#define ALL WEB ";" DNS "; six 2001:db8::1 443 tcp s 31: b2 b3*3 b5"

struct moment {
	const char *row;
	struct config from, to, other;
	struct access_plan plan; /* to `to` */
	struct access_view view, seen;
	size_t moments;
	bool failed;
};

static void apply(void *arg)
{
	struct moment *moment = arg;
	struct notes notes = { 0 };
	struct access_asking asking = { .node = CLUSTER_N1, .notes = &notes };

	access_prepare(&moment->to, &moment->plan, &moment->view, &asking);
	access_commit(&moment->to, &moment->plan, &moment->view);
}

/* ---- what packets meet ---- */

static const struct config_service *find_key(const struct config *config,
					     const struct config_service *key)
{
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		if (!memcmp(&service->vip, &key->vip, sizeof(key->vip)) &&
		    service->port == key->port && service->proto == key->proto)
			return service;
	}
	return NULL;
}

static bool has_member(const struct config_service *service, const struct xdplb_member *member)
{
	for (size_t i = 0; service && i < service->member_count; i++)
		if (!memcmp(&service->members[i].addr, &member->addr, sizeof(member->addr)) &&
		    service->members[i].tag == member->tag)
			return true;
	return false;
}

/* Is every bucket of this service a confirmed member of either config? */
static const char *bucket_fault(const struct moment *moment, const struct config_service *service,
				struct xdplb_bucket_ref ref)
{
	const struct access_view *view = &moment->seen;

	for (uint32_t i = 0; i < ref.count; i++) {
		uint32_t index = *access_bucket(view, ref.base + i);
		const struct xdplb_member *member;

		if (index >= view->members.count)
			return "a bucket names no member";
		member = access_member(view, index);
		if (!has_member(find_key(&moment->from, service), member) &&
		    !has_member(find_key(&moment->to, service), member))
			return "a bucket names another's member";
		if (!(member->flags & XDPLB_MEMBER_CONFIRMED) ||
		    !access_deltas_right(service, member))
			return "a bucket names a member that is not ready";
	}
	return ref.count ? NULL : "no buckets";
}

/* Does the search over all members meet members of this service alone, of either config? */
static const char *chain_fault(const struct moment *moment, const struct config_service *service,
			       uint32_t index)
{
	const struct access_view *view = &moment->seen;

	for (uint32_t steps = 0; index != XDPLB_NO_MEMBER; steps++) {
		const struct xdplb_member *member;

		if (index >= view->members.count || steps > view->members.count)
			return "a chain that does not end";
		member = access_member(view, index);
		if (!has_member(find_key(&moment->from, service), member) &&
		    !has_member(find_key(&moment->to, service), member))
			return "a chain leads to another's member";
		index = member->next;
	}
	return NULL;
}

static bool is_of(const struct config *config, const struct xdplb_member *member)
{
	for (size_t i = 0; i < config->service_count; i++)
		if (has_member(&config->services[i], member) &&
		    access_deltas_right(&config->services[i], member))
			return true;
	return false;
}

/* A flow may be remembered with any member, also with one that no bucket names any more. */
static const char *cache_fault(const struct moment *moment)
{
	for (uint32_t i = 0; i < moment->seen.members.count; i++) {
		const struct xdplb_member *member = access_member(&moment->seen, i);

		if (member->flags & XDPLB_MEMBER_CONFIRMED && !is_of(&moment->from, member) &&
		    !is_of(&moment->to, member))
			return "a confirmed member is half made";
	}
	return NULL;
}

static const char *packet_fault(const struct moment *moment, const struct config *config)
{
	const struct access_view *view = &moment->seen;
	const struct xdplb_lb_control *control = map_at(&view->control, 0);

	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];
		struct xdplb_endpoint key = { service->vip, service->port, service->proto,
					      service->family };
		const struct xdplb_endpoint *found =
			endpoint_find(&view->vips, control->vips, &key);
		struct xdplb_bucket_ref ref;
		const char *wrong;

		if (!found && find_key(&moment->from, service) && find_key(&moment->to, service))
			return "a VIP of both configs is missing";
		if (!found)
			continue;
		if (found->index >= view->services.count)
			return "a VIP names no service";
		wrong = bucket_fault(moment, service, access_service(view, found->index)->buckets);
		ref = found->buckets; /* the fast road's; it has none while a table comes or goes */
		ref.base &= ~XDPLB_REF_FLAGS;
		if (!wrong && ref.count)
			wrong = bucket_fault(moment, service, ref);
		if (!wrong)
			wrong = chain_fault(moment, service,
					    access_service(view, found->index)->first_member);
		if (wrong)
			return wrong;
	}
	return NULL;
}

/* ---- what is left behind ---- */

static const char *repair_fault(const struct access_view *seen, const struct config *config)
{
	struct access_view view;
	struct applied applied;
	const char *wrong;

	access_memory_copy(seen, &view);
	applied = access_apply(config, &view);
	wrong = applied.err ? "refused" : access_fault(&view, config);
	if (!wrong)
		wrong = access_written_under_slots(seen, &view);
	if (!wrong && access_apply(config, &view).changes)
		wrong = "not done at once";
	access_memory_free(&view);
	return wrong;
}

static void fail_once(struct moment *moment, const char *what, const char *wrong)
{
	cr_expect_null(wrong, "%s, moment %zu: %s: %s", moment->row, moment->moments, what, wrong);
	moment->failed |= wrong != NULL;
}

static void look(pid_t child, void *arg)
{
	struct moment *moment = arg;
	struct access_view now;
	bool same;

	if (moment->failed)
		return;
	access_memory_copy(&moment->view, &now);
	access_memory_read(child, &moment->view, &now);
	same = !access_memory_diff(&now, &moment->seen);
	access_memory_free(&moment->seen);
	moment->seen = now;
	if (same)
		return;
	moment->moments++;
	fail_once(moment, "packets by the old config", packet_fault(moment, &moment->from));
	fail_once(moment, "packets by the new config", packet_fault(moment, &moment->to));
	fail_once(moment, "packets of flows that are remembered", cache_fault(moment));
	fail_once(moment, "killed, again", repair_fault(&moment->seen, &moment->to));
	fail_once(moment, "killed, back", repair_fault(&moment->seen, &moment->from));
	fail_once(moment, "killed, another", repair_fault(&moment->seen, &moment->other));
}

static const struct {
	const char *row, *from, *to, *other;
	const char
		*before; /* NULL: nothing. Of what was before `from` the traces are still there. */
} rows[] = {
	{ "fresh", "", ALL, "x 192.0.2.7 1 tcp i 13: b7" },
	{ "all goes", ALL, "", DNS },
	{ "a backend more", WEB, "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3 b4", "" },
	{ "a backend less", ALL, WEB ";" DNS, DNS },
	{ "a backend replaced", ALL, "web 192.0.2.1 80 tcp i 61: b1 b7 b3;" DNS, DNS },
	{ "address and weight", WEB, "web 192.0.2.1 80 tcp i 61: b1*3 b2^11 b3", "" },
	{ "table size", WEB, "web 192.0.2.1 80 tcp i 67: b1 b2*2 b3", "" },
	{ "renamed, and restored otherwise", WEB, "wob 192.0.2.1 80 tcp s 61: b1 b2*2 b3",
	  WEB "; x 192.0.2.7 1 tcp i 13: b7" },
	{ "VIPs swapped", WEB ";" DNS,
	  "web 192.0.2.2 53 udp s 61: b1 b2*2 b3; dns 192.0.2.1 80 tcp i 31: b1 b4", DNS },
	{ "one replaced by another", "a 192.0.2.1 80 tcp i 31: b1 b2",
	  "b 192.0.2.2 80 tcp i 13: b3", "c 192.0.2.3 80 tcp i 13: b2" },
	{ "after others", WEB, ALL, DNS,
	  "x 192.0.2.7 1 tcp i 13: b7*3 b6; y 192.0.2.8 1 udp s 31: b5" },
	{ "back to what was", WEB, ALL, "", ALL },
	{ "others after others", DNS, WEB, ALL, "web 192.0.2.1 80 tcp i 61: b1*3 b2^11 b3" },
};

static void live_before(const char *before, struct access_view *view)
{
	struct config config;
	uint64_t random = 1;

	cluster_parse(before ?: "", &config);
	access_apply(&config, view);
	access_live_on(view, &random);
	cluster_free(&config);
}

static void run_row(size_t i)
{
	const struct node_sizes sizes = { 8, 24, 12, 32 };
	struct moment moment = { .row = rows[i].row };
	struct stepped stepped = { apply, look, &moment, 7 };
	uint64_t random = i;
	struct error error;

	cluster_parse(rows[i].from, &moment.from);
	cluster_parse(rows[i].to, &moment.to);
	cluster_parse(rows[i].other, &moment.other);
	access_memory(&sizes, &moment.view);
	live_before(rows[i].before, &moment.view);
	access_apply_unswept(&moment.from, &moment.view);
	access_live_on(&moment.view, &random);
	for (uint32_t m = 0; m < moment.view.members.count; m++)
		if (access_member_info(&moment.view, m)->in_use)
			access_member(&moment.view, m)->flags = XDPLB_MEMBER_CONFIRMED;
	access_memory_copy(&moment.view, &moment.seen);
	cr_assert_eq(access_plan_build(&moment.to, &moment.view, &moment.plan, &error), 0);
	if (!step_through(&stepped))
		cr_skip_test("needs ptrace");
	cr_expect_gt(moment.moments, 2, "%s: %zu moments", rows[i].row, moment.moments);
	access_plan_free(&moment.plan);
	cluster_free(&moment.from);
	cluster_free(&moment.to);
	cluster_free(&moment.other);
	access_memory_free(&moment.view);
	access_memory_free(&moment.seen);
}

Test(access_steps, every_moment)
{
	skip_grace_periods();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(i);
}
