/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work on another CPU beside the work that goes on here, for what nothing needs before its end.
 */
#ifndef XDPLB_ASIDE_H
#define XDPLB_ASIDE_H

#include <pthread.h>
#include <stdbool.h>

struct aside {
	void (*work)(void *arg);
	void *arg;
	pthread_t thread;
	bool is_running;
};

/**
 * aside_begin() - Start working.
 * @work, @arg: called once, by another thread, with all signals blocked
 *
 * Without a thread to be had the work is done by aside_end().
 */
void aside_begin(struct aside *aside, void (*work)(void *arg), void *arg);

/* Waits until the work is done, or does it; of a zeroed or ended one nothing is left. */
void aside_end(struct aside *aside);

/* Waits if it is being done; what was not begun is left undone. */
void aside_drop(struct aside *aside);

#endif
