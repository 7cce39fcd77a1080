// SPDX-License-Identifier: BSD-2-Clause
/*
 * The reporter of health: what is sent when, and what it takes from receivers.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "share_world.h"
#include "xdplb/health.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))
#define COUNT      100

static struct share_keys keys;
static uint64_t now;

/* What came out. */
static struct {
	size_t count; /* of datagrams */
	struct {
		uint64_t at;
		size_t to;
		struct share_message message;
	} all[64];
	unsigned int requests;
} out;

static void note_send(void *context, size_t receiver, const uint8_t *bytes, size_t length)
{
	cr_assert_lt(out.count, ROWS(out.all));
	cr_assert_eq(share_decode(&keys, bytes, length, &out.all[out.count].message),
		     SHARE_ACCEPTED);
	out.all[out.count].at = now;
	out.all[out.count++].to = receiver;
}

static void note_request(void *context, size_t receiver, const struct share_message *request)
{
	out.requests++;
}

static char names[COUNT][24];

static struct share_item make_item(size_t i, uint8_t state)
{
	return (struct share_item){ .backend = names[i], .check = 1, .state = state };
}

static void run(struct share_send *send, uint64_t until)
{
	for (; now < until; now++)
		share_send_tick(send, now);
}

/* Started at 1000, the first heartbeat sent and forgotten. */
static struct share_send *start(void)
{
	static const char *const receivers[] = { "a1", "a2" };
	struct share_send_settings settings = {
		.node = "n1",
		.keys = &keys,
		.receivers = receivers,
		.receiver_count = 2,
		.sink = { NULL, note_send, note_request },
	};
	struct share_item items[COUNT];
	struct share_send *send;
	struct error error;

	world_keys("cluster", &keys);
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "b%zu", i);
		items[i] = make_item(i, XDPLB_HEALTH_UP);
	}
	memset(&out, 0, sizeof(out));
	now = 1000;
	cr_assert_eq(share_send_new(&settings, &send, &error), 0);
	cr_assert_eq(share_send_set(send, items, COUNT, now, &error), 0, "%s", error.text);
	run(send, 1001);
	cr_assert(out.count == 1 && out.all[0].message.kind == SHARE_HEARTBEAT);
	out.count = 0;
	return send;
}

static enum share_refusal deliver(struct share_send *send, const struct share_message *message)
{
	uint8_t bytes[SHARE_DATAGRAM_MAX];
	int length = share_encode(&keys, message, bytes);

	cr_assert_gt(length, 0);
	return share_send_datagram(send, bytes, (size_t)length, now);
}

static void change(struct share_send *send, size_t i, uint8_t state)
{
	struct share_item item = make_item(i, state);

	share_send_change(send, i, &item, now);
}

/* One change: at once, the repeats, four heartbeats, and then no more of it. */
Test(share_send, one_change)
{
	static const struct {
		uint64_t at;
		enum share_kind kind;
		uint16_t entries;
	} rows[] = {
		{ 1100, SHARE_STATES, 1 },    { 1120, SHARE_STATES, 1 },
		{ 1150, SHARE_STATES, 1 },    { 1200, SHARE_STATES, 1 },
		{ 1300, SHARE_STATES, 1 },    { 1500, SHARE_HEARTBEAT, 1 },
		{ 2000, SHARE_HEARTBEAT, 1 }, { 2500, SHARE_HEARTBEAT, 1 },
		{ 3000, SHARE_HEARTBEAT, 1 }, { 3500, SHARE_HEARTBEAT, 0 },
		{ 4000, SHARE_HEARTBEAT, 0 },
	};
	struct share_send *send = start();

	run(send, 1100);
	change(send, 3, XDPLB_HEALTH_DOWN);
	change(send, 3, XDPLB_HEALTH_DOWN);
	run(send, 4001);
	cr_assert_eq(out.count, ROWS(rows), "%zu datagrams", out.count);
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct share_message *message = &out.all[i].message;

		cr_expect_eq(out.all[i].at, rows[i].at, "row %zu: at %lu", i, out.all[i].at);
		cr_expect_eq(message->kind, rows[i].kind, "row %zu", i);
		cr_expect_eq(message->count, rows[i].entries, "row %zu", i);
		cr_expect_eq(message->sequence, i + 2, "row %zu", i);
		cr_expect_eq(out.all[i].to, SHARE_ALL, "row %zu", i);
		if (!message->count)
			continue;
		cr_expect_eq(message->entries[0].state, XDPLB_HEALTH_DOWN, "row %zu", i);
		cr_expect_eq(message->entries[0].time, rows[i].at - 1100, "row %zu: age", i);
		cr_expect_eq(message->entries[0].backend, share_hash_name("b3"), "row %zu", i);
	}
	share_send_free(send);
}

Test(share_send, nothing_new_is_not_sent)
{
	struct share_send *send = start();

	run(send, 1100);
	change(send, 3, XDPLB_HEALTH_UP);
	run(send, 1500);
	cr_expect_eq(out.count, 0);
	share_send_free(send);
}

/* All entries at once go in parts; entries that flap are brought together. */
Test(share_send, many_changes)
{
	struct share_send *send = start();

	run(send, 1100);
	for (size_t i = 0; i < COUNT; i++)
		change(send, i, XDPLB_HEALTH_DOWN);
	run(send, 1101);
	cr_assert_eq(out.count, 3);
	for (uint16_t part = 0; part < 3; part++) {
		cr_expect_eq(out.all[part].message.part, part);
		cr_expect_eq(out.all[part].message.parts, 3);
		cr_expect_eq(out.all[part].message.count, part < 2 ? 42 : 16);
		cr_expect_eq(out.all[part].message.digest, out.all[0].message.digest);
	}
	share_send_free(send);

	send = start();
	for (run(send, 1100); now < 2100;) {
		change(send, 5, now / 10 % 2 ? XDPLB_HEALTH_DOWN : XDPLB_HEALTH_UP);
		run(send, now + 10);
	}
	cr_expect_leq(out.count, 53, "%zu datagrams in a second", out.count);
	share_send_free(send);
}

/* A pause of the process: one heartbeat, not all those that were missed. */
Test(share_send, pause)
{
	struct share_send *send = start();

	now = 60000;
	cr_expect_eq(share_send_tick(send, now), 60500);
	cr_expect_eq(out.count, 1);
	share_send_free(send);
}

static struct share_message make_challenge(const char *node)
{
	struct share_message message = {
		.kind = SHARE_CHALLENGE, .incarnation = 1, .sequence = 1, .parts = 1, .nonce = 99
	};

	strcpy(message.node, node);
	return message;
}

Test(share_send, challenges)
{
	struct share_send *send = start();
	struct share_message challenge = make_challenge("a2");

	cr_assert_eq(deliver(send, &challenge), SHARE_ACCEPTED);
	cr_assert_eq(out.count, 3, "the full set");
	for (uint16_t part = 0; part < 3; part++) {
		const struct share_message *answer = &out.all[part].message;

		cr_expect(answer->kind == SHARE_CHALLENGE_ANSWER && answer->nonce == 99);
		cr_expect(answer->part == part && answer->parts == 3);
		cr_expect_eq(answer->sequence, 2U + part, "in a row: the floor depends on it");
		cr_expect_eq(out.all[part].to, 1, "to the one who asked");
	}
	challenge.peer_incarnation = share_send_incarnation(send);
	challenge.total = COUNT;
	challenge.digest = out.all[0].message.digest;
	out.count = 0;
	cr_assert_eq(deliver(send, &challenge), SHARE_ACCEPTED);
	cr_expect(out.count == 1 && out.all[0].message.count == 0, "nothing lacks");
	challenge.peer_incarnation ^= 1;
	out.count = 0;
	cr_assert_eq(deliver(send, &challenge), SHARE_ACCEPTED);
	cr_expect_eq(out.count, 3, "of another incarnation");
	/* The rate: 4 in a row, then one each 50 ms; the other receiver has its own. */
	cr_expect_eq(deliver(send, &challenge), SHARE_ACCEPTED);
	cr_expect_eq(deliver(send, &challenge), SHARE_REFUSED_RATE);
	now += SHARE_ANSWER_MS;
	cr_expect_eq(deliver(send, &challenge), SHARE_ACCEPTED);
	cr_expect_eq(deliver(send, &challenge), SHARE_REFUSED_RATE);
	challenge = make_challenge("a1");
	cr_expect_eq(deliver(send, &challenge), SHARE_ACCEPTED);
	challenge = make_challenge("a3");
	cr_expect_eq(deliver(send, &challenge), SHARE_REFUSED_NODE);
	challenge = make_challenge("a1");
	challenge.kind = SHARE_STATES;
	cr_expect_eq(deliver(send, &challenge), SHARE_REFUSED_KIND);
	share_send_free(send);
}

/* Own number is 1 when the rows begin; each row but the last ones stands alone. */
Test(share_send, requests)
{
	static const struct {
		const char *row;
		uint64_t flip, sequence, nonce; /* flip: of the incarnation */
		uint16_t part;
		enum share_refusal why;
	} rows[] = {
		{ "fresh", 0, 1, 1, 0, SHARE_ACCEPTED },
		{ "again", 0, 1, 1, 0, SHARE_REFUSED_REPEATED },
		{ "its other part", 0, 1, 1, 1, SHARE_ACCEPTED },
		{ "nonce 0", 0, 1, 0, 0, SHARE_ACCEPTED },
		{ "nonce 0 again", 0, 1, 0, 0, SHARE_REFUSED_REPEATED },
		{ "to an older self", 1, 1, 2, 0, SHARE_REFUSED_STALE },
		{ "a number not sent yet", 0, 2, 3, 0, SHARE_REFUSED_STALE },
		{ "number 0", 0, 0, 4, 0, SHARE_REFUSED_STALE },
	};
	struct share_send *send = start();
	struct share_message request = make_challenge("a1");
	unsigned int taken = 0;

	request.kind = SHARE_CHECK_REQUEST;
	request.action = SHARE_CHECK_STOP;
	request.parts = 2;
	for (size_t i = 0; i < ROWS(rows); i++) {
		enum share_refusal why;

		request.peer_incarnation = share_send_incarnation(send) ^ rows[i].flip;
		request.peer_sequence = rows[i].sequence;
		request.nonce = rows[i].nonce;
		request.part = rows[i].part;
		why = deliver(send, &request);
		cr_expect_eq(why, rows[i].why, "%s: %s", rows[i].row, share_refusal_names[why]);
		taken += !why;
		cr_expect_eq(out.requests, taken, "%s", rows[i].row);
	}
	/* The memory is full: what is forgotten is stale, until a newer number is known. */
	request.peer_incarnation = share_send_incarnation(send);
	request.peer_sequence = 1;
	for (request.nonce = 1000; request.nonce < 2000 && !deliver(send, &request);
	     request.nonce++)
		taken++;
	cr_expect_eq(taken, SHARE_REQUESTS);
	request.nonce = 1;
	cr_expect_eq(deliver(send, &request), SHARE_REFUSED_STALE);
	run(send, 1501);
	request.nonce = 5000;
	request.peer_sequence = 2;
	cr_expect_eq(deliver(send, &request), SHARE_ACCEPTED);
	share_send_free(send);
}

Test(share_send, check_answers)
{
	static struct share_entry entries[SHARE_ENTRIES_MAX + 1];
	struct share_results results = { SHARE_CHECK_ONCE, 5, 6, entries, ROWS(entries) };
	struct share_send *send = start();

	entries[SHARE_ENTRIES_MAX].time = 1234;
	cr_expect_eq(share_send_answer(send, 1, &results), 0);
	cr_assert_eq(out.count, 2);
	cr_expect(out.all[1].message.count == 1 && out.all[1].message.entries[0].time == 1234);
	cr_expect(out.all[1].message.part == 1 && out.all[1].message.parts == 2);
	cr_expect(out.all[1].message.nonce == 5 && out.all[1].message.service == 6);
	cr_expect_eq(out.all[1].to, 1);
	results.count = SHARE_SET_MAX + 1;
	cr_expect_eq(share_send_answer(send, 1, &results), -EINVAL);
	share_send_free(send);
}

Test(share_send, sets)
{
	struct share_send *send = start();
	struct share_item items[2] = { make_item(0, XDPLB_HEALTH_UP),
				       make_item(0, XDPLB_HEALTH_UP) };
	uint64_t before = share_send_incarnation(send);
	struct error error;

	cr_expect_eq(share_send_set(send, items, 2, now, &error), -EEXIST);
	cr_expect(strstr(error.text, "backends b0 and b0"), "%s", error.text);
	cr_expect_eq(share_send_set(send, items, SHARE_SET_MAX + 1, now, &error), -E2BIG);
	cr_expect_eq(share_send_incarnation(send), before, "as it was");
	cr_expect_eq(share_send_set(send, items, 1, now, &error), 0);
	cr_expect_neq(share_send_incarnation(send), before, "a new set is a new incarnation");
	run(send, now + 1);
	cr_expect(out.count == 1 && out.all[0].message.sequence == 1, "said at once");
	cr_expect_eq(out.all[0].message.total, 1);
	share_send_free(send);
}
