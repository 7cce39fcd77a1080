// SPDX-License-Identifier: BSD-2-Clause
/*
 * New tables, which threads fill while the rest is planned, and digest while they are written: when they
 * do, that both is right in the end, and that they are waited for whatever comes of the plan.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "access_walk.h"
#include "no_threads.h"
#include "tables/access_tables.h"

TestSuite(access_digests, .timeout = 120);

/* 262,144 new buckets are worth a thread. These are prime, as tables are. */
#define BELOW "web 192.0.2.1 80 tcp i 262139: b1 b2*2 b3"
#define LARGE "web 192.0.2.1 80 tcp i 262147: b1 b2*2 b3"
#define OTHER "other 192.0.2.3 80 tcp i 262139: b1 b4"
#define SMALL "dns 192.0.2.2 53 udp s 31: b1 b4:5353"
/* So many that they are still being digested while all else of a plan is done. */
#define HUGE "web 192.0.2.1 80 tcp i 4194301: b1 b2*2 b3"

static const struct node_sizes room = { 4, 20, 6, 4 * 16400 };

static const struct {
	const char *row, *from, *to;
	bool aside;
} rows[] = {
	{ "just too small", "", BELOW, false },
	{ "one too few together", "",
	  "web 192.0.2.1 80 tcp i 262133: b1; a 192.0.2.9 9 tcp i 3: b1; b 192.0.2.8 9 tcp i 7: b1",
	  false },
	{ "just enough together", "", BELOW "; tiny 192.0.2.9 9 tcp i 5: b1", true },
	{ "one large enough", "", LARGE, true },
	{ "two, and a small one", "", LARGE ";" OTHER ";" SMALL, true },
	{ "a weight in a large one", LARGE ";" SMALL,
	  "web 192.0.2.1 80 tcp i 262147: b1 b2 b3;" SMALL, true },
	{ "a small one beside a large one", LARGE ";" SMALL,
	  LARGE "; dns 192.0.2.2 53 udp s 31: b1 b4:5353*2", false },
	{ "a member with another tag", LARGE, "web 192.0.2.1 80 tcp i 262147: b1@65001 b2*2 b3",
	  true },
	{ "nothing new", LARGE ";" OTHER, LARGE ";" OTHER, false },
	{ "a large one goes", LARGE ";" OTHER, OTHER, false },
};

static void check_row(size_t i, bool threads)
{
	const char *row = rows[i].row, *wrong;
	struct access_view view;
	struct access_plan plan;
	struct config config;
	struct error error;

	access_memory(&room, &view);
	access_apply_text(row, rows[i].from, &view);
	cluster_parse(rows[i].to, &config);
	cr_assert_eq(access_plan_build(&config, &view, &plan, &error), 0, "%s: %s", row,
		     error.text);
	cr_expect_eq(access_prepare_alone(&config, &plan, &view), 0, "%s", row);
	cr_expect_eq(plan.filling->digesting.is_running, threads && rows[i].aside, "%s", row);
	access_commit(&config, &plan, &view);
	wrong = access_fault(&view, &config);
	cr_expect_null(wrong, "%s, threads %d: %s", row, threads, wrong);
	access_plan_free(&plan);
	cluster_free(&config);
	access_memory_free(&view);
}

Test(access_digests, are_right)
{
	skip_grace_periods();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(i, true);
}

Test(access_digests, are_right_without_a_thread)
{
	skip_grace_periods();
	no_threads_from_now();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(i, false);
}

/* ---- plans that come to nothing ---- */

/* What a thread still reads is not given back: memory that is has other contents then, or is none. */
static void perturb_freed_memory(void)
{
	mallopt(M_PERTURB, 0x5a);
}

Test(access_digests, of_a_plan_that_is_given_up)
{
	struct access_view view, before;
	struct access_plan plan;
	struct config config;
	struct error error;
	const char *diff;

	perturb_freed_memory();
	access_memory(&(struct node_sizes){ 4, 20, 6, 2 * 262200 }, &view);
	access_apply_text("small", SMALL, &view);
	access_memory_copy(&view, &before);
	cluster_parse(SMALL ";" HUGE, &config);
	cr_assert_eq(access_plan_build(&config, &view, &plan, &error), 0, "%s", error.text);
	cr_expect(plan.filling->building.is_running);
	access_plan_free(&plan);
	cr_expect(all_zero(&plan, sizeof(plan)));
	cr_assert_eq(access_plan_build(&config, &view, &plan, &error), 0, "%s", error.text);
	cr_expect_eq(access_prepare_alone(&config, &plan, &view), 0);
	cr_expect(plan.filling->digesting.is_running);
	access_take_back(&plan, &view);
	access_plan_free(&plan);
	cluster_free(&config);
	diff = access_memory_diff(&before, &view);
	cr_expect_null(diff, "%s", diff);
	access_memory_free(&view);
	access_memory_free(&before);
}

Test(access_digests, of_a_plan_that_fails)
{
	struct access_view view, before;
	struct access_plan plan;
	struct config config;
	struct error error;
	const char *diff;
	int err;

	perturb_freed_memory();
	access_memory(&usual_sizes, &view);
	access_apply_text("small", SMALL, &view);
	access_memory_copy(&view, &before);
	cluster_parse(SMALL ";" HUGE, &config);
	err = access_plan_build(&config, &view, &plan, &error);
	cluster_free(&config);
	cr_expect_eq(err, -ENOSPC, "%d", err);
	cr_expect(strstr(error.text, "no room for the new bucket tables"), "%s", error.text);
	diff = access_memory_diff(&before, &view);
	cr_expect_null(diff, "%s", diff);
	access_memory_free(&view);
	access_memory_free(&before);
}
