// SPDX-License-Identifier: BSD-2-Clause
/*
 * The reporter: share_send.h with a clock, a socket and the states of checks.h.
 */
#include "reporter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "log.h"
#include "reporter_state.h"

/* ---- what the sharing asks for ---- */

static void send_bytes(void *context, size_t receiver, const uint8_t *bytes, size_t length)
{
	struct reporter *reporter = context;

	if (receiver != SHARE_ALL) {
		link_send(reporter->parts.link, &reporter->receivers[receiver].peer, bytes, length);
		return;
	}
	for (size_t i = 0; i < reporter->receiver_count; i++)
		link_send(reporter->parts.link, &reporter->receivers[i].peer, bytes, length);
}

static void take_request(void *context, size_t receiver, const struct share_message *request)
{
	struct reporter *reporter = context;

	/* share_send.h must not be called back from here: see reporter_datagram(). */
	reporter->requests_taken++;
	reporter->has_pending = true;
	reporter->pending = *request;
	reporter->pending_receiver = receiver;
}

/* ---- time ---- */

void reporter_tick(struct reporter *reporter)
{
	uint64_t now = clock_ms(), next = share_send_tick(reporter->send, now);

	reporter->due.repeat = next > now ? (double)(next - now) / 1e3 : 1e-3;
	ev_timer_again(reporter->parts.loop, &reporter->due);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	reporter_tick(timer->data);
}

/* ---- what comes in ---- */

static struct share_item item_of(const struct own_target *target, uint64_t now)
{
	uint64_t age = now - target->since_ms;

	return (struct share_item){
		.backend = target->backend,
		.check = target->identity,
		.state = target->state,
		.cause = target->cause,
		.weight = target->weight,
		.age_ms = age < UINT32_MAX ? (uint32_t)age : UINT32_MAX,
	};
}

void reporter_changed(struct reporter *reporter, size_t index)
{
	uint64_t now = clock_ms();
	struct share_item item;

	/* A target that came with a config which this reporter is not of. */
	if (index >= reporter->target_count)
		return;
	item = item_of(checks_at(reporter->parts.checks, index), now);
	share_send_change(reporter->send, index, &item, now);
	reporter_tick(reporter);
}

void reporter_answered(struct reporter *reporter, size_t index)
{
	requests_result(reporter, index);
}

void reporter_wish(struct reporter *reporter, uint64_t hash, uint64_t identity, bool stop)
{
	size_t index = checks_find(reporter->parts.checks, hash, identity);

	if (index < reporter->target_count)
		requests_wish(reporter, reporter->receiver_count, index, stop);
}

/* Whose datagram it was: the name in it, which the sharing has just believed. */
static void hear_sender(struct reporter *reporter, const uint8_t *bytes, size_t length)
{
	struct share_message message;

	if (share_decode(reporter->parts.keys, bytes, length, &message))
		return;
	for (size_t i = 0; i < reporter->receiver_count; i++) {
		if (!strcmp(reporter->receivers[i].name, message.node))
			requests_hear(reporter, i);
	}
}

void reporter_datagram(struct reporter *reporter, const uint8_t *bytes, size_t length)
{
	reporter->has_pending = false;
	if (share_send_datagram(reporter->send, bytes, length, clock_ms()) == SHARE_ACCEPTED)
		hear_sender(reporter, bytes, length);
	if (reporter->has_pending)
		requests_take(reporter, reporter->pending_receiver, &reporter->pending);
	reporter_tick(reporter);
}

/* ---- making one ---- */

static bool is_receiver(const struct config *config, size_t i, size_t node)
{
	return i != node && config->nodes[i].is_access && config->nodes[i].has_address;
}

static size_t count_receivers(const struct config *config, size_t node)
{
	size_t count = 0;

	for (size_t i = 0; i < config->node_count; i++)
		count += is_receiver(config, i, node);
	return count;
}

static int add_receivers(struct reporter *reporter, const struct config *config, size_t node)
{
	size_t count = count_receivers(config, node);

	reporter->receivers = calloc(count + 1, sizeof(*reporter->receivers));
	if (!reporter->receivers)
		return -ENOMEM;
	for (size_t i = 0; i < config->node_count; i++) {
		struct receiver_peer *receiver = &reporter->receivers[reporter->receiver_count];

		if (!is_receiver(config, i, node))
			continue;
		strcpy(receiver->name, config->nodes[i].name);
		receiver->peer.family = config->nodes[i].family;
		receiver->peer.addr = config->nodes[i].address;
		reporter->receiver_count++;
	}
	strcpy(reporter->receivers[count].name, config->nodes[node].name);
	reporter->receivers[count].is_heard = config->nodes[node].is_access;
	return 0;
}

static int make_send(struct reporter *reporter, struct error *error)
{
	const char **names = calloc(reporter->receiver_count + 1, sizeof(*names));
	struct share_send_settings settings = {
		.node = reporter->node,
		.keys = reporter->parts.keys,
		.interval_ms = reporter->interval_ms,
		.receivers = names,
		.receiver_count = reporter->receiver_count,
		.sink = { reporter, send_bytes, take_request },
	};
	int err;

	if (!names)
		return fail(error, -ENOMEM, "no memory");
	for (size_t i = 0; i < reporter->receiver_count; i++)
		names[i] = reporter->receivers[i].name;
	err = share_send_new(&settings, &reporter->send, error);
	free(names);
	return err;
}

static int set_targets(struct reporter *reporter, struct error *error)
{
	size_t count = checks_count(reporter->parts.checks);
	struct share_item *items = calloc(count + 1, sizeof(*items));
	uint64_t now = clock_ms();
	int err;

	reporter->identities = calloc(2 * count + 1, sizeof(*reporter->identities));
	reporter->stopped =
		calloc(count * (reporter->receiver_count + 1) + 1, sizeof(*reporter->stopped));
	if (!items || !reporter->identities || !reporter->stopped) {
		free(items);
		return fail(error, -ENOMEM, "no memory");
	}
	for (size_t i = 0; i < count; i++) {
		const struct own_target *target = checks_at(reporter->parts.checks, i);

		items[i] = item_of(target, now);
		reporter->identities[2 * i] = target->hash;
		reporter->identities[2 * i + 1] = target->identity;
	}
	reporter->target_count = count;
	err = share_send_set(reporter->send, items, count, now, error);
	free(items);
	return err;
}

int reporter_new(const struct reporter_parts *parts, const struct config *config, size_t node,
		 struct reporter **ret_reporter, struct error *error)
{
	struct reporter *reporter = calloc(1, sizeof(*reporter));
	int err;

	if (!reporter)
		return fail(error, -ENOMEM, "no memory");
	reporter->parts = *parts;
	reporter->interval_ms = config->sharing.interval_ms;
	strcpy(reporter->node, config->nodes[node].name);
	ev_init(&reporter->due, on_due);
	reporter->due.data = reporter;
	requests_start(reporter);
	err = add_receivers(reporter, config, node);
	if (err)
		fail(error, err, "no memory");
	else
		err = make_send(reporter, error);
	if (!err)
		err = set_targets(reporter, error);
	if (err) {
		reporter_free(reporter);
		return err;
	}
	reporter_tick(reporter);
	*ret_reporter = reporter;
	return 0;
}

void reporter_free(struct reporter *reporter)
{
	if (!reporter)
		return;
	ev_timer_stop(reporter->parts.loop, &reporter->due);
	requests_free(reporter);
	share_send_free(reporter->send);
	free(reporter->receivers);
	free(reporter->identities);
	free(reporter->stopped);
	free(reporter);
}

static bool same_receivers(const struct reporter *reporter, const struct config *config,
			   size_t node)
{
	size_t n = 0;

	if (count_receivers(config, node) != reporter->receiver_count)
		return false;
	for (size_t i = 0; i < config->node_count; i++) {
		const struct config_node *other = &config->nodes[i];
		const struct receiver_peer *receiver = &reporter->receivers[n];

		if (!is_receiver(config, i, node))
			continue;
		if (strcmp(receiver->name, other->name) || receiver->peer.family != other->family ||
		    memcmp(&receiver->peer.addr, &other->address, sizeof(other->address)))
			return false;
		n++;
	}
	return reporter->receivers[n].is_heard == config->nodes[node].is_access;
}

bool reporter_is_like(const struct reporter *reporter, const struct config *config, size_t node)
{
	if (reporter->interval_ms != config->sharing.interval_ms ||
	    checks_count(reporter->parts.checks) != reporter->target_count ||
	    !same_receivers(reporter, config, node))
		return false;
	for (size_t i = 0; i < reporter->target_count; i++) {
		const struct own_target *target = checks_at(reporter->parts.checks, i);

		if (target->hash != reporter->identities[2 * i] ||
		    target->identity != reporter->identities[2 * i + 1])
			return false;
	}
	return true;
}

/* ---- status ---- */

json_t *reporter_json(const struct reporter *reporter)
{
	json_t *receivers = json_array();
	uint64_t now = clock_ms();

	for (size_t i = 0; i < reporter->receiver_count; i++) {
		const struct receiver_peer *receiver = &reporter->receivers[i];

		json_array_append_new(
			receivers,
			json_pack("{s:s, s:o}", "name", receiver->name, "heard_seconds",
				  receiver->is_heard
					  ? json_real((double)(now - receiver->heard_ms) / 1e3)
					  : json_null()));
	}
	return json_pack("{s:o, s:I, s:o}", "receivers", receivers, "check_requests",
			 (json_int_t)reporter->requests_taken, "incarnation",
			 json_sprintf("%016llx",
				      (unsigned long long)share_send_incarnation(reporter->send)));
}

const struct share_counters *reporter_counters(const struct reporter *reporter)
{
	return share_send_counters(reporter->send);
}
