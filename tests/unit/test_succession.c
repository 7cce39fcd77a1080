// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tables that connections are handed over by, through sequences of configs: which there are, the newest
 * first, whose they are, and by which hash.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "plan_world.h"
#include "tables/succession.h"

TestSuite(succession);

#define STEPS 6

/* b1 lives on this node, b2 and b3 on another. */
#define TWO     "web 192.0.2.1 80 tcp i 61: b1 b2/2"
#define HEAVY   "web 192.0.2.1 80 tcp i 61: b1*3 b2/2"
#define THREE   "web 192.0.2.1 80 tcp i 61: b1 b2/2 b3/2"
#define OTHERS  "web 192.0.2.1 80 tcp i 61: b2/2 b3/2"
#define RENAMED "site 192.0.2.1 80 tcp i 61: b1 b2/2"
#define UDP     "web 192.0.2.1 80 udp i 61: b1 b2/2"

struct step {
	const char *text;
	bool by_source, hands_over;
	/* Tables of the service, the newest first: owners, then f (flow) or s (source). "": it has none. */
	const char *tables;
	bool changes;
};

static const struct {
	const char *name;
	struct step steps[STEPS];
} rows[] = {
	{ "one table, then again",
	  { { TWO, false, true, "12f", true }, { TWO, false, true, "12f", false } } },
	{ "another table goes before it, three at most",
	  { { TWO, false, true, "12f", true },
	    { THREE, false, true, "123f 12f", true },
	    { HEAVY, false, true, "12f 123f 12f", true },
	    { THREE, false, true, "123f 12f 123f", true } } },
	{ "another name is no other table",
	  { { TWO, false, true, "12f", true }, { RENAMED, false, true, "12f", false } } },
	{ "by source from the start", { { TWO, true, true, "12s", true } } },
	{ "by source is another table, though it is alike",
	  { { TWO, false, true, "12f", true },
	    { TWO, true, true, "12s 12f", true },
	    { TWO, true, true, "12s 12f", false },
	    { THREE, true, true, "123s 12s 12f", true },
	    { THREE, false, true, "123f 123s 12s", true },
	    { TWO, false, true, "12f 123f 123s", true } } },
	{ "the last backend here goes: its connections may go on, and are handed over",
	  { { TWO, false, true, "12f", true }, { OTHERS, false, true, "23f 12f", true } } },
	{ "hand-over is switched off, and on again",
	  { { TWO, false, true, "12f", true },
	    { TWO, false, false, "", true },
	    { TWO, false, true, "12f", true } } },
	{ "none without hand-over", { { TWO, false, false, "", false } } },
	{ "none for UDP", { { UDP, false, true, "", false } } },
};

/* Is a plan needed, and what it says is done. */
static bool apply(const struct step *step, struct node_view *view)
{
	static const uint32_t ifindexes[16];
	static const int32_t netns[16];
	struct node_facts facts = {
		.node = CLUSTER_N1, .ifindexes = ifindexes, .netns = netns, .now = 1
	};
	struct succession_plan plan;
	struct node_plan mappings;
	struct config config;
	struct error error;
	bool changes;

	cluster_parse(step->text, &config);
	config.tag_rest = 600;
	for (size_t i = 0; i < config.service_count; i++) {
		config.services[i].by_source = step->by_source;
		config.services[i].hand_over = step->hands_over;
	}
	cr_assert_eq(node_plan_build(&config, view, &facts, &mappings, &error), 0);
	cr_assert_eq(succession_plan_build(&config, view, &mappings, &facts, &plan, &error), 0);
	changes = plan.changes;
	node_commit(&config, &mappings, facts.now, view);
	succession_commit(&plan, view);
	succession_plan_free(&plan);
	node_plan_free(&mappings);
	cluster_free(&config);
	return changes;
}

static const struct xdplb_peer *owner_at(const struct node_view *view, uint32_t bucket)
{
	const struct xdplb_bucket_line *line =
		map_at(&view->owners, bucket / XDPLB_BUCKETS_PER_LINE);

	return map_at(&view->peers, line->member[bucket % XDPLB_BUCKETS_PER_LINE]);
}

/* Who owns buckets of a table, by the last number of the address, in order. */
static void print_owners(const struct node_view *view, struct xdplb_bucket_ref table, char *to)
{
	bool owns[10] = { false };

	for (uint32_t i = 0; i < table.count; i++) {
		const struct xdplb_peer *peer = owner_at(view, table.base + i);
		uint32_t number = ntohl(peer->addr.word[0]) & 0xff;

		cr_assert_lt(number, 10);
		owns[number] = true;
		cr_expect_eq(peer->mapping == XDPLB_ELSEWHERE, number != 1, "backend %u", number);
	}
	for (int i = 0; i < 10; i++)
		if (owns[i])
			*to++ = (char)('0' + i);
	*to = '\0';
}

static const char *print_tables(const struct node_view *view)
{
	static char text[100];
	uint32_t index = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < view->mappings.count; i++)
		if (node_mapping(view, i)->state != XDPLB_MAPPING_FREE)
			index = node_mapping(view, i)->succession;
	if (!index)
		return text;
	for (int g = 0; g < XDPLB_GENERATIONS; g++) {
		struct xdplb_bucket_ref table = succession_tables(view, index)[g];
		char owners[11];

		if (!table.count)
			break;
		print_owners(view, table, owners);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%c", g ? " " : "",
			 owners, succession_by_source(view, index) >> g & 1 ? 's' : 'f');
	}
	return text;
}

Test(succession, sequences)
{
	skip_grace_periods();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_view view;

		node_memory(8, &view);
		for (int s = 0; s < STEPS && rows[i].steps[s].text; s++) {
			const struct step *step = &rows[i].steps[s];

			cr_expect_eq(apply(step, &view), step->changes, "%s, step %d: changes",
				     rows[i].name, s);
			cr_expect_str_eq(print_tables(&view), step->tables,
					 "%s, step %d: found \"%s\", expected \"%s\"", rows[i].name,
					 s, print_tables(&view), step->tables);
		}
		node_memory_free(&view);
	}
}

/* Where there is no room for what was before, the present table stays, by its own hash. */
Test(succession, forget)
{
	static const struct step steps[] = { { TWO, false, true, "", true },
					     { THREE, true, true, "", true } };
	struct node_view view;

	skip_grace_periods();
	node_memory(8, &view);
	cr_expect(!succession_forget(&view));
	apply(&steps[0], &view);
	cr_expect(!succession_forget(&view));
	apply(&steps[1], &view);
	cr_expect(succession_forget(&view));
	cr_expect_str_eq(print_tables(&view), "123s");
	node_memory_free(&view);
}

/* What another release has worked out for the present table is put right, and is no change. */
Test(succession, digest_of_before)
{
	static const struct step steps[] = { { TWO, false, true, "12f", true },
					     { TWO, false, true, "12f", false } };
	struct xdplb_succession_info *info;
	struct node_view view;
	uint64_t digest;

	skip_grace_periods();
	node_memory(8, &view);
	apply(&steps[0], &view);
	info = map_at(&view.succession_infos, 1); /* 0 is none */
	cr_assert_str_eq(info->name, "web");
	digest = info->table_hash[0];
	cr_expect_neq(digest, 0);
	info->table_hash[0] = 4711;
	cr_expect_not(apply(&steps[1], &view));
	cr_expect_eq(info->table_hash[0], digest);
	node_memory_free(&view);
}
