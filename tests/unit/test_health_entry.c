// SPDX-License-Identifier: BSD-2-Clause
/*
 * One entry of the map `health`: what counts, and its writers one after the other. Those that write at
 * the same time are in test_health_writers.c.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "health/health_entry.h"

TestSuite(health_entry);

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define NOW         1000000ULL
#define BOOT        77ULL /* CLOCK_BOOTTIME of the calls */

#define UNKNOWN     XDPLB_HEALTH_UNKNOWN
#define UP          XDPLB_HEALTH_UP
#define DRAINING    XDPLB_HEALTH_DRAINING
#define DOWN        XDPLB_HEALTH_DOWN
#define MAINTENANCE XDPLB_HEALTH_MAINTENANCE

static const struct health_word up = { UP, XDPLB_CAUSE_OK, 3 };
static const struct health_word down = { DOWN, XDPLB_CAUSE_TIMEOUT, 5 };

/* ---- what counts ---- */

struct effective_row {
	enum xdplb_health_state state;
	uint64_t lease;
	enum xdplb_health_state reported;
	enum xdplb_health_state keep, strict; /* by the service's flag: effective */
};

static const struct effective_row effective_rows[] = {
	{ UP, 0, DOWN, UP, UP },
	{ DOWN, 0, UP, DOWN, DOWN },
	{ DRAINING, 0, DOWN, DRAINING, DRAINING },
	/* the time it had is over */
	{ DRAINING, 1, UP, MAINTENANCE, MAINTENANCE },
	{ MAINTENANCE, 0, UP, MAINTENANCE, MAINTENANCE },
	{ UP, NOW + 1, DOWN, UP, UP },
	{ DOWN, NOW + 1, UP, DOWN, DOWN },
	{ UP, NOW, DOWN, DOWN, DOWN },
	{ DOWN, NOW, UP, UP, DOWN },
	{ UP, NOW - 1, UP, UP, DOWN },
	{ DOWN, 1, UNKNOWN, UNKNOWN, DOWN },
	{ MAINTENANCE, 1, DRAINING, DRAINING, DOWN },
	{ UNKNOWN, 0, UNKNOWN, UNKNOWN, DOWN },
	{ UNKNOWN, 0, UP, UP, DOWN },
	{ UNKNOWN, NOW + 1, DOWN, DOWN, DOWN },
	{ UNKNOWN, NOW + 1, MAINTENANCE, MAINTENANCE, DOWN },
};

static bool is_used(enum xdplb_health_state state)
{
	return state == UNKNOWN || state == UP || state == DRAINING;
}

Test(health_entry, what_counts)
{
	for (size_t i = 0; i < COUNT(effective_rows); i++) {
		const struct effective_row *row = &effective_rows[i];
		const struct xdplb_health entry = { .state = row->state,
						    .lease = row->lease,
						    .reported = row->reported };

		cr_expect_eq(health_effective(&entry, NOW, false), row->keep, "row %zu", i);
		cr_expect_eq(health_effective(&entry, NOW, true), row->strict, "row %zu", i);
		cr_expect_eq(health_usable(&entry, NOW, false), is_used(row->keep), "row %zu", i);
		cr_expect_eq(health_usable(&entry, NOW, true), is_used(row->strict), "row %zu", i);
	}
}

Test(health_entry, held)
{
	static const struct {
		struct xdplb_health entry;
		bool held;
	} rows[] = {
		{ { .state = DOWN, .cause = XDPLB_CAUSE_OPERATOR }, true },
		{ { .state = UP, .cause = XDPLB_CAUSE_OPERATOR, .lease = NOW + 1 }, true },
		{ { .state = UP, .cause = XDPLB_CAUSE_OPERATOR, .lease = NOW }, false },
		{ { .state = MAINTENANCE, .cause = XDPLB_CAUSE_OPERATOR, .lease = 1 }, false },
		{ { .state = DOWN, .cause = XDPLB_CAUSE_TIMEOUT }, false },
		{ { .state = UP, .cause = XDPLB_CAUSE_OK, .lease = NOW + 1 }, false },
		{ { 0 }, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		cr_expect_eq(health_held(&rows[i].entry, NOW), rows[i].held, "row %zu", i);
}

/* ---- a reporter ---- */

static void expect_word(const char *row, const struct xdplb_health *entry, struct health_word word)
{
	cr_expect_eq(entry->state, word.state, "%s: state %d", row, entry->state);
	cr_expect_eq(entry->cause, word.cause, "%s: cause %d", row, entry->cause);
	cr_expect_eq(entry->weight, word.weight, "%s: weight %d", row, entry->weight);
}

Test(health_entry, vouch_changes_what_was_reported_alone)
{
	struct xdplb_health entry = { .state = MAINTENANCE,
				      .cause = XDPLB_CAUSE_OPERATOR,
				      .weight = 1,
				      .epoch = 2,
				      .lease = 3,
				      .changed = 4 };
	struct xdplb_health want = entry;

	want.reported = DOWN;
	want.reported_cause = XDPLB_CAUSE_TIMEOUT;
	want.reported_weight = 5;
	want.reported_lease = 0x23456789;
	health_vouch(&entry, down, 0x123456789ULL);
	cr_expect_arr_eq(&entry, &want, sizeof(entry));
	want.reported_lease = 0;
	health_vouch(&entry, down, 0);
	cr_expect_arr_eq(&entry, &want, sizeof(entry));
	/* Lower bits that are 0 are no "does not". */
	health_vouch(&entry, down, 0x500000000ULL);
	cr_expect_neq(entry.reported_lease, 0);
}

Test(health_entry, take)
{
	struct xdplb_health entry = { .epoch = 9, .reported = UP, .reported_lease = 8 };

	cr_expect(health_take(&entry, up, NOW, NOW + 11, 100));
	expect_word("first", &entry, up);
	cr_expect_eq(entry.changed, 100);
	cr_expect(entry.lease >= NOW + 11 && entry.lease <= NOW + 12 && entry.lease % 2 == 0,
		  "a reporter's lease is even: %llu", (unsigned long long)entry.lease);
	cr_expect(health_take(&entry, up, NOW + 5, NOW + 20, 200));
	cr_expect_eq(entry.changed, 100, "the state is the same one");
	cr_expect_eq(entry.lease, NOW + 20);
	cr_expect(health_take(&entry, down, NOW + 5, NOW + 20, 0));
	cr_expect_eq(entry.changed, 100, "0: leave that alone");
	cr_expect(health_take(&entry, up, NOW + 5, 0, 300));
	cr_expect_eq(entry.lease, 0);
	cr_expect_eq(entry.changed, 300);
	cr_expect_eq(entry.epoch, 9);
	cr_expect_eq(entry.reported, UP);
	cr_expect_eq(entry.reported_lease, 8);
}

/* ---- an operator ---- */

Test(health_entry, operator_beside_a_reporter)
{
	static const uint64_t leases[] = { 0, NOW + 100, NOW + 101 };

	for (size_t i = 0; i < COUNT(leases); i++) {
		struct xdplb_health entry = { 0 };
		struct health_word held = { MAINTENANCE, XDPLB_CAUSE_OPERATOR, 0 };

		health_take(&entry, up, NOW, NOW + 50, 1);
		health_hold(&entry, MAINTENANCE, leases[i], BOOT);
		expect_word("held", &entry, held);
		cr_expect_eq(entry.changed, BOOT);
		cr_expect(leases[i] ? entry.lease % 2 == 1 && entry.lease - leases[i] <= 1
				    : entry.lease == 0,
			  "an operator's lease is odd, or 0: %llu",
			  (unsigned long long)entry.lease);
		cr_expect(!health_take(&entry, down, NOW + 99, NOW + 200, 5));
		expect_word("still held", &entry, held);
		cr_expect_eq(entry.changed, BOOT);
		/* Over: from that tick on the reporter's word counts. */
		cr_expect_eq(health_take(&entry, down, NOW + 101, NOW + 200, 5), leases[i] != 0,
			     "lease %zu", i);
		expect_word("afterwards", &entry, leases[i] ? down : held);
	}
}

Test(health_entry, an_operator_overrides_another)
{
	struct xdplb_health entry = { 0 };

	health_hold(&entry, DOWN, 0, 1);
	health_hold(&entry, DOWN, NOW + 10, 2);
	cr_expect_eq(entry.changed, 1, "the state is the same one");
	cr_expect_eq(entry.lease, NOW + 11);
	health_hold(&entry, UP, 0, 3);
	expect_word("up", &entry, (struct health_word){ UP, XDPLB_CAUSE_OPERATOR, 0 });
	cr_expect_eq(entry.lease, 0);
	cr_expect_eq(entry.changed, 3);
	health_hold_weighted(&entry, UP, 30, 0, 4);
	expect_word("30 %", &entry, (struct health_word){ UP, XDPLB_CAUSE_OPERATOR, 30 });
	cr_expect_eq(health_share(&entry, NOW, false), 30U);
	health_hold(&entry, UP, 0, 5);
	cr_expect_eq(health_share(&entry, NOW, false), 100U);
}

struct release_row {
	const char *name;
	uint64_t vouched; /* the lease on what was reported; 0: none */
	uint64_t at; /* jiffies of the release */
	struct health_word want;
	bool has_lease;
};

#define NOBODY_VOUCHES                               \
	{                                            \
		UNKNOWN, XDPLB_CAUSE_NOT_REPORTED, 5 \
	}

static const struct release_row release_rows[] = {
	{ "lease ahead", NOW + 10, NOW, { DOWN, XDPLB_CAUSE_TIMEOUT, 5 }, true },
	{ "odd lease ahead", NOW + 11, NOW, { DOWN, XDPLB_CAUSE_TIMEOUT, 5 }, true },
	{ "last tick", NOW + 10, NOW + 9, { DOWN, XDPLB_CAUSE_TIMEOUT, 5 }, true },
	{ "the longest lease",
	  NOW + HEALTH_VOUCHED_MAX,
	  NOW,
	  { DOWN, XDPLB_CAUSE_TIMEOUT, 5 },
	  true },
	{ "over in this tick", NOW + 10, NOW + 10, NOBODY_VOUCHES, false },
	{ "over for long", NOW + 10, NOW + 100000, NOBODY_VOUCHES, false },
	{ "does not vouch", 0, NOW, NOBODY_VOUCHES, false },
	{ "beyond 32 bits",
	  0x1fffffff0ULL + 64,
	  0x1fffffff0ULL,
	  { DOWN, XDPLB_CAUSE_TIMEOUT, 5 },
	  true },
};

Test(health_entry, release)
{
	for (size_t i = 0; i < COUNT(release_rows); i++) {
		const struct release_row *row = &release_rows[i];
		struct xdplb_health entry = { 0 };

		health_take(&entry, up, row->at, row->at + 50, 1);
		health_hold(&entry, MAINTENANCE, 0, 2);
		health_vouch(&entry, down, row->vouched);
		health_release(&entry, row->at, BOOT);
		expect_word(row->name, &entry, row->want);
		cr_expect_eq(entry.changed, BOOT, "%s", row->name);
		if (!row->has_lease) {
			cr_expect_eq(entry.lease, 0, "%s", row->name);
			continue;
		}
		cr_expect(entry.lease >= row->vouched && entry.lease <= row->vouched + 1,
			  "%s: %+lld", row->name, (long long)(entry.lease - row->vouched));
		cr_expect_eq(entry.lease % 2, 0, "%s: a reporter's lease is even", row->name);
	}
}

Test(health_entry, release_of_what_nothing_was_reported_of)
{
	struct xdplb_health entry = { 0 };

	health_hold(&entry, DOWN, 0, 1);
	health_release(&entry, NOW, BOOT);
	expect_word("release", &entry, (struct health_word){ UNKNOWN, XDPLB_CAUSE_NONE, 0 });
	cr_expect_eq(entry.lease, 0);
	cr_expect(health_usable(&entry, NOW, false));
}

/* Only an operator's word is taken back. */
Test(health_entry, release_of_a_reporters_word)
{
	struct xdplb_health entry = { 0 }, before;

	health_vouch(&entry, down, NOW + 10);
	health_take(&entry, up, NOW, NOW + 50, 1);
	before = entry;
	health_release(&entry, NOW, BOOT);
	cr_expect_arr_eq(&entry, &before, sizeof(entry));
}
