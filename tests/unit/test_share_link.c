// SPDX-License-Identifier: BSD-2-Clause
/*
 * Health sharing over a bad link, in virtual time. share_world.c asserts at each change that no
 * backend goes back to an older version.
 */
#include <criterion/criterion.h>

#include "share_world.h"

#define MINUTE 60000

/* 30 % lost each way, a tenth doubled, up to 80 ms late: reordered. */
static struct world *bad_world(size_t backends, uint64_t seed)
{
	struct world *world = world_new(backends, seed);

	world->loss = 30;
	world->duplicates = 10;
	world->delay = 80;
	return world;
}

static uint64_t refused(const struct world *world, enum share_refusal why)
{
	return share_receive_counters(world->receive)->refused[why];
}

static void run_until_agreed(struct world *world, uint64_t most, const char *row)
{
	uint64_t end = world->now + most;

	while (!world_agrees(world) && world->now < end)
		world_run(world, 1);
	cr_assert(world_agrees(world), "%s: no agreement within %lu ms", row, most);
}

/* Ten backends change every 3 seconds or so; the others must not be touched. */
Test(share_link, ten_minutes_of_loss)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct world *world = bad_world(100, seed);
		unsigned int made = 0;

		run_until_agreed(world, 2000, "start");
		for (int tick = 0; tick < 10 * MINUTE / 100; tick++) {
			if (world_random(world, 3) == 0) {
				world_change(world, world_random(world, 10));
				made++;
			}
			world_run(world, 100);
		}
		run_until_agreed(world, 2000, "end");
		for (size_t i = 0; i < 100; i++) {
			const struct world_backend *backend = &world->backends[i];

			cr_assert_eq(backend->silents + backend->unreporteds, 0, "seed %lu, %s",
				     seed, backend->name);
			cr_assert(i < 10 || backend->states == 1, "seed %lu, %s: %u states", seed,
				  backend->name, backend->states);
			cr_assert_gt(backend->renewals, 100, "seed %lu, %s: %u renewals", seed,
				     backend->name, backend->renewals);
		}
		cr_log_info("seed %lu: %u changes, worst %lu ms, later than 100 ms: %zu", seed,
			    made, world->worst, world->late);
		cr_assert_leq(world->worst, 1200, "seed %lu: %lu ms", seed, world->worst);
		cr_assert_leq(world->late * 10, world->changes, "seed %lu: late: %zu of %zu", seed,
			      world->late, world->changes);
		cr_assert_gt(refused(world, SHARE_REFUSED_DUPLICATE), 100);
		world_free(world);
	}
}

/* Many receivers' worth of false-silence trials: nothing changes, nothing must be said. */
Test(share_link, no_false_silence)
{
	for (uint64_t seed = 100; seed < 160; seed++) {
		struct world *world = bad_world(1, seed);

		run_until_agreed(world, 3000, "start");
		world_run(world, 10 * MINUTE);
		cr_assert_eq(world->backends[0].silents, 0, "seed %lu", seed);
		cr_assert_eq(world->backends[0].states, 1, "seed %lu", seed);
		world_free(world);
	}
}

/* Whoever is restarted, whatever is played again: versions only rise (share_world.c), and all is
 * right soon after. */
Test(share_link, restarts_and_replays)
{
	static const struct {
		const char *row;
		bool reporter, receiver;
	} rows[] = {
		{ "reporter", true, false },
		{ "receiver", false, true },
		{ "both", true, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct world *world = bad_world(100, 7 + i);

		world_record(world);
		for (int tick = 0; tick < 5 * MINUTE / 50; tick++) {
			world_change(world, world_random(world, 100));
			world_replay(world);
			world_replay(world);
			if (rows[i].reporter && world_random(world, 40) == 0)
				world_start_reporter(world);
			if (rows[i].receiver && world_random(world, 40) == 0)
				world_restart_receiver(world);
			world_run(world, 50);
		}
		run_until_agreed(world, 3000, rows[i].row);
		world_free(world);
	}
}

/* A receiver that has just started gets nothing but recordings, of this and earlier incarnations. */
Test(share_link, restarted_receiver_among_recordings)
{
	struct world *world = world_new(100, 5);

	world_record(world);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++) {
			world_change(world, world_random(world, 100));
			world_run(world, 30);
		}
		world_start_reporter(world);
	}
	world_run(world, 1000);
	cr_assert(world_agrees(world));
	world_stop_reporter(world);
	for (size_t i = 0; i < world->count; i++)
		world->backends[i].states = 0;
	world_restart_receiver(world);
	for (int i = 0; i < 3000; i++) {
		world_replay(world);
		world_run(world, 1);
	}
	for (size_t i = 0; i < world->count; i++)
		cr_assert_eq(world->backends[i].states, 0, "%s", world->backends[i].name);
	cr_assert_gt(refused(world, SHARE_REFUSED_INCARNATION), 2500);
	world_free(world);
}

Test(share_link, silent_and_back)
{
	for (int restarted = 0; restarted < 2; restarted++) {
		struct world *world = world_new(1000, 3);
		struct share_reporter_view view;

		world_run(world, 5100);
		cr_assert(world_agrees(world));
		share_receive_view(world->receive, 0, &view);
		cr_assert(view.complete && !view.silent && view.known == 1000);
		world->loss = 100;
		world_run(world, view.heard_ms + SHARE_MISSED * SHARE_INTERVAL_MS - world->now);
		for (size_t i = 0; i < 1000; i++)
			cr_assert_eq(world->backends[i].silents, 0, "too early");
		world_run(world, 1);
		for (size_t i = 0; i < 1000; i++)
			cr_assert_eq(world->backends[i].silents, 1, "too late");
		world_change(world, 17);
		if (restarted)
			world_start_reporter(world);
		world_run(world, 20000);
		world->loss = 0;
		run_until_agreed(world, 1100, "back");
		for (size_t i = 0; i < 1000; i++)
			cr_assert_eq(world->backends[i].silents, 1, "said once");
		world_free(world);
	}
}

/* ---- sets of many parts ---- */

static uint32_t lost_parts;
static unsigned int parts_seen;

/* Loses the chosen parts of the first full answer. */
static bool drop_parts(struct world *world, const struct world_packet *packet)
{
	struct share_message message;

	if (!packet->to_receiver)
		return false;
	cr_assert_eq(share_decode(&world->keys, packet->bytes, packet->length, &message),
		     SHARE_ACCEPTED);
	if (message.kind != SHARE_CHALLENGE_ANSWER || parts_seen >= message.parts)
		return false;
	cr_assert_eq(message.parts, 24);
	parts_seen++;
	return lost_parts >> message.part & 1;
}

Test(share_link, any_parts_of_a_set_lost)
{
	for (uint32_t trial = 0; trial < 100; trial++) {
		struct world *world = world_new(1000, 11 + trial);
		size_t known = 0, expected = 0;

		parts_seen = 0;
		lost_parts = trial < 24 ? 1U << trial : world_random(world, 1U << 24);
		world->drop = drop_parts;
		while (parts_seen < 24)
			world_run(world, 1);
		world_run(world, 2);
		for (size_t i = 0; i < 1000; i++)
			known += world->backends[i].is_known;
		for (uint32_t part = 0; part < 24; part++)
			expected += lost_parts >> part & 1 ? 0 : part < 23 ? 42 : 34;
		cr_assert_eq(known, expected, "%x: each part is useful alone", lost_parts);
		run_until_agreed(world, 600, "the rest");
		world_free(world);
	}
}

/* 100 flaps a second over 1,000 backends: bounded, and right in the end. */
Test(share_link, flaps)
{
	struct world *world = bad_world(1000, 9);
	size_t sent, seconds = 20;

	run_until_agreed(world, 3000, "start");
	world_run(world, 5000);
	world->loss = 0;
	world->delay = 0;
	sent = world->sent;
	for (size_t i = 0; i < 100 * seconds; i++) {
		world_change(world, world_random(world, 1000));
		world_run(world, 10);
	}
	cr_assert_leq(world->sent - sent, 52 * seconds, "%zu datagrams", world->sent - sent);
	world->loss = 30;
	world->delay = 80;
	sent = world->sent;
	for (size_t i = 0; i < 100 * seconds; i++) {
		world_change(world, world_random(world, 1000));
		world_run(world, 10);
	}
	cr_log_info("reordered and lost: %zu datagrams a second", (world->sent - sent) / seconds);
	cr_assert_leq(world->sent - sent, 100 * seconds, "%zu datagrams", world->sent - sent);
	run_until_agreed(world, 2000, "end");
	cr_assert_eq(world->backends[0].silents, 0);
	world_free(world);
}

/* What a heartbeat costs, as stated in share_send.h. */
Test(share_link, heartbeat_bytes)
{
	struct world *world = world_new(1000, 1);
	size_t sent, bytes;

	world_run(world, 10000);
	sent = world->sent;
	bytes = world->sent_bytes;
	world_run(world, 10000);
	cr_assert_eq(world->sent - sent, 20);
	/* The name "service" is a byte shorter than the 8 of the header. */
	cr_assert_eq((world->sent_bytes - bytes) / 20, 127);
	world_free(world);
}
