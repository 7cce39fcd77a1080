// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random configs, one after the other: however a node came to a config, it is as if it had begun with
 * it, and nothing that stayed was touched on the way.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "access_walk.h"

#define SEQUENCES 300
#define STEPS     6
#define TEXT_MAX  2048

/* A random part of 8 VIPs, 10 backends; few ports, names and weights, so that things come back. */
static void random_config(uint64_t *random, char *ret_text)
{
	static const char *const buckets[] = { "13", "31", "31", "31", "61" };
	size_t at = 0;

	ret_text[0] = '\0';
	for (uint32_t s = 0; s < 8; s++) {
		uint32_t members = 1 + next_random(random, 5), first = next_random(random, 10);

		if (next_random(random, 3) == 0)
			continue;
		at += snprintf(ret_text + at, TEXT_MAX - at,
			       "s%u %s%u %u %s s %s: ", next_random(random, 8) ? s : s + 10,
			       s % 2 ? "192.0.2." : "fd01::", s + 1, 80 + next_random(random, 2),
			       s % 3 ? "tcp" : "udp", buckets[next_random(random, 5)]);
		for (uint32_t m = 0; m < members; m++)
			at += snprintf(ret_text + at, TEXT_MAX - at, "b%u*%u ", (first + m) % 10,
				       m ? next_random(random, 4) : 2);
		at += snprintf(ret_text + at, TEXT_MAX - at, ";");
	}
	at += snprintf(ret_text + at, TEXT_MAX - at, "-: b%u^%u/%u", next_random(random, 10),
		       next_random(random, 4) ? 10 : 11, 1 + next_random(random, 2));
	cr_assert_lt(at, TEXT_MAX);
}

/* The same tables, by names, as on a node that has never known another config. */
static void check_digests(const char *text, const struct config *config,
			  const struct access_view *grown)
{
	const struct node_sizes sizes = { 64, 256, 64, 512 };
	struct access_view fresh;
	struct applied applied;

	access_memory(&sizes, &fresh);
	applied = access_apply(config, &fresh);
	cr_expect_eq(applied.err, 0, "fresh: %s: %s", text, applied.error.text);
	for (size_t i = 0; i < config->service_count; i++) {
		const char *name = config->services[i].name;
		int a = access_index(grown, name), b = access_index(&fresh, name);

		cr_expect(a >= 0 && b >= 0, "%s: %s is not there", text, name);
		if (a >= 0 && b >= 0)
			cr_expect_eq(access_table_digest(grown, a), access_table_digest(&fresh, b),
				     "%s: %s", text, name);
	}
	access_memory_free(&fresh);
}

static void check_step(const char *text, const struct config *config, struct access_view *view)
{
	struct access_view before, after;
	struct applied applied;
	const char *wrong;

	access_memory_copy(view, &before);
	applied = access_apply(config, view);
	cr_expect_eq(applied.err, 0, "%s: %s", text, applied.error.text);
	wrong = access_fault(view, config);
	cr_expect_null(wrong, "%s: %s", text, wrong);
	wrong = access_litter(view);
	cr_expect_null(wrong, "%s: %s", text, wrong);
	wrong = access_disturbed(&before, view);
	cr_expect_null(wrong, "%s: disturbed: %s", text, wrong);
	check_digests(text, config, view);
	access_memory_copy(view, &after);
	applied = access_apply(config, view);
	wrong = access_memory_diff(&after, view);
	cr_expect(!applied.changes && !wrong, "%s: again: %zu changes, %s", text, applied.changes,
		  wrong);
	access_memory_free(&before);
	access_memory_free(&after);
}

static void check_unswept(uint64_t *random, struct access_view *view)
{
	struct access_view before;
	struct applied applied;
	struct config config;
	char text[TEXT_MAX];
	const char *wrong;

	random_config(random, text);
	cluster_parse(text, &config);
	access_memory_copy(view, &before);
	applied = access_apply_unswept(&config, view);
	cr_expect_eq(applied.err, 0, "%s: %s", text, applied.error.text);
	wrong = access_fault_unswept(view, &config);
	cr_expect_null(wrong, "%s: %s", text, wrong);
	wrong = access_disturbed(&before, view);
	cr_expect_null(wrong, "%s: disturbed: %s", text, wrong);
	check_digests(text, &config, view);
	if (!next_random(random, 3)) {
		applied = access_apply_unswept(&config, view);
		cr_expect_eq(applied.changes, 0, "%s: again: %zu changes", text, applied.changes);
	}
	access_live_on(view, random);
	access_memory_free(&before);
	cluster_free(&config);
}

static void apply_nothing(struct access_view *view)
{
	struct config config;

	cluster_parse("", &config);
	cr_expect_eq(access_apply_unswept(&config, view).err, 0);
	cluster_free(&config);
}

Test(access_fuzz, sequences)
{
	const struct node_sizes sizes = { 24, 96, 32, 128 };

	skip_grace_periods();
	for (uint64_t sequence = 0; sequence < SEQUENCES; sequence++) {
		uint64_t random = sequence;
		struct access_view view;

		access_memory(&sizes, &view);
		for (int step = 0; step < STEPS; step++) {
			char text[TEXT_MAX];
			struct config config;

			random_config(&random, text);
			cluster_parse(text, &config);
			check_step(text, &config, &view);
			access_live_on(&view, &random);
			cluster_free(&config);
		}
		access_memory_free(&view);
	}
}

/* As a node does it, which clears what has gone with the next apply: no trace of it is in what comes after. */
Test(access_fuzz, unswept)
{
	const struct node_sizes sizes = { 24, 96, 32, 128 };

	skip_grace_periods();
	for (uint64_t sequence = 0; sequence < SEQUENCES; sequence++) {
		uint64_t random = 2000 + sequence;
		struct access_view view;

		access_memory(&sizes, &view);
		for (int step = 0; step < STEPS; step++)
			check_unswept(&random, &view);
		/* The first leaves what has gone, the second has nothing else to do than to clear it. */
		apply_nothing(&view);
		cr_expect(access_litter(&view), "nothing was left: nothing is tested");
		apply_nothing(&view);
		cr_expect_null(access_litter(&view), "%s", access_litter(&view));
		access_memory_free(&view);
	}
}

/* Killed after preparing, or taken back, or neither, then something else: always as it should be. */
Test(access_fuzz, interrupted)
{
	const struct node_sizes sizes = { 48, 192, 32, 256 };

	skip_grace_periods();
	for (uint64_t sequence = 0; sequence < SEQUENCES; sequence++) {
		uint64_t random = 1000 + sequence;
		struct access_view view;

		access_memory(&sizes, &view);
		for (int step = 0; step < STEPS; step++) {
			char text[TEXT_MAX];
			struct access_plan plan;
			struct config config;
			struct error error;

			random_config(&random, text);
			cluster_parse(text, &config);
			cr_assert_eq(access_plan_build(&config, &view, &plan, &error), 0, "%s: %s",
				     text, error.text);
			access_prepare_alone(&config, &plan, &view);
			if (step % 2)
				access_take_back(&plan, &view);
			access_plan_free(&plan);
			cluster_free(&config);
			if (next_random(&random, 2))
				continue;
			random_config(&random, text);
			access_apply_text("after a kill", text, &view);
		}
		access_memory_free(&view);
	}
}
