// SPDX-License-Identifier: BSD-2-Clause
/*
 * Committing an access node's tables: capacities, applies that were killed or taken back, digests,
 * the word of service nodes.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "access_walk.h"
#include "fake_node.h"
#include "net_lab.h"

#define WEB "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3"
#define DNS "dns 192.0.2.2 53 udp s 31: b1 b4:5353"
#define SIX "six 2001:db8::1 443 tcp s 31: b2 b3*3 b5"
#define ALL WEB ";" DNS ";" SIX

/* ---- capacities ---- */

/* 61 buckets take 4 lines of 16, 31 take 2. */
static const struct {
	const char *row;
	struct node_sizes sizes;
	const char *from, *to;
	const char *error; /* a part of it; NULL: there is room */
} capacity_rows[] = {
	{ "all full", { 3, 8, 5, 8 }, "", ALL, NULL },
	{ "services",
	  { 2, 8, 5, 8 },
	  "",
	  ALL,
	  "service web: no free index: capacities.services is 2" },
	{ "members",
	  { 3, 7, 5, 8 },
	  "",
	  ALL,
	  "service web: no free member: capacities.members is 7" },
	{ "backends",
	  { 3, 8, 4, 8 },
	  "",
	  ALL,
	  "backend b5: no free index: capacities.backends is 4" },
	{ "buckets",
	  { 3, 8, 5, 7 },
	  "",
	  ALL,
	  "no room for the new bucket tables: capacities.buckets is 112" },
	{ "a VIP changed",
	  { 3, 20, 9, 99 },
	  ALL,
	  DNS ";" SIX "; web 192.0.2.7 80 tcp i 61: b1",
	  "service web: no free index: capacities.services is 3" },
	{ "a VIP changed, room",
	  { 4, 20, 9, 99 },
	  ALL,
	  DNS ";" SIX "; web 192.0.2.7 80 tcp i 61: b1",
	  NULL },
	{ "a member replaced",
	  { 3, 8, 9, 99 },
	  ALL,
	  WEB ";" DNS "; six 2001:db8::1 443 tcp s 31: b2 b3 b1",
	  "service six: no free member: capacities.members is 8" },
	{ "a member gone",
	  { 3, 8, 5, 99 },
	  ALL,
	  WEB ";" DNS "; six 2001:db8::1 443 tcp s 31: b2 b3",
	  NULL },
	{ "a backend replaced",
	  { 9, 99, 5, 99 },
	  ALL,
	  WEB ";" DNS "; six 2001:db8::1 443 tcp s 31: b2 b3 b6",
	  "backend b6: no free index: capacities.backends is 5" },
	{ "a weight, no room",
	  { 3, 8, 5, 9 },
	  ALL,
	  "web 192.0.2.1 80 tcp i 61: b1 b2 b3;" DNS ";" SIX,
	  "no room for the new bucket tables: capacities.buckets is 144" },
	{ "a weight, just room",
	  { 3, 8, 5, 12 },
	  ALL,
	  "web 192.0.2.1 80 tcp i 61: b1 b2 b3;" DNS ";" SIX,
	  NULL },
	{ "two tables in one step",
	  { 3, 8, 5, 12 },
	  ALL,
	  "web 192.0.2.1 80 tcp i 61: b1 b2 b3; dns 192.0.2.2 53 udp s 31: b1*2 b4:5353;" SIX,
	  "no room for the new bucket tables: capacities.buckets is 192" },
	{ "nothing changes", { 3, 8, 5, 8 }, ALL, ALL, NULL },
	{ "a line beyond",
	  { 1, 3, 3, 4 },
	  "",
	  "web 192.0.2.1 80 tcp i 67: b1 b2*2 b3",
	  "no room for the new bucket tables: capacities.buckets is 64" },
};

Test(access_commit, capacities)
{
	skip_grace_periods();
	for (size_t i = 0; i < sizeof(capacity_rows) / sizeof(capacity_rows[0]); i++) {
		const char *row = capacity_rows[i].row, *wanted = capacity_rows[i].error, *diff;
		struct access_view view, before;
		struct applied applied;
		struct config config;

		access_memory(&capacity_rows[i].sizes, &view);
		access_apply_text(row, capacity_rows[i].from, &view);
		access_memory_copy(&view, &before);
		cluster_parse(capacity_rows[i].to, &config);
		applied = access_apply(&config, &view);
		cr_expect_eq(applied.err, wanted ? -ENOSPC : 0, "%s: %d %s", row, applied.err,
			     applied.error.text);
		diff = access_memory_diff(&before, &view);
		cr_expect(!wanted || !diff, "%s: refused, and %s changed", row, diff);
		cr_expect(!wanted || strstr(applied.error.text, wanted), "%s: %s", row,
			  applied.error.text);
		diff = access_fault(&view, &config);
		cr_expect(wanted || !diff, "%s: %s", row, diff);
		cluster_free(&config);
		access_memory_free(&view);
		access_memory_free(&before);
	}
}

/* What has gone, and is not cleared yet, takes no room of what comes: in maps that are full each time. */
Test(access_commit, room_of_what_has_gone)
{
	static const char *const steps[] = {
		ALL,
		"",
		"a 10.0.0.1 1 tcp i 61: b5 b6 b7; b 10.0.0.2 2 tcp i 31: b5 b8; c 10.0.0.3 3 tcp i "
		"31: b9 b6 b7",
		"",
		ALL,
	};
	const struct node_sizes full = { 3, 8, 5, 8 };
	struct access_view view;

	skip_grace_periods();
	access_memory(&full, &view);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct applied applied;
		struct config config;
		const char *wrong;

		cluster_parse(steps[i], &config);
		applied = access_apply_unswept(&config, &view);
		cr_expect_eq(applied.err, 0, "step %zu: %s", i, applied.error.text);
		wrong = access_fault_unswept(&view, &config);
		cr_expect_null(wrong, "step %zu: %s", i, wrong);
		cluster_free(&config);
	}
	access_memory_free(&view);
}

/* Tables fill the first gap that is wide enough. */
Test(access_commit, gaps_between_tables)
{
	const struct node_sizes sizes = { 8, 16, 4, 10 };
	struct access_view view;

	access_memory(&sizes, &view);
	access_apply_text("three",
			  "a 10.0.0.1 1 tcp s 31: b1; b 10.0.0.2 1 tcp s 61: b1;"
			  "c 10.0.0.3 1 tcp s 61: b1",
			  &view);
	access_apply_text("a gap", "a 10.0.0.1 1 tcp s 31: b1; c 10.0.0.3 1 tcp s 61: b1", &view);
	access_apply_text("filled",
			  "a 10.0.0.1 1 tcp s 31: b1; c 10.0.0.3 1 tcp s 61: b1;"
			  "d 10.0.0.4 1 tcp s 17: b1; e 10.0.0.5 1 tcp s 31: b1",
			  &view);
	cr_expect_eq(access_service(&view, access_index(&view, "d"))->buckets.base, 32);
	cr_expect_eq(access_service(&view, access_index(&view, "e"))->buckets.base, 64);
	access_memory_free(&view);
}

/* ---- killed, taken back ---- */

static void prepare_only(const char *text, struct access_view *view, bool take_back)
{
	struct access_plan plan;
	struct config config;
	struct error error;

	cluster_parse(text, &config);
	cr_assert_eq(access_plan_build(&config, view, &plan, &error), 0, "%s", error.text);
	cr_expect_eq(access_prepare_alone(&config, &plan, view), 0);
	if (take_back)
		access_take_back(&plan, view);
	access_plan_free(&plan);
	cluster_free(&config);
}

/* From ALL; killed in the midst of `to`, then `then` is applied. */
static const struct {
	const char *row, *to, *then;
} killed_rows[] = {
	{ "all new, again", "new 10.0.0.9 1 tcp i 31: b1 b9", "new 10.0.0.9 1 tcp i 31: b1 b9" },
	{ "all new, back", "new 10.0.0.9 1 tcp i 31: b1 b9", ALL },
	{ "all new, another", "new 10.0.0.9 1 tcp i 31: b1 b9", "old 10.0.0.9 1 tcp i 31: b1 b9" },
	{ "a member, again", "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3 b4",
	  "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3 b4" },
	{ "a member, back", "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3 b4", ALL },
	{ "a member, nothing", "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3 b4", "" },
	{ "a weight, back", "web 192.0.2.1 80 tcp i 61: b1 b2 b3;" DNS ";" SIX, ALL },
	{ "an address, back", "web 192.0.2.1 80 tcp i 61: b1^11 b2*2 b3;" DNS ";" SIX, ALL },
	{ "a tag, another", "web 192.0.2.1 80 tcp i 61: b1@65001 b2*2 b3;" DNS ";" SIX,
	  "web 192.0.2.1 80 tcp i 61: b1@65002 b2*2 b3;" DNS ";" SIX },
};

Test(access_commit, killed_after_preparing)
{
	skip_grace_periods();
	for (size_t i = 0; i < sizeof(killed_rows) / sizeof(killed_rows[0]); i++) {
		struct access_view view;

		access_memory(&usual_sizes, &view);
		access_apply_text(killed_rows[i].row, ALL, &view);
		prepare_only(killed_rows[i].to, &view, false);
		access_apply_text(killed_rows[i].row, killed_rows[i].then, &view);
		access_memory_free(&view);
	}
}

Test(access_commit, taken_back)
{
	for (size_t i = 0; i < sizeof(killed_rows) / sizeof(killed_rows[0]); i++) {
		struct access_view view, before;
		const char *diff;

		access_memory(&usual_sizes, &view);
		access_apply_text(killed_rows[i].row, ALL, &view);
		access_memory_copy(&view, &before);
		prepare_only(killed_rows[i].to, &view, true);
		diff = access_memory_diff(&before, &view);
		cr_expect_null(diff, "%s: %s", killed_rows[i].row, diff);
		access_memory_free(&view);
		access_memory_free(&before);
	}
}

static void forget_table(struct access_view *view)
{
	access_service_info(view, access_index(view, "web"))->members = 0;
}

static void lose_name(struct access_view *view)
{
	memset(access_service_info(view, access_index(view, "web")), 0,
	       sizeof(struct xdplb_service_info));
}

static void half_cleared(struct access_view *view)
{
	uint32_t index = access_member_index(view, "web", "b2");

	memset(access_member(view, index), 0, sizeof(struct xdplb_member));
}

static void service_far_away(struct access_view *view)
{
	access_member_info(view, access_member_index(view, "web", "b2"))->service = 4711;
}

static void no_buckets(struct access_view *view)
{
	memset(access_service(view, access_index(view, "web")), 0, sizeof(struct xdplb_service));
}

static void vip_lost(struct access_view *view)
{
	memset(&access_service_info(view, access_index(view, "web"))->vip, 0,
	       sizeof(struct xdplb_addr));
}

static const struct {
	const char *row;
	void (*harm)(struct access_view *view);
} harm_rows[] = {
	{ "before a table was switched", forget_table },
	{ "members of a nameless service", lose_name },
	{ "a member half cleared", half_cleared },
	{ "a member of no service", service_far_away },
	{ "a service half cleared", no_buckets },
	{ "a service's info half written", vip_lost },
};

Test(access_commit, harm_is_repaired)
{
	skip_grace_periods();
	for (size_t i = 0; i < sizeof(harm_rows) / sizeof(harm_rows[0]); i++) {
		struct access_view view;
		struct applied applied;
		struct config config;

		access_memory(&usual_sizes, &view);
		access_apply_text(harm_rows[i].row, ALL, &view);
		harm_rows[i].harm(&view);
		cluster_parse(ALL, &config);
		applied = access_apply(&config, &view);
		cr_expect_gt(applied.changes, 0, "%s", harm_rows[i].row);
		access_apply_text(harm_rows[i].row, ALL, &view);
		cluster_free(&config);
		access_memory_free(&view);
	}
}

/* ---- the word of service nodes ---- */

/* All members at the port and the tag to which the fake node listens; vport 4 is answered with yes. */
#define CONFIRMED   "web 192.0.2.1 4 tcp s 31: b1^127@61000/2 b2^127@61000"
#define UNCONFIRMED "; dns 192.0.2.2 5 udp s 31: b1@61000; other 192.0.2.3 2 tcp s 31: b1@61000"

static bool is_confirmed(const struct access_view *view, const char *service, const char *backend)
{
	int index = access_member_index(view, service, backend);

	return index >= 0 && access_member(view, index)->flags & XDPLB_MEMBER_CONFIRMED;
}

Test(access_commit, asks_service_nodes)
{
	struct notes notes = { 0 };
	struct access_asking asking = { .node = CLUSTER_A, .wait_ms = 100, .notes = &notes };
	struct access_view view;
	struct access_plan plan;
	struct fake_node node;
	struct config config;
	struct error error;

	net_lab_enter();
	cluster_parse(CONFIRMED UNCONFIRMED, &config);
	fake_node_start(&node, &config.key);
	access_memory(&usual_sizes, &view);
	cr_assert_eq(access_plan_build(&config, &view, &plan, &error), 0);
	cr_expect_eq(access_prepare(&config, &plan, &view, &asking), 0);
	access_commit(&config, &plan, &view);
	fake_node_stop(&node);
	cr_expect_eq(asking.confirmed, 2, "%zu", asking.confirmed);
	cr_expect(is_confirmed(&view, "web", "b1"));
	cr_expect(is_confirmed(&view, "web", "b2"));
	cr_expect_not(is_confirmed(&view, "dns", "b1"));
	cr_expect_not(is_confirmed(&view, "other", "b1"));
	cr_assert(notes.text);
	cr_expect(strstr(notes.text, "service dns: backend b1 gets no traffic yet: node n2 has not "
				     "confirmed the mapping\n"),
		  "%s", notes.text);
	cr_expect(strstr(notes.text, "service other: backend b1 gets no traffic yet: node n2 has "
				     "another mapping at its tag port\n"),
		  "%s", notes.text);
	cr_expect_null(access_fault(&view, &config));
	notes_free(&notes);
	access_plan_free(&plan);
	access_memory_free(&view);
	cluster_free(&config);
}

/* A node that is access and service node knows its own mappings. */
Test(access_commit, own_members_are_confirmed)
{
	struct notes notes = { 0 };
	struct access_asking asking = { .node = CLUSTER_N1, .notes = &notes };
	struct access_view view;
	struct access_plan plan;
	struct config config;
	struct error error;

	cluster_parse(WEB "; " DNS, &config);
	access_memory(&usual_sizes, &view);
	cr_assert_eq(access_plan_build(&config, &view, &plan, &error), 0);
	cr_expect_eq(access_prepare(&config, &plan, &view, &asking), 0);
	access_commit(&config, &plan, &view);
	for (uint32_t i = 0; i < 5; i++)
		cr_expect_eq(access_member(&view, i)->flags, XDPLB_MEMBER_CONFIRMED, "%u", i);
	cr_expect_null(notes.text, "%s", notes.text);
	access_plan_free(&plan);
	access_memory_free(&view);
	cluster_free(&config);
}
