// SPDX-License-Identifier: BSD-2-Clause
/*
 * One entry of the map `health` and writers that write at the same time: threads of a reporter, of operators
 * and of a packet that reads. What has to hold is told in health_entry.h.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "health/health_entry.h"

TestSuite(health_writers);

#define NOW     1000000ULL
#define AHEAD   (NOW + 1000)
#define SECONDS 1.0 /* at least, and so many rounds */
#define ROUNDS  200

/* Words of a reporter: the weight says which it is, so that a mixture is seen. */
static const struct health_word words[] = {
	{ XDPLB_HEALTH_UP, XDPLB_CAUSE_OK, 0x0101 },
	{ XDPLB_HEALTH_DOWN, XDPLB_CAUSE_TIMEOUT, 0x0202 },
	{ XDPLB_HEALTH_UNKNOWN, XDPLB_CAUSE_NOT_REPORTED, 0x0303 },
	{ XDPLB_HEALTH_DOWN, XDPLB_CAUSE_REFUSED, 0x0404 },
};

#define WORDS (sizeof(words) / sizeof(words[0]))

struct world {
	struct xdplb_health entry;
	atomic_bool is_over;
	atomic_ulong reports; /* rounds of the reporter that have ended */
	atomic_ulong torn; /* words that nobody wrote */
	atomic_ulong reads;
	pthread_t reporter, reader;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct health_word read_word(const void *at)
{
	uint32_t word = __atomic_load_n((const uint32_t *)at, __ATOMIC_SEQ_CST);
	struct xdplb_health entry = { 0 };

	memcpy(&entry, &word, sizeof(word));
	return (struct health_word){ entry.state, entry.cause, entry.weight };
}

/* What a reporter wrote, or what stands for it when nobody vouches for it any more. */
static bool is_a_reporters(struct health_word word)
{
	bool is_weight = word.weight == 0;

	for (size_t i = 0; i < WORDS; i++) {
		if (word.state == words[i].state && word.cause == words[i].cause &&
		    word.weight == words[i].weight)
			return true;
		is_weight |= word.weight == words[i].weight;
	}
	return !word.state && is_weight &&
	       (word.cause == XDPLB_CAUSE_NONE || word.cause == XDPLB_CAUSE_NOT_REPORTED);
}

/* An operator's word has the weight of any word that was there. */
static bool is_somebodys(struct health_word word)
{
	bool is_weight = word.weight == 0;

	for (size_t i = 0; i < WORDS; i++)
		is_weight |= word.weight == words[i].weight;
	return is_a_reporters(word) || (word.cause == XDPLB_CAUSE_OPERATOR && is_weight);
}

static void *report(void *arg)
{
	struct world *world = arg;

	for (unsigned long i = 0; !world->is_over; i++) {
		const struct health_word *word = &words[i % WORDS];
		uint64_t until = i % 3 ? AHEAD + i % 7 : 0;

		health_vouch(&world->entry, *word, until);
		health_take(&world->entry, *word, NOW, until, i + 1);
		world->reports++;
	}
	return NULL;
}

/* What a packet does. */
static void *read_words(void *arg)
{
	struct world *world = arg;

	while (!world->is_over) {
		struct health_word reported = read_word(&world->entry.reported);

		world->torn += !is_somebodys(read_word(&world->entry));
		world->torn += !is_a_reporters(reported);
		world->reads++;
		if (world->reads % 64 == 0)
			usleep(10); /* two CPUs may be all there are */
	}
	return NULL;
}

static void start(struct world *world)
{
	cr_assert_eq(pthread_create(&world->reporter, NULL, report, world), 0);
	cr_assert_eq(pthread_create(&world->reader, NULL, read_words, world), 0);
}

static void end(struct world *world)
{
	world->is_over = true;
	pthread_join(world->reporter, NULL);
	pthread_join(world->reader, NULL);
	cr_assert_eq(world->torn, 0, "%lu of %lu words were nobody's", world->torn, world->reads);
	cr_assert_gt(world->reads, 0);
}

/* Whatever the reporter had begun before has ended. */
static void await_reports(struct world *world)
{
	unsigned long now = world->reports;

	while (world->reports < now + 2)
		sched_yield();
}

/* An operator's word counts from the moment that it is given; when all is settled, so does its lease. */
static void hold_and_check(struct world *world, enum xdplb_health_state state, uint64_t lease)
{
	struct health_word word;
	uint64_t got;

	health_hold(&world->entry, state, lease, 5);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(health_effective(&world->entry, NOW, false), state,
			     "an operator's word was overwritten");
	await_reports(world);
	word = read_word(&world->entry);
	got = __atomic_load_n(&world->entry.lease, __ATOMIC_SEQ_CST);
	cr_assert_eq(word.cause, XDPLB_CAUSE_OPERATOR);
	cr_assert_eq(word.state, state);
	cr_assert_eq(got, lease ? lease | 1 : 0, "the lease of somebody else: %llu, not %llu",
		     (unsigned long long)got, (unsigned long long)lease);
}

static void release_and_check(struct world *world)
{
	health_release(&world->entry, NOW, 6);
	await_reports(world);
	cr_assert(!health_held(&world->entry, NOW), "held after it was given back");
	cr_assert(is_a_reporters(read_word(&world->entry)), "a word that no reporter wrote");
}

Test(health_writers, operator_beside_a_reporter)
{
	static const enum xdplb_health_state states[] = { XDPLB_HEALTH_DOWN, XDPLB_HEALTH_UP,
							  XDPLB_HEALTH_MAINTENANCE };
	struct world world = { 0 };
	double until = seconds() + SECONDS;
	unsigned int n = 0;

	start(&world);
	for (; seconds() < until || n < ROUNDS; n++) {
		hold_and_check(&world, states[n % 3], n % 2 ? AHEAD + n % 50 : 0);
		/* Over another word of an operator as well as over a reporter's. */
		if (n % 3)
			release_and_check(&world);
	}
	release_and_check(&world);
	end(&world);
}

/* ---- two operators ---- */

static void *hold_and_release(void *arg)
{
	struct world *world = arg;

	for (unsigned long i = 0; !world->is_over; i++) {
		health_hold(&world->entry, XDPLB_HEALTH_MAINTENANCE, 0, i);
		health_release(&world->entry, NOW, i);
	}
	return NULL;
}

/*
 * One holds for good while another holds and gives back: what is left is the word of one of them, for good,
 * or what was reported; never a word for good with a reporter's lease, which would end unasked.
 */
Test(health_writers, two_operators)
{
	struct world world = { 0 };
	double until = seconds() + SECONDS;
	unsigned long held = 0;
	pthread_t other;

	while (seconds() < until) {
		world.is_over = false;
		health_vouch(&world.entry, words[0], AHEAD);
		cr_assert_eq(pthread_create(&other, NULL, hold_and_release, &world), 0);
		for (int i = 0; i < 200; i++)
			health_hold(&world.entry, XDPLB_HEALTH_DOWN, 0, 1);
		world.is_over = true;
		pthread_join(other, NULL);
		if (read_word(&world.entry).cause != XDPLB_CAUSE_OPERATOR)
			continue;
		held++;
		cr_assert_eq(world.entry.lease, 0, "a word for good, with the lease %llu",
			     (unsigned long long)world.entry.lease);
	}
	cr_assert_gt(held, 0);
}

/* ---- what is given back ---- */

static void *give_back(void *arg)
{
	health_release(arg, NOW, 6);
	return NULL;
}

/*
 * A report that comes while a word is given back is what counts afterwards, whichever of the two was first:
 * the next renewal would not put it right.
 */
Test(health_writers, report_while_a_word_is_given_back)
{
	double until = seconds() + SECONDS;
	unsigned long rounds = 0;

	for (; seconds() < until || rounds < ROUNDS; rounds++) {
		const struct health_word *old = &words[rounds % 2], *new = &words[1 - rounds % 2];
		struct xdplb_health entry = { 0 };
		struct health_word word;
		pthread_t operator;

		health_vouch(&entry, *old, AHEAD);
		health_take(&entry, *old, NOW, AHEAD, 1);
		health_hold(&entry, XDPLB_HEALTH_MAINTENANCE, 0, 2);
		cr_assert_eq(pthread_create(&operator, NULL, give_back, &entry), 0);
		for (unsigned long i = 0; i < rounds % 50; i++)
			sched_yield();
		health_vouch(&entry, *new, AHEAD);
		health_take(&entry, *new, NOW, AHEAD, 3);
		pthread_join(operator, NULL);
		word = read_word(&entry);
		cr_assert_eq(word.weight, new->weight, "round %lu: the older report counts",
			     rounds);
	}
}
