// SPDX-License-Identifier: BSD-2-Clause
/*
 * Asking a probe, and servers to be probed.
 */
#include "health/health.h"
#include "probe_lab.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "net_lab.h"

void probe_lab_enter(struct probe_lab *lab)
{
	net_lab_enter();
	signal(SIGPIPE, SIG_IGN);
	net_lab_run("ip link add silent type veth peer name deaf && ip link set deaf up && "
		    "ip link set silent up && ip address add 10.9.0.1/24 dev silent && "
		    "ip address add fd09::1/64 dev silent nodad && "
		    "ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:09 dev silent && "
		    "ip neighbour add fd09::2 lladdr 02:00:00:00:00:09 dev silent");
	net_lab_run("ip route add unreachable 10.8.0.0/24 && ip route add blackhole 10.7.0.0/24 && "
		    "ip netns add other && ip -n other link set lo up");
	lab->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	cr_assert_not_null(lab->loop);
	cr_assert_eq(probe_engine_new(lab->loop, &lab->engine), 0);
}

void probe_lab_leave(struct probe_lab *lab)
{
	probe_engine_free(lab->engine);
	ev_loop_destroy(lab->loop);
}

struct probe_spec probe_lab_spec(enum probe_type type, const char *address, uint16_t port)
{
	struct probe_spec spec = { .type = type, .port = htons(port), .timeout_ms = 2000 };

	cr_assert_eq(address_parse(address, &spec.addr, &spec.family), 0, "%s", address);
	return spec;
}

struct asked {
	struct probe_lab *lab;
	struct probe_result *result;
	int count;
};

static void on_result(void *data, const struct probe_result *result)
{
	struct asked *asked = data;

	asked->count++;
	*asked->result = *result;
	ev_break(asked->lab->loop, EVBREAK_ALL);
}

void probe_lab_ask(struct probe_lab *lab, const struct probe_spec *spec,
		   struct probe_result *ret_result)
{
	struct asked asked = { .lab = lab, .result = ret_result };
	struct error error = { "" };

	cr_assert_eq(probe_spec_check(spec, &error), 0, "%s", error.text);
	cr_assert_not_null(probe_start(lab->engine, spec, on_result, &asked));
	cr_assert_eq(asked.count, 0, "called back from within probe_start()");
	ev_run(lab->loop, 0);
	cr_assert_eq(asked.count, 1, "called back %d times", asked.count);
	/* What is left in the loop must not call again. */
	ev_run(lab->loop, EVRUN_NOWAIT);
	cr_assert_eq(asked.count, 1, "called back %d times", asked.count);
	cr_assert_eq(ret_result->ok, ret_result->cause == XDPLB_CAUSE_OK);
	cr_assert_leq(ret_result->duration_us, spec->timeout_ms * 1000 + 200000);
}

void probe_lab_expect(struct probe_lab *lab, const struct probe_spec *spec, const char *name,
		      enum xdplb_health_cause cause, const char *detail)
{
	struct probe_result result;

	probe_lab_ask(lab, spec, &result);
	cr_expect_eq(result.cause, cause, "%s: %s \"%s\", expected %s", name,
		     health_cause_name(result.cause), result.detail, health_cause_name(cause));
	if (detail)
		cr_expect_not_null(strstr(result.detail, detail), "%s: \"%s\", expected \"%s\"",
				   name, result.detail, detail);
}

static void stop_loop(struct ev_loop *loop, ev_timer *timer, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

void probe_lab_run(struct probe_lab *lab, double seconds)
{
	ev_timer timer;

	ev_now_update(lab->loop);
	ev_timer_init(&timer, stop_loop, seconds, 0);
	ev_timer_start(lab->loop, &timer);
	ev_run(lab->loop, 0);
	ev_timer_stop(lab->loop, &timer);
}

/* A socket on any address of both families. */
static int bind_any(int type, uint16_t *ret_port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(any);
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int));
	cr_assert_eq(bind(fd, (struct sockaddr *)&any, len), 0, "bind: %s", strerror(errno));
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&any, &len), 0);
	*ret_port = ntohs(any.sin6_port);
	return fd;
}

/* Return: 0 in the child, which ends with the test. */
static pid_t fork_server(void)
{
	pid_t test = getpid(), pid = fork();

	cr_assert_geq(pid, 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != test)
		_exit(0);
	return 0;
}

uint16_t lab_serve_tcp(lab_server *serve)
{
	uint16_t port;
	int fd = bind_any(SOCK_STREAM, &port), conn;

	cr_assert_eq(listen(fd, 128), 0);
	if (fork_server()) {
		close(fd);
		return port;
	}
	for (;;) {
		conn = accept(fd, NULL, NULL);
		if (conn < 0)
			continue;
		serve(conn);
		close(conn);
	}
}

uint16_t lab_serve_udp(lab_server *serve)
{
	uint16_t port;
	int fd = bind_any(SOCK_DGRAM, &port);

	if (!fork_server()) {
		for (;;)
			serve(fd);
	}
	close(fd);
	return port;
}

int lab_listen(int backlog, uint16_t *ret_port)
{
	int fd = bind_any(SOCK_STREAM, ret_port);

	cr_assert_eq(listen(fd, backlog), 0);
	return fd;
}

uint16_t lab_listen_full(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint16_t port;

	lab_listen(0, &port);
	to.sin_port = htons(port);
	cr_assert_eq(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof(to)),
		     0);
	return port;
}

uint16_t lab_closed_port(void)
{
	uint16_t port;

	close(bind_any(SOCK_STREAM, &port));
	return port;
}

void lab_read_header(int fd)
{
	char text[8192];
	size_t have = 0;
	ssize_t len;

	while (have < sizeof(text) - 1) {
		len = read(fd, text + have, sizeof(text) - 1 - have);
		if (len <= 0)
			return;
		have += (size_t)len;
		text[have] = '\0';
		if (strstr(text, "\r\n\r\n"))
			return;
	}
}

void lab_write(int fd, const char *text)
{
	/* The probe may have gone away. */
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return;
}

void lab_reset(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
}

static bool accepts(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;

	close(fd);
	return connected;
}

void lab_start(uint16_t port, const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (!fork_server()) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	for (int i = 0; i < 300 && !accepts(port); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	cr_assert(accepts(port), "does not serve port %u: %s", port, command);
}

int lab_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	cr_assert_not_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}
