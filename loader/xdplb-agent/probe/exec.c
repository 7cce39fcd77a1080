// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec: any program; exit status 0 is well. It runs as nobody or a given user, without
 * capabilities or a way to get any, in the backend's network namespace, with /dev/null for input
 * and errors, limits on CPU, memory, files and processes, an environment of its own and a timeout.
 *
 * It lives in a PID namespace of its own, whose end the kernel makes the end of all its
 * descendants, whatever sessions or groups they made: a process group and a subreaper would lose
 * those that leave both. The price: `kill -0 PID` of a host's process finds none (/proc and pgrep
 * do). What nothing can end is a process stuck in the kernel (state D): the probe times out all the
 * same, the process is forgotten when the kernel lets go, and more than PROCESSES_MAX of them mean
 * that no program is started.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/address.h"
#include "probe/exec_child.h"
#include "probe/kind.h"
#include "probe/said.h"

#define PROCESSES_MAX 512 /* at a time */
#define NOBODY        65534
#define ENV_LEN       96

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* A runner until it is reaped, which may be after its probe's end. */
struct exec_process {
	struct exec_process *next, **link; /* link: what points here */
	struct exec_process **owner; /* the probe's pointer to this; NULL: the probe has ended */
	struct probe_engine *engine;
	int pidfd;
	ev_io io; /* a pidfd becomes readable when its process ends: no SIGCHLD, no PID reuse */
};

struct exec {
	struct probe probe;
	struct exec_process *process; /* NULL: none was started, or it is reaped */
	int report_fd; /* -1: none */
	ev_io io;
};

static void forget(struct exec_process *process)
{
	ev_io_stop(process->engine->loop, &process->io);
	close(process->pidfd);
	*process->link = process->next;
	if (process->next)
		process->next->link = process->link;
	if (process->owner)
		*process->owner = NULL;
	process->engine->process_count--;
	free(process);
}

static void on_exit_of(struct ev_loop *loop, ev_io *io, int events)
{
	struct exec_process *process = io->data;
	siginfo_t info;

	/* No exit signal, hence __WALL. How it ended does not matter: it has reported, or not. */
	waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG | __WALL);
	forget(process);
}

void exec_forget_all(struct probe_engine *engine)
{
	while (engine->processes)
		forget(engine->processes);
}

static bool remember(struct exec *exec, int pidfd)
{
	struct exec_process *process = calloc(1, sizeof(*process));
	struct probe_engine *engine = exec->probe.engine;

	if (!process)
		return false;
	exec->process = process;
	process->owner = &exec->process;
	process->engine = engine;
	process->pidfd = pidfd;
	process->next = engine->processes;
	process->link = &engine->processes;
	if (process->next)
		process->next->link = &process->next;
	engine->processes = process;
	engine->process_count++;
	ev_io_init(&process->io, on_exit_of, pidfd, EV_READ);
	process->io.data = process;
	ev_io_start(engine->loop, &process->io);
	return true;
}

static void tell_ended(struct probe *probe, const struct exec_report *report)
{
	int status = report->value;

	if (WIFSIGNALED(status)) {
		probe->result.number = WTERMSIG(status);
		probe_fail(probe, XDPLB_CAUSE_KILLED, "signal %d: %s", WTERMSIG(status),
			   report->line);
		return;
	}
	probe->result.number = WEXITSTATUS(status);
	if (WEXITSTATUS(status)) {
		probe_fail(probe, XDPLB_CAUSE_EXIT_STATUS, "exit status %d: %s",
			   WEXITSTATUS(status), report->line);
		return;
	}
	if (probe->spec->exec.report) {
		said_finish(probe, PROBE_REPORT_OUTPUT, report->line, strlen(report->line));
		return;
	}
	probe_remark(probe, report->line);
	probe_succeed(probe);
}

static void tell(struct probe *probe, const struct exec_report *report)
{
	const char *program = probe->spec->exec.argv[0];

	switch (report->stage) {
	case EXEC_NETNS:
		probe_fail(probe, XDPLB_CAUSE_NO_NETNS, "%s: %s", probe->spec->netns,
			   strerror(-report->value));
		break;
	case EXEC_PREPARE:
		probe_fail(probe, XDPLB_CAUSE_LOCAL, "cannot prepare to run %s: %s", program,
			   strerror(-report->value));
		break;
	case EXEC_START:
		probe_fail(probe, XDPLB_CAUSE_CANNOT_RUN, "%s: %s", program,
			   strerror(-report->value));
		break;
	case EXEC_OUTPUT:
		probe_fail(probe, XDPLB_CAUSE_OUTPUT, "more than %llu bytes: %s",
			   (unsigned long long)probe->spec->exec.output_max, report->line);
		break;
	case EXEC_ENDED:
		tell_ended(probe, report);
		break;
	}
}

static void on_report(struct ev_loop *loop, ev_io *io, int events)
{
	struct exec *exec = io->data;
	struct exec_report report;
	ssize_t len = read(exec->report_fd, &report, sizeof(report));

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	ev_io_stop(loop, io);
	if (len == sizeof(report))
		tell(&exec->probe, &report);
	else
		probe_fail(&exec->probe, XDPLB_CAUSE_LOCAL, "the program's runner was killed");
}

/* The program may read what it is to test; nothing of the agent's own environment goes to it. */
static void make_environment(const struct probe_spec *spec, char env[4][ENV_LEN], char *envp[5])
{
	char address[ADDRESS_TEXT_LEN] = "";

	if (spec->family)
		address_print(&spec->addr, spec->family, address);
	snprintf(env[0], ENV_LEN,
		 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	snprintf(env[1], ENV_LEN, "LANG=C.UTF-8");
	snprintf(env[2], ENV_LEN, "XDPLB_ADDRESS=%s", address);
	snprintf(env[3], ENV_LEN, "XDPLB_PORT=%u", ntohs(spec->port));
	for (int i = 0; i < 4; i++)
		envp[i] = env[i];
	envp[4] = NULL;
}

/* Return: a pidfd or -errno. */
static int fork_runner(const struct probe_spec *spec, int report_fd)
{
	char env[4][ENV_LEN], *envp[5];
	struct exec_plan plan = {
		.netns = spec->netns ? spec->netns : "",
		.argv = spec->exec.argv,
		.envp = envp,
		.uid = spec->exec.uid ? spec->exec.uid : NOBODY,
		.gid = spec->exec.gid ? spec->exec.gid : NOBODY,
		.output_max = spec->exec.output_max,
		.cpu_seconds = spec->timeout_ms / 1000 + 1,
		.report_fd = report_fd,
	};
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
	};
	long pid;

	make_environment(spec, env, envp);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		exec_child(&plan);
	return pid < 0 ? -errno : pidfd;
}

static void kill_runner(int pidfd)
{
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

static void start(struct probe *probe)
{
	struct exec *exec = (struct exec *)probe;
	int pidfd, fds[2];

	ev_init(&exec->io, on_report);
	exec->io.data = exec;
	exec->report_fd = -1;
	if (probe->engine->process_count >= PROCESSES_MAX) {
		probe_fail(probe, XDPLB_CAUSE_LOCAL, "%d programs run already", PROCESSES_MAX);
		return;
	}
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK)) {
		probe_fail(probe, XDPLB_CAUSE_LOCAL, "pipe: %s", strerror(errno));
		return;
	}
	exec->report_fd = fds[0];
	pidfd = fork_runner(probe->spec, fds[1]);
	close(fds[1]);
	if (pidfd < 0) {
		probe_fail(probe, XDPLB_CAUSE_LOCAL, "fork: %s", strerror(-pidfd));
		return;
	}
	if (!remember(exec, pidfd)) {
		kill_runner(pidfd);
		close(pidfd);
		probe_fail(probe, XDPLB_CAUSE_LOCAL, "out of memory");
		return;
	}
	probe->doing = "the program still runs";
	ev_io_set(&exec->io, exec->report_fd, EV_READ);
	ev_io_start(probe->engine->loop, &exec->io);
}

static void release(struct probe *probe)
{
	struct exec *exec = (struct exec *)probe;

	ev_io_stop(probe->engine->loop, &exec->io);
	if (exec->report_fd >= 0)
		close(exec->report_fd);
	if (!exec->process)
		return;
	exec->process->owner = NULL;
	kill_runner(exec->process->pidfd);
}

const struct probe_kind probe_exec = { sizeof(struct exec), start, release };
