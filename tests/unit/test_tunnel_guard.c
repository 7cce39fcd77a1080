// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether a tunnel carries PTP and by which LSP: steps of what is seen, and what comes of it; two ends
 * that see different things.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/tunnel_guard.h"

/*
 * A step is a letter: t a tick, an interval after the one before, at which a probe is sent over each
 * LSP; l one that comes 20 intervals after, k one at the same time; e one without room for the probes,
 * n one where the interface is down; a, A the primary's, the backup's probe is answered; w, W a walk of it
 * without a fault; s, S one that nobody answered; x, X one that went another way; f1 f2 f3 f0 the far
 * end sees primary, backup, both, none whole. After it the state: d down, p up by the primary, b by
 * the backup.
 */
static const struct {
	const char *name, *steps;
	bool has_backup;
	char state;
	uint8_t cause;
} rows[] = {
	{ "new: down", "", false, 'd', XDPLB_TUNNEL_NOT_VERIFIED },
	{ "probes alone do not bring it up", "tatata", false, 'd', XDPLB_TUNNEL_NOT_VERIFIED },
	{ "one walk does", "w", false, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "answered", "wtatatatatata", false, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "three probes are under way", "wttt", false, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "three were missed", "wtttt", false, 'd', XDPLB_TUNNEL_SILENT },
	{ "answered late, each of them", "wttatatatatatatat", false, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "looked late: two were under way", "wtll", false, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "looked late all the time, missed all the same", "wtlll", false, 'd',
	  XDPLB_TUNNEL_SILENT },
	{ "late, and again at once", "wtlklk", false, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "many ticks at once", "wtkkkkkkkk", false, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "no room for probes: nobody missed them", "wtateeeeeeee", false, 'p',
	  XDPLB_TUNNEL_VERIFIED },
	{ "two missed, no room, one more", "wttteeeet", false, 'd', XDPLB_TUNNEL_SILENT },
	{ "no room for ever", "wtaeeeeeeeeeeeeeeeeeeeeeeeee", false, 'd', XDPLB_TUNNEL_SILENT },
	{ "the interface is down: lost", "wtannn", false, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "three of them", "wtannnn", false, 'd', XDPLB_TUNNEL_SILENT },
	{ "missed, but not in a row", "wtttattt", false, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "silent walk", "ws", false, 'd', XDPLB_TUNNEL_SILENT },
	{ "another way, though probes are answered", "wtaxta", false, 'd', XDPLB_TUNNEL_WRONG_WAY },
	{ "two walks are not enough", "wxww", false, 'd', XDPLB_TUNNEL_WRONG_WAY },
	{ "three are", "wxwww", false, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "but in a row", "wxwwsww", false, 'd', XDPLB_TUNNEL_SILENT },
	{ "a new one that failed its first walk needs one", "sw", false, 'p',
	  XDPLB_TUNNEL_VERIFIED },
	{ "both whole: the primary", "wW", true, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "the primary is silent", "wWtAtAtAtA", true, 'b', XDPLB_TUNNEL_VERIFIED },
	{ "the backup is silent", "wWtatatatata", true, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "both are: nowhere to go", "wWtttttttttt", true, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "for long", "wWttttttttttt", true, 'd', XDPLB_TUNNEL_SILENT },
	{ "both were, the backup is answered first", "wWttttttAt", true, 'p',
	  XDPLB_TUNNEL_VERIFIED },
	{ "and again and again, the primary not", "wWttttttAtAtAt", true, 'b',
	  XDPLB_TUNNEL_VERIFIED },
	{ "the same, answered late", "wWttttttAtAtat", true, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "back to the primary", "wWsWwww", true, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "not before it has proved itself", "wWsWww", true, 'b', XDPLB_TUNNEL_VERIFIED },
	{ "the far end does not see the primary whole", "wWf2", true, 'b', XDPLB_TUNNEL_VERIFIED },
	{ "nor the backup", "wWf0", true, 'd', XDPLB_TUNNEL_SILENT },
	{ "it sees what is down here", "wWsf1", true, 'd', XDPLB_TUNNEL_SILENT },
	{ "and again", "wWf0f3", true, 'p', XDPLB_TUNNEL_VERIFIED },
	{ "no backup: what the far end says of it is nothing", "wf2", false, 'd',
	  XDPLB_TUNNEL_SILENT },
};

#define INTERVAL 10000000ULL

static uint64_t clock_now = 1, told;

static void tick(struct tunnel_guard *guard, char letter)
{
	int err = letter == 'e' ? -ENOBUFS : letter == 'n' ? -ENETDOWN : 0;

	clock_now += letter == 'l' ? 20 * INTERVAL : letter == 'k' ? 0 : INTERVAL;
	tunnel_guard_tick(guard, clock_now);
	tunnel_guard_sent(guard, 0, err);
	if (guard->lsps[1].exists)
		tunnel_guard_sent(guard, 1, err);
}

static size_t take_step(struct tunnel_guard *guard, const char *step)
{
	unsigned int lsp = *step >= 'A' && *step <= 'Z';
	int bits = step[1] - '0';
	bool far[2] = { bits & 1, bits >> 1 & 1 };

	switch (*step | 0x20) {
	case 't':
	case 'l':
	case 'k':
	case 'e':
	case 'n':
		tick(guard, *step);
		break;
	case 'a':
		tunnel_guard_answer(guard, lsp);
		break;
	case 'w':
		tunnel_guard_walk(guard, lsp, 0);
		break;
	case 's':
		tunnel_guard_walk(guard, lsp, -ENETUNREACH);
		break;
	case 'x':
		tunnel_guard_walk(guard, lsp, -EPROTO);
		break;
	default:
		cr_assert(tunnel_guard_hear(guard, far, 1, ++told));
		return 2;
	}
	return 1;
}

static char letter(struct tunnel_choice choice)
{
	return choice.state == XDPLB_TUNNEL_DOWN ? 'd' : choice.backup ? 'b' : 'p';
}

Test(tunnel_guard, rows)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tunnel_choice choice;
		struct tunnel_guard guard;

		tunnel_guard_init(&guard, INTERVAL, 3);
		tunnel_guard_add(&guard, 0, false);
		if (rows[i].has_backup)
			tunnel_guard_add(&guard, 1, false);
		for (const char *step = rows[i].steps; *step;)
			step += take_step(&guard, step);
		choice = tunnel_guard_choose(&guard);
		cr_expect_eq(letter(choice), rows[i].state, "%s: %c", rows[i].name, letter(choice));
		cr_expect_eq(choice.cause, rows[i].cause, "%s: %u", rows[i].name, choice.cause);
	}
}

Test(tunnel_guard, what_was_up_stays_up)
{
	struct tunnel_guard guard;

	tunnel_guard_init(&guard, INTERVAL, 3);
	tunnel_guard_add(&guard, 0, true);
	cr_expect_eq(letter(tunnel_guard_choose(&guard)), 'p');
}

/* A message that is sent again, or comes late, changes nothing; a new agent is heard. */
Test(tunnel_guard, old_messages)
{
	const bool both[2] = { true, true }, none[2] = { false, false };
	struct tunnel_guard guard;

	tunnel_guard_init(&guard, INTERVAL, 3);
	tunnel_guard_add(&guard, 0, true);
	cr_expect(tunnel_guard_hear(&guard, none, 7, 1000));
	cr_expect(!tunnel_guard_hear(&guard, both, 7, 1000));
	cr_expect(!tunnel_guard_hear(&guard, both, 7, 999));
	cr_expect(!tunnel_guard_hear(&guard, both, 8, 999), "of an earlier agent");
	cr_expect_eq(letter(tunnel_guard_choose(&guard)), 'd');
	cr_expect(tunnel_guard_hear(&guard, both, 8, 1001));
	cr_expect_eq(letter(tunnel_guard_choose(&guard)), 'p');
}

/* An agent that is gone has no say; its node's datapath answers probes all the same. */
Test(tunnel_guard, the_far_agent_ends)
{
	const bool none[2] = { false, false };
	struct tunnel_guard guard;

	tunnel_guard_init(&guard, INTERVAL, 3);
	tunnel_guard_add(&guard, 0, true);
	tunnel_guard_hear(&guard, none, 1, 1);
	tick(&guard, 't');
	for (int i = 0; i < TUNNEL_GUARD_FAR_TICKS; i++) {
		tick(&guard, 't');
		tunnel_guard_answer(&guard, 0);
	}
	cr_expect_eq(letter(tunnel_guard_choose(&guard)), 'd');
	tick(&guard, 't');
	cr_expect_eq(letter(tunnel_guard_choose(&guard)), 'p');
}

Test(tunnel_guard, what_a_tick_counts_for)
{
	struct tunnel_guard guard;

	tunnel_guard_init(&guard, INTERVAL, 3);
	tunnel_guard_add(&guard, 0, true);
	cr_expect_eq(tunnel_guard_tick(&guard, 5 * INTERVAL), 0, "the first");
	cr_expect_eq(tunnel_guard_tick(&guard, 6 * INTERVAL), INTERVAL);
	cr_expect_eq(tunnel_guard_tick(&guard, 9 * INTERVAL), INTERVAL, "late");
	cr_expect_eq(tunnel_guard_tick(&guard, 9 * INTERVAL + 7), 7, "early");
}

/* Two ends that see whatever they see, and tell each other: once told, both choose the same LSP. */
Test(tunnel_guard, both_ends_choose_alike)
{
	static const char steps[] = "ttttttaAwWwWsxSX";
	struct tunnel_guard ends[2];
	unsigned int seed = 5;
	size_t seen[128] = { 0 };

	for (int end = 0; end < 2; end++) {
		tunnel_guard_init(&ends[end], INTERVAL, 3);
		tunnel_guard_add(&ends[end], 0, false);
		tunnel_guard_add(&ends[end], 1, false);
	}
	for (uint64_t round = 1; round < 20000; round++) {
		char letters[2];

		for (int end = 0; end < 2; end++)
			take_step(&ends[end], &steps[(size_t)rand_r(&seed) % (sizeof(steps) - 1)]);
		for (int end = 0; end < 2; end++) {
			const bool whole[2] = { ends[end].lsps[0].is_whole,
						ends[end].lsps[1].is_whole };

			tunnel_guard_hear(&ends[!end], whole, 1, round);
		}
		for (int end = 0; end < 2; end++)
			letters[end] = letter(tunnel_guard_choose(&ends[end]));
		cr_assert_eq(letters[0], letters[1], "round %lu: %c, %c", (unsigned long)round,
			     letters[0], letters[1]);
		seen[(int)letters[0]]++;
	}
	cr_expect_gt(seen['p'], 100);
	cr_expect_gt(seen['b'], 100);
	cr_expect_gt(seen['d'], 100);
}
