/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Running a piece of work instruction by instruction, to see memory as others see it meanwhile, and
 * as it stays behind if the work is killed there.
 */
#ifndef XDPLB_TEST_STEPPER_H
#define XDPLB_TEST_STEPPER_H

#include <stddef.h>
#include <sys/types.h>

struct stepped {
	void (*work)(void *arg); /* in a child: what it writes stays there */
	void (*look)(pid_t child,
		     void *arg); /* in this process, after every `every` instructions */
	void *arg;
	unsigned int every;
};

/* Returns how often `look` was called; 0: processes may not be traced here. */
size_t step_through(const struct stepped *stepped);

/* Copies memory of the child that stands at the same address here. Return: 0 or -errno. */
int step_read(pid_t child, const void *address, void *ret_copy, size_t len);

#endif
