// SPDX-License-Identifier: BSD-2-Clause
/*
 * Single-stepping a child process.
 */
#include "stepper.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_traced(const struct stepped *stepped)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(1);
	raise(SIGSTOP);
	stepped->work(stepped->arg);
	_exit(0);
}

size_t step_through(const struct stepped *stepped)
{
	size_t steps = 0, looks = 0;
	int status;
	pid_t child = fork();

	if (child < 0)
		return 0;
	if (!child)
		run_traced(stepped);
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		if (steps++ % stepped->every == 0) {
			stepped->look(child, stepped->arg);
			looks++;
		}
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL))
			break;
	}
	return looks;
}

int step_read(pid_t child, const void *address, void *ret_copy, size_t len)
{
	struct iovec here = { ret_copy, len }, there = { (void *)address, len };

	return process_vm_readv(child, &here, 1, &there, 1, 0) == (ssize_t)len ? 0 : -errno;
}
