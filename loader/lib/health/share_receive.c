// SPDX-License-Identifier: BSD-2-Clause
/*
 * Health sharing on an access node: the rules are told in the header.
 */
#include "health/share_receive.h"

#include <errno.h>
#include <string.h>

#include "health/share_receive_state.h"

#define NEVER UINT64_MAX

static enum share_refusal refuse(struct share_receive *receive, enum share_refusal why)
{
	receive->counters.refused[why]++;
	return why;
}

/* ---- what comes out ---- */

static void tell(struct share_receive *receive, const struct receive_reporter *reporter,
		 const struct receive_slot *slot, struct share_change change)
{
	change.index = slot->index;
	change.epoch = reporter->epoch;
	receive->sink.change(receive->sink.context, &change);
}

/* The slot's state as it is known. */
static void tell_state(struct share_receive *receive, struct receive_reporter *reporter,
		       struct receive_slot *slot, uint64_t now)
{
	const struct share_known *known = &reporter->set.known[slot->known];
	uint64_t age = now - known->since_ms;

	slot->is_silent = false;
	slot->is_unreported = false;
	slot->state = known->entry.state;
	tell(receive, reporter, slot,
	     (struct share_change){ .kind = SHARE_CHANGE_STATE,
				    .state = known->entry.state,
				    .cause = known->entry.cause,
				    .weight = known->entry.weight,
				    .age_ms = age < UINT32_MAX ? (uint32_t)age : UINT32_MAX });
}

static void go_silent(struct share_receive *receive, struct receive_reporter *reporter)
{
	reporter->silent = true;
	for (uint32_t i = 0; i < reporter->slot_count; i++) {
		struct receive_slot *slot = &reporter->slots[i];

		if (slot->is_silent)
			continue;
		slot->is_silent = true;
		slot->is_unreported = false;
		tell(receive, reporter, slot,
		     (struct share_change){ .kind = SHARE_CHANGE_SILENT, .state = slot->state });
	}
}

/* All of the reporter's set is known: leases, and words that were still open. */
static void settle_slots(struct share_receive *receive, struct receive_reporter *reporter,
			 uint64_t now)
{
	bool renew = now - reporter->renewed >= receive->lease / 4;

	for (uint32_t i = 0; i < reporter->slot_count; i++) {
		struct receive_slot *slot = &reporter->slots[i];
		struct share_change change = { .kind = SHARE_CHANGE_RENEW, .state = slot->state };

		if (slot->known != NOT_KNOWN) {
			if (slot->is_silent)
				tell_state(receive, reporter, slot, now);
			else if (renew)
				tell(receive, reporter, slot, change);
		} else if (!slot->is_unreported) {
			change.kind = SHARE_CHANGE_UNREPORTED;
			slot->is_unreported = true;
			slot->is_silent = false;
			tell(receive, reporter, slot, change);
		}
	}
	if (renew)
		reporter->renewed = now;
}

static int send_message(struct share_receive *receive, size_t reporter,
			struct share_message *message)
{
	uint8_t bytes[SHARE_DATAGRAM_MAX];
	int length;

	memcpy(message->node, receive->node, sizeof(message->node));
	message->incarnation = receive->incarnation;
	message->sequence = ++receive->sequence;
	length = share_encode(receive->keys, message, bytes);
	if (length < 0)
		return length;
	receive->sink.send(receive->sink.context, reporter, bytes, (size_t)length);
	return 0;
}

static void challenge(struct share_receive *receive, struct receive_reporter *reporter,
		      uint64_t now)
{
	struct share_message message = {
		.kind = SHARE_CHALLENGE,
		.parts = 1,
		.total = reporter->set.count,
		.digest = reporter->set.digest,
		.peer_incarnation = reporter->incarnation,
	};

	/* The same nonce again, or an answer that takes longer than SHARE_ASK_MS would never fit. */
	if (!reporter->nonce || now - reporter->nonce_drawn >= SHARE_NONCE_MS) {
		reporter->nonce = share_draw_number();
		reporter->nonce_drawn = now;
	}
	message.nonce = reporter->nonce;
	reporter->next_ask = now + (reporter->silent ? SHARE_ASK_SLOW_MS : SHARE_ASK_MS);
	/* No key to send with: as if it were lost. */
	send_message(receive, (size_t)(reporter - receive->reporters), &message);
}

/* ---- time ---- */

static uint64_t ask_time(const struct share_receive *receive,
			 const struct receive_reporter *reporter)
{
	uint64_t due = reporter->heard + SHARE_SUSPECT * receive->interval;

	if (!reporter->incarnation || reporter->other_seen)
		due = 0;
	else if (reporter->lacking_since != NEVER &&
		 reporter->lacking_since + SHARE_SETTLE_MS < due)
		due = reporter->lacking_since + SHARE_SETTLE_MS;
	return due > reporter->next_ask ? due : reporter->next_ask;
}

/* Returns when to look again. */
static uint64_t tend(struct share_receive *receive, struct receive_reporter *reporter, uint64_t now)
{
	uint64_t silent = reporter->heard + receive->missed * receive->interval, ask;

	if (!reporter->silent && now >= silent)
		go_silent(receive, reporter);
	if (now >= ask_time(receive, reporter))
		challenge(receive, reporter, now);
	ask = ask_time(receive, reporter);
	return reporter->silent || ask < silent ? ask : silent;
}

uint64_t share_receive_tick(struct share_receive *receive, uint64_t now_ms)
{
	/* A datagram can make something due as early as this. */
	uint64_t next = now_ms + SHARE_SETTLE_MS;

	for (size_t i = 0; i < receive->reporter_count; i++) {
		uint64_t due = tend(receive, &receive->reporters[i], now_ms);

		if (due < next)
			next = due;
	}
	return next;
}

/* ---- what comes in ---- */

static bool same_state(const struct share_entry *a, const struct share_entry *b)
{
	return a->state == b->state && a->cause == b->cause && a->weight == b->weight;
}

static enum share_refusal take_entry(struct share_receive *receive,
				     struct receive_reporter *reporter,
				     const struct share_entry *entry, uint64_t sequence,
				     uint64_t now)
{
	struct share_known *known = share_set_find(&reporter->set, entry->backend, entry->check);
	bool is_new = known && !known->taken;
	struct receive_slot *slot;

	if (!known)
		return refuse(receive, SHARE_REFUSED_SET);
	if (!is_new && sequence <= known->sequence)
		return refuse(receive, SHARE_REFUSED_OVERTAKEN);
	known->sequence = sequence;
	if (!is_new && same_state(&known->entry, entry)) {
		slot = known->slot == SHARE_NO_SLOT ? NULL : &reporter->slots[known->slot];
		if (slot && slot->is_silent)
			tell_state(receive, reporter, slot, now);
		return SHARE_ACCEPTED;
	}
	known->since_ms = now > entry->time ? now - entry->time : 0;
	if (is_new)
		known->slot = receive_find_slot(reporter, entry);
	share_set_put(&reporter->set, known, entry);
	if (known->slot == SHARE_NO_SLOT)
		return is_new ? refuse(receive, SHARE_REFUSED_ENTRY) : SHARE_ACCEPTED;
	slot = &reporter->slots[known->slot];
	slot->known = (uint32_t)(known - reporter->set.known);
	tell_state(receive, reporter, slot, now);
	return SHARE_ACCEPTED;
}

/* An incarnation has answered: it is the one to follow. */
static enum share_refusal follow(struct share_receive *receive, struct receive_reporter *reporter,
				 const struct share_message *answer, uint64_t now)
{
	/* The parts of an answer are numbered in a row. */
	uint64_t floor = answer->sequence > answer->part ? answer->sequence - answer->part : 1;

	if (share_set_begin(&reporter->set, answer->total, floor))
		return refuse(receive, SHARE_REFUSED_MEMORY);
	reporter->incarnation = answer->incarnation;
	reporter->incarnations++;
	reporter->epoch++;
	reporter->lacking_since = now;
	for (uint32_t i = 0; i < reporter->slot_count; i++) {
		reporter->slots[i].known = NOT_KNOWN;
		reporter->slots[i].is_unreported = false;
	}
	return SHARE_ACCEPTED;
}

static bool answers(const struct receive_reporter *reporter, const struct share_message *message)
{
	return message->kind == SHARE_CHALLENGE_ANSWER && reporter->nonce &&
	       message->nonce == reporter->nonce;
}

/* Whether the datagram is of the incarnation to follow and new. */
static enum share_refusal admit(struct share_receive *receive, struct receive_reporter *reporter,
				const struct share_message *message, uint64_t now)
{
	enum share_refusal why;

	if (message->incarnation != reporter->incarnation && !answers(reporter, message)) {
		reporter->other_seen = true;
		return refuse(receive, SHARE_REFUSED_INCARNATION);
	}
	if (message->incarnation != reporter->incarnation) {
		why = follow(receive, reporter, message, now);
		if (why)
			return why;
	}
	if (message->kind != SHARE_CHECK_ANSWER && message->total != reporter->set.total)
		return refuse(receive, SHARE_REFUSED_SET);
	why = share_set_mark(&reporter->set, message->sequence);
	if (why)
		return refuse(receive, why);
	if (answers(reporter, message)) {
		reporter->nonce = 0;
		reporter->other_seen = false;
	}
	reporter->heard = now;
	reporter->silent = false;
	return SHARE_ACCEPTED;
}

static void take_states(struct share_receive *receive, struct receive_reporter *reporter,
			const struct share_message *message, uint64_t now)
{
	for (size_t i = 0; i < message->count; i++)
		take_entry(receive, reporter, &message->entries[i], message->sequence, now);
	/* An older datagram may bring what lacked, but tells nothing of what lacks now. */
	if (message->sequence == reporter->set.newest)
		reporter->digest = message->digest;
	if (share_set_is_complete(&reporter->set, reporter->digest)) {
		reporter->lacking_since = NEVER;
		settle_slots(receive, reporter, now);
	} else if (reporter->lacking_since == NEVER) {
		reporter->lacking_since = now;
	}
}

enum share_refusal share_receive_datagram(struct share_receive *receive, const uint8_t *bytes,
					  size_t length, uint64_t now_ms)
{
	struct share_message message;
	enum share_refusal why = share_decode(receive->keys, bytes, length, &message);
	struct receive_reporter *reporter;

	if (why)
		return refuse(receive, why);
	if (message.kind == SHARE_CHALLENGE || message.kind == SHARE_CHECK_REQUEST)
		return refuse(receive, SHARE_REFUSED_KIND);
	reporter = receive_find_reporter(receive, message.node);
	if (!reporter)
		return refuse(receive, SHARE_REFUSED_NODE);
	why = admit(receive, reporter, &message, now_ms);
	if (!why && message.kind == SHARE_CHECK_ANSWER)
		receive->sink.answer(receive->sink.context, (size_t)(reporter - receive->reporters),
				     &message);
	else if (!why)
		take_states(receive, reporter, &message, now_ms);
	tend(receive, reporter, now_ms);
	return why;
}

int share_receive_request(struct share_receive *receive, size_t reporter,
			  const struct share_request *request)
{
	const struct receive_reporter *peer = &receive->reporters[reporter];
	size_t parts = (request->count + SHARE_TARGETS_MAX - 1) / SHARE_TARGETS_MAX;
	int err = 0;

	if (!peer->incarnation)
		return -EAGAIN;
	if (parts > UINT16_MAX)
		return -EINVAL;
	for (size_t part = 0; !err && (part < parts || !part); part++) {
		size_t first = part * SHARE_TARGETS_MAX, left = request->count - first;
		struct share_message message = {
			.kind = SHARE_CHECK_REQUEST,
			.action = request->action,
			.nonce = request->nonce,
			.service = request->service,
			.peer_incarnation = peer->incarnation,
			.peer_sequence = peer->set.newest,
			.part = (uint16_t)part,
			.parts = (uint16_t)(parts ? parts : 1),
		};

		message.count = (uint16_t)(left < SHARE_TARGETS_MAX ? left : SHARE_TARGETS_MAX);
		if (message.count)
			memcpy(message.targets, request->targets + first,
			       message.count * sizeof(*request->targets));
		err = send_message(receive, reporter, &message);
	}
	return err;
}
