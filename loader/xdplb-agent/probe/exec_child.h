/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs on the far side of an exec probe's fork.
 */
#ifndef XDPLB_PROBE_EXEC_CHILD_H
#define XDPLB_PROBE_EXEC_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#define EXEC_LINE_LEN 96

/* All prepared before the fork: the child of a process with threads may not allocate. */
struct exec_plan {
	const char *netns; /* "": stay */
	char *const *argv, *const *envp;
	uid_t uid;
	gid_t gid;
	uint64_t output_max; /* bytes; 0: any number */
	uint32_t cpu_seconds;
	int report_fd; /* for one struct exec_report; its other end closed: all is to end */
};

enum exec_stage {
	EXEC_NETNS, /* could not enter the namespace: value is -errno */
	EXEC_PREPARE, /* could not get rid of privileges, no memory, …: value is -errno */
	EXEC_START, /* the program could not be started: value is -errno */
	EXEC_OUTPUT, /* it printed more than it may */
	EXEC_ENDED /* value is as from waitpid() */
};

struct exec_report {
	enum exec_stage stage;
	int value;
	char line[EXEC_LINE_LEN]; /* the first of its output, without newline */
};

/* Becomes the runner: PID 1 of a namespace of its own, which starts the program and waits. */
_Noreturn void exec_child(const struct exec_plan *plan);

#endif
