// SPDX-License-Identifier: BSD-2-Clause
/*
 * Checks on request: from the receiver to the reporter and back, in parts, once each.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "share_world.h"
#include "xdplb/health.h"

#define TARGETS (SHARE_TARGETS_MAX + 1)
#define RESULTS (SHARE_ENTRIES_MAX + 1)
#define NONCE   5
#define SERVICE 6

static struct share_keys keys;
static struct share_send *send;
static struct share_receive *receive;

/* The last request as it went over the wire; what arrived. */
static uint8_t recorded[SHARE_DATAGRAM_MAX];
static size_t recorded_length;
static size_t request_parts, targets, answer_parts, results;
static bool cut; /* nothing gets to the reporter */

static void to_receiver(void *context, size_t receiver, const uint8_t *bytes, size_t length)
{
	if (receive)
		share_receive_datagram(receive, bytes, length, 1000);
}

static void to_reporter(void *context, size_t reporter, const uint8_t *bytes, size_t length)
{
	memcpy(recorded, bytes, length);
	recorded_length = length;
	if (!cut)
		share_send_datagram(send, bytes, length, 1000);
}

static void take_request(void *context, size_t receiver, const struct share_message *request)
{
	cr_expect(request->action == SHARE_CHECK_START && request->nonce == NONCE);
	cr_expect(request->service == SERVICE && request->parts == 2);
	cr_expect_eq(request->part, request_parts);
	for (size_t i = 0; i < request->count; i++)
		cr_expect_eq(request->targets[i].backend, targets + i);
	targets += request->count;
	request_parts++;
}

static void take_answer(void *context, size_t reporter, const struct share_message *answer)
{
	cr_expect(answer->action == SHARE_CHECK_START && answer->nonce == NONCE);
	cr_expect(answer->service == SERVICE && answer->parts == 2);
	for (size_t i = 0; i < answer->count; i++) {
		cr_expect_eq(answer->entries[i].time, 1000 + results + i);
		cr_expect_eq(answer->entries[i].state, XDPLB_HEALTH_DOWN);
	}
	results += answer->count;
	answer_parts++;
}

static void take_change(void *context, const struct share_change *change)
{
}

static void start(void)
{
	static const char *const access[] = { "a" }, *const service[] = { "s" };
	struct share_send_settings sends = { "s",    &keys, 0,
					     access, 1,     { NULL, to_receiver, take_request } };
	struct share_receive_settings receives = {
		.node = "a",
		.keys = &keys,
		.reporters = service,
		.reporter_count = 1,
		.sink = { NULL, take_change, to_reporter, take_answer },
	};
	struct error error;

	world_keys("cluster", &keys);
	cr_assert_eq(share_send_new(&sends, &send, &error), 0);
	cr_assert_eq(share_send_set(send, NULL, 0, 1000, &error), 0);
	cr_assert_eq(share_receive_new(&receives, 1000, &receive, &error), 0);
}

static void stop(void)
{
	share_send_free(send);
	share_receive_free(receive);
}

TestSuite(share_check, .init = start, .fini = stop);

static struct share_target all_targets[TARGETS];
static const struct share_request request = { SHARE_CHECK_START, NONCE, SERVICE, all_targets,
					      TARGETS };

static void fill_targets(void)
{
	for (size_t i = 0; i < TARGETS; i++)
		all_targets[i] = (struct share_target){ .backend = i, .family = XDPLB_IPV4 };
}

Test(share_check, there_and_back)
{
	static struct share_entry entries[RESULTS];
	struct share_results answer = { SHARE_CHECK_START, NONCE, SERVICE, entries, RESULTS };

	fill_targets();
	for (size_t i = 0; i < RESULTS; i++)
		entries[i] = (struct share_entry){ .backend = i,
						   .state = XDPLB_HEALTH_DOWN,
						   .time = 1000 + (uint32_t)i };
	cr_expect_eq(share_receive_request(receive, 0, &request), -EAGAIN, "nobody is followed");
	share_receive_tick(receive, 1000);
	cr_expect_eq(share_receive_request(receive, 0, &request), 0);
	cr_expect(request_parts == 2 && targets == TARGETS);
	cr_expect_eq(share_send_answer(send, 0, &answer), 0);
	cr_expect(answer_parts == 2 && results == RESULTS);
	answer.action = 0;
	cr_expect_eq(share_send_answer(send, 0, &answer), -EINVAL);
}

/* The same datagram again; and one that the reporter gets only after its restart. */
Test(share_check, played_again)
{
	struct error error;

	fill_targets();
	share_receive_tick(receive, 1000);
	share_receive_request(receive, 0, &request);
	cr_expect_eq(share_send_datagram(send, recorded, recorded_length, 1000),
		     SHARE_REFUSED_REPEATED);
	cut = true;
	share_receive_request(receive, 0, &request);
	cr_assert_eq(share_send_set(send, NULL, 0, 1000, &error), 0);
	cr_expect_eq(share_send_datagram(send, recorded, recorded_length, 1000),
		     SHARE_REFUSED_STALE);
	cr_expect_eq(request_parts, 2);
	cut = false;
}
