// SPDX-License-Identifier: BSD-2-Clause
/*
 * A service node's tables through sequences of configs, in rows; a model says what each must come to.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node_model.h"

#define START 1000 /* seconds */

#define ALL "web 192.0.2.1 80 tcp i 61: b1 b2 b3/2; dns 192.0.2.2 53 udp s 31: b1 b4:5353"
#define SIX "six 2001:db8::1 443 tcp s 31: b1:8443 b2"
#define A   "a 192.0.2.1 80 tcp i 7: b1@61000"
#define B   "b 192.0.2.2 80 tcp i 7: b1@61000"

struct sequence_step {
	uint32_t at; /* seconds from START */
	const char *text;
	size_t changes; /* or ANY */
	const char *error; /* -EBUSY with these words; NULL: it is taken */
	uint32_t rest; /* seconds, less 600 */
	uint32_t ifindex; /* of b1 */
};

#define ANY     SIZE_MAX
#define AT_ONCE ((uint32_t)-600)

static const struct {
	const char *row;
	struct sequence_step steps[7];
} rows[] = {
	{ "nothing", { { 0, "", 0 }, { 5, "-: b1", 0 } } },
	{ "fresh", { { 0, ALL, 6 } } },
	{ "fresh, both families", { { 0, ALL ";" SIX, 8 } } },
	{ "many ports, and then more: the mappings are the same",
	  { { 0, "m 192.0.2.1 20-21 tcp i 7: b1@61000 b2@61001; n 192.0.2.2 9-99 udp s 7: b1", 5 },
	    { 1,
	      "m 192.0.2.1 20-21,5000-5999 tcp i 7: b1@61000 b2@61001; n 192.0.2.2 9-99 udp s 7: "
	      "b1",
	      0 },
	    { 2, "n 192.0.2.2 9-99 udp s 7: b1", 2 },
	    { 700, "", 5 } } },
	{ "from one port to many",
	  { { 0, "m 192.0.2.1 80 tcp i 7: b1@61000", 2 },
	    { 1, "m 192.0.2.1 80-90 tcp i 7: b1@61001", 4 } } },
	{ "a service more, a service less",
	  { { 0, ALL, 6 }, { 1, ALL ";" SIX, 4 }, { 2, ALL, 2 } } },
	{ "rests and expires",
	  { { 0, ALL, 6 },
	    { 10, "", 4 },
	    { 11, "", 0 },
	    { 609, "", 0 },
	    { 610, "", 6 },
	    { 620, "", 0 } } },
	{ "rests anew, each in its time",
	  { { 0, ALL, 6 },
	    { 1, "web 192.0.2.1 80 tcp i 61: b1 b2", 2 },
	    { 300, "", 2 },
	    { 601, "", 4 },
	    { 899, "", 0 },
	    { 900, "", 3 } } },
	{ "comes back while it rests",
	  { { 0, ALL, 6 },
	    { 10, "", 4 },
	    { 600, ALL, 4 },
	    { 620, ALL, 0 },
	    { 630, "", 4 },
	    { 1229, "", 0 },
	    { 1230, "", 6 } } },
	{ "comes back when it has expired", { { 0, ALL, 6 }, { 10, "", 4 }, { 2000, ALL, 4 } } },
	{ "comes back after it was freed",
	  { { 0, ALL, 6 }, { 10, "", 4 }, { 2000, "", 6 }, { 2001, ALL, 6 } } },
	{ "a tag in use",
	  { { 0, A, 2 },
	    { 1, B, 0, "service b: tag 61000 at backend b1 is still service a's" },
	    { 2, A, 0 } } },
	{ "tags swapped",
	  { { 0, A "; b 192.0.2.2 80 tcp i 7: b1@61001", 3 },
	    { 1, "a 192.0.2.1 80 tcp i 7: b1@61001; " B, 0, "still service b's" } } },
	{ "a tag at rest",
	  { { 0, A, 2 },
	    { 10, "", 1 },
	    { 20, B, 0, "service b: tag 61000 at backend b1 was service a's and rests for 59" },
	    { 609, B, 0, "rests for" },
	    { 610, B, 3 },
	    { 620, B, 0 } } },
	{ "a tag that need not rest",
	  { { 0, A, 2, NULL, AT_ONCE },
	    { 1, B, 3, NULL, AT_ONCE },
	    { 2, A, 3, NULL, AT_ONCE },
	    { 3, "", 2, NULL, AT_ONCE } } },
	{ "a tag at rest before rest was 0",
	  { { 0, A, 2 },
	    { 10, "", 1 },
	    { 11, B, 0, "rests", AT_ONCE },
	    { 610, B, 3, NULL, AT_ONCE } } },
	{ "another address's tag", { { 0, A, 2 }, { 1, "b 192.0.2.2 80 tcp i 7: b2@61000", 3 } } },
	{ "VIP changed",
	  { { 0, A, 2 },
	    { 1, "a 192.0.2.9 80 tcp i 7: b1@61000", 0, "still service a's" },
	    { 2, "a 192.0.2.9 80 tcp i 7: b1@61001", 3 } } },
	{ "protocol changed",
	  { { 0, A, 2 }, { 1, "a 192.0.2.1 80 udp i 7: b1@61000", 0, "still" } } },
	{ "port changed",
	  { { 0, "s 192.0.2.1 80 tcp s 7: b1:8080", 3 },
	    { 10, "s 192.0.2.1 80 tcp s 7: b1:8081", 4 },
	    { 20, "s 192.0.2.1 80 tcp s 7: b1:8081", 0 },
	    { 610, "s 192.0.2.1 80 tcp s 7: b1:8081", 2 } } },
	{ "port changed and back",
	  { { 0, "s 192.0.2.1 80 tcp s 7: b1:8080", 3 },
	    { 10, "s 192.0.2.1 80 tcp s 7: b1:8081", 4 },
	    { 20, "s 192.0.2.1 80 tcp s 7: b1:8080", 3 },
	    { 619, "s 192.0.2.1 80 tcp s 7: b1:8080", 0 },
	    { 620, "s 192.0.2.1 80 tcp s 7: b1:8080", 2 } } },
	{ "restore changed",
	  { { 0, "s 192.0.2.1 80 tcp s 7: b1:8080", 3 },
	    { 10, "s 192.0.2.1 80 tcp i 7: b1", 3 },
	    { 610, "s 192.0.2.1 80 tcp i 7: b1", 2 } } },
	{ "restore alone changed",
	  { { 0, "s 192.0.2.1 80 tcp s 7: b1", 3 },
	    { 10, "s 192.0.2.1 80 tcp i 7: b1", 3 },
	    { 20, "s 192.0.2.1 80 tcp s 7: b1", 3 } } },
	{ "a backend's port in two services",
	  { { 0, "s 192.0.2.1 80 tcp s 7: b1:8080; t 192.0.2.2 80 tcp s 7: b1:8080", 4 },
	    { 1, "t 192.0.2.2 80 tcp s 7: b1:8080", ANY },
	    { 601, "t 192.0.2.2 80 tcp s 7: b1:8080", ANY } } },
	{ "another node's", { { 0, A, 2 }, { 1, "a 192.0.2.1 80 tcp i 7: b1@61000/2", 1 } } },
	{ "virtual NIC",
	  { { 0, ALL, 6, NULL, 0, 7 }, { 1, ALL, 2, NULL, 0, 8 }, { 2, ALL, 2 }, { 3, ALL, 0 } } },
	{ "virtual NIC and back from rest",
	  { { 0, A, 2, NULL, 0, 7 }, { 1, "-: b1", 1, NULL, 0, 8 }, { 2, A, 1, NULL, 0, 9 } } },
};

static void check_again(const char *row, const struct node_step *step, struct node_view *view)
{
	struct node_applied applied;
	struct node_view before;
	const char *diff;

	node_memory_copy(view, &before);
	applied = node_apply_step(step, view);
	diff = node_memory_diff(&before, view);
	cr_expect(!applied.err && !applied.changes && !diff, "%s, again: %d, %zu changes, %s", row,
		  applied.err, applied.changes, diff);
	node_memory_free(&before);
}

static void check_taken(const char *row, const struct node_step *step, struct node_model *model,
			struct node_view *view)
{
	const char *wrong;

	model_take(model, step);
	wrong = model_fault(model, view);
	cr_expect_null(wrong, "%s: %s", row, wrong);
	check_again(row, step, view);
}

static void run_step(const char *row, const struct sequence_step *said, struct node_model *model,
		     struct node_view *view)
{
	struct xdplb_node_control *control = map_at(&view->control, 0);
	uint32_t generation = control->generation, ifindexes[8] = { said->ifindex };
	struct node_view before;
	struct config config;
	struct node_step step = {
		.config = &config,
		.ifindexes = ifindexes,
		.now = (START + (uint64_t)said->at) * MODEL_SECONDS,
	};
	struct node_applied applied;
	const char *diff;

	cluster_parse(said->text, &config);
	config.tag_rest = 600 + said->rest;
	node_memory_copy(view, &before);
	applied = node_apply_step(&step, view);
	diff = node_memory_diff(&before, view);
	cr_expect_eq(applied.err, said->error ? -EBUSY : 0, "%s, %u s: %d %s", row, said->at,
		     applied.err, applied.error.text);
	cr_expect_eq(applied.err == -EBUSY, model_is_busy(model, &step), "%s, %u s", row, said->at);
	cr_expect(!said->error || strstr(applied.error.text, said->error), "%s, %u s: %s", row,
		  said->at, applied.error.text);
	cr_expect(!applied.err || !diff, "%s, %u s: refused, and %s changed", row, said->at, diff);
	cr_expect(said->changes == ANY || applied.changes == said->changes, "%s, %u s: %zu changes",
		  row, said->at, applied.changes);
	cr_expect_eq(control->generation, generation + !!applied.changes, "%s, %u s: generation",
		     row, said->at);
	if (!applied.err)
		check_taken(row, &step, model, view);
	cluster_free(&config);
	node_memory_free(&before);
}

Test(node_plan, sequences)
{
	skip_grace_periods();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_model *model = calloc(1, sizeof(*model));
		struct node_view view;

		node_memory(16, &view);
		for (size_t s = 0; s < 7 && rows[i].steps[s].text; s++)
			run_step(rows[i].row, &rows[i].steps[s], model, &view);
		node_memory_free(&view);
		free(model);
	}
}

/* ---- what rows can't say ---- */

static struct node_applied apply_text(const char *text, uint32_t rest, uint32_t at,
				      struct node_view *view)
{
	struct config config;
	struct node_step step = { .config = &config };
	struct node_applied applied;

	cluster_parse(text, &config);
	config.tag_rest = rest;
	step.now = (START + (uint64_t)at) * MODEL_SECONDS;
	applied = node_apply_step(&step, view);
	cluster_free(&config);
	return applied;
}

/* A flow note of the mapping that had the index before must not be taken for one of the new. */
Test(node_plan, epochs)
{
	static const struct {
		uint16_t before, after;
	} epochs[] = { { 0, 1 }, { 1, 2 }, { 255, 256 }, { 65534, 65535 }, { 65535, 1 } };

	for (size_t i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
		struct node_view view;
		uint16_t epoch;

		node_memory(4, &view);
		node_mapping(&view, 0)->epoch = epochs[i].before;
		cr_assert_eq(apply_text(A, 600, 0, &view).err, 0);
		epoch = node_mapping(&view, 0)->epoch;
		cr_expect_eq(epoch, epochs[i].after, "%u -> %u", epochs[i].before, epoch);
		apply_text("", 600, 1, &view);
		apply_text(A, 600, 2, &view);
		epoch = node_mapping(&view, 0)->epoch;
		cr_expect_eq(epoch, epochs[i].after, "back from rest: %u", epoch);
		node_memory_free(&view);
	}
}

static const struct {
	const char *row;
	uint32_t mappings, rest;
	const char *from, *to;
	const char *error; /* NULL: there is room */
} capacity_rows[] = {
	{ "just room", 4, 600, "", ALL, NULL },
	{ "one too few", 3, 600, "", ALL, "service web: no free mapping: capacities.members is 3" },
	{ "full, the same again", 4, 600, ALL, ALL, NULL },
	{ "full, one goes", 4, 600, ALL, "web 192.0.2.1 80 tcp i 61: b1 b2", NULL },
	{ "full, one replaced", 4, 600, ALL,
	  "web 192.0.2.1 80 tcp i 61: b1 b2; dns 192.0.2.2 53 udp s 31: b1 b5",
	  "service dns: no free mapping: capacities.members is 4" },
	{ "room for one replaced", 5, 600, ALL,
	  "web 192.0.2.1 80 tcp i 61: b1 b2; dns 192.0.2.2 53 udp s 31: b1 b5", NULL },
};

Test(node_plan, capacities)
{
	for (size_t i = 0; i < sizeof(capacity_rows) / sizeof(capacity_rows[0]); i++) {
		const char *row = capacity_rows[i].row, *error = capacity_rows[i].error, *diff;
		struct node_view view, before;
		struct node_applied applied;

		node_memory(capacity_rows[i].mappings, &view);
		cr_assert_eq(apply_text(capacity_rows[i].from, 600, 0, &view).err, 0, "%s", row);
		node_memory_copy(&view, &before);
		applied = apply_text(capacity_rows[i].to, capacity_rows[i].rest, 1, &view);
		diff = node_memory_diff(&before, &view);
		cr_expect_eq(applied.err, error ? -ENOSPC : 0, "%s: %d", row, applied.err);
		cr_expect(!error || strstr(applied.error.text, error), "%s: %s", row,
			  applied.error.text);
		cr_expect(!error || !diff, "%s: refused, and %s changed", row, diff);
		node_memory_free(&view);
		node_memory_free(&before);
	}
}

/* The live tables are not written: packets still read them. */
Test(node_plan, live_tables_are_not_written)
{
	struct node_view view, before;
	const struct xdplb_node_control *old;

	node_memory(16, &view);
	apply_text(ALL, 600, 0, &view);
	for (int i = 0; i < 4; i++) {
		node_memory_copy(&view, &before);
		old = map_at(&before.control, 0);
		apply_text(i % 2 ? ALL : ALL ";" SIX, 0, i, &view);
		cr_expect_arr_eq(map_at(&view.tags, old->tags.base),
				 map_at(&before.tags, old->tags.base), view.tags.length / 2,
				 "step %d: tags", i);
		cr_expect_arr_eq(map_at(&view.endpoints, old->endpoints.base),
				 map_at(&before.endpoints, old->endpoints.base),
				 view.endpoints.length / 2, "step %d: endpoints", i);
		node_memory_free(&before);
	}
	node_memory_free(&view);
}
