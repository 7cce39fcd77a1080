// SPDX-License-Identifier: BSD-2-Clause
/*
 * Edges that the planners once got wrong: loaders killed between two stores, mappings that rest while
 * others take their place, changes that were not counted.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "access_walk.h"
#include "tables/endpoint_table.h"
#include "node_model.h"

/* ---- endpoint_table.h: "-ENOSPC ... or two entries are equal" ---- */

Test(plan_edges, equal_endpoints_are_refused)
{
	struct xdplb_endpoint table[16], entries[2] = {
		{ { { htonl(0x0a000001) } }, htons(80), IPPROTO_TCP, XDPLB_IPV4, 0 },
		{ { { htonl(0x0a000001) } }, htons(80), IPPROTO_TCP, XDPLB_IPV4, 1 },
	};
	uint32_t seed;

	cr_expect_eq(endpoint_table_build(entries, 2, table, 16, &seed), -ENOSPC);
}

/* ---- README: "an apply that was killed half-way is put right by the next" ---- */

/* Killed in the grace period before b2 is cleared; then the old file is applied again: the plan takes
 * the table, which names b7, for the old one, and clears b7. Lasts until the service changes. */
Test(plan_edges, killed_in_the_grace_period_and_rolled_back)
{
	const char *const old = "web 192.0.2.1 80 tcp i 61: b1 b2 b3";
	const char *const new = "web 192.0.2.1 80 tcp i 61: b1 b7 b3";
	struct xdplb_member_info info;
	struct xdplb_member member;
	struct access_view view;
	uint32_t m, b;

	access_memory(&usual_sizes, &view);
	access_apply_text("old", old, &view);
	m = access_member_index(&view, "web", "b2");
	b = access_backend_index(&view, "b2");
	member = *access_member(&view, m);
	info = *access_member_info(&view, m);
	access_apply_text("new", new, &view);
	*access_member(&view, m) = member;
	*access_member_info(&view, m) = info;
	strcpy(access_backend_info(&view, b)->name, "b2");
	access_apply_text("rolled back", old, &view);
	access_memory_free(&view);
}

/* Killed between switch_table() and the name of a new service, which is then taken out of the file:
 * the room for its buckets is lost until another new service gets the index. */
Test(plan_edges, killed_before_the_name)
{
	struct access_view view;

	access_memory(&usual_sizes, &view);
	access_apply_text("new", "a 192.0.2.1 80 tcp i 61: b1; b 192.0.2.2 80 tcp i 61: b1", &view);
	memset(access_service_info(&view, 1), 0, sizeof(struct xdplb_service_info));
	access_apply_text("back", "a 192.0.2.1 80 tcp i 61: b1", &view);
	access_memory_free(&view);
}

/* ---- access.h: "changes; 0: nothing to do" ---- */

static const struct {
	const char *row, *from, *to;
} silent_rows[] = {
	{ "backend to another node", "a 192.0.2.1 80 tcp i 7: b1 b2",
	  "a 192.0.2.1 80 tcp i 7: b1/2 b2" },
	{ "other restore", "a 192.0.2.1 80 tcp i 7: b1", "a 192.0.2.1 80 tcp s 7: b1" },
};

Test(plan_edges, no_change_changes_nothing)
{
	for (size_t i = 0; i < sizeof(silent_rows) / sizeof(silent_rows[0]); i++) {
		struct access_view view, before;
		struct applied applied;
		struct config config;
		const char *diff;

		access_memory(&usual_sizes, &view);
		access_apply_text(silent_rows[i].row, silent_rows[i].from, &view);
		access_memory_copy(&view, &before);
		cluster_parse(silent_rows[i].to, &config);
		applied = access_apply(&config, &view);
		diff = access_memory_diff(&before, &view);
		cr_expect(applied.changes || !diff, "%s: 0 changes, and %s changed",
			  silent_rows[i].row, diff);
		cluster_free(&config);
		access_memory_free(&view);
		access_memory_free(&before);
	}
}

/* "An access node uses a new mapping only after the service node reports that it has it": n2 has not. */
Test(plan_edges, a_backend_on_another_node_is_asked_again)
{
	struct access_view view;

	access_memory(&usual_sizes, &view);
	access_apply_text("n1", "a 192.0.2.1 80 tcp i 7: b1", &view);
	access_member(&view, 0)->flags = XDPLB_MEMBER_CONFIRMED;
	access_apply_text("n2", "a 192.0.2.1 80 tcp i 7: b1/2", &view);
	cr_expect_eq(access_member(&view, access_member_index(&view, "a", "b1"))->flags, 0);
	access_memory_free(&view);
}

/* "-EINTR a signal ended the waiting: all is taken back". */
Test(plan_edges, a_new_node_is_taken_back)
{
	struct access_view view, before;
	struct access_plan plan;
	struct config config;
	struct error error;

	access_memory(&usual_sizes, &view);
	access_apply_text("n1", "a 192.0.2.1 80 tcp i 7: b1", &view);
	access_memory_copy(&view, &before);
	cluster_parse("a 192.0.2.1 80 tcp i 7: b1/2", &config);
	cr_assert_eq(access_plan_build(&config, &view, &plan, &error), 0);
	access_prepare_alone(&config, &plan, &view);
	access_take_back(&plan, &view);
	cr_expect_null(access_memory_diff(&before, &view), "%s",
		       access_memory_diff(&before, &view));
	access_plan_free(&plan);
	cluster_free(&config);
	access_memory_free(&view);
	access_memory_free(&before);
}

/* ---- service nodes ---- */

/* Takes steps in turn, an hour apart if `expire`, and compares with the model. */
static void run_steps(const char *const *texts, const uint32_t (*ifindexes)[4], uint64_t seconds,
		      uint32_t mappings)
{
	static struct node_model model;
	struct node_view view;

	node_memory(mappings, &view);
	for (uint64_t i = 0; texts[i]; i++) {
		struct config config;
		struct node_step step = { &config, ifindexes ? ifindexes[i] : NULL,
					  (1000 + i * seconds) * MODEL_SECONDS };
		struct node_applied applied;
		const char *wrong;

		cluster_parse(texts[i], &config);
		applied = node_apply_step(&step, &view);
		cr_expect_eq(applied.err, 0, "step %u: %s", (unsigned int)i, applied.error.text);
		if (!applied.err)
			model_take(&model, &step);
		wrong = model_fault(&model, &view);
		cr_expect_null(wrong, "step %u: %s", (unsigned int)i, wrong);
		cluster_free(&config);
	}
	node_memory_free(&view);
}

/* a rests, b goes on at the same port of the same container, which was made anew: its endpoint leads to
 * a's mapping with the old ifindex, so that b's replies keep the backend's address until a expires. */
Test(plan_edges, endpoints_lead_to_active_mappings)
{
	static const char *const texts[] = {
		"a 192.0.2.1 80 tcp s 7: b1:8080; b 192.0.2.2 80 tcp s 7: b1:8080",
		"b 192.0.2.2 80 tcp s 7: b1:8080",
		"b 192.0.2.2 80 tcp s 7: b1:8080",
		NULL,
	};
	static const uint32_t ifindexes[][4] = { { 5 }, { 5 }, { 6 } };

	run_steps(texts, ifindexes, 10, 16);
}

/* 8080 rests behind 8081; when 8081 goes to rest too, its flows are sent to 8080. */
Test(plan_edges, the_last_owner_of_a_tag_restores_on)
{
	static const char *const texts[] = { "s 192.0.2.1 80 tcp s 7: b1:8080",
					     "s 192.0.2.1 80 tcp s 7: b1:8081", "-: b1", NULL };

	run_steps(texts, NULL, 10, 16);
}

/* Expired mappings are freed by a commit alone, and the plan needs their room: apply is refused for
 * good, though nothing rests any more. */
Test(plan_edges, expired_mappings_make_room)
{
	static const char *const texts[] = { "a 192.0.2.1 80 tcp s 7: b1 b2", "-: b1",
					     "b 192.0.2.2 80 tcp s 7: b1 b2", NULL };

	run_steps(texts, NULL, 3600, 2);
}

/* 10.0.0.1 and a00:1:: are the same 16 bytes, and not the same address. */
Test(plan_edges, families_are_told_apart)
{
	static const char *const texts[] = { "a 192.0.2.1 80 tcp s 7: b1@61000",
					     "b 2001:db8::1 80 tcp s 7: b1@61000", NULL };
	struct node_view view;
	struct config config;
	struct node_step step = { .config = &config, .now = 1000 * MODEL_SECONDS };

	node_memory(16, &view);
	for (int i = 0; texts[i]; i++) {
		struct node_applied applied;

		cluster_parse(texts[i], &config);
		if (i)
			config.services[0].members[0].addr = config.backends[0].ipv4;
		applied = node_apply_step(&step, &view);
		cr_expect_eq(applied.err, 0, "%s", applied.error.text);
		cluster_free(&config);
	}
	node_memory_free(&view);
}

/* A service renamed: the names change, "changes" does not say so. */
Test(plan_edges, a_renamed_service_is_a_change)
{
	struct node_view view;
	struct config config;
	struct node_step step = { .config = &config, .now = 1000 * MODEL_SECONDS };

	node_memory(16, &view);
	cluster_parse("a 192.0.2.1 80 tcp s 7: b1", &config);
	node_apply_step(&step, &view);
	cluster_free(&config);
	cluster_parse("b 192.0.2.1 80 tcp s 7: b1", &config);
	cr_expect_neq(node_apply_step(&step, &view).changes, 0);
	cr_expect_str_eq(node_mapping_info(&view, 0)->service, "b");
	cluster_free(&config);
	node_memory_free(&view);
}
