// SPDX-License-Identifier: BSD-2-Clause
/*
 * The receiver: share_receive.h with a clock, a socket and the map.
 */
#include "receiver.h"

#include <string.h>

#include "clocks.h"
#include "receiver_state.h"
#include "tick.h"

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct slow_start_time slow_start_now(void)
{
	return (struct slow_start_time){ .jiffies = tick_now(), .ms = clock_ms() };
}

/* A target that is about to come up in a service with slow_start begins with a small share. */
static unsigned int ramp_of(struct receiver *receiver, uint32_t index,
			    const struct verdict *verdict)
{
	const struct slow_start_time now = slow_start_now();
	bool says_up = verdict->event == VERDICT_STATE && verdict->state == XDPLB_HEALTH_UP;

	return slow_start_share(receiver->slow, index, says_up, &now);
}

void receiver_write(struct receiver *receiver, uint32_t index, const struct verdict *verdict)
{
	struct verdict ramped = *verdict;
	const struct verdict_time time = {
		.jiffies = tick_now(),
		.lease = tick_in(receiver->lease_ms),
		.boottime_ns = boottime_ns(),
	};

	if (receiver->slow && verdict->event != VERDICT_RAMP)
		ramped.ramp = ramp_of(receiver, index, verdict);
	verdict_write(map_at(&receiver->parts.view->health, index), &ramped, &time);
}

/* Of slow_start.h. */
static void take_share(void *context, uint32_t target, unsigned int percent)
{
	const struct verdict verdict = { .event = VERDICT_RAMP, .ramp = percent };

	receiver_write(context, target, &verdict);
}

void receiver_grow(struct receiver *receiver)
{
	const struct slow_start_time now = slow_start_now();

	if (receiver->slow)
		slow_start_step(receiver->slow, &now, take_share, receiver);
}

/* ---- what the sharing says ---- */

void receiver_take_change(void *context, const struct share_change *change)
{
	static const enum verdict_event events[] = {
		[SHARE_CHANGE_STATE] = VERDICT_STATE,
		[SHARE_CHANGE_RENEW] = VERDICT_RENEW,
		[SHARE_CHANGE_SILENT] = VERDICT_SILENT,
		[SHARE_CHANGE_UNREPORTED] = VERDICT_UNREPORTED,
	};
	struct receiver *receiver = context;
	uint32_t slot = receiver->slot_of[change->index];
	struct verdict verdict = {
		.event = events[change->kind],
		.state = change->state,
		.cause = change->cause,
		.weight = change->weight,
		.epoch = change->epoch,
		.age_ms = change->age_ms,
		.initial = receiver->slots[slot].initial,
	};
	bool has_verdict = change->state != XDPLB_HEALTH_UNKNOWN;

	if (change->kind == SHARE_CHANGE_STATE)
		receiver->unwanted[slot] =
			!has_verdict && change->cause == XDPLB_CAUSE_NOT_REPORTED;
	else if (change->kind == SHARE_CHANGE_RENEW && receiver->unwanted[slot])
		return;
	/* Still no verdict: what is in force gets a new lease. */
	if (change->kind == SHARE_CHANGE_RENEW && !has_verdict)
		verdict.event = VERDICT_STATE;
	receiver_write(receiver, change->index, &verdict);
}

void receiver_send_bytes(void *context, size_t reporter, const uint8_t *bytes, size_t length)
{
	struct receiver *receiver = context;

	link_send(receiver->parts.link, &receiver->nodes[reporter].peer, bytes, length);
}

void receiver_take_answer(void *context, size_t reporter, const struct share_message *answer)
{
	struct receiver *receiver = context;

	asker_take(receiver->parts.asker, reporter, answer->nonce, answer->entries, answer->count);
}

void receiver_tick(struct receiver *receiver)
{
	uint64_t now = clock_ms(), next = share_receive_tick(receiver->receive, now);

	receiver->due.repeat = next > now ? (double)(next - now) / 1e3 : 1e-3;
	ev_timer_again(receiver->parts.loop, &receiver->due);
}

void receiver_datagram(struct receiver *receiver, const uint8_t *bytes, size_t length)
{
	/* What is due after it, share_receive_datagram() sees to; the timer stays. */
	if (receiver->receive)
		share_receive_datagram(receiver->receive, bytes, length, clock_ms());
}

int receiver_ask(struct receiver *receiver, size_t reporter, const struct share_request *request)
{
	if (!receiver->receive || reporter >= receiver->node_count)
		return -1;
	return share_receive_request(receiver->receive, reporter, request);
}

/* ---- own targets ---- */

static void write_own(struct receiver *receiver, const struct receiver_slot *slot,
		      enum verdict_event event)
{
	const struct own_target *target;
	size_t i = checks_find(receiver->parts.checks, slot->target.backend, slot->target.check);
	struct verdict verdict = { .event = event, .initial = slot->initial };

	if (i == SIZE_MAX) {
		verdict.event = VERDICT_UNREPORTED;
	} else {
		uint64_t age;

		target = checks_at(receiver->parts.checks, i);
		age = clock_ms() - target->since_ms;
		verdict.state = target->state;
		verdict.cause = target->cause;
		verdict.weight = target->weight;
		verdict.epoch = receiver->own_epoch;
		verdict.age_ms = age < UINT32_MAX ? (uint32_t)age : UINT32_MAX;
		/* A lease of what has no verdict yet: as it was. */
		if (target->state == XDPLB_HEALTH_UNKNOWN)
			verdict.event = VERDICT_STATE;
	}
	receiver_write(receiver, slot->index, &verdict);
}

void receiver_write_own(struct receiver *receiver, enum verdict_event event)
{
	for (size_t i = 0; i < receiver->slot_count; i++) {
		if (receiver->slots[i].reporter == ASKER_OWN)
			write_own(receiver, &receiver->slots[i], event);
	}
}

void receiver_own_changed(struct receiver *receiver, size_t index)
{
	const struct own_target *target = checks_at(receiver->parts.checks, index);

	for (size_t i = 0; i < receiver->slot_count; i++) {
		const struct receiver_slot *slot = &receiver->slots[i];

		if (slot->reporter == ASKER_OWN && slot->target.backend == target->hash &&
		    slot->target.check == target->identity)
			write_own(receiver, slot, VERDICT_STATE);
	}
}

/* ---- what there is ---- */

size_t receiver_find_node(const struct receiver *receiver, size_t node)
{
	if (node == receiver->parts.node)
		return ASKER_OWN;
	for (size_t i = 0; i < receiver->node_count; i++) {
		if (receiver->nodes[i].node == node)
			return i;
	}
	return RECEIVER_NOBODY;
}

size_t receiver_slot_count(const struct receiver *receiver)
{
	return receiver->slot_count;
}

const struct receiver_slot *receiver_slot(const struct receiver *receiver, size_t i)
{
	return &receiver->slots[i];
}

const char *receiver_name(const struct receiver *receiver, size_t reporter)
{
	return reporter < receiver->node_count ? receiver->nodes[reporter].name : "";
}

size_t receiver_silent(const struct receiver *receiver, size_t *ret_count)
{
	struct share_reporter_view view;
	size_t silent = 0;

	*ret_count = receiver->node_count;
	for (size_t i = 0; i < receiver->node_count; i++) {
		share_receive_view(receiver->receive, i, &view);
		silent += view.silent;
	}
	return silent;
}

static json_t *node_json(const struct receiver *receiver, size_t i)
{
	const struct reporter_node *node = &receiver->nodes[i];
	struct share_reporter_view view;
	json_t *heard = NULL;

	share_receive_view(receiver->receive, i, &view);
	if (view.incarnation)
		heard = json_real((double)(clock_ms() - view.heard_ms) / 1e3);
	return json_pack("{s:s, s:o, s:I, s:o, s:b, s:b, s:i, s:i, s:b}", "node", node->name,
			 "incarnation",
			 json_sprintf("%016llx", (unsigned long long)view.incarnation),
			 "incarnations", (json_int_t)view.incarnations, "heard_seconds",
			 heard ? heard : json_null(), "silent", (int)view.silent, "path_lost",
			 (int)node->is_lost, "known", (int)view.known, "total", (int)view.total,
			 "complete", (int)(view.incarnation && view.complete));
}

json_t *receiver_json(const struct receiver *receiver)
{
	json_t *list = json_array();

	for (size_t i = 0; i < receiver->node_count; i++)
		json_array_append_new(list, node_json(receiver, i));
	return list;
}

const struct share_counters *receiver_counters(const struct receiver *receiver)
{
	static const struct share_counters none;

	return receiver->receive ? share_receive_counters(receiver->receive) : &none;
}
