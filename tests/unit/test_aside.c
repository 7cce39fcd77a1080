// SPDX-License-Identifier: BSD-2-Clause
/*
 * Work aside: by a thread that is waited for, or by the caller where no thread can be had.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/aside.h"
#include "no_threads.h"
#include "plan_world.h"

TestSuite(aside);

/* What a piece of work is given, and what it hands over. */
struct errand {
	int begin[2], end[2]; /* pipes: it says that it has begun; it is told to end */
	bool waits; /* for being told, after it has said so */
	int want; /* what it is to come to */

	atomic_int calls;
	int result;
	pid_t by;
	sigset_t blocked;
};

static void run_errand(void *arg)
{
	struct errand *errand = arg;
	char byte = 0;

	errand->calls++;
	if (errand->waits &&
	    (write(errand->begin[1], &byte, 1) != 1 || read(errand->end[0], &byte, 1) != 1))
		abort();
	errand->by = gettid();
	pthread_sigmask(SIG_SETMASK, NULL, &errand->blocked);
	errand->result = errand->want;
}

static void make_errand(struct errand *errand, int want, bool waits)
{
	memset(errand, 0, sizeof(*errand));
	errand->want = want;
	errand->waits = waits;
	cr_assert_eq(pipe(errand->begin), 0);
	cr_assert_eq(pipe(errand->end), 0);
}

static bool is_zero(const struct aside *aside)
{
	return all_zero(aside, sizeof(*aside));
}

/* ---- with a thread ---- */

/* What it comes to is there after aside_end(), a failure as well as a success; it goes on beside the caller. */
static void hands_over(int want)
{
	struct errand errand;
	struct aside aside;
	char byte;

	make_errand(&errand, want, true);
	aside_begin(&aside, run_errand, &errand);
	cr_assert_eq(read(errand.begin[0], &byte, 1), 1);
	cr_expect_eq(errand.result, 0, "%d: there before its time", want);
	cr_assert_eq(write(errand.end[1], &byte, 1), 1);
	aside_end(&aside);
	cr_expect_eq(errand.result, want, "%d: found %d", want, errand.result);
	cr_expect_neq(errand.by, gettid(), "%d: by the caller", want);
	cr_expect_eq(errand.calls, 1, "%d: called %d times", want, errand.calls);
	cr_expect(is_zero(&aside), "%d: something is left", want);
}

/* Without a time limit a thread that is waited for and never runs would stop the tests. */
Test(aside, hands_over_what_it_comes_to, .timeout = 60)
{
	hands_over(4711);
	hands_over(-ENOMEM);
}

static char state_of(pid_t thread)
{
	char path[64], line[256] = "", *after;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	file = fopen(path, "r");
	cr_assert(file);
	cr_assert(fgets(line, sizeof(line), file));
	fclose(file);
	after = strrchr(line, ')');
	cr_assert(after);
	return after[2];
}

/* Lets an errand end once somebody sleeps, or has gone on without it. */
struct releaser {
	struct errand *errand;
	pid_t sleeper;
	atomic_bool went_on;
	bool slept;
};

static void *release_when_waited_for(void *arg)
{
	struct releaser *releaser = arg;
	char byte = 0;

	while (!releaser->went_on && !releaser->slept)
		releaser->slept = state_of(releaser->sleeper) == 'S';
	if (write(releaser->errand->end[1], &byte, 1) != 1)
		abort();
	return NULL;
}

static void waits(const char *row, void (*finish)(struct aside *aside))
{
	struct releaser releaser = { .sleeper = gettid() };
	struct errand errand;
	struct aside aside;
	pthread_t thread;
	int result;
	char byte;

	make_errand(&errand, 1, true);
	releaser.errand = &errand;
	aside_begin(&aside, run_errand, &errand);
	cr_assert_eq(read(errand.begin[0], &byte, 1), 1);
	cr_assert_eq(pthread_create(&thread, NULL, release_when_waited_for, &releaser), 0);
	finish(&aside);
	result = errand.result;
	releaser.went_on = true;
	pthread_join(thread, NULL);
	cr_expect(releaser.slept, "%s: it did not wait", row);
	cr_expect_eq(result, 1, "%s: not done", row);
	cr_expect(is_zero(&aside), "%s: something is left", row);
}

Test(aside, is_waited_for, .timeout = 60)
{
	waits("end", aside_end);
	waits("drop", aside_drop);
}

/* A signal ends the caller's waiting for service nodes: none may go to the thread, and the caller's mask stays. */
Test(aside, signals_are_the_callers, .timeout = 60)
{
	sigset_t before, after;
	struct errand errand;
	struct aside aside;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	make_errand(&errand, 1, false);
	aside_begin(&aside, run_errand, &errand);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	aside_end(&aside);
	for (int sig = 1; sig < NSIG; sig++) {
		/* Nobody may block these two; 32 and 33 are glibc's own. */
		if (sig == SIGKILL || sig == SIGSTOP || (sig >= 32 && sig < SIGRTMIN))
			continue;
		cr_expect_eq(sigismember(&errand.blocked, sig), 1, "signal %d", sig);
		cr_expect_eq(sigismember(&after, sig), sig == SIGUSR2, "the caller's %d", sig);
	}
}

/* ---- without a thread ---- */

Test(aside, without_a_thread_the_end_does_it)
{
	struct errand errand;
	struct aside aside;
	sigset_t after;

	no_threads_from_now();
	make_errand(&errand, -ENOSPC, false);
	aside_begin(&aside, run_errand, &errand);
	cr_expect_eq(errand.calls, 0, "done at once");
	aside_end(&aside);
	cr_expect_eq(errand.result, -ENOSPC);
	cr_expect_eq(errand.by, gettid());
	cr_expect_eq(errand.calls, 1, "%d times", errand.calls);
	cr_expect(is_zero(&aside));
	aside_end(&aside);
	cr_expect_eq(errand.calls, 1, "ended twice, and done again");
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	cr_expect_eq(sigismember(&after, SIGTERM), 0, "signals stay blocked");
}

Test(aside, without_a_thread_a_drop_leaves_it)
{
	struct errand errand;
	struct aside aside;

	no_threads_from_now();
	make_errand(&errand, 1, false);
	aside_begin(&aside, run_errand, &errand);
	aside_drop(&aside);
	aside_end(&aside);
	cr_expect_eq(errand.calls, 0);
	cr_expect(is_zero(&aside));
}

/* Of one that was never begun, and of one that has ended, nothing is done. */
Test(aside, nothing_is_left_of_an_ended_one, .timeout = 60)
{
	struct aside aside = { 0 };
	struct errand errand;

	aside_end(&aside);
	aside_drop(&aside);
	make_errand(&errand, 1, false);
	aside_begin(&aside, run_errand, &errand);
	aside_end(&aside);
	aside_end(&aside);
	aside_drop(&aside);
	cr_expect_eq(errand.calls, 1, "%d times", errand.calls);
}
