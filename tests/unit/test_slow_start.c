// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shares that grow: what the agent writes while targets come up, by the maps, here arrays in plain memory, and a
 * clock that the test sets.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

#include "health/health_entry.h"
#include "plan_world.h"
#include "slow_start.h"
#include "verdicts.h"

TestSuite(slow_start);

#define UP      XDPLB_HEALTH_UP
#define JIFFIES 1000000ULL
#define MS      50000ULL
#define TARGETS 4
#define LENGTH  10000 /* ms, of service a */

/* Services a (slow_start 10 s: targets 0, 1, 2), b (none: target 3) and c (20 s: targets 2 and 3). */
struct world {
	struct config config;
	struct config_service services[3];
	struct access_view view;
	struct slow_start *slow;
	uint64_t ms;
};

static struct slow_start_time now(const struct world *world)
{
	return (struct slow_start_time){ .jiffies = JIFFIES + (world->ms - MS), .ms = world->ms };
}

static struct verdict_time verdict_now(const struct world *world)
{
	uint64_t jiffies = now(world).jiffies;

	return (struct verdict_time){ .jiffies = jiffies,
				      .lease = jiffies + 1000,
				      .boottime_ns = 5 };
}

static struct xdplb_health *entry(const struct world *world, uint32_t target)
{
	return map_at(&world->view.health, target);
}

static void put_service(struct world *world, size_t i, uint32_t index, uint16_t port, uint32_t ms)
{
	struct xdplb_service_info *info = access_service_info(&world->view, index);

	*info = (struct xdplb_service_info){ .port = htons(port),
					     .proto = IPPROTO_TCP,
					     .family = XDPLB_IPV4 };
	strcpy(info->name, "x");
	world->services[i] = (struct config_service){
		.family = XDPLB_IPV4, .proto = IPPROTO_TCP, .port = htons(port), .slow_start_ms = ms
	};
}

static void put_member(struct world *world, uint32_t index, uint32_t service, uint32_t target)
{
	struct xdplb_member_info *info = access_member_info(&world->view, index);

	*access_member(&world->view, index) =
		(struct xdplb_member){ .health = target, .service = service };
	info->in_use = 1;
	info->service = service;
}

static void open_slow(struct world *world)
{
	const struct slow_start_time time = now(world);

	cr_assert_eq(slow_start_new(&world->config, &world->view, &time, &world->slow), 0);
}

static void open_world(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->ms = MS;
	world->config.services = world->services;
	world->config.service_count = 3;
	access_memory(&usual_sizes, &world->view);
	put_service(world, 0, 2, 80, LENGTH);
	put_service(world, 1, 4, 81, 0);
	put_service(world, 2, 5, 82, 2 * LENGTH);
	for (uint32_t i = 0; i < 3; i++)
		put_member(world, i, 2, i);
	put_member(world, 3, 4, 3);
	put_member(world, 7, 5, 2);
	put_member(world, 9, 5, 3);
	open_slow(world);
	cr_assert_not_null(world->slow);
}

static void close_world(struct world *world)
{
	slow_start_free(world->slow);
	access_memory_free(&world->view);
}

static void write_share(void *context, uint32_t target, unsigned int percent)
{
	const struct verdict verdict = { .event = VERDICT_RAMP, .ramp = percent };
	struct world *world = context;
	struct verdict_time time = verdict_now(world);

	verdict_write(entry(world, target), &verdict, &time);
}

static void step(struct world *world, uint64_t ms)
{
	struct slow_start_time time;

	world->ms += ms;
	time = now(world);
	/* as the receiver renews them */
	for (uint32_t i = 0; i < TARGETS; i++)
		if (entry(world, i)->lease && entry(world, i)->cause != XDPLB_CAUSE_OPERATOR)
			entry(world, i)->lease = time.jiffies + 1000;
	slow_start_step(world->slow, &time, write_share, world);
}

/* As the receiver does it. */
static void say(struct world *world, uint32_t target, enum xdplb_health_state state,
		uint16_t weight)
{
	struct verdict verdict = {
		.event = VERDICT_STATE, .state = state, .cause = XDPLB_CAUSE_OK, .weight = weight
	};
	const struct slow_start_time time = now(world);
	struct verdict_time verdict_time = verdict_now(world);

	verdict.ramp = slow_start_share(world->slow, target, state == XDPLB_HEALTH_UP, &time);
	verdict_write(entry(world, target), &verdict, &verdict_time);
}

static unsigned int share(const struct world *world, uint32_t target)
{
	return health_share(entry(world, target), now(world).jiffies, false);
}

static void expect_share(const char *row, const struct world *world, uint32_t target,
			 unsigned int want)
{
	cr_expect_eq(share(world, target), want, "%s: target %u has %u %%, not %u", row, target,
		     share(world, target), want);
	cr_expect_eq(entry(world, target)->cause == XDPLB_CAUSE_SLOW_START, want < 100,
		     "%s: target %u, cause %d", row, target, entry(world, target)->cause);
}

/* Two are up for long; the third comes up. */
static void bring_up_two(struct world *world)
{
	say(world, 0, XDPLB_HEALTH_UP, 0);
	say(world, 1, XDPLB_HEALTH_UP, 0);
	step(world, 0);
	step(world, LENGTH);
}

Test(slow_start, all_at_once_have_all)
{
	struct world world;

	open_world(&world);
	for (uint32_t i = 0; i < 3; i++) {
		say(&world, i, XDPLB_HEALTH_UP, 0);
		cr_expect_eq(share(&world, i), (unsigned int)SLOW_START_PERCENT);
	}
	step(&world, 10);
	for (uint32_t i = 0; i < 3; i++)
		expect_share("all come up together", &world, i, 100);
	close_world(&world);
}

Test(slow_start, grows_evenly)
{
	struct world world;
	unsigned int before = 0;

	open_world(&world);
	bring_up_two(&world);
	say(&world, 2, XDPLB_HEALTH_DOWN, 0);
	step(&world, 100);
	say(&world, 2, XDPLB_HEALTH_UP, 0);
	/* from the first packet on */
	expect_share("at once", &world, 2, SLOW_START_PERCENT);
	for (int i = 1; i <= 100; i++) {
		unsigned int want = i < SLOW_START_PERCENT ? SLOW_START_PERCENT : i;

		step(&world, LENGTH / 100);
		expect_share("grows", &world, 2, want);
		cr_expect_geq(share(&world, 2), before);
		before = share(&world, 2);
		expect_share("the others", &world, 0, 100);
	}
	cr_expect_eq(entry(&world, 2)->cause, XDPLB_CAUSE_OK);
	cr_expect_eq(entry(&world, 2)->weight, 0);
	close_world(&world);
}

/* In a and in c, whose time is twice as long; in b nothing grows. */
Test(slow_start, smallest_of_its_services)
{
	struct world world;

	open_world(&world);
	bring_up_two(&world);
	say(&world, 3, XDPLB_HEALTH_UP, 0);
	step(&world, 2 * LENGTH);
	say(&world, 2, XDPLB_HEALTH_UP, 0);
	step(&world, LENGTH);
	expect_share("half of c's time", &world, 2, 50);
	step(&world, LENGTH);
	expect_share("all of it", &world, 2, 100);
	close_world(&world);
}

Test(slow_start, with_a_weight)
{
	struct world world;

	open_world(&world);
	bring_up_two(&world);
	say(&world, 1, XDPLB_HEALTH_DOWN, 0);
	step(&world, 100);
	say(&world, 1, XDPLB_HEALTH_UP, 40);
	step(&world, LENGTH / 2);
	cr_expect_eq(share(&world, 1), 20U);
	/* the server says something else meanwhile */
	say(&world, 1, XDPLB_HEALTH_UP, 60);
	cr_expect_eq(share(&world, 1), 30U);
	step(&world, LENGTH / 2);
	cr_expect_eq(share(&world, 1), 60U);
	cr_expect_eq(entry(&world, 1)->cause, XDPLB_CAUSE_OK);
	close_world(&world);
}

/* Nobody writes any more: the lease ends, and the whole of what was reported counts. */
Test(slow_start, agent_dies)
{
	struct world world;

	open_world(&world);
	bring_up_two(&world);
	say(&world, 1, XDPLB_HEALTH_DOWN, 0);
	step(&world, 100);
	say(&world, 1, XDPLB_HEALTH_UP, 40);
	step(&world, LENGTH / 10);
	cr_expect_eq(share(&world, 1), 4U);
	world.ms += 1001;
	cr_expect_eq(share(&world, 1), 40U);
	cr_expect_eq(share(&world, 0), 100U);
	close_world(&world);
}

/* A new receiver, after an apply or a restart, goes on where it was; after a long pause nothing shrinks. */
Test(slow_start, goes_on_after_a_restart)
{
	struct world world;

	open_world(&world);
	bring_up_two(&world);
	say(&world, 1, XDPLB_HEALTH_DOWN, 0);
	step(&world, 100);
	say(&world, 1, XDPLB_HEALTH_UP, 0);
	step(&world, LENGTH * 3 / 10);
	expect_share("before", &world, 1, 30);
	slow_start_free(world.slow);
	open_slow(&world);
	say(&world, 1, XDPLB_HEALTH_UP, 0);
	expect_share("after", &world, 1, 30);
	step(&world, LENGTH / 10);
	expect_share("later", &world, 1, 40);
	world.ms += 2000; /* its lease is over */
	slow_start_free(world.slow);
	open_slow(&world);
	say(&world, 1, XDPLB_HEALTH_UP, 0);
	expect_share("after a pause", &world, 1, 100);
	close_world(&world);
}

/* Silence is no absence: who was up and is heard again has all; who was down comes up. */
Test(slow_start, silence)
{
	struct world world;
	struct verdict silent = { .event = VERDICT_SILENT };
	struct verdict_time time;

	open_world(&world);
	bring_up_two(&world);
	say(&world, 2, XDPLB_HEALTH_DOWN, 0);
	step(&world, 100);
	time = verdict_now(&world);
	verdict_write(entry(&world, 1), &silent, &time);
	verdict_write(entry(&world, 2), &silent, &time);
	step(&world, 100);
	say(&world, 1, XDPLB_HEALTH_UP, 0);
	say(&world, 2, XDPLB_HEALTH_UP, 0);
	step(&world, 0);
	expect_share("was up", &world, 1, 100);
	expect_share("was down", &world, 2, SLOW_START_PERCENT);
	close_world(&world);
}

/* What an operator holds is his; what he gives back comes up. */
Test(slow_start, operator)
{
	struct world world;

	open_world(&world);
	bring_up_two(&world);
	health_hold(entry(&world, 1), XDPLB_HEALTH_MAINTENANCE, 0, 1);
	step(&world, 100);
	say(&world, 1, XDPLB_HEALTH_UP, 0);
	step(&world, 100);
	cr_expect_eq(entry(&world, 1)->state, XDPLB_HEALTH_MAINTENANCE);
	health_release(entry(&world, 1), now(&world).jiffies, 1);
	step(&world, 100);
	expect_share("given back", &world, 1, SLOW_START_PERCENT);
	/* its node still vouches for it while it grows */
	say(&world, 1, XDPLB_HEALTH_UP, 0);
	step(&world, LENGTH / 12);
	health_hold(entry(&world, 1), XDPLB_HEALTH_MAINTENANCE, 0, 1);
	health_release(entry(&world, 1), now(&world).jiffies, 1);
	cr_expect_eq(entry(&world, 1)->state, UP);
	health_hold(entry(&world, 1), XDPLB_HEALTH_UP, 0, 1);
	step(&world, 100);
	cr_expect_eq(share(&world, 1), 100U);
	cr_expect_eq(entry(&world, 1)->cause, XDPLB_CAUSE_OPERATOR);
	close_world(&world);
}

Test(slow_start, nobody_wants_it)
{
	struct slow_start *slow = (void *)1;
	struct slow_start_time time;
	struct world world;

	open_world(&world);
	time = now(&world);
	for (size_t i = 0; i < 3; i++)
		world.services[i].slow_start_ms = 0;
	cr_assert_eq(slow_start_new(&world.config, &world.view, &time, &slow), 0);
	cr_expect_null(slow);
	cr_expect_eq(slow_start_share(NULL, 1, true, &time), 0U);
	close_world(&world);
}
