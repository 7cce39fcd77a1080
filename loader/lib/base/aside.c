// SPDX-License-Identifier: BSD-2-Clause
/*
 * A thread for one piece of work.
 */
#include "base/aside.h"

#include <signal.h>
#include <string.h>

static void *run(void *arg)
{
	struct aside *aside = arg;

	aside->work(aside->arg);
	return NULL;
}

void aside_begin(struct aside *aside, void (*work)(void *arg), void *arg)
{
	sigset_t all, before;

	*aside = (struct aside){ .work = work, .arg = arg };
	/* Signals are for the thread that waits for service nodes: they end the waiting. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	aside->is_running = !pthread_create(&aside->thread, NULL, run, aside);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void aside_end(struct aside *aside)
{
	if (!aside->is_running && aside->work)
		aside->work(aside->arg);
	aside_drop(aside);
}

void aside_drop(struct aside *aside)
{
	if (aside->is_running)
		pthread_join(aside->thread, NULL);
	memset(aside, 0, sizeof(*aside));
}
