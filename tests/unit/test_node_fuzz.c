// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random configs for a service node, at random times, against the model.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node_model.h"

#define SEQUENCES 300
#define STEPS     12
#define TEXT_MAX  2048

/* Few of everything, so that mappings come back and tags clash now and then. */
static void random_config(uint64_t *random, char *ret_text)
{
	size_t at = 0;

	ret_text[0] = '\0';
	for (uint32_t s = 0; s < 6; s++) {
		uint32_t members = 1 + next_random(random, 4), first = next_random(random, 6);
		bool odd = next_random(random, 12) == 0;

		if (next_random(random, 3) == 0)
			continue;
		at += snprintf(ret_text + at, TEXT_MAX - at, "s%u %s%u %u tcp %s 13: ", s,
			       s % 2 ? "192.0.2." : "fd01::", s + 1,
			       80 + (next_random(random, 10) == 0),
			       next_random(random, 6) ? "s" : "i");
		for (uint32_t m = 0; m < members; m++) {
			at += snprintf(ret_text + at, TEXT_MAX - at, "b%u:%u", (first + m) % 6,
				       8080 + (next_random(random, 8) == 0));
			at += snprintf(ret_text + at, TEXT_MAX - at, "@%u ",
				       61000 + 10 * s + (odd ? 20 : 0));
		}
		at += snprintf(ret_text + at, TEXT_MAX - at, ";");
	}
	cr_assert_lt(at, TEXT_MAX);
}

/* Two services of a config may not have a tag at the same backend: the file would be refused. */
static bool tags_clash(const struct config *config)
{
	for (size_t s = 0; s < config->service_count; s++)
		for (size_t t = 0; t < s; t++)
			for (size_t m = 0; m < config->services[s].member_count; m++)
				for (size_t n = 0; n < config->services[t].member_count; n++)
					if (config->services[s].members[m].tag ==
						    config->services[t].members[n].tag &&
					    config->services[s].family ==
						    config->services[t].family)
						return true;
	return false;
}

static void check_again(const char *text, const struct node_step *step, struct node_view *view)
{
	struct node_view before;
	struct node_applied applied;
	const char *diff;

	node_memory_copy(view, &before);
	applied = node_apply_step(step, view);
	diff = node_memory_diff(&before, view);
	cr_expect(!applied.err && !applied.changes && !diff, "%s, again: %d, %zu changes, %s", text,
		  applied.err, applied.changes, diff);
	node_memory_free(&before);
}

/* Returns whether it went as the model says. */
static bool run_step(uint64_t sequence, uint64_t *random, uint64_t now, struct node_model *model,
		     struct node_view *view)
{
	char text[TEXT_MAX];
	uint32_t ifindexes[8];
	struct config config;
	struct node_step step = { .config = &config, .ifindexes = ifindexes, .now = now };
	struct node_applied applied;
	const char *wrong = NULL;
	bool busy;

	random_config(random, text);
	cluster_parse(text, &config);
	config.tag_rest = next_random(random, 5) ? 100 : 0;
	/* Now and then a virtual NIC was made anew. */
	for (size_t i = 0; i < config.backend_count; i++)
		ifindexes[i] = next_random(random, 20) ? (uint8_t)config.backends[i].name[1]
						       : 1000 + next_random(random, 5);
	if (!tags_clash(&config)) {
		busy = model_is_busy(model, &step);
		applied = node_apply_step(&step, view);
		cr_expect_eq(applied.err, busy ? -EBUSY : 0, "%llu: %s: %d %s",
			     (unsigned long long)sequence, text, applied.err, applied.error.text);
		if (!busy)
			model_take(model, &step);
		wrong = model_fault(model, view);
		cr_expect_null(wrong, "%llu: %s: %s", (unsigned long long)sequence, text, wrong);
		if (!busy)
			check_again(text, &step, view);
	}
	cluster_free(&config);
	return !wrong;
}

Test(node_fuzz, sequences)
{
	bool right = true;

	skip_grace_periods();
	for (uint64_t sequence = 0; sequence < SEQUENCES && right; sequence++) {
		struct node_model *model = calloc(1, sizeof(*model));
		uint64_t random = sequence, now = 1000 * MODEL_SECONDS;
		struct node_view view;

		node_memory(256, &view);
		for (int step = 0; step < STEPS && right; step++) {
			right = run_step(sequence, &random, now, model, &view);
			now += (1 + next_random(&random, 60)) * MODEL_SECONDS;
		}
		node_memory_free(&view);
		free(model);
	}
}
