// SPDX-License-Identifier: BSD-2-Clause
/*
 * Checks in time: rate, spread, verdicts, requests, changes at run time.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "net_lab.h"
#include "probe_lab.h"
#include "schedule.h"

#define TIMES_MAX 4096

/* What was told of one or more checks. */
struct record {
	int results, ok, requested, ups, downs;
	double times[TIMES_MAX]; /* of each result */
	bool remove;
	enum xdplb_health_cause cause;
};

struct world {
	struct probe_lab lab;
	struct schedule *schedule;
	uint16_t port;
	int listener;
	struct probe_spec up, down, silent;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void on_event(void *data, struct check *check, const struct check_event *event)
{
	struct record *record = data;

	cr_assert_eq(event->verdict, check_verdict(check));
	if (record->results < TIMES_MAX)
		record->times[record->results] = now() - event->result->duration_us / 1e6;
	record->results++;
	record->ok += event->result->ok;
	record->requested += event->requested;
	record->ups += event->changed && event->verdict == RISE_FALL_UP;
	record->downs += event->changed && event->verdict == RISE_FALL_DOWN;
	record->cause = event->result->cause;
	if (record->remove)
		check_remove(check);
}

static void enter(struct world *world)
{
	probe_lab_enter(&world->lab);
	world->listener = lab_listen(10, &world->port);
	world->up = probe_lab_spec(PROBE_TCP, "127.0.0.1", world->port);
	world->down = probe_lab_spec(PROBE_TCP, "127.0.0.1", lab_closed_port());
	world->silent = probe_lab_spec(PROBE_TCP, LAB_SILENT, 80);
	world->silent.timeout_ms = 50;
	cr_assert_eq(schedule_new(world->lab.loop, world->lab.engine, &world->schedule), 0);
}

static void leave(struct world *world)
{
	schedule_free(world->schedule);
	probe_lab_leave(&world->lab);
}

static struct check *add(struct world *world, const struct probe_spec *spec, uint32_t interval_ms,
			 struct record *record)
{
	struct check_plan plan = { .spec = spec, .interval_ms = interval_ms, .rule = { 2, 3 } };
	struct check *check =
		check_add(world->schedule, &plan, RISE_FALL_UNKNOWN, on_event, record);

	cr_assert_not_null(check);
	return check;
}

/* How many results lie near the grid of this step that the most of them lie near. */
static int largest_cluster(const struct record *record, double step, double near)
{
	int largest = 0;

	for (int i = 0; i < record->results; i++) {
		int count = 0;

		for (int j = 0; j < record->results; j++)
			count += fabs(remainder(record->times[j] - record->times[i], step)) < near;
		largest = count > largest ? count : largest;
	}
	return largest;
}

/* A second of checks every 20 ms: is the rate right, and do they start on a grid? */
static bool run_second(struct world *world, struct record *record)
{
	double began = now(), seconds;
	uint64_t skipped = schedule_skipped(world->schedule);
	int turns;

	record->results = 0;
	probe_lab_run(&world->lab, 1.0);
	seconds = now() - began;
	/* However late this runs, each turn is taken or skipped. */
	turns = record->results + schedule_skipped(world->schedule) - skipped;
	cr_expect(turns >= 48 && turns <= seconds / 0.02 + 2, "%d turns in %f s", turns, seconds);
	/* On a grid: lateness does not add up, or the results would lie anywhere between its lines. */
	return record->results >= 48 && record->results <= 51 &&
	       2 * largest_cluster(record, 0.02, 0.002) > record->results;
}

/* A busy machine lets a run wait, but not each of them; a wrong schedule is wrong in each. */
Test(schedule, rate)
{
	static struct record record;
	struct world world;
	int tries = 0;

	enter(&world);
	add(&world, &world.up, 20, &record);
	while (!run_second(&world, &record))
		cr_assert_lt(tries++, 20, "%d results, %d within 2 ms of a grid", record.results,
			     largest_cluster(&record, 0.02, 0.002));
	leave(&world);
}

Test(schedule, starts_are_spread)
{
	static struct record record;
	int slots[10] = { 0 };
	struct world world;
	double begin;

	enter(&world);
	for (int i = 0; i < 200; i++)
		add(&world, &world.up, 500, &record);
	begin = now();
	probe_lab_run(&world.lab, 0.5);
	cr_expect(record.results >= 190 && record.results <= 205, "%d results", record.results);
	for (int i = 0; i < record.results; i++) {
		int slot = (int)((record.times[i] - begin) / 0.05);

		slots[slot < 0 ? 0 : slot > 9 ? 9 : slot]++;
	}
	for (int i = 0; i < 10; i++)
		cr_expect(slots[i] >= 14 && slots[i] <= 26, "slot %d: %d starts", i, slots[i]);
	leave(&world);
}

Test(schedule, jitter)
{
	static struct record record;
	struct check_plan plan = { .interval_ms = 40, .jitter_percent = 25, .rule = { 1, 1 } };
	int early = 0, late = 0;
	struct world world;

	enter(&world);
	plan.spec = &world.up;
	cr_assert_not_null(check_add(world.schedule, &plan, RISE_FALL_UNKNOWN, on_event, &record));
	probe_lab_run(&world.lab, 1.6);
	cr_expect(record.results >= 38 && record.results <= 41, "%d results", record.results);
	for (int i = 1; i < record.results; i++) {
		double gap = record.times[i] - record.times[i - 1];

		cr_expect(gap > 0.015 && gap < 0.07, "gap %f s", gap);
		early += gap < 0.037;
		late += gap > 0.043;
	}
	cr_expect(early > 3 && late > 3, "%d early, %d late", early, late);
	leave(&world);
}

Test(schedule, one_at_a_time)
{
	static struct record record;
	struct world world;

	enter(&world);
	add(&world, &world.silent, 10, &record);
	probe_lab_run(&world.lab, 0.6);
	cr_expect(record.results >= 7 && record.results <= 11, "%d results", record.results);
	cr_expect_gt(schedule_skipped(world.schedule), 30);
	for (int i = 1; i < record.results; i++)
		cr_expect_gt(record.times[i] - record.times[i - 1], 0.049);
	leave(&world);
}

/* What was missed while the loop stood still is not made up for. */
Test(schedule, no_burst_after_a_pause)
{
	static struct record record;
	struct world world;

	enter(&world);
	for (int i = 0; i < 10; i++)
		add(&world, &world.up, 20, &record);
	probe_lab_run(&world.lab, 0.1);
	usleep(400000);
	record.results = 0;
	probe_lab_run(&world.lab, 0.1);
	cr_expect(record.results >= 45 && record.results <= 65, "%d results", record.results);
	cr_expect_geq(schedule_skipped(world.schedule), 150);
	leave(&world);
}

Test(schedule, verdicts)
{
	static struct record record;
	struct world world;
	struct check *check;

	enter(&world);
	check = add(&world, &world.up, 10, &record);
	cr_expect_eq(check_verdict(check), RISE_FALL_UNKNOWN);
	probe_lab_run(&world.lab, 0.2);
	cr_expect_eq(check_verdict(check), RISE_FALL_UP);
	close(world.listener);
	probe_lab_run(&world.lab, 0.2);
	cr_expect_eq(check_verdict(check), RISE_FALL_DOWN);
	cr_expect_eq(record.cause, XDPLB_CAUSE_REFUSED);
	cr_expect_eq(record.ups, 1);
	cr_expect_eq(record.downs, 1);
	leave(&world);
}

/* The agent's own want is no verdict on backends. */
Test(schedule, local_causes_do_not_count)
{
	struct rlimit limit = { 3, 64 };
	static struct record record;
	struct world world;
	struct check *check;

	enter(&world);
	check = add(&world, &world.up, 10, &record);
	probe_lab_run(&world.lab, 0.1);
	cr_assert_eq(check_verdict(check), RISE_FALL_UP);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	probe_lab_run(&world.lab, 0.1);
	limit.rlim_cur = 64;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(record.cause, XDPLB_CAUSE_LOCAL);
	cr_expect_eq(check_verdict(check), RISE_FALL_UP);
	leave(&world);
}

Test(schedule, check_now)
{
	static struct record record, slow;
	struct check *check, *running;
	struct world world;

	enter(&world);
	check = add(&world, &world.up, 3600000, &record);
	running = add(&world, &world.silent, 3600000, &slow);
	probe_lab_run(&world.lab, 0.02);
	cr_expect_eq(record.results, 0);
	check_now(check);
	check_now(check);
	cr_expect_eq(record.results, 0, "called back from within check_now()");
	check_now(running);
	probe_lab_run(&world.lab, 0.02);
	cr_expect_eq(record.results, 1, "%d results", record.results);
	cr_expect_eq(record.requested, 1);
	/* One that runs is followed by a fresh one. */
	check_now(running);
	probe_lab_run(&world.lab, 0.15);
	cr_expect_eq(slow.results, 2, "%d results", slow.results);
	cr_expect_eq(slow.requested, 2);
	leave(&world);
}

Test(schedule, update_and_remove)
{
	static struct record record, other;
	struct check_plan plan = { .interval_ms = 10, .rule = { 1, 1 } };
	struct world world;
	struct check *check;

	enter(&world);
	check = add(&world, &world.silent, 10, &record);
	probe_lab_run(&world.lab, 0.03);
	/* A probe is under way; its spec may go as soon as the update is done. */
	plan.spec = &world.up;
	check_update(check, &plan);
	memset(&world.silent, 0xff, sizeof(world.silent));
	probe_lab_run(&world.lab, 0.05);
	cr_expect_eq(check_verdict(check), RISE_FALL_UP);
	cr_expect_eq(record.ok, record.results);
	plan.interval_ms = 3600000;
	plan.spec = &world.down;
	check_update(check, &plan);
	cr_expect_eq(check_verdict(check), RISE_FALL_UP, "verdicts stay");
	record.results = 0;
	probe_lab_run(&world.lab, 0.05);
	cr_expect_eq(record.results, 0);
	/* A request outlives an update. */
	check_now(check);
	plan.spec = &world.up;
	check_update(check, &plan);
	probe_lab_run(&world.lab, 0.02);
	cr_expect_eq(record.requested, 1);
	check_remove(check);
	/* From its own callback. */
	other.remove = true;
	add(&world, &world.up, 10, &other);
	probe_lab_run(&world.lab, 0.1);
	cr_expect_eq(other.results, 1);
	leave(&world);
}
