// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every moment of an apply on a service node: mappings of both configs are served all the time, and if
 * the loader is killed, the next apply puts everything right.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "node_model.h"
#include "stepper.h"

#define ALL "web 192.0.2.1 80 tcp i 61: b1 b2 b3; dns 192.0.2.2 53 udp s 31: b1 b4:5353"

struct moment {
	const char *row;
	struct config both, to, from, other; /* both: what stays */
	uint32_t ifindexes[8];
	uint64_t now;
	struct node_plan plan;
	struct node_view view, seen;
	size_t moments;
	bool failed;
};

static void apply(void *arg)
{
	struct moment *moment = arg;

	node_commit(&moment->to, &moment->plan, moment->now, &moment->view);
}

static const char *repair_fault(const struct moment *moment, const struct config *config)
{
	struct node_step step = { config, moment->ifindexes, moment->now + MODEL_SECONDS };
	struct node_view view;
	const char *wrong;

	node_memory_copy(&moment->seen, &view);
	wrong = node_apply_step(&step, &view).err ? "refused" : node_fault(&view, &step);
	if (!wrong && node_apply_step(&step, &view).changes)
		wrong = "not done at once";
	node_memory_free(&view);
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
	struct node_step both = { &moment->both, moment->ifindexes, moment->now };
	struct node_view now;
	bool same;

	if (moment->failed)
		return;
	node_memory_copy(&moment->view, &now);
	node_memory_read(child, &moment->view, &now);
	same = !node_memory_diff(&now, &moment->seen);
	node_memory_free(&moment->seen);
	moment->seen = now;
	if (same)
		return;
	moment->moments++;
	fail_once(moment, "packets", node_packet_fault(&moment->seen, &both));
	fail_once(moment, "killed, again", repair_fault(moment, &moment->to));
	fail_once(moment, "killed, back", repair_fault(moment, &moment->from));
	fail_once(moment, "killed, another", repair_fault(moment, &moment->other));
}

static const struct {
	const char *row, *from, *to, *other;
	const char *both; /* mappings in `from` and `to` */
	uint32_t rest; /* seconds */
	uint32_t ifindex; /* of all in `to`; 0 in `from` */
} rows[] = {
	{ "fresh", "", ALL, "web 192.0.2.1 80 tcp i 61: b2", "", 600, 0 },
	{ "all goes", ALL, "", "web 192.0.2.1 80 tcp i 61: b2", "", 600, 0 },
	{ "all goes at once", ALL, "", "web 192.0.2.1 80 tcp i 61: b2", "", 0, 0 },
	{ "a service more", "web 192.0.2.1 80 tcp i 61: b1 b2 b3", ALL, "",
	  "web 192.0.2.1 80 tcp i 61: b1 b2 b3", 600, 0 },
	{ "a service less", ALL, "dns 192.0.2.2 53 udp s 31: b1 b4:5353", "",
	  "dns 192.0.2.2 53 udp s 31: b1 b4:5353", 600, 0 },
	{ "another virtual NIC", ALL, ALL, "", ALL, 600, 9 },
	{ "another port", "s 192.0.2.1 80 tcp s 7: b1:8080 b2",
	  "s 192.0.2.1 80 tcp s 7: b1:8081 b2", "", "s 192.0.2.1 80 tcp s 7: b2", 600, 0 },
	{ "another port at once", "s 192.0.2.1 80 tcp s 7: b1:8080 b2",
	  "s 192.0.2.1 80 tcp s 7: b1:8081 b2", "", "s 192.0.2.1 80 tcp s 7: b2", 0, 0 },
	{ "a tag given on at once", "a 192.0.2.1 80 tcp i 7: b1@61000 b2",
	  "a 192.0.2.1 80 tcp i 7: b2; b 192.0.2.2 80 tcp s 7: b1:8080@61000", "",
	  "a 192.0.2.1 80 tcp i 7: b2", 0, 0 },
};

static void run_row(size_t i)
{
	struct moment moment = { .row = rows[i].row, .now = 1000 * MODEL_SECONDS };
	struct stepped stepped = { apply, look, &moment, 7 };
	struct node_facts facts = { .node = CLUSTER_N1,
				    .ifindexes = moment.ifindexes,
				    .now = moment.now };
	struct node_step step = { &moment.from, NULL, moment.now };
	struct config *configs[] = { &moment.from, &moment.to, &moment.other, &moment.both };
	const char *texts[] = { rows[i].from, rows[i].to, rows[i].other, rows[i].both };
	struct error error;

	for (int c = 0; c < 4; c++) {
		cluster_parse(texts[c], configs[c]);
		configs[c]->tag_rest = rows[i].rest;
	}
	node_memory(16, &moment.view);
	node_apply_step(&step, &moment.view);
	for (int b = 0; b < 8; b++)
		moment.ifindexes[b] = rows[i].ifindex;
	node_memory_copy(&moment.view, &moment.seen);
	cr_assert_eq(node_plan_build(&moment.to, &moment.view, &facts, &moment.plan, &error), 0,
		     "%s: %s", moment.row, error.text);
	if (!step_through(&stepped))
		cr_skip_test("needs ptrace");
	cr_expect_gt(moment.moments, 3, "%s: %zu moments", moment.row, moment.moments);
	for (int c = 0; c < 4; c++)
		cluster_free(configs[c]);
	node_plan_free(&moment.plan);
	node_memory_free(&moment.view);
	node_memory_free(&moment.seen);
}

Test(node_steps, every_moment)
{
	skip_grace_periods();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(i);
}
