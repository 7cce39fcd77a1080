/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process in which no thread can be made, as where the limit of tasks is reached.
 */
#ifndef XDPLB_TEST_NO_THREADS_H
#define XDPLB_TEST_NO_THREADS_H

/* From now on pthread_create() without attributes fails; the test fails if it does not. */
void no_threads_from_now(void);

#endif
