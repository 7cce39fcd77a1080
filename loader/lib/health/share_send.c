// SPDX-License-Identifier: BSD-2-Clause
/*
 * Health sharing on a service node: the rules are told in the header.
 */
#include "health/share_send.h"

#include <errno.h>
#include <string.h>

#include "health/share_send_state.h"

static enum share_refusal refuse(struct share_send *send, enum share_refusal why)
{
	send->counters.refused[why]++;
	return why;
}

/* ---- sending ---- */

void share_send_change(struct share_send *send, size_t index, const struct share_item *change,
		       uint64_t now_ms)
{
	struct send_item *item = &send->items[index];
	struct share_entry before = item->entry;
	uint64_t earliest = send->last_flush + SHARE_FLUSH_MS;
	uint64_t due = now_ms > earliest ? now_ms : earliest;

	send_fill_entry(&item->entry, change);
	if (!memcmp(&before, &item->entry, sizeof(before)))
		return;
	send->digest += share_digest(&item->entry) - share_digest(&before);
	if (before.state != item->entry.state)
		item->since = now_ms > change->age_ms ? now_ms - change->age_ms : 0;
	item->left = SHARE_BURST + SHARE_ECHOES;
	if (due < send->next_flush)
		send->next_flush = due;
}

static int send_message(struct share_send *send, size_t receiver, struct share_message *message)
{
	uint8_t bytes[SHARE_DATAGRAM_MAX];
	int length;

	memcpy(message->node, send->node, sizeof(message->node));
	message->incarnation = send->incarnation;
	message->sequence = ++send->sequence;
	length = share_encode(send->keys, message, bytes);
	if (length < 0)
		return length;
	send->sink.send(send->sink.context, receiver, bytes, (size_t)length);
	return 0;
}

static struct share_message begin_message(const struct share_send *send, enum share_kind kind)
{
	return (struct share_message){
		.kind = kind,
		.total = (uint32_t)send->count,
		.digest = send->digest,
		.parts = 1,
	};
}

static void add_item(struct share_message *message, const struct send_item *item, uint64_t now)
{
	struct share_entry *entry = &message->entries[message->count++];
	uint64_t age = now - item->since;

	*entry = item->entry;
	entry->time = age < UINT32_MAX ? (uint32_t)age : UINT32_MAX;
}

static bool is_in_burst(const struct send_item *item)
{
	return item->left > SHARE_ECHOES;
}

static uint16_t count_parts(size_t entries)
{
	return (uint16_t)(entries ? (entries + SHARE_ENTRIES_MAX - 1) / SHARE_ENTRIES_MAX : 1);
}

/* Milliseconds after the first, second, ... time that a change is sent by itself. */
static const unsigned int pauses[SHARE_BURST] = { SHARE_FLUSH_MS, 30, 50, 100, 0 };

static void flush(struct share_send *send, uint64_t now)
{
	struct share_message message = begin_message(send, SHARE_STATES);
	size_t due = 0, sent = 0;

	for (size_t i = 0; i < send->count; i++)
		due += is_in_burst(&send->items[i]);
	message.parts = count_parts(due);
	send->last_flush = now;
	send->next_flush = SEND_NEVER;
	for (size_t i = 0; sent < due; i++) {
		struct send_item *item = &send->items[i];
		uint64_t again;

		if (!is_in_burst(item))
			continue;
		item->left--;
		again = now + pauses[SHARE_BURST + SHARE_ECHOES - item->left - 1];
		if (is_in_burst(item) && again < send->next_flush)
			send->next_flush = again;
		add_item(&message, item, now);
		sent++;
		if (message.count < SHARE_ENTRIES_MAX && sent < due)
			continue;
		/* No key to send with: as if it were lost, here and below. */
		send_message(send, SHARE_ALL, &message);
		message.part++;
		message.count = 0;
	}
}

static void send_heartbeat(struct share_send *send, uint64_t now)
{
	struct share_message message = begin_message(send, SHARE_HEARTBEAT);

	for (size_t i = 0; i < send->count && message.count < SHARE_ENTRIES_MAX; i++) {
		struct send_item *item = &send->items[i];

		if (!item->left)
			continue;
		if (!is_in_burst(item))
			item->left--;
		add_item(&message, item, now);
	}
	send_message(send, SHARE_ALL, &message);
	send->next_heartbeat += send->interval;
	/* After a pause: no heartbeats made up for. */
	if (send->next_heartbeat <= now)
		send->next_heartbeat = now + send->interval;
}

uint64_t share_send_tick(struct share_send *send, uint64_t now_ms)
{
	if (now_ms >= send->next_flush)
		flush(send, now_ms);
	if (now_ms >= send->next_heartbeat)
		send_heartbeat(send, now_ms);
	return send->next_flush < send->next_heartbeat ? send->next_flush : send->next_heartbeat;
}

/* ---- what comes in ---- */

static void answer_challenge(struct share_send *send, size_t receiver,
			     const struct share_message *challenge, uint64_t now)
{
	struct share_message message = begin_message(send, SHARE_CHALLENGE_ANSWER);
	bool has_all = challenge->peer_incarnation == send->incarnation &&
		       challenge->total == send->count && challenge->digest == send->digest;
	size_t count = has_all ? 0 : send->count;

	message.parts = count_parts(count);
	message.nonce = challenge->nonce;
	for (size_t i = 0; i < count; i++) {
		add_item(&message, &send->items[i], now);
		if (message.count < SHARE_ENTRIES_MAX)
			continue;
		send_message(send, receiver, &message);
		message.part++;
		message.count = 0;
	}
	if (message.part < message.parts)
		send_message(send, receiver, &message);
}

static enum share_refusal take_challenge(struct share_send *send, size_t index,
					 const struct share_message *challenge, uint64_t now)
{
	struct send_receiver *receiver = &send->receivers[index];

	if (receiver->paid_until < now)
		receiver->paid_until = now;
	if (receiver->paid_until - now > (SHARE_ANSWER_BURST - 1) * SHARE_ANSWER_MS)
		return refuse(send, SHARE_REFUSED_RATE);
	receiver->paid_until += SHARE_ANSWER_MS;
	answer_challenge(send, index, challenge, now);
	return SHARE_ACCEPTED;
}

static enum share_refusal take_request(struct share_send *send, size_t receiver,
				       const struct share_message *request)
{
	struct send_taken *oldest = &send->taken[send->taken_next];

	if (request->peer_incarnation != send->incarnation ||
	    request->peer_sequence > send->sequence || request->peer_sequence < send->request_floor)
		return refuse(send, SHARE_REFUSED_STALE);
	for (size_t i = 0; i < SHARE_REQUESTS; i++) {
		const struct send_taken *taken = &send->taken[i];

		if (taken->sequence && taken->nonce == request->nonce &&
		    taken->part == request->part)
			return refuse(send, SHARE_REFUSED_REPEATED);
	}
	/* What is forgotten must not come again. */
	if (oldest->sequence >= send->request_floor)
		send->request_floor = oldest->sequence + 1;
	if (request->peer_sequence < send->request_floor)
		return refuse(send, SHARE_REFUSED_STALE);
	*oldest = (struct send_taken){ request->nonce, request->peer_sequence, request->part };
	send->taken_next = (send->taken_next + 1) % SHARE_REQUESTS;
	send->sink.request(send->sink.context, receiver, request);
	return SHARE_ACCEPTED;
}

enum share_refusal share_send_datagram(struct share_send *send, const uint8_t *bytes, size_t length,
				       uint64_t now_ms)
{
	struct share_message message;
	enum share_refusal why = share_decode(send->keys, bytes, length, &message);
	size_t receiver = 0;

	if (why)
		return refuse(send, why);
	if (message.kind != SHARE_CHALLENGE && message.kind != SHARE_CHECK_REQUEST)
		return refuse(send, SHARE_REFUSED_KIND);
	while (receiver < send->receiver_count &&
	       strcmp(send->receivers[receiver].name, message.node))
		receiver++;
	if (receiver == send->receiver_count || !send->incarnation)
		return refuse(send, SHARE_REFUSED_NODE);
	if (message.kind == SHARE_CHALLENGE)
		return take_challenge(send, receiver, &message, now_ms);
	return take_request(send, receiver, &message);
}

int share_send_answer(struct share_send *send, size_t receiver, const struct share_results *results)
{
	struct share_message message = begin_message(send, SHARE_CHECK_ANSWER);
	int err = 0;

	if (results->count > SHARE_SET_MAX)
		return -EINVAL;
	message.action = results->action;
	message.nonce = results->nonce;
	message.service = results->service;
	message.parts = count_parts(results->count);
	for (size_t at = 0; !err && message.part < message.parts; message.part++) {
		size_t left = results->count - at;

		message.count = (uint16_t)(left < SHARE_ENTRIES_MAX ? left : SHARE_ENTRIES_MAX);
		if (message.count)
			memcpy(message.entries, results->entries + at,
			       message.count * sizeof(*results->entries));
		at += message.count;
		err = send_message(send, receiver, &message);
	}
	return err;
}
