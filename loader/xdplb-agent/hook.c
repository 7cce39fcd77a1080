// SPDX-License-Identifier: BSD-2-Clause
/*
 * The user's program for services and tunnels that go up or down.
 */
#include "hook.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/address.h"
#include "log.h"
#include "tunnel/tunnel_status.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define ENV_COUNT 7
#define ENV_LEN   160

struct hook_event {
	struct hook_event *next;
	char name[XDPLB_NAME_LEN]; /* of the service or tunnel */
	/* Services are told apart by the first two, tunnels by the first; empty ones are left out. */
	char env[ENV_COUNT][ENV_LEN];
};

struct hook {
	struct ev_loop *loop;
	const char *node;
	const char *title; /* its key in the file */
	hook_which *which;
	void *context;
	struct hook_event *waiting; /* a list, the oldest first */
	char running[XDPLB_NAME_LEN]; /* what it runs for */
	int pidfd; /* -1: none runs */
	ev_io ended;
	ev_timer limit;
};

static void run_next(struct hook *hook);

/* In the child. The agent's own descriptors are all closed by exec. */
static _Noreturn void become_program(const struct config_hook *config, char env[ENV_COUNT][ENV_LEN])
{
	static const unsigned long plain[8]; /* the kernel's struct sigaction: SIG_DFL */
	char *envp[ENV_COUNT + 1] = { NULL };
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		syscall(SYS_rt_sigaction, i, plain, NULL, NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	for (int i = 0, n = 0; i < ENV_COUNT; i++)
		if (env[i][0])
			envp[n++] = env[i];
	setsid();
	setpriority(PRIO_PROCESS, 0, 0); /* the agent's is higher */
	execve(config->argv[0], config->argv, envp);
	_exit(127);
}

/* Return: a pidfd or -errno. */
static int fork_program(const struct config_hook *config, struct hook_event *event)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
	};
	long pid;

	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		become_program(config, event->env);
	return pid < 0 ? -errno : pidfd;
}

static void kill_program(const struct hook *hook)
{
	syscall(SYS_pidfd_send_signal, hook->pidfd, SIGKILL, NULL, 0);
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct hook *hook = timer->data;

	log_event(LOG_ERR, "%s, for %s: killed, its time is over", hook->title, hook->running);
	kill_program(hook);
}

static void report_end(const struct hook *hook, const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED && info->si_status == 127)
		log_event(LOG_ERR, "%s, for %s: cannot be run", hook->title, hook->running);
	else if (info->si_code == CLD_EXITED && info->si_status)
		log_event(LOG_WARNING, "%s, for %s: exit status %d", hook->title, hook->running,
			  info->si_status);
}

static void on_ended(struct ev_loop *loop, ev_io *io, int events)
{
	struct hook *hook = io->data;
	siginfo_t info = { 0 };

	/* Has no exit signal, hence __WALL. */
	if (waitid(P_PIDFD, (id_t)hook->pidfd, &info, WEXITED | WNOHANG | __WALL) || !info.si_pid)
		return;
	report_end(hook, &info);
	ev_io_stop(loop, io);
	ev_timer_stop(loop, &hook->limit);
	close(hook->pidfd);
	hook->pidfd = -1;
	run_next(hook);
}

static void start(struct hook *hook, const struct config_hook *config, struct hook_event *event)
{
	int pidfd = fork_program(config, event);

	if (pidfd < 0) {
		log_event(LOG_ERR, "%s: cannot run: %s", hook->title, strerror(-pidfd));
		return;
	}
	hook->pidfd = pidfd;
	strcpy(hook->running, event->name);
	ev_io_set(&hook->ended, pidfd, EV_READ);
	ev_io_start(hook->loop, &hook->ended);
	ev_timer_set(&hook->limit, config->timeout_ms / 1e3, 0);
	ev_timer_start(hook->loop, &hook->limit);
}

static void run_next(struct hook *hook)
{
	while (hook->pidfd < 0 && hook->waiting) {
		const struct config_hook *config = hook->which(hook->context);
		struct hook_event *event = hook->waiting;

		hook->waiting = event->next;
		if (config->argv)
			start(hook, config, event);
		free(event);
	}
}

static void put(char *line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(line, ENV_LEN, format, args);
	va_end(args);
}

static bool is_same(const struct hook_event *a, const struct hook_event *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(a->env[i], b->env[i]))
			return false;
	return true;
}

/* Takes the place of what still waits to be told of the same service or tunnel, which the first
 * @same variables name. */
static void tell(struct hook *hook, const struct hook_event *event, size_t same)
{
	struct hook_event **at = &hook->waiting, *next;

	if (!hook->which(hook->context)->argv)
		return;
	while (*at && !is_same(*at, event, same))
		at = &(*at)->next;
	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at) {
		log_event(LOG_ERR, "%s: out of memory", hook->title);
		return;
	}
	next = (*at)->next;
	**at = *event;
	(*at)->next = next;
	put((*at)->env[ENV_COUNT - 2], "XDPLB_NODE=%s", hook->node);
	put((*at)->env[ENV_COUNT - 1],
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	run_next(hook);
}

void hook_tell(struct hook *hook, const struct xdplb_service_info *service, bool is_up,
	       unsigned int usable)
{
	const char *protocol = service->proto == IPPROTO_UDP ? "udp" : "tcp";
	struct hook_event event = { 0 };
	char vip[ADDRESS_TEXT_LEN];

	address_port_print(&service->vip, service->family, service->port, vip);
	snprintf(event.name, sizeof(event.name), "%s", service->name);
	/* A service is what it is on the wire: it may have been renamed meanwhile. */
	put(event.env[0], "XDPLB_VIP=%s", vip);
	put(event.env[1], "XDPLB_PROTOCOL=%s", protocol);
	put(event.env[2], "XDPLB_SERVICE=%s", service->name);
	put(event.env[3], "XDPLB_STATE=%s", is_up ? "up" : "down");
	put(event.env[4], "XDPLB_USABLE=%u", usable);
	tell(hook, &event, 2);
}

void hook_tell_tunnel(struct hook *hook, const char *tunnel, const struct tunnel_choice *choice)
{
	struct hook_event event = { 0 };

	snprintf(event.name, sizeof(event.name), "%s", tunnel);
	put(event.env[0], "XDPLB_TUNNEL=%s", tunnel);
	put(event.env[1], "XDPLB_STATE=%s", choice->state == XDPLB_TUNNEL_UP ? "up" : "down");
	put(event.env[2], "XDPLB_LSP=%s", choice->backup ? "backup" : "primary");
	put(event.env[3], "XDPLB_CAUSE=%s", tunnel_cause_name(choice->cause));
	tell(hook, &event, 1);
}

int hook_new(struct ev_loop *loop, const char *node, const char *title, hook_which *which,
	     void *context, struct hook **ret_hook)
{
	struct hook *hook = calloc(1, sizeof(*hook));

	if (!hook)
		return -ENOMEM;
	hook->loop = loop;
	hook->node = node;
	hook->title = title;
	hook->which = which;
	hook->context = context;
	hook->pidfd = -1;
	ev_init(&hook->ended, on_ended);
	ev_init(&hook->limit, on_limit);
	hook->ended.data = hook;
	hook->limit.data = hook;
	*ret_hook = hook;
	return 0;
}

void hook_free(struct hook *hook)
{
	siginfo_t info;

	if (!hook)
		return;
	if (hook->pidfd >= 0) {
		kill_program(hook);
		waitid(P_PIDFD, (id_t)hook->pidfd, &info, WEXITED | __WALL);
		ev_io_stop(hook->loop, &hook->ended);
		ev_timer_stop(hook->loop, &hook->limit);
		close(hook->pidfd);
	}
	while (hook->waiting) {
		struct hook_event *event = hook->waiting;

		hook->waiting = event->next;
		free(event);
	}
	free(hook);
}
