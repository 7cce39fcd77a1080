// SPDX-License-Identifier: BSD-2-Clause
/*
 * The runner of an exec probe: a fork of the agent that is PID 1 of a PID namespace of its own. It
 * gives up what it inherited, starts the program, reads its output and reports. It may block as it
 * likes. When it ends, however that happens, the kernel kills all that is left in the namespace.
 *
 * Only system calls are used: the agent may have had threads, whose locks nobody releases here.
 */
#include "probe/exec_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPORT_FD 3 /* where it lies once all others are closed */
#define MIB       (1UL << 20)
/* Read after the program's end, if something it left behind prints on. */
#define LEFTOVER_MAX MIB

struct runner {
	const struct exec_plan *plan;
	pid_t program;
	int output; /* -1: at its end */
	uint64_t printed;
	bool has_line;
	struct exec_report report;
};

static _Noreturn void report_and_exit(int fd, const struct exec_report *report)
{
	/* Less than PIPE_BUF into an empty pipe: whole, and at once. */
	ssize_t written = write(fd, report, sizeof(*report));

	_exit(written == sizeof(*report) ? 0 : 1);
}

static _Noreturn void stop_at(int fd, enum exec_stage stage, int err)
{
	struct exec_report report = { .stage = stage, .value = err };

	report_and_exit(fd, &report);
}

/* The agent's handlers and its ignored SIGPIPE are no business of the program's. */
static void reset_signals(void)
{
	/* The kernel's struct, all zero: SIG_DFL. glibc's call refuses the two signals it has for itself,
	 * which a parent may have left ignored all the same. */
	static const unsigned long plain[8];
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		syscall(SYS_rt_sigaction, i, plain, NULL, NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Leaves /dev/null as 0, 1 and 2, and the report's end of the pipe. */
static int keep_few_fds(int report_fd)
{
	int high = fcntl(report_fd, F_DUPFD_CLOEXEC, 16), null = open("/dev/null", O_RDWR);

	if (high < 0 || null < 0)
		return -errno;
	for (int fd = 0; fd < REPORT_FD; fd++) {
		if (fd != null && dup2(null, fd) < 0)
			return -errno;
	}
	if (dup3(high, REPORT_FD, O_CLOEXEC) < 0)
		return -errno;
	return syscall(SYS_close_range, REPORT_FD + 1, ~0U, 0) ? -errno : 0;
}

static int enter_netns(const char *path)
{
	int fd;

	if (!path[0])
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return setns(fd, CLONE_NEWNET) ? -errno : 0;
}

/*
 * Capabilities go from the bounding set too, so that no file gives any back; with no_new_privs no
 * set-user-ID program does. Raw calls: glibc's would talk to threads that are not here.
 */
static int drop_privileges(uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++) {
		/* EINVAL: the kernel is older than the header. */
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			return -errno;
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	    syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, gid, gid, gid) ||
	    syscall(SYS_setresuid, uid, uid, uid) || syscall(SYS_capset, &header, none) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    /* Our memory holds the agent's keys; the program has our user ID. */
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	return 0;
}

static void limit_resources(uint32_t cpu_seconds)
{
	const struct {
		int resource;
		rlim_t limit;
	} rows[] = {
		{ RLIMIT_CPU, cpu_seconds },   { RLIMIT_CORE, 0 },         { RLIMIT_NOFILE, 256 },
		{ RLIMIT_FSIZE, 16 * MIB },    { RLIMIT_DATA, 512 * MIB }, { RLIMIT_NPROC, 512 },
		{ RLIMIT_MEMLOCK, 64 * 1024 },
	};

	/* Lowering always works; where the agent's limit is lower it stays. */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rlimit old, new = { rows[i].limit, rows[i].limit };

		if (!getrlimit(rows[i].resource, &old) && old.rlim_max > rows[i].limit)
			setrlimit(rows[i].resource, &new);
	}
}

static _Noreturn void run_program(const struct exec_plan *plan, int output)
{
	limit_resources(plan->cpu_seconds);
	if (dup2(output, STDOUT_FILENO) < 0)
		stop_at(REPORT_FD, EXEC_PREPARE, -errno);
	setpriority(PRIO_PROCESS, 0, 0); /* the agent's is higher */
	execve(plan->argv[0], plan->argv, plan->envp);
	stop_at(REPORT_FD, EXEC_START, -errno);
}

static void keep_line(struct runner *runner, const char *data, size_t len)
{
	char *line = runner->report.line;
	size_t have = strlen(line);

	for (size_t i = 0; i < len && !runner->has_line; i++) {
		if (data[i] == '\n' || have == EXEC_LINE_LEN - 1)
			runner->has_line = true;
		else if (data[i])
			line[have++] = data[i];
	}
}

/* Return: whether there may be more. */
static bool read_output(struct runner *runner)
{
	char data[16384];
	ssize_t len = read(runner->output, data, sizeof(data));

	if (len <= 0)
		return len < 0 && errno == EINTR;
	keep_line(runner, data, (size_t)len);
	runner->printed += (uint64_t)len;
	if (runner->plan->output_max && runner->printed > runner->plan->output_max) {
		runner->report.stage = EXEC_OUTPUT;
		report_and_exit(REPORT_FD, &runner->report);
	}
	return true;
}

static void read_leftover(struct runner *runner)
{
	uint64_t until = runner->printed + LEFTOVER_MAX;

	if (runner->output < 0)
		return;
	fcntl(runner->output, F_SETFL, O_NONBLOCK);
	while (runner->printed < until && read_output(runner))
		;
}

static _Noreturn void attend(struct runner *runner)
{
	enum {
		OUTPUT,
		PROGRAM,
		REPORT,
		COUNT
	};
	struct pollfd fds[COUNT] = {
		[OUTPUT] = { .fd = runner->output, .events = POLLIN },
		[PROGRAM] = { .fd = (int)syscall(SYS_pidfd_open, runner->program, 0),
			      .events = POLLIN },
		/* Without events: only to hear that the agent has closed its end, or died. */
		[REPORT] = { .fd = REPORT_FD },
	};

	if (fds[PROGRAM].fd < 0)
		stop_at(REPORT_FD, EXEC_PREPARE, -errno);
	while (!fds[PROGRAM].revents) {
		if (poll(fds, COUNT, -1) < 0)
			continue;
		if (fds[REPORT].revents)
			_exit(0);
		if (fds[OUTPUT].revents && !read_output(runner))
			fds[OUTPUT].fd = runner->output = -1;
	}
	read_leftover(runner);
	runner->report.stage = EXEC_ENDED;
	if (waitpid(runner->program, &runner->report.value, 0) < 0)
		stop_at(REPORT_FD, EXEC_PREPARE, -errno);
	report_and_exit(REPORT_FD, &runner->report);
}

static pid_t fork_raw(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

_Noreturn void exec_child(const struct exec_plan *plan)
{
	struct runner runner = { .plan = plan };
	int err, pipe_fds[2];

	reset_signals();
	err = keep_few_fds(plan->report_fd);
	if (err)
		stop_at(plan->report_fd, EXEC_PREPARE, err);
	setsid();
	err = enter_netns(plan->netns);
	if (err)
		stop_at(REPORT_FD, EXEC_NETNS, err);
	err = chdir("/") ? -errno : drop_privileges(plan->uid, plan->gid);
	if (!err && pipe2(pipe_fds, O_CLOEXEC))
		err = -errno;
	if (err)
		stop_at(REPORT_FD, EXEC_PREPARE, err);
	runner.output = pipe_fds[0];
	runner.program = fork_raw();
	if (runner.program < 0)
		stop_at(REPORT_FD, EXEC_PREPARE, -errno);
	if (!runner.program)
		run_program(plan, pipe_fds[1]);
	close(pipe_fds[1]);
	attend(&runner);
}
