// SPDX-License-Identifier: BSD-2-Clause
/*
 * tcp: a handshake; with send or expect, an exchange over the connection.
 *
 * A handshake alone is left half-open, as HAProxy does it: our ACK is held back and a RST follows
 * the SYN-ACK. The listener is proven to have room, the backend's process is not woken and logs
 * nothing, no TIME_WAIT is left, and a stopped process's queue is not filled with dead connections.
 * That the process still accepts is for expect, http or grpc to find out. An exchange ends in a
 * plain close, since a RST would throw away what the backend has not read.
 *
 * To a local backend the handshake is over when connect() returns, although it says EINPROGRESS:
 * asking a second time spares the way through epoll.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/kind.h"
#include "probe/socket.h"

struct tcp {
	struct probe probe;
	int fd; /* -1: none */
	ev_io io;
	bool connected;
	size_t sent, received;
	char *answer; /* PROBE_ANSWER_MAX bytes, made when the first ones arrive */
};

static bool is_exchange(const struct probe_spec *spec)
{
	return spec->exchange.send.len || spec->exchange.expect.len;
}

static void wait_for(struct tcp *tcp, int events, const char *doing)
{
	struct ev_loop *loop = tcp->probe.engine->loop;

	tcp->probe.doing = doing;
	/* Already so? Then epoll need not hear of it. */
	if (ev_is_active(&tcp->io) && (tcp->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(loop, &tcp->io);
	ev_io_set(&tcp->io, tcp->fd, events);
	ev_io_start(loop, &tcp->io);
}

static void judge(struct tcp *tcp, bool whole)
{
	const struct probe_bytes *expect = &tcp->probe.spec->exchange.expect;
	int shown = tcp->received > 80 ? 80 : (int)tcp->received;

	if (memmem(tcp->answer, tcp->received, expect->data, expect->len))
		probe_succeed(&tcp->probe);
	else if (whole || tcp->received == PROBE_ANSWER_MAX)
		probe_fail(&tcp->probe, XDPLB_CAUSE_WRONG_ANSWER, "%.*s", shown, tcp->answer);
	else
		probe_suppose(&tcp->probe, XDPLB_CAUSE_WRONG_ANSWER, "%.*s", shown, tcp->answer);
}

static void receive(struct tcp *tcp)
{
	ssize_t len;

	if (!tcp->answer)
		tcp->answer = malloc(PROBE_ANSWER_MAX);
	if (!tcp->answer) {
		probe_fail_errno(&tcp->probe, -ENOMEM, "receive");
		return;
	}
	len = recv(tcp->fd, tcp->answer + tcp->received, PROBE_ANSWER_MAX - tcp->received, 0);
	if (len > 0) {
		tcp->received += (size_t)len;
		judge(tcp, false);
	} else if (len == 0 && tcp->received) {
		judge(tcp, true);
	} else if (len == 0) {
		probe_fail(&tcp->probe, XDPLB_CAUSE_CLOSED, "closed without an answer");
	} else if (errno != EAGAIN && errno != EINTR) {
		probe_fail_errno(&tcp->probe, -errno, "receive");
		return;
	}
	wait_for(tcp, EV_READ, "waiting for the answer");
}

static void transmit(struct tcp *tcp)
{
	const struct probe_bytes *out = &tcp->probe.spec->exchange.send;
	ssize_t len;

	while (tcp->sent < out->len) {
		len = send(tcp->fd, (const char *)out->data + tcp->sent, out->len - tcp->sent,
			   MSG_NOSIGNAL);
		if (len < 0 && errno == EAGAIN) {
			wait_for(tcp, EV_WRITE, "sending");
			return;
		}
		if (len < 0 && errno != EINTR) {
			probe_fail_errno(&tcp->probe, -errno, "send");
			return;
		}
		tcp->sent += len > 0 ? (size_t)len : 0;
	}
	if (tcp->probe.spec->exchange.expect.len)
		wait_for(tcp, EV_READ, "waiting for the answer");
	else
		probe_succeed(&tcp->probe);
}

static void establish(struct tcp *tcp)
{
	int err = socket_connect(tcp->fd, tcp->probe.spec);

	if (err == -EINPROGRESS)
		err = socket_connect(tcp->fd, tcp->probe.spec);
	if (err == -EALREADY || err == -EINTR) {
		wait_for(tcp, EV_WRITE, "connecting");
		return;
	}
	if (err && err != -EISCONN) {
		probe_fail_errno(&tcp->probe, err, "connect");
		return;
	}
	tcp->connected = true;
	if (is_exchange(tcp->probe.spec))
		transmit(tcp);
	else
		probe_succeed(&tcp->probe);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
	struct tcp *tcp = io->data;

	if (!tcp->connected)
		establish(tcp);
	else if (events & EV_WRITE)
		transmit(tcp);
	else
		receive(tcp);
	if (tcp->probe.finished)
		ev_io_stop(loop, io);
}

static void start(struct probe *probe)
{
	struct tcp *tcp = (struct tcp *)probe;

	ev_init(&tcp->io, on_ready);
	tcp->io.data = tcp;
	tcp->fd = socket_open(probe, SOCK_STREAM, IPPROTO_TCP);
	if (tcp->fd < 0)
		return;
	if (!is_exchange(probe->spec))
		setsockopt(tcp->fd, IPPROTO_TCP, TCP_QUICKACK, &(int){ 0 }, sizeof(int));
	establish(tcp);
}

static void release(struct probe *probe)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct tcp *tcp = (struct tcp *)probe;

	ev_io_stop(probe->engine->loop, &tcp->io);
	if (tcp->connected && !is_exchange(probe->spec))
		setsockopt(tcp->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (tcp->fd >= 0)
		close(tcp->fd);
	free(tcp->answer);
}

const struct probe_kind probe_tcp = { sizeof(struct tcp), start, release };
