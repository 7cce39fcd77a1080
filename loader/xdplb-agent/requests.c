// SPDX-License-Identifier: BSD-2-Clause
/*
 * What access nodes ask a reporter for: fresh probes, and checks that are to start and stop.
 */
#include <stdlib.h>

#include "clocks.h"
#include "reporter_state.h"

#define COMPANY_SECONDS 0.02 /* a result waits so long for others of its request */

/* A probe ends within its timeout; what is older has lost its check to a STOP. */
#define REQUEST_MS (PROBE_TIMEOUT_MAX + 10000)

/* ---- who wants what ---- */

static bool *stop_of(const struct reporter *reporter, size_t index, size_t receiver)
{
	return &reporter->stopped[index * (reporter->receiver_count + 1) + receiver];
}

static void settle(struct reporter *reporter, size_t index)
{
	bool someone = false, stop = true;

	for (size_t i = 0; i <= reporter->receiver_count; i++) {
		if (!reporter->receivers[i].is_heard)
			continue;
		someone = true;
		stop &= *stop_of(reporter, index, i);
	}
	checks_stop(reporter->parts.checks, index, someone && stop);
}

void requests_wish(struct reporter *reporter, size_t receiver, size_t index, bool stop)
{
	*stop_of(reporter, index, receiver) = stop;
	settle(reporter, index);
}

void requests_hear(struct reporter *reporter, size_t receiver)
{
	struct receiver_peer *peer = &reporter->receivers[receiver];
	bool is_new = !peer->is_heard;

	peer->is_heard = true;
	peer->heard_ms = clock_ms();
	for (size_t i = 0; is_new && i < reporter->target_count; i++)
		settle(reporter, i);
}

/* ---- answers ---- */

static void answer(struct reporter *reporter, const struct request *request,
		   enum share_action action, const struct share_entry *entries, size_t count)
{
	const struct share_results results = {
		.action = action,
		.nonce = request->nonce,
		.service = request->service,
		.entries = entries,
		.count = count,
	};

	share_send_answer(reporter->send, request->receiver, &results);
}

/* All results that are there and were not told yet. */
static void tell_results(struct reporter *reporter, struct request *request)
{
	struct share_entry entries[SHARE_TARGETS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < request->count; i++) {
		if (!request->targets[i].is_done || request->targets[i].is_told)
			continue;
		request->targets[i].is_told = true;
		entries[n++] = request->targets[i].entry;
	}
	if (n)
		answer(reporter, request, SHARE_CHECK_ONCE, entries, n);
}

/* Tells what there is to tell, and forgets requests that are through. */
static void tell_all(struct reporter *reporter)
{
	struct request **link = &reporter->requests;
	uint64_t now = clock_ms();

	while (*link) {
		struct request *request = *link;

		tell_results(reporter, request);
		if (request->done < request->count && now - request->began_ms < REQUEST_MS) {
			link = &request->next;
			continue;
		}
		*link = request->next;
		free(request);
		reporter->request_count--;
	}
}

static void on_company(struct ev_loop *loop, ev_timer *timer, int events)
{
	ev_timer_stop(loop, timer);
	tell_all(timer->data);
}

static void finish(struct request *request, size_t i, const struct share_entry *entry)
{
	struct share_entry *mine = &request->targets[i].entry;

	mine->state = entry->state;
	mine->cause = entry->cause;
	mine->time = entry->time;
	request->targets[i].is_done = true;
	request->done++;
}

struct share_entry reporter_entry(const struct own_target *target)
{
	const struct probe_result *result = &target->result;
	struct share_entry entry = {
		.backend = target->hash,
		.check = target->identity,
		.state = result->ok                           ? XDPLB_HEALTH_UP
			 : result->cause == XDPLB_CAUSE_LOCAL ? XDPLB_HEALTH_UNKNOWN
							      : XDPLB_HEALTH_DOWN,
		.cause = (uint8_t)result->cause,
		.time = result->duration_us,
	};

	if (result->ok && result->said.state != XDPLB_HEALTH_UNKNOWN) {
		entry.state = result->said.state;
		entry.weight = result->said.weight;
		entry.cause = XDPLB_CAUSE_SERVER;
	}
	return entry;
}

void requests_result(struct reporter *reporter, size_t index)
{
	struct share_entry entry = reporter_entry(checks_at(reporter->parts.checks, index));
	bool is_complete = false, is_wanted = false;

	for (struct request *request = reporter->requests; request; request = request->next) {
		for (size_t i = 0; i < request->count; i++) {
			if (request->targets[i].is_done || request->targets[i].index != index)
				continue;
			finish(request, i, &entry);
			is_wanted = true;
			is_complete |= request->done == request->count;
		}
	}
	if (is_complete)
		tell_all(reporter);
	else if (is_wanted && !ev_is_active(&reporter->answers))
		ev_timer_again(reporter->parts.loop, &reporter->answers);
}

/* ---- requests ---- */

static const struct share_entry not_reported = {
	.state = XDPLB_HEALTH_UNKNOWN,
	.cause = XDPLB_CAUSE_NOT_REPORTED,
};

static void probe_targets(struct reporter *reporter, struct request *request)
{
	size_t indices[SHARE_TARGETS_MAX], count = request->count, n = 0;

	/* The request may be through, and gone, before the last probe has been started. */
	for (size_t i = 0; i < count; i++) {
		if (request->targets[i].index == SIZE_MAX)
			finish(request, i, &not_reported);
		else
			indices[n++] = request->targets[i].index;
	}
	if (!n)
		tell_all(reporter);
	for (size_t i = 0; i < n; i++)
		checks_request(reporter->parts.checks, indices[i]);
}

static void take_once(struct reporter *reporter, size_t receiver,
		      const struct share_message *message)
{
	struct request *request;

	if (reporter->request_count >= REQUESTS_MAX)
		return;
	request = calloc(1, sizeof(*request));
	if (!request)
		return;
	request->receiver = receiver;
	request->nonce = message->nonce;
	request->service = message->service;
	request->count = message->count;
	request->began_ms = clock_ms();
	for (size_t i = 0; i < message->count; i++) {
		const struct share_target *target = &message->targets[i];

		request->targets[i].entry.backend = target->backend;
		request->targets[i].entry.check = target->check;
		request->targets[i].index =
			checks_find(reporter->parts.checks, target->backend, target->check);
	}
	request->next = reporter->requests;
	reporter->requests = request;
	reporter->request_count++;
	probe_targets(reporter, request);
}

/* The answer says that it was heard, and how each is now. */
static void take_wishes(struct reporter *reporter, size_t receiver,
			const struct share_message *message)
{
	const struct request request = { .receiver = receiver,
					 .nonce = message->nonce,
					 .service = message->service };
	struct share_entry entries[SHARE_TARGETS_MAX];

	for (size_t i = 0; i < message->count; i++) {
		const struct share_target *target = &message->targets[i];
		size_t index = checks_find(reporter->parts.checks, target->backend, target->check);

		entries[i] = not_reported;
		entries[i].backend = target->backend;
		entries[i].check = target->check;
		if (index >= reporter->target_count)
			continue;
		requests_wish(reporter, receiver, index, message->action == SHARE_CHECK_STOP);
		entries[i].state = checks_at(reporter->parts.checks, index)->state;
		entries[i].cause = checks_at(reporter->parts.checks, index)->cause;
	}
	answer(reporter, &request, message->action, entries, message->count);
}

void requests_take(struct reporter *reporter, size_t receiver, const struct share_message *message)
{
	if (message->action == SHARE_CHECK_ONCE)
		take_once(reporter, receiver, message);
	else
		take_wishes(reporter, receiver, message);
}

void requests_start(struct reporter *reporter)
{
	ev_init(&reporter->answers, on_company);
	reporter->answers.repeat = COMPANY_SECONDS;
	reporter->answers.data = reporter;
}

void requests_free(struct reporter *reporter)
{
	ev_timer_stop(reporter->parts.loop, &reporter->answers);
	while (reporter->requests) {
		struct request *request = reporter->requests;

		reporter->requests = request->next;
		free(request);
	}
}
