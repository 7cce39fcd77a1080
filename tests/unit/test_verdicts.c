// SPDX-License-Identifier: BSD-2-Clause
/*
 * From what is heard of a target to its entry in the map `health`: rows of the entry before, the event, and the
 * entry after it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "health/health_entry.h"
#include "verdicts.h"

TestSuite(verdicts);

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define NOW   1000000ULL
#define LEASE (NOW + 250)
#define BOOT  5000000000ULL /* ns */
#define SINCE (BOOT - 2000000000ULL) /* two seconds ago */
#define OLD   7ULL /* what `changed` was */

static const struct verdict_time at = { .jiffies = NOW, .lease = LEASE, .boottime_ns = BOOT };

#define UNKNOWN XDPLB_HEALTH_UNKNOWN
#define UP      XDPLB_HEALTH_UP
#define DOWN    XDPLB_HEALTH_DOWN
#define MAINT   XDPLB_HEALTH_MAINTENANCE
#define C(name) XDPLB_CAUSE_##name

/* state, cause, lease, reported, its cause; weights and `changed` are the same in all of them */
#define ENTRY(s, c, l, r, rc)                                                                    \
	{                                                                                        \
		.state = s, .cause = C(c), .weight = 10, .epoch = 3, .lease = l, .changed = OLD, \
		.reported = r, .reported_cause = C(rc), .reported_weight = 10                    \
	}
#define NOTHING                \
	{                      \
		.changed = OLD \
	}
#define TOLD_UP       ENTRY(UP, OK, NOW + 20, UP, OK)
#define TOLD_DOWN     ENTRY(DOWN, TIMEOUT, NOW + 20, DOWN, TIMEOUT)
#define RUN_OUT       ENTRY(UP, OK, NOW - 2, UP, OK)
#define SILENT_UP     ENTRY(UNKNOWN, NODE_SILENT, 0, UP, OK)
#define SILENT_DOWN   ENTRY(UNKNOWN, NODE_SILENT, 0, DOWN, TIMEOUT)
#define UNREPORTED_UP ENTRY(UNKNOWN, NOT_REPORTED, 0, UP, OK)
#define LOST          ENTRY(DOWN, PATH_LOST, 0, UP, OK)
#define HELD_FOR_GOOD ENTRY(MAINT, OPERATOR, 0, UP, OK)
#define HELD_AHEAD    ENTRY(DOWN, OPERATOR, NOW + 1, UP, OK)
#define HELD_OVER     ENTRY(DOWN, OPERATOR, NOW - 1, UP, OK)

#define SAYS(s, c)                                                                           \
	{                                                                                    \
		.event = VERDICT_STATE, .state = s, .cause = C(c), .weight = 20, .epoch = 4, \
		.age_ms = 2000                                                               \
	}
#define NO_VERDICT(i)                                                        \
	{                                                                    \
		.event = VERDICT_STATE, .epoch = 4, .initial = RISE_FALL_##i \
	}
#define EVENT(name)                                 \
	{                                           \
		.event = VERDICT_##name, .epoch = 4 \
	}

struct wanted {
	enum xdplb_health_state state;
	enum xdplb_health_cause cause;
	uint64_t lease, changed;
	enum xdplb_health_state reported;
	enum xdplb_health_cause reported_cause;
};

struct row {
	const char *name;
	struct xdplb_health before;
	struct verdict verdict;
	struct wanted want;
};

#define W(s, c, l, ch, r, rc)            \
	{                                \
		s, C(c), l, ch, r, C(rc) \
	}

static const struct row rows[] = {
	/* a state */
	{ "up, first of all", NOTHING, SAYS(UP, OK), W(UP, OK, LEASE, SINCE, UP, OK) },
	{ "up again", TOLD_UP, SAYS(UP, OK), W(UP, OK, LEASE, OLD, UP, OK) },
	{ "down", TOLD_UP, SAYS(DOWN, REFUSED), W(DOWN, REFUSED, LEASE, SINCE, DOWN, REFUSED) },
	{ "another cause", TOLD_DOWN, SAYS(DOWN, REFUSED),
	  W(DOWN, REFUSED, LEASE, OLD, DOWN, REFUSED) },
	{ "up after silence", SILENT_DOWN, SAYS(UP, OK), W(UP, OK, LEASE, SINCE, UP, OK) },
	{ "up after its path was lost", LOST, SAYS(UP, OK), W(UP, OK, LEASE, SINCE, UP, OK) },
	{ "up, whose lease is over", RUN_OUT, SAYS(UP, OK), W(UP, OK, LEASE, OLD, UP, OK) },
	{ "up, over an operator's word that is over", HELD_OVER, SAYS(UP, OK),
	  W(UP, OK, LEASE, SINCE, UP, OK) },
	{ "down, beside an operator's word", HELD_FOR_GOOD, SAYS(DOWN, TIMEOUT),
	  W(MAINT, OPERATOR, 0, OLD, DOWN, TIMEOUT) },
	{ "down, beside an operator's lease", HELD_AHEAD, SAYS(DOWN, TIMEOUT),
	  W(DOWN, OPERATOR, NOW + 1, OLD, DOWN, TIMEOUT) },
	/* no verdict yet */
	{ "nothing known, initial unknown", NOTHING, NO_VERDICT(UNKNOWN),
	  W(UNKNOWN, NONE, 0, OLD, UNKNOWN, NONE) },
	{ "nothing known, initial up", NOTHING, NO_VERDICT(UP),
	  W(UP, NONE, LEASE, BOOT, UP, NONE) },
	{ "nothing known, initial down", NOTHING, NO_VERDICT(DOWN),
	  W(DOWN, NONE, LEASE, BOOT, DOWN, NONE) },
	{ "a state in force stays", TOLD_UP, NO_VERDICT(DOWN), W(UP, OK, LEASE, OLD, UP, OK) },
	{ "a state in force stays", TOLD_DOWN, NO_VERDICT(UP),
	  W(DOWN, TIMEOUT, LEASE, OLD, DOWN, TIMEOUT) },
	{ "what is over does not", RUN_OUT, NO_VERDICT(DOWN), W(UNKNOWN, NONE, 0, BOOT, UP, OK) },
	{ "no verdict after silence", SILENT_UP, NO_VERDICT(DOWN),
	  W(UNKNOWN, NONE, 0, OLD, UP, OK) },
	{ "no verdict, and the path was lost", LOST, NO_VERDICT(UP),
	  W(UNKNOWN, NONE, 0, BOOT, UP, OK) },
	{ "no verdict, held", HELD_AHEAD, NO_VERDICT(UP), W(DOWN, OPERATOR, NOW + 1, OLD, UP, OK) },
	{ "no verdict, held no longer", HELD_OVER, NO_VERDICT(DOWN),
	  W(UNKNOWN, NONE, 0, BOOT, UP, OK) },
	/* unknown for a cause */
	{ "stopped", TOLD_UP, SAYS(UNKNOWN, NOT_REPORTED),
	  W(UNKNOWN, NOT_REPORTED, 0, BOOT, UP, OK) },
	{ "stopped, held", HELD_FOR_GOOD, SAYS(UNKNOWN, NOT_REPORTED),
	  W(MAINT, OPERATOR, 0, OLD, UP, OK) },
	/* nothing has changed */
	{ "a new lease", TOLD_UP, EVENT(RENEW), W(UP, OK, LEASE, OLD, UP, OK) },
	{ "a new lease", TOLD_DOWN, EVENT(RENEW), W(DOWN, TIMEOUT, LEASE, OLD, DOWN, TIMEOUT) },
	{ "back from silence", SILENT_UP, EVENT(RENEW), W(UP, OK, LEASE, BOOT, UP, OK) },
	{ "back from silence", SILENT_DOWN, EVENT(RENEW),
	  W(DOWN, TIMEOUT, LEASE, BOOT, DOWN, TIMEOUT) },
	{ "back from a lost path", LOST, EVENT(RENEW), W(UP, OK, LEASE, BOOT, UP, OK) },
	{ "a lease that was over", RUN_OUT, EVENT(RENEW), W(UP, OK, LEASE, OLD, UP, OK) },
	{ "renewed beside an operator", HELD_FOR_GOOD, EVENT(RENEW),
	  W(MAINT, OPERATOR, 0, OLD, UP, OK) },
	{ "the first renewal after an operator's lease", HELD_OVER, EVENT(RENEW),
	  W(UP, OK, LEASE, BOOT, UP, OK) },
	/* silence, its end, and the path */
	{ "silent", TOLD_UP, EVENT(SILENT), W(UNKNOWN, NODE_SILENT, 0, BOOT, UP, OK) },
	{ "silent, down before", TOLD_DOWN, EVENT(SILENT),
	  W(UNKNOWN, NODE_SILENT, 0, BOOT, DOWN, TIMEOUT) },
	{ "silent from the start", NOTHING, EVENT(SILENT),
	  W(UNKNOWN, NODE_SILENT, 0, OLD, UNKNOWN, NONE) },
	{ "silent, held", HELD_AHEAD, EVENT(SILENT), W(DOWN, OPERATOR, NOW + 1, OLD, UP, OK) },
	{ "silent, held no longer", HELD_OVER, EVENT(SILENT),
	  W(UNKNOWN, NODE_SILENT, 0, BOOT, UP, OK) },
	{ "silent and lost stays lost", LOST, EVENT(SILENT), W(DOWN, PATH_LOST, 0, OLD, UP, OK) },
	{ "its path is lost", SILENT_UP, EVENT(LOST), W(DOWN, PATH_LOST, 0, BOOT, UP, OK) },
	{ "lost again", LOST, EVENT(LOST), W(DOWN, PATH_LOST, 0, OLD, UP, OK) },
	{ "lost, held", HELD_FOR_GOOD, EVENT(LOST), W(MAINT, OPERATOR, 0, OLD, UP, OK) },
	{ "its path is there", SILENT_UP, EVENT(FOUND), W(UNKNOWN, NODE_SILENT, 0, OLD, UP, OK) },
	{ "found after it was lost", LOST, EVENT(FOUND), W(UNKNOWN, NODE_SILENT, 0, BOOT, UP, OK) },
	{ "found, held", HELD_AHEAD, EVENT(FOUND), W(DOWN, OPERATOR, NOW + 1, OLD, UP, OK) },
	{ "not reported", TOLD_UP, EVENT(UNREPORTED), W(UNKNOWN, NOT_REPORTED, 0, BOOT, UP, OK) },
	{ "not reported, lost before", LOST, EVENT(UNREPORTED),
	  W(UNKNOWN, NOT_REPORTED, 0, BOOT, UP, OK) },
	{ "not reported, held", HELD_FOR_GOOD, EVENT(UNREPORTED),
	  W(MAINT, OPERATOR, 0, OLD, UP, OK) },
	{ "reported again", UNREPORTED_UP, EVENT(RENEW), W(UP, OK, LEASE, BOOT, UP, OK) },
};

static void check_entry(const struct row *row, const char *by, const struct xdplb_health *entry)
{
	const struct wanted *want = &row->want;

	cr_expect_eq(entry->state, want->state, "%s (%s): state %d", row->name, by, entry->state);
	cr_expect_eq(entry->cause, want->cause, "%s (%s): cause %d", row->name, by, entry->cause);
	cr_expect_eq(entry->lease, want->lease, "%s (%s): lease %+lld", row->name, by,
		     (long long)(entry->lease - NOW));
	cr_expect_eq(entry->changed, want->changed, "%s (%s): changed %llu", row->name, by,
		     (unsigned long long)entry->changed);
	cr_expect_eq(entry->reported, want->reported, "%s (%s): reported %d", row->name, by,
		     entry->reported);
	cr_expect_eq(entry->reported_cause, want->reported_cause, "%s (%s): reported cause %d",
		     row->name, by, entry->reported_cause);
}

Test(verdicts, rules)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct xdplb_health before = rows[i].before;
		struct xdplb_health next = verdict_next(&before, &rows[i].verdict, &at);

		check_entry(&rows[i], "next", &next);
		cr_expect_eq(next.epoch, rows[i].verdict.event == VERDICT_STATE ? 4 : before.epoch,
			     "%s", rows[i].name);
		cr_expect_arr_eq(&before, &rows[i].before, sizeof(before), "%s", rows[i].name);
	}
}

/* What is stored in a map that others write is what the rules say; an operator's lease stays odd. */
Test(verdicts, written)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xdplb_health entry = rows[i].before;

		verdict_write(&entry, &rows[i].verdict, &at);
		check_entry(&rows[i], "written", &entry);
	}
}

/* The weight goes with the state. */
Test(verdicts, weight)
{
	const struct verdict up = SAYS(UP, OK), renew = EVENT(RENEW);
	struct xdplb_health entry = TOLD_UP, held = HELD_FOR_GOOD;

	entry = verdict_next(&entry, &up, &at);
	cr_expect_eq(entry.weight, 20);
	cr_expect_eq(entry.reported_weight, 20);
	held = verdict_next(&held, &up, &at);
	cr_expect_eq(held.weight, 10);
	cr_expect_eq(held.reported_weight, 20);
	held.lease = NOW - 1;
	held = verdict_next(&held, &renew, &at);
	cr_expect_eq(held.weight, 20);
}

/* A state older than this machine began before its clock. */
Test(verdicts, older_than_the_boot)
{
	struct verdict up = SAYS(UP, OK);
	struct xdplb_health entry = TOLD_DOWN;

	up.age_ms = UINT32_MAX;
	verdict_write(&entry, &up, &at);
	cr_expect_eq(entry.state, UP);
	cr_expect_lt(entry.changed, BOOT);
	cr_expect_neq(entry.changed, OLD, "the change of another state");
}

/* ---- until when the reporter vouches ---- */

struct vouch_row {
	const char *name;
	struct xdplb_health before;
	struct verdict verdict;
	bool vouches;
};

static const struct vouch_row vouch_rows[] = {
	{ "a state", HELD_FOR_GOOD, SAYS(DOWN, TIMEOUT), true },
	{ "a renewal", HELD_FOR_GOOD, EVENT(RENEW), true },
	{ "no verdict, as before", HELD_FOR_GOOD, NO_VERDICT(UNKNOWN), true },
	{ "its initial one", ENTRY(MAINT, OPERATOR, 0, UNKNOWN, NONE), NO_VERDICT(UP), true },
	{ "none, and none before", ENTRY(MAINT, OPERATOR, 0, UNKNOWN, NONE), NO_VERDICT(UNKNOWN),
	  false },
	{ "a renewal of nothing", ENTRY(MAINT, OPERATOR, 0, UNKNOWN, NONE), EVENT(RENEW), false },
	{ "stopped", HELD_FOR_GOOD, SAYS(UNKNOWN, NOT_REPORTED), false },
	{ "unknown for want of means", HELD_FOR_GOOD, SAYS(UNKNOWN, LOCAL), false },
	{ "silent", HELD_FOR_GOOD, EVENT(SILENT), false },
	{ "not reported", HELD_FOR_GOOD, EVENT(UNREPORTED), false },
	{ "lost", HELD_FOR_GOOD, EVENT(LOST), false },
	{ "found", HELD_FOR_GOOD, EVENT(FOUND), false },
};

/* `auto` gives back what is vouched for, and nothing else. */
Test(verdicts, vouched_for)
{
	for (size_t i = 0; i < COUNT(vouch_rows); i++) {
		const struct vouch_row *row = &vouch_rows[i];
		struct xdplb_health entry = row->before;

		verdict_write(&entry, &row->verdict, &at);
		cr_expect_eq(entry.cause, C(OPERATOR), "%s", row->name);
		health_release(&entry, NOW + 1, BOOT);
		if (row->vouches) {
			cr_expect_eq(entry.state, entry.reported, "%s: %d", row->name, entry.state);
			cr_expect_eq(entry.lease, LEASE, "%s: %+lld", row->name,
				     (long long)(entry.lease - NOW));
		} else {
			cr_expect_eq(entry.state, UNKNOWN, "%s: %d", row->name, entry.state);
		}
	}
}
