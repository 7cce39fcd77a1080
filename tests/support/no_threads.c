// SPDX-License-Identifier: BSD-2-Clause
/*
 * Stacks that no address space has room for: root is under no limit of tasks.
 */
#include "no_threads.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>

static void *nothing(void *arg)
{
	return arg;
}

void no_threads_from_now(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	cr_assert_eq(pthread_attr_init(&attr), 0);
	cr_assert_eq(pthread_attr_setstacksize(&attr, (size_t)1 << 60), 0);
	cr_assert_eq(pthread_setattr_default_np(&attr), 0);
	pthread_attr_destroy(&attr);
	cr_assert_eq(pthread_create(&thread, NULL, nothing, NULL), EAGAIN);
}
