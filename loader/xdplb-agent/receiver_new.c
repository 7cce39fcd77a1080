// SPDX-License-Identifier: BSD-2-Clause
/*
 * Making a receiver: slots from the map, reporters from the file.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "receiver_state.h"
#include "tick.h"

static const uint8_t protocols[PROBE_TYPE_COUNT] = {
	[PROBE_TCP] = IPPROTO_TCP,  [PROBE_HTTP] = IPPROTO_TCP, [PROBE_HTTPS] = IPPROTO_TCP,
	[PROBE_UDP] = IPPROTO_UDP,  [PROBE_DNS] = IPPROTO_UDP,  [PROBE_ICMP] = IPPROTO_ICMP,
	[PROBE_GRPC] = IPPROTO_TCP,
};

void receiver_fill_target(const struct config *config, const struct config_target *from,
			  struct share_target *ret_target)
{
	*ret_target = (struct share_target){
		.backend = share_hash_name(config->backends[from->backend].name),
		.check = from->identity,
		.addr = from->addr,
		.port = from->port,
		/* An exec check may have no address. */
		.family = from->family ? from->family : XDPLB_IPV6,
		.proto = protocols[config->checks[from->check].spec.type],
	};
}

/* ---- reporters ---- */

static bool is_reporter(const struct receiver_parts *parts, size_t i)
{
	const struct config_node *node = &parts->config->nodes[i];

	return parts->link && i != parts->node && node->is_service && node->has_address;
}

static int add_nodes(struct receiver *receiver)
{
	const struct config *config = receiver->parts.config;

	receiver->nodes = calloc(config->node_count + 1, sizeof(*receiver->nodes));
	if (!receiver->nodes)
		return -ENOMEM;
	for (size_t i = 0; i < config->node_count; i++) {
		struct reporter_node *node = &receiver->nodes[receiver->node_count];

		if (!is_reporter(&receiver->parts, i))
			continue;
		strcpy(node->name, config->nodes[i].name);
		node->node = i;
		node->peer.family = config->nodes[i].family;
		node->peer.addr = config->nodes[i].address;
		receiver->node_count++;
	}
	return 0;
}

/* ---- slots ---- */

static const struct config_target *find_target(const struct config *config,
					       const struct xdplb_backend_info *info)
{
	for (size_t i = 0; i < config->target_count; i++) {
		const struct config_target *target = &config->targets[i];

		if (target->check != CONFIG_NO_CHECK && target->identity == info->identity &&
		    !strcmp(config->backends[target->backend].name, info->name))
			return target;
	}
	return NULL;
}

static bool is_probed(const struct xdplb_backend_info *info)
{
	return info->name[0] && info->identity;
}

/* The map's entry as a slot; its reporter is RECEIVER_NOBODY if the file has none for it. */
static void fill_slot(const struct receiver *receiver, uint32_t index, struct receiver_slot *ret)
{
	const struct config *config = receiver->parts.config;
	const struct xdplb_backend_info *info = access_backend_info(receiver->parts.view, index);
	const struct config_target *target = find_target(config, info);
	int node = config_find_node(config, info->node);

	*ret = (struct receiver_slot){ .index = index, .reporter = RECEIVER_NOBODY };
	if (node >= 0)
		ret->reporter = receiver_find_node(receiver, (size_t)node);
	if (target) {
		receiver_fill_target(config, target, &ret->target);
		ret->initial = config->checks[target->check].initial;
	} else {
		ret->target.backend = share_hash_name(info->name);
		ret->target.check = info->identity;
	}
}

static int add_slots(struct receiver *receiver)
{
	const struct access_view *view = receiver->parts.view;
	size_t count = view->backend_infos.count;

	receiver->slots = calloc(count + 1, sizeof(*receiver->slots));
	receiver->slot_of = malloc((count + 1) * sizeof(*receiver->slot_of));
	receiver->unwanted = calloc(count + 1, sizeof(*receiver->unwanted));
	if (!receiver->slots || !receiver->slot_of || !receiver->unwanted)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct receiver_slot *slot = &receiver->slots[receiver->slot_count];
		const struct xdplb_health *entry = map_at(&view->health, i);

		receiver->slot_of[i] = NO_SLOT;
		if (!is_probed(access_backend_info(view, i)))
			continue;
		fill_slot(receiver, i, slot);
		if (slot->reporter == RECEIVER_NOBODY)
			continue;
		receiver->slot_of[i] = (uint32_t)receiver->slot_count++;
		if (slot->reporter == ASKER_OWN && receiver->own_epoch <= entry->epoch)
			receiver->own_epoch = entry->epoch + 1;
	}
	return 0;
}

/* ---- sharing ---- */

static size_t list_share_slots(const struct receiver *receiver, struct share_slot *slots)
{
	const struct access_view *view = receiver->parts.view;
	size_t n = 0;

	for (size_t i = 0; i < receiver->slot_count; i++) {
		const struct receiver_slot *slot = &receiver->slots[i];
		const struct xdplb_health *entry = map_at(&view->health, slot->index);

		if (slot->reporter == ASKER_OWN)
			continue;
		slots[n++] = (struct share_slot){
			.reporter = slot->reporter,
			.backend = access_backend_info(view, slot->index)->name,
			.check = slot->target.check,
			.index = slot->index,
			.epoch = entry->epoch,
		};
	}
	return n;
}

static int make_receive(struct receiver *receiver, struct error *error)
{
	const struct config *config = receiver->parts.config;
	const char **names = calloc(receiver->node_count + 1, sizeof(*names));
	struct share_slot *slots = calloc(receiver->slot_count + 1, sizeof(*slots));
	struct share_receive_settings settings = {
		.node = config->nodes[receiver->parts.node].name,
		.keys = receiver->parts.keys,
		.interval_ms = config->sharing.interval_ms,
		.missed = config->sharing.missed,
		.lease_ms = receiver->lease_ms,
		.reporters = names,
		.reporter_count = receiver->node_count,
		.slots = slots,
		.sink = { receiver, receiver_take_change, receiver_send_bytes,
			  receiver_take_answer },
	};
	int err = -ENOMEM;

	if (names && slots) {
		for (size_t i = 0; i < receiver->node_count; i++)
			names[i] = receiver->nodes[i].name;
		settings.slot_count = list_share_slots(receiver, slots);
		err = share_receive_new(&settings, clock_ms(), &receiver->receive, error);
	} else {
		fail(error, err, "no memory");
	}
	free(names);
	free(slots);
	return err;
}

/* ---- the whole ---- */

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	receiver_tick(timer->data);
}

static void on_renew(struct ev_loop *loop, ev_timer *timer, int events)
{
	receiver_write_own(timer->data, VERDICT_RENEW);
}

static void on_grow(struct ev_loop *loop, ev_timer *timer, int events)
{
	receiver_grow(timer->data);
}

static void start_timers(struct receiver *receiver)
{
	struct ev_loop *loop = receiver->parts.loop;

	receiver->renew.repeat = receiver->lease_ms / 4e3;
	ev_timer_again(loop, &receiver->renew);
	receiver->grow.repeat = SLOW_START_SECONDS;
	if (receiver->slow)
		ev_timer_again(loop, &receiver->grow);
	receiver_write_own(receiver, VERDICT_STATE);
	if (receiver->receive)
		receiver_tick(receiver);
	silence_start(receiver);
}

int receiver_new(const struct receiver_parts *parts, struct receiver **ret_receiver,
		 struct error *error)
{
	const struct slow_start_time now = { .jiffies = tick_now(), .ms = clock_ms() };
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	int err;

	if (!receiver)
		return fail(error, -ENOMEM, "no memory");
	receiver->parts = *parts;
	receiver->lease_ms = parts->config->sharing.lease_ms;
	if (!receiver->lease_ms)
		receiver->lease_ms = SHARE_LEASE_MS;
	ev_init(&receiver->due, on_due);
	receiver->due.data = receiver;
	ev_init(&receiver->renew, on_renew);
	receiver->renew.data = receiver;
	ev_init(&receiver->grow, on_grow);
	receiver->grow.data = receiver;
	ev_init(&receiver->watch, NULL);
	err = add_nodes(receiver);
	if (!err)
		err = add_slots(receiver);
	if (!err)
		err = slow_start_new(parts->config, parts->view, &now, &receiver->slow);
	if (err)
		fail(error, err, "no memory");
	else if (parts->link)
		err = make_receive(receiver, error);
	if (err) {
		receiver_free(receiver);
		return err;
	}
	start_timers(receiver);
	*ret_receiver = receiver;
	return 0;
}

void receiver_free(struct receiver *receiver)
{
	if (!receiver)
		return;
	silence_stop(receiver);
	ev_timer_stop(receiver->parts.loop, &receiver->due);
	ev_timer_stop(receiver->parts.loop, &receiver->renew);
	ev_timer_stop(receiver->parts.loop, &receiver->grow);
	slow_start_free(receiver->slow);
	share_receive_free(receiver->receive);
	free(receiver->nodes);
	free(receiver->slots);
	free(receiver->slot_of);
	free(receiver->unwanted);
	free(receiver);
}
