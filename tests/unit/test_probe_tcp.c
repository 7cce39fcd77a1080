// SPDX-License-Identifier: BSD-2-Clause
/*
 * tcp probes against listening sockets.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net_lab.h"
#include "probe_lab.h"

static void greet(int fd)
{
	lab_write(fd, "220 mail.example ESMTP\r\n");
	poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 3000);
}

/* In two pieces, so that what is looked for comes torn. */
static void greet_slowly(int fd)
{
	lab_write(fd, "220 ma");
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	lab_write(fd, "il.example");
	poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 3000);
}

static void echo(int fd)
{
	char data[4096];
	ssize_t len = read(fd, data, sizeof(data));

	if (len > 0)
		send(fd, data, (size_t)len, MSG_NOSIGNAL);
}

static void say_nothing(int fd)
{
	char data[4096];

	while (read(fd, data, sizeof(data)) > 0)
		;
}

static void close_at_once(int fd)
{
	char data[4096];

	/* With bytes unread the kernel would send a RST. */
	shutdown(fd, SHUT_WR);
	while (read(fd, data, sizeof(data)) > 0)
		;
}

static void pour(int fd)
{
	static const char data[65536];

	while (send(fd, data, sizeof(data), MSG_NOSIGNAL) > 0)
		;
}

struct row {
	const char *name;
	lab_server *server; /* NULL: the port is closed */
	const char *send, *expect;
	uint32_t timeout_ms;
	enum xdplb_health_cause cause;
	const char *detail;
};

static const struct row rows[] = {
	{ "handshake", say_nothing, "", "", 2000, XDPLB_CAUSE_OK, "" },
	{ "closed port", NULL, "", "", 2000, XDPLB_CAUSE_REFUSED, "Connection refused" },
	{ "banner", greet, "", "220 ", 2000, XDPLB_CAUSE_OK, "" },
	{ "another banner", greet, "", "+PONG", 200, XDPLB_CAUSE_WRONG_ANSWER, "220 mail" },
	{ "banner in pieces", greet_slowly, "", "mail.example", 2000, XDPLB_CAUSE_OK, "" },
	{ "exchange", echo, "PING\r\n", "PING", 2000, XDPLB_CAUSE_OK, "" },
	{ "another answer", echo, "PONG\r\n", "PING", 2000, XDPLB_CAUSE_WRONG_ANSWER, "PONG.." },
	{ "send alone", say_nothing, "QUIT\r\n", "", 2000, XDPLB_CAUSE_OK, "" },
	{ "silence", say_nothing, "", "220 ", 100, XDPLB_CAUSE_TIMEOUT, "waiting for the answer" },
	{ "close", close_at_once, "", "220 ", 2000, XDPLB_CAUSE_CLOSED, NULL },
	{ "reset", lab_reset, "", "220 ", 2000, XDPLB_CAUSE_RESET, NULL },
	{ "endless answer", pour, "", "220 ", 2000, XDPLB_CAUSE_WRONG_ANSWER, NULL },
};

Test(probe_tcp, rows)
{
	struct probe_lab lab;

	probe_lab_enter(&lab);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		uint16_t port = row->server ? lab_serve_tcp(row->server) : lab_closed_port();
		struct probe_spec spec = probe_lab_spec(PROBE_TCP, "127.0.0.1", port);

		spec.timeout_ms = row->timeout_ms;
		spec.exchange.send = (struct probe_bytes){ row->send, strlen(row->send) };
		spec.exchange.expect = (struct probe_bytes){ row->expect, strlen(row->expect) };
		probe_lab_expect(&lab, &spec, row->name, row->cause, row->detail);
		spec = probe_lab_spec(PROBE_TCP, "::1", port);
		spec.timeout_ms = row->timeout_ms;
		spec.exchange.send = (struct probe_bytes){ row->send, strlen(row->send) };
		spec.exchange.expect = (struct probe_bytes){ row->expect, strlen(row->expect) };
		probe_lab_expect(&lab, &spec, row->name, row->cause, row->detail);
	}
	probe_lab_leave(&lab);
}

Test(probe_tcp, large_send_fills_the_socket_and_goes_on)
{
	static char data[PROBE_BODY_MAX];
	struct probe_spec spec;
	struct probe_lab lab;

	probe_lab_enter(&lab);
	net_lab_run("sysctl -qw net.ipv4.tcp_wmem='4096 4096 4096'");
	spec = probe_lab_spec(PROBE_TCP, "127.0.0.1", lab_serve_tcp(say_nothing));
	spec.exchange.send = (struct probe_bytes){ data, sizeof(data) };
	probe_lab_expect(&lab, &spec, "64 KiB", XDPLB_CAUSE_OK, "");
	probe_lab_leave(&lab);
}

Test(probe_tcp, addresses_that_do_not_answer)
{
	static const struct {
		const char *address;
		enum xdplb_health_cause cause;
		const char *detail;
	} ways[] = {
		{ LAB_SILENT, XDPLB_CAUSE_TIMEOUT, "connecting, after 100 ms" },
		{ LAB_SILENT6, XDPLB_CAUSE_TIMEOUT, "connecting" },
		{ LAB_UNREACHABLE, XDPLB_CAUSE_UNREACHABLE, "connect: No route to host" },
		{ LAB_BLACKHOLE, XDPLB_CAUSE_UNREACHABLE, "connect" },
		{ "192.0.2.1", XDPLB_CAUSE_UNREACHABLE, "connect: Network is unreachable" },
	};
	struct probe_result result;
	struct probe_spec spec;
	struct probe_lab lab;

	probe_lab_enter(&lab);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		spec = probe_lab_spec(PROBE_TCP, ways[i].address, 80);
		spec.timeout_ms = 100;
		probe_lab_expect(&lab, &spec, ways[i].address, ways[i].cause, ways[i].detail);
	}
	spec = probe_lab_spec(PROBE_TCP, "127.0.0.1", lab_listen_full());
	spec.timeout_ms = 100;
	probe_lab_ask(&lab, &spec, &result);
	cr_expect_eq(result.cause, XDPLB_CAUSE_TIMEOUT, "full backlog: %s", result.detail);
	cr_expect_geq(result.duration_us, 99000, "%u us", result.duration_us);
	probe_lab_leave(&lab);
}

/* The backend's process is not woken, and nothing stays behind in the kernel. */
Test(probe_tcp, handshake_leaves_nothing)
{
	struct probe_spec spec;
	struct probe_lab lab;
	uint16_t port;
	int fd;

	probe_lab_enter(&lab);
	fd = lab_listen(10, &port);
	spec = probe_lab_spec(PROBE_TCP, "127.0.0.1", port);
	for (int i = 0; i < 100; i++)
		probe_lab_expect(&lab, &spec, "handshake", XDPLB_CAUSE_OK, "");
	cr_expect_eq(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 20), 0,
		     "the listener was woken");
	cr_expect_eq(net_lab_ask("test $(ss -Htan state all exclude listening | wc -l) -eq 0"), 0,
		     "connections stay behind");
	probe_lab_leave(&lab);
}

Test(probe_tcp, network_namespace)
{
	struct probe_spec spec;
	struct probe_lab lab;

	probe_lab_enter(&lab);
	net_lab_run("ip netns exec other sh -c 'socat TCP-LISTEN:8080,fork /dev/null &'");
	net_lab_run("for i in $(seq 100); do ip netns exec other ss -Hltn | grep -q 8080 && break; "
		    "sleep 0.02; done");
	spec = probe_lab_spec(PROBE_TCP, "127.0.0.1", 8080);
	probe_lab_expect(&lab, &spec, "here", XDPLB_CAUSE_REFUSED, NULL);
	spec.netns = "/run/netns/other";
	probe_lab_expect(&lab, &spec, "there", XDPLB_CAUSE_OK, NULL);
	spec.netns = "/run/netns/gone";
	probe_lab_expect(&lab, &spec, "gone", XDPLB_CAUSE_NO_NETNS, "/run/netns/gone");
	net_lab_run("ip netns pids other | xargs -r kill");
	probe_lab_leave(&lab);
}

static void greet_late(int fd)
{
	nanosleep(&(struct timespec){ .tv_nsec = 40000000 }, NULL);
	greet(fd);
}

static void hold_up(struct ev_loop *loop, ev_timer *timer, int events)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
}

/* An answer that was there in time counts, though the loop had no time to read it. */
Test(probe_tcp, loop_that_is_held_up)
{
	struct probe_spec spec;
	struct probe_lab lab;
	ev_timer timer;

	probe_lab_enter(&lab);
	spec = probe_lab_spec(PROBE_TCP, "127.0.0.1", lab_serve_tcp(greet_late));
	spec.exchange.expect = (struct probe_bytes){ "220", 3 };
	spec.timeout_ms = 100;
	ev_now_update(lab.loop);
	ev_timer_init(&timer, hold_up, 0.01, 0);
	ev_timer_start(lab.loop, &timer);
	probe_lab_expect(&lab, &spec, "held up", XDPLB_CAUSE_OK, "");
	probe_lab_leave(&lab);
}

/* The timeout starts with the probe, not with the turn of the loop it is started in. */
Test(probe_tcp, loop_whose_time_is_old)
{
	struct probe_result result;
	struct probe_spec spec;
	struct probe_lab lab;

	probe_lab_enter(&lab);
	spec = probe_lab_spec(PROBE_TCP, LAB_SILENT, 80);
	spec.timeout_ms = 50;
	nanosleep(&(struct timespec){ .tv_nsec = 60000000 }, NULL);
	probe_lab_ask(&lab, &spec, &result);
	cr_expect_geq(result.duration_us, 49000, "%u us", result.duration_us);
	probe_lab_leave(&lab);
}
