// SPDX-License-Identifier: BSD-2-Clause
/*
 * The receiver of health: which datagram may change which entry. Datagrams are made by hand here;
 * test_share_link.c has a reporter send them.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "share_world.h"
#include "xdplb/health.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))
#define CHECK      77

static struct share_keys keys;

/* What came out of the receiver; zeroed by whoever counts. */
static struct {
	unsigned int changes, challenges, answers;
	struct share_change last;
	unsigned int of_b1; /* changes of b1 of n2 */
	struct share_change b1;
	struct share_message sent; /* the last one: all are challenges here */
	uint64_t nonces[3]; /* of the last challenge to each */
} out;

static void note_change(void *context, const struct share_change *change)
{
	out.changes++;
	out.last = *change;
	if (change->index != 10)
		return;
	out.of_b1++;
	out.b1 = *change;
}

static void note_send(void *context, size_t reporter, const uint8_t *bytes, size_t length)
{
	cr_assert_eq(share_decode(&keys, bytes, length, &out.sent), SHARE_ACCEPTED);
	out.challenges += out.sent.kind == SHARE_CHALLENGE;
	out.nonces[reporter] = out.sent.nonce;
}

static void note_answer(void *context, size_t reporter, const struct share_message *answer)
{
	out.answers++;
}

static const char *const names[] = { "n2", "n1", "n3" };
static const struct share_slot slots[] = {
	{ 0, "b1", CHECK, 10, 5 },
	{ 0, "b2", CHECK, 11, 8 },
	{ 1, "b1", CHECK, 12, 0 },
};

static struct share_receive_settings settings = {
	.node = "access",
	.keys = &keys,
	.reporters = names,
	.reporter_count = 3,
	.slots = slots,
	.slot_count = ROWS(slots),
	.sink = { NULL, note_change, note_send, note_answer },
};

static struct share_receive *start(uint64_t now)
{
	struct share_receive *receive;
	struct error error;

	world_keys("cluster", &keys);
	memset(&out, 0, sizeof(out));
	cr_assert_eq(share_receive_new(&settings, now, &receive, &error), 0, "%s", error.text);
	share_receive_tick(receive, now);
	return receive;
}

static struct share_entry make_entry(const char *backend, uint8_t state)
{
	return (struct share_entry){
		.backend = share_hash_name(backend), .check = CHECK, .state = state, .time = 40
	};
}

/* A part of node @names[0] with b1 in @state; its set has one entry, its digest is that of it. */
static struct share_message make_message(enum share_kind kind, uint64_t incarnation,
					 uint64_t sequence, uint8_t state)
{
	struct share_message message = {
		.kind = kind,
		.node = "n2",
		.incarnation = incarnation,
		.sequence = sequence,
		.total = 1,
		.parts = 1,
		.count = 1,
		.entries = { make_entry("b1", state) },
	};

	message.digest = share_digest(&message.entries[0]);
	if (kind == SHARE_CHECK_ANSWER)
		message.action = SHARE_CHECK_ONCE;
	return message;
}

static enum share_refusal deliver(struct share_receive *receive,
				  const struct share_message *message, uint64_t now)
{
	uint8_t bytes[SHARE_DATAGRAM_MAX];
	int length = share_encode(&keys, message, bytes);

	cr_assert_gt(length, 0);
	return share_receive_datagram(receive, bytes, (size_t)length, now);
}

/* Make it follow @incarnation of n2, which answers the challenge with @sequence. */
static uint64_t follow(struct share_receive *receive, uint64_t incarnation, uint64_t sequence,
		       uint64_t now)
{
	struct share_message message =
		make_message(SHARE_HEARTBEAT, incarnation, sequence, XDPLB_HEALTH_UP);

	cr_assert_eq(deliver(receive, &message, now), SHARE_REFUSED_INCARNATION);
	cr_assert(out.nonces[0]);
	message.kind = SHARE_CHALLENGE_ANSWER;
	message.nonce = out.nonces[0];
	cr_assert_eq(deliver(receive, &message, now), SHARE_ACCEPTED);
	return message.nonce;
}

/* Incarnation A (0xa) is followed from sequence number 5000 on, b1 up. */
Test(share_receive, admission)
{
	static const struct {
		const char *row;
		enum share_kind kind;
		uint64_t incarnation, sequence;
		const char *node;
		enum share_refusal why;
		unsigned int changes; /* b1 is said to be down */
	} rows[] = {
		{ "news", SHARE_STATES, 0xa, 5001, "n2", SHARE_ACCEPTED, 1 },
		{ "heartbeat", SHARE_HEARTBEAT, 0xa, 5001, "n2", SHARE_ACCEPTED, 1 },
		{ "far ahead", SHARE_STATES, 0xa, 1ULL << 40, "n2", SHARE_ACCEPTED, 1 },
		{ "replayed", SHARE_STATES, 0xa, 5000, "n2", SHARE_REFUSED_DUPLICATE, 0 },
		{ "before the answer", SHARE_STATES, 0xa, 4999, "n2", SHARE_REFUSED_OLD, 0 },
		{ "number 0", SHARE_STATES, 0xa, 0, "n2", SHARE_REFUSED_OLD, 0 },
		{ "other incarnation", SHARE_STATES, 9, 9000, "n2", SHARE_REFUSED_INCARNATION, 0 },
		{ "old answer", SHARE_CHALLENGE_ANSWER, 9, 9000, "n2", SHARE_REFUSED_INCARNATION,
		  0 },
		{ "other node", SHARE_STATES, 0xa, 5001, "n1", SHARE_REFUSED_INCARNATION, 0 },
		{ "unknown node", SHARE_STATES, 0xa, 5001, "n4", SHARE_REFUSED_NODE, 0 },
		{ "this node", SHARE_STATES, 0xa, 5001, "access", SHARE_REFUSED_NODE, 0 },
		{ "challenge", SHARE_CHALLENGE, 0xa, 5001, "n2", SHARE_REFUSED_KIND, 0 },
		{ "check answer", SHARE_CHECK_ANSWER, 0xa, 5001, "n2", SHARE_ACCEPTED, 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct share_receive *receive = start(1000);
		uint64_t nonce = follow(receive, 0xa, 5000, 1000);
		struct share_message message = make_message(rows[i].kind, rows[i].incarnation,
							    rows[i].sequence, XDPLB_HEALTH_DOWN);
		enum share_refusal why;

		cr_assert(out.of_b1 == 1 && out.b1.kind == SHARE_CHANGE_STATE);
		cr_assert(out.b1.state == XDPLB_HEALTH_UP);
		cr_assert_eq(out.b1.age_ms, 40);
		cr_assert_eq(out.b1.epoch, 9, "one more than the highest found");
		memset(&out, 0, sizeof(out));
		strcpy(message.node, rows[i].node);
		message.nonce = nonce;
		why = deliver(receive, &message, 1100);
		cr_expect_eq(why, rows[i].why, "%s: %s", rows[i].row, share_refusal_names[why]);
		cr_expect_eq(share_receive_counters(receive)->refused[rows[i].why],
			     (rows[i].why != 0) + (rows[i].why == SHARE_REFUSED_INCARNATION), "%s",
			     rows[i].row);
		cr_expect_eq(out.of_b1, rows[i].changes, "%s: changes", rows[i].row);
		cr_expect_eq(out.answers, rows[i].kind == SHARE_CHECK_ANSWER, "%s", rows[i].row);
		if (rows[i].changes)
			cr_expect_eq(out.b1.state, XDPLB_HEALTH_DOWN, "%s", rows[i].row);
		share_receive_free(receive);
	}
}

Test(share_receive, window)
{
	static const struct {
		uint64_t sequence;
		enum share_refusal why;
	} rows[] = {
		{ 5000 + 1, SHARE_ACCEPTED },
		{ 5000 + 3, SHARE_ACCEPTED },
		{ 5000 + 2, SHARE_ACCEPTED },
		{ 5000 + 2, SHARE_REFUSED_DUPLICATE },
		{ 5000 + 1024, SHARE_ACCEPTED },
		{ 5000 + 4, SHARE_ACCEPTED },
		{ 5000 + 1023, SHARE_ACCEPTED },
		{ 5000 + 1023, SHARE_REFUSED_DUPLICATE },
		{ 5000, SHARE_REFUSED_OLD },
		{ 5000 + 3, SHARE_REFUSED_DUPLICATE },
		{ 5000 + 1029, SHARE_ACCEPTED },
		{ 5000 + 5, SHARE_REFUSED_OLD },
		{ 5000 + 6, SHARE_ACCEPTED },
		{ 5000 + 1028, SHARE_ACCEPTED },
		{ 5000 + 1024, SHARE_REFUSED_DUPLICATE },
		{ 90000, SHARE_ACCEPTED },
		{ 90000 - 1023, SHARE_ACCEPTED },
		{ 90000 - 1024, SHARE_REFUSED_OLD },
		{ 90000, SHARE_REFUSED_DUPLICATE },
		{ 5000 + 1030, SHARE_REFUSED_OLD },
	};
	struct share_receive *receive = start(1000);

	follow(receive, 0xa, 5000, 1000);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct share_message message =
			make_message(SHARE_STATES, 0xa, rows[i].sequence, XDPLB_HEALTH_UP);
		enum share_refusal why = deliver(receive, &message, 1000 + i);

		cr_expect_eq(why, rows[i].why, "row %zu: %s", i, share_refusal_names[why]);
	}
	share_receive_free(receive);
}

/* The last part of the answer comes first: the others count, what was sent before them does not. */
Test(share_receive, answer_reordered)
{
	static const struct {
		uint64_t sequence;
		uint16_t part;
		enum share_refusal why;
	} rows[] = {
		{ 12, 2, SHARE_ACCEPTED },          { 10, 0, SHARE_ACCEPTED },
		{ 9, 2, SHARE_REFUSED_OLD },        { 11, 1, SHARE_ACCEPTED },
		{ 10, 0, SHARE_REFUSED_DUPLICATE }, { 8, 1, SHARE_REFUSED_OLD },
	};
	struct share_receive *receive = start(1000);

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct share_message message = make_message(SHARE_CHALLENGE_ANSWER, 0xa,
							    rows[i].sequence, XDPLB_HEALTH_UP);

		message.part = rows[i].part;
		message.parts = 3;
		message.nonce = out.nonces[0];
		cr_expect_eq(deliver(receive, &message, 1000), rows[i].why, "row %zu", i);
	}
	share_receive_free(receive);
}

/* A late datagram brings what is not known yet, and leaves alone what is known better. */
Test(share_receive, overtaken)
{
	struct share_receive *receive = start(1000);
	struct share_reporter_view view;
	struct share_message message;

	follow(receive, 0xb, 7, 1000);
	message = make_message(SHARE_STATES, 0xb, 9, XDPLB_HEALTH_DOWN);
	cr_assert_eq(deliver(receive, &message, 1010), SHARE_ACCEPTED);
	message = make_message(SHARE_STATES, 0xb, 8, XDPLB_HEALTH_MAINTENANCE);
	memset(&out, 0, sizeof(out));
	cr_assert_eq(deliver(receive, &message, 1020), SHARE_ACCEPTED);
	cr_expect_eq(out.changes, 0);
	cr_expect_eq(share_receive_counters(receive)->refused[SHARE_REFUSED_OVERTAKEN], 1);
	share_receive_view(receive, 0, &view);
	cr_expect(view.complete && view.known == 1 && view.incarnation == 0xb);
	share_receive_free(receive);
}

/* An entry that the file does not have here is kept for the digest and changes nothing; what the
 * reporter does not report is unknown; more entries than the set has are refused. */
Test(share_receive, other_sets)
{
	struct share_receive *receive = start(1000);
	struct share_message message = make_message(SHARE_HEARTBEAT, 0xa, 1, XDPLB_HEALTH_UP);
	const struct share_counters *counters = share_receive_counters(receive);
	struct share_reporter_view view;

	message.entries[0] = make_entry("b3", XDPLB_HEALTH_UP);
	message.digest = share_digest(&message.entries[0]);
	deliver(receive, &message, 1100);
	message.kind = SHARE_CHALLENGE_ANSWER;
	message.nonce = out.nonces[0];
	message.sequence = 2;
	memset(&out, 0, sizeof(out));
	cr_assert_eq(deliver(receive, &message, 1100), SHARE_ACCEPTED);
	cr_expect_eq(out.changes, 2, "b1 and b2 are not reported");
	cr_expect_eq(out.last.kind, SHARE_CHANGE_UNREPORTED);
	cr_expect_eq(counters->refused[SHARE_REFUSED_ENTRY], 1);
	share_receive_view(receive, 0, &view);
	cr_expect(view.complete, "no need to ask for ever");
	message.sequence = 3;
	message.entries[0] = make_entry("b1", XDPLB_HEALTH_UP);
	cr_assert_eq(deliver(receive, &message, 1100), SHARE_ACCEPTED);
	cr_expect_eq(counters->refused[SHARE_REFUSED_SET], 1, "a second entry of one");
	message.sequence = 4;
	message.total = 2;
	cr_expect_eq(deliver(receive, &message, 1100), SHARE_REFUSED_SET);
	cr_expect_eq(out.changes, 2);
	share_receive_free(receive);
}

/* An answer to an earlier nonce, or a second one to the same, makes nobody followed. */
Test(share_receive, nonces)
{
	struct share_receive *receive = start(1000);
	uint64_t first = follow(receive, 0xa, 1, 1000);
	struct share_message message =
		make_message(SHARE_CHALLENGE_ANSWER, 0xb, 1, XDPLB_HEALTH_DOWN);

	message.nonce = first;
	cr_expect_eq(deliver(receive, &message, 1100), SHARE_REFUSED_INCARNATION, "closed");
	cr_expect_neq(out.nonces[0], first, "asked with another nonce");
	message.nonce = 0;
	cr_expect_eq(deliver(receive, &message, 1101), SHARE_REFUSED_INCARNATION, "zero");
	message.nonce = first = out.nonces[0];
	share_receive_tick(receive, 1200);
	cr_expect_eq(out.nonces[0], first, "asked again with the same");
	share_receive_tick(receive, 1100 + SHARE_NONCE_MS + 100);
	cr_expect_neq(out.nonces[0], first, "not for ever");
	cr_expect_eq(deliver(receive, &message, 3300), SHARE_REFUSED_INCARNATION, "expired");
	message.nonce = out.nonces[0];
	cr_expect_eq(deliver(receive, &message, 3300), SHARE_ACCEPTED);
	cr_expect_eq(out.b1.epoch, 10, "the second that was followed");
	cr_expect_eq(out.b1.state, XDPLB_HEALTH_DOWN);
	message = make_message(SHARE_STATES, 0xa, 2, XDPLB_HEALTH_UP);
	cr_expect_eq(deliver(receive, &message, 3400), SHARE_REFUSED_INCARNATION, "the older self");
	share_receive_free(receive);
}

/* The times of challenges and of silence, when nobody ever answers. */
Test(share_receive, schedule)
{
	struct share_receive *receive = start(1000);
	uint64_t due = 1000, silent = 0;

	memset(&out, 0, sizeof(out));
	for (uint64_t now = 1001; now <= 10000; now++) {
		if (now >= due)
			due = share_receive_tick(receive, now);
		cr_assert_gt(due, now);
		if (out.changes == 3 && !silent)
			silent = now;
	}
	cr_expect_eq(silent, 1000 + SHARE_MISSED * SHARE_INTERVAL_MS);
	cr_expect_eq(out.changes, 3, "each slot once");
	cr_expect_eq(out.last.kind, SHARE_CHANGE_SILENT);
	/* 3 nodes: 40 in the first 4 s at 100 ms, then one a second up to 10 s */
	cr_expect_leq(out.challenges, 3 * 46);
	cr_expect_geq(out.challenges, 3 * 44);
	share_receive_free(receive);
}

Test(share_receive, replays_cost_little)
{
	struct share_receive *receive = start(1000);
	struct share_message message = make_message(SHARE_STATES, 0xb, 1, XDPLB_HEALTH_DOWN);

	follow(receive, 0xa, 1, 1000);
	memset(&out, 0, sizeof(out));
	for (uint64_t now = 1000; now < 2000; now++)
		deliver(receive, &message, now);
	cr_expect_eq(out.changes, 0);
	cr_expect_leq(out.challenges, 10);
	share_receive_free(receive);
}

Test(share_receive, slots_that_clash)
{
	static const struct share_slot twice[] = { { 0, "b1", 1 }, { 1, "b1", 1 }, { 0, "b1", 1 } };
	static const struct share_slot nobody[] = { { 3, "b1", 1 } };
	struct share_receive_settings other = settings;
	struct share_receive *receive = NULL;
	struct error error;

	other.slots = twice;
	cr_expect_eq(share_receive_new(&other, 0, &receive, &error), -EEXIST);
	cr_expect(strstr(error.text, "backends b1 and b1"), "%s", error.text);
	other.slot_count = 2;
	cr_expect_eq(share_receive_new(&other, 0, &receive, &error), 0, "of two nodes");
	share_receive_free(receive);
	other.slots = nobody;
	other.slot_count = 1;
	cr_expect_eq(share_receive_new(&other, 0, &receive, &error), -EINVAL);
}
