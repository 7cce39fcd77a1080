// SPDX-License-Identifier: BSD-2-Clause
/*
 * A reporter and a receiver of health with a bad link between them.
 */
#include "share_world.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xdplb/health.h"

#define CHECK 0x1234

static const char *const access_names[] = { "access" };
static const char *const service_names[] = { "service" };

void world_keys(const char *cluster, struct share_keys *ret_keys)
{
	static const char text[] =
		"1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
		"2 ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100\n";
	struct error error;

	cr_assert(sodium_init() >= 0);
	cr_assert_eq(share_keys_parse(text, sizeof(text) - 1, cluster, ret_keys, &error), 0);
}

uint32_t world_random(struct world *world, uint32_t limit)
{
	/* xorshift64*, Vigna 2016 */
	world->random ^= world->random >> 12;
	world->random ^= world->random << 25;
	world->random ^= world->random >> 27;
	return (uint32_t)(world->random * 0x2545f4914f6cdd1dULL >> 32) % limit;
}

/* ---- the link ---- */

static void enqueue(struct world *world, const struct world_packet *packet)
{
	struct world_packet *to = &world->queue[world->queued++];

	cr_assert_leq(world->queued, WORLD_QUEUE);
	*to = *packet;
	to->due = world->now + (world->delay ? world_random(world, world->delay + 1) : 0);
}

static void transmit(struct world *world, const uint8_t *bytes, size_t length, bool to_receiver)
{
	struct world_packet packet = { .length = length, .to_receiver = to_receiver };

	memcpy(packet.bytes, bytes, length);
	if (world->record && to_receiver)
		world->record[world->recorded++ % WORLD_QUEUE] = packet;
	if (world_random(world, 100) < world->loss || (world->drop && world->drop(world, &packet)))
		return;
	enqueue(world, &packet);
	if (world_random(world, 100) < world->duplicates)
		enqueue(world, &packet);
}

void world_record(struct world *world)
{
	world->record = calloc(WORLD_QUEUE, sizeof(*world->record));
	cr_assert(world->record);
}

void world_replay(struct world *world)
{
	size_t most = world->recorded < WORLD_QUEUE ? world->recorded : WORLD_QUEUE;

	if (most)
		enqueue(world, &world->record[world_random(world, (uint32_t)most)]);
}

static void send_report(void *context, size_t receiver, const uint8_t *bytes, size_t length)
{
	struct world *world = context;

	cr_assert(receiver == SHARE_ALL || receiver == 0);
	world->sent++;
	world->sent_bytes += length;
	transmit(world, bytes, length, true);
}

static void send_question(void *context, size_t reporter, const uint8_t *bytes, size_t length)
{
	cr_assert_eq(reporter, 0);
	transmit(context, bytes, length, false);
}

static void ignore_request(void *context, size_t receiver, const struct share_message *request)
{
}

static void ignore_answer(void *context, size_t reporter, const struct share_message *answer)
{
}

/* ---- what the receiver says ---- */

static uint8_t state_of(uint16_t version)
{
	return version % 2 ? XDPLB_HEALTH_UP : XDPLB_HEALTH_DOWN;
}

static void note_state(struct world *world, struct world_backend *backend,
		       const struct share_change *change)
{
	uint64_t took = world->now - backend->since;

	cr_assert_geq(change->weight, backend->seen, "%s: version %u after %u", backend->name,
		      change->weight, backend->seen);
	cr_assert_eq(change->state, state_of(change->weight), "%s: state", backend->name);
	cr_assert_leq(change->weight, backend->version, "%s: the future", backend->name);
	backend->states++;
	backend->is_known = true;
	if (change->weight == backend->version && backend->seen && backend->seen < change->weight) {
		world->changes++;
		world->late += took > 100;
		world->worst = took > world->worst ? took : world->worst;
	}
	backend->seen = change->weight;
}

static void note_change(void *context, const struct share_change *change)
{
	struct world *world = context;
	struct world_backend *backend = &world->backends[change->index];

	cr_assert_lt(change->index, world->count);
	cr_assert_geq(change->epoch, backend->epoch, "%s: the epoch falls", backend->name);
	backend->epoch = change->epoch;
	switch (change->kind) {
	case SHARE_CHANGE_STATE:
		note_state(world, backend, change);
		break;
	case SHARE_CHANGE_RENEW:
		cr_assert(backend->is_known, "%s: a lease for what is not known", backend->name);
		backend->renewals++;
		break;
	case SHARE_CHANGE_SILENT:
		backend->silents++;
		backend->is_known = false;
		break;
	case SHARE_CHANGE_UNREPORTED:
		backend->unreporteds++;
		backend->is_known = false;
		break;
	}
}

bool world_agrees(const struct world *world)
{
	for (size_t i = 0; i < world->count; i++) {
		const struct world_backend *backend = &world->backends[i];

		if (!backend->is_known || backend->seen != backend->version)
			return false;
	}
	return true;
}

/* ---- starting and stopping ---- */

static void fill_item(const struct world *world, size_t i, struct share_item *ret)
{
	const struct world_backend *backend = &world->backends[i];

	*ret = (struct share_item){ .backend = backend->name,
				    .check = CHECK,
				    .state = state_of(backend->version),
				    .weight = backend->version };
}

void world_start_reporter(struct world *world)
{
	struct share_send_settings settings = {
		.node = "service",
		.keys = &world->keys,
		.receivers = access_names,
		.receiver_count = 1,
		.sink = { world, send_report, ignore_request },
	};
	struct share_item items[WORLD_BACKENDS];
	struct error error;

	world_stop_reporter(world);
	for (size_t i = 0; i < world->count; i++)
		fill_item(world, i, &items[i]);
	cr_assert_eq(share_send_new(&settings, &world->send, &error), 0);
	cr_assert_eq(share_send_set(world->send, items, world->count, world->now, &error), 0, "%s",
		     error.text);
	world->send_due = 0;
}

void world_stop_reporter(struct world *world)
{
	share_send_free(world->send);
	world->send = NULL;
}

void world_restart_receiver(struct world *world)
{
	struct share_slot slots[WORLD_BACKENDS];
	struct share_receive_settings settings = {
		.node = "access",
		.keys = &world->keys,
		.reporters = service_names,
		.reporter_count = 1,
		.slots = slots,
		.slot_count = world->count,
		.sink = { world, note_change, send_question, ignore_answer },
	};
	struct error error;

	for (size_t i = 0; i < world->count; i++)
		slots[i] = (struct share_slot){ .backend = world->backends[i].name,
						.check = CHECK,
						.index = (uint32_t)i,
						.epoch = world->backends[i].epoch };
	share_receive_free(world->receive);
	cr_assert_eq(share_receive_new(&settings, world->now, &world->receive, &error), 0, "%s",
		     error.text);
	world->receive_due = 0;
}

void world_change(struct world *world, size_t backend)
{
	struct share_item item;

	world->backends[backend].version++;
	world->backends[backend].since = world->now;
	if (!world->send)
		return;
	fill_item(world, backend, &item);
	share_send_change(world->send, backend, &item, world->now);
	world->send_due = 0;
}

struct world *world_new(size_t backends, uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));

	cr_assert(world);
	world_keys("cluster", &world->keys);
	world->now = 1000000;
	world->random = seed;
	world->count = backends;
	world->queue = calloc(WORLD_QUEUE, sizeof(*world->queue));
	cr_assert(world->queue);
	for (size_t i = 0; i < backends; i++) {
		snprintf(world->backends[i].name, sizeof(world->backends[i].name), "b%zu", i);
		world->backends[i].version = 1;
		world->backends[i].since = world->now;
	}
	world_restart_receiver(world);
	world_start_reporter(world);
	return world;
}

void world_free(struct world *world)
{
	share_send_free(world->send);
	share_receive_free(world->receive);
	free(world->queue);
	free(world->record);
	free(world);
}

/* ---- time ---- */

static void deliver(struct world *world)
{
	for (size_t i = 0; i < world->queued;) {
		struct world_packet packet = world->queue[i];

		if (packet.due > world->now) {
			i++;
			continue;
		}
		world->queue[i] = world->queue[--world->queued];
		if (packet.to_receiver)
			share_receive_datagram(world->receive, packet.bytes, packet.length,
					       world->now);
		else if (world->send)
			share_send_datagram(world->send, packet.bytes, packet.length, world->now);
		i = 0;
	}
}

void world_run(struct world *world, uint64_t milliseconds)
{
	for (uint64_t end = world->now + milliseconds; world->now < end; world->now++) {
		deliver(world);
		if (world->send && world->now >= world->send_due)
			world->send_due = share_send_tick(world->send, world->now);
		if (world->now >= world->receive_due)
			world->receive_due = share_receive_tick(world->receive, world->now);
	}
}
