// SPDX-License-Identifier: BSD-2-Clause
/*
 * Results in, verdicts out: a row is a string of results and the verdict after each.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "health/rise_fall.h"

struct row {
	const char *name;
	struct rise_fall_rule rule;
	enum rise_fall_verdict initial;
	const char *results; /* + success, - failure */
	const char *verdicts; /* u up, d down, ? unknown */
};

static const struct row rows[] = {
	{ "first result decides", { 1, 1 }, RISE_FALL_UNKNOWN, "+-+", "udu" },
	{ "zero is one", { 0, 0 }, RISE_FALL_UNKNOWN, "-+", "du" },
	{ "up stays up", { 2, 3 }, RISE_FALL_UP, "++++", "uuuu" },
	{ "fall counts", { 2, 3 }, RISE_FALL_UP, "---", "uud" },
	{ "a success in between starts anew", { 2, 3 }, RISE_FALL_UP, "--+---", "uuuuud" },
	{ "rise counts", { 2, 3 }, RISE_FALL_DOWN, "++", "du" },
	{ "a failure in between starts anew", { 3, 1 }, RISE_FALL_DOWN, "++-+++", "dddddu" },
	{ "unknown needs rise", { 2, 3 }, RISE_FALL_UNKNOWN, "++", "?u" },
	{ "unknown needs fall", { 2, 3 }, RISE_FALL_UNKNOWN, "---", "??d" },
	{ "unknown, alternating", { 2, 2 }, RISE_FALL_UNKNOWN, "+-+-+--", "??????d" },
	{ "unknown, the other way starts anew", { 3, 2 }, RISE_FALL_UNKNOWN, "++-+--", "?????d" },
	{ "flapping forth and back", { 2, 2 }, RISE_FALL_UP, "--++--", "udduud" },
};

Test(rise_fall, rows)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		enum rise_fall_verdict before = row->initial;
		struct rise_fall state;

		rise_fall_init(&state, row->initial);
		for (size_t k = 0; row->results[k]; k++) {
			bool changed = rise_fall_feed(&state, &row->rule, row->results[k] == '+');

			cr_expect_eq("?ud"[state.verdict], row -> verdicts[k], "%s: result %zu: %c",
				     row->name, k, "?ud"[state.verdict]);
			cr_expect_eq(changed, state.verdict != before, "%s: result %zu", row->name,
				     k);
			before = state.verdict;
		}
	}
}

Test(rise_fall, largest_numbers)
{
	struct rise_fall_rule rule = { 65535, 65535 };
	struct rise_fall state;

	rise_fall_init(&state, RISE_FALL_UP);
	for (int i = 0; i < 65534; i++)
		cr_assert_not(rise_fall_feed(&state, &rule, false), "failure %d", i);
	cr_expect(rise_fall_feed(&state, &rule, false));
	cr_expect_eq(state.verdict, RISE_FALL_DOWN);
}

Test(rise_fall, rule_that_shrinks_counts_what_was_seen)
{
	struct rise_fall_rule slow = { 1, 10 }, fast = { 1, 2 };
	struct rise_fall state;

	rise_fall_init(&state, RISE_FALL_UP);
	for (int i = 0; i < 5; i++)
		rise_fall_feed(&state, &slow, false);
	cr_expect_eq(state.verdict, RISE_FALL_UP);
	cr_expect(rise_fall_feed(&state, &fast, false));
}
