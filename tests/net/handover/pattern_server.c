// SPDX-License-Identifier: BSD-2-Clause
/*
 * A backend of the hand-over lab: checks what it is sent, answers each request (pattern.h). Knows
 * nothing of balancers.
 *
 * Usage: pattern_server NAME ADDRESS:PORT...
 * An IPv6 address stands in brackets; [::] takes IPv4, too. Prints `ready` when it listens; ends by a
 * signal.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "endpoint.h"
#include "pattern.h"

#define CONNECTIONS 8192
#define EVENTS      256
#define BACKLOG     4096
/* A client that went away while its reset got lost; those that are well ask many times a second. */
#define IDLE_S 10

struct connection {
	int fd; /* -1: free */
	bool is_listener;
	bool poisoned; /* it was sent a wrong byte */
	uint8_t head[PATTERN_SEED];
	uint64_t received, sent; /* bytes of the whole streams */
	struct pattern in, out;
	time_t heard;
};

static struct connection connections[CONNECTIONS];
static char name[PATTERN_NAME];
static int epoll_fd;

static void die(const char *what)
{
	fprintf(stderr, "pattern_server: %s: %s\n", what, strerror(errno));
	exit(1);
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* NULL: there are too many. */
static struct connection *add(int fd, bool is_listener)
{
	struct epoll_event event = { .events = EPOLLIN };

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *connection = &connections[i];

		if (connection->fd >= 0)
			continue;
		*connection = (struct connection){ .fd = fd,
						   .is_listener = is_listener,
						   .heard = now_s() };
		if (!is_listener)
			event.events |= EPOLLOUT | EPOLLET;
		event.data.ptr = connection;
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
			die("epoll_ctl");
		return connection;
	}
	return NULL;
}

static void drop(struct connection *connection)
{
	close(connection->fd);
	connection->fd = -1;
}

static void accept_all(const struct connection *listener)
{
	int fd, on = 1;

	for (;;) {
		fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (!add(fd, false))
			close(fd);
	}
}

/* Takes the seed at the head of the stream, then compares. */
static void take(struct connection *connection, const uint8_t *data, size_t length)
{
	size_t head = 0;

	while (connection->received < PATTERN_SEED && head < length) {
		connection->head[connection->received++] = data[head++];
		if (connection->received == PATTERN_SEED) {
			uint64_t seed;

			memcpy(&seed, connection->head, sizeof(seed));
			connection->in = pattern_begin(seed, PATTERN_TO_SERVER);
			connection->out = pattern_begin(seed, PATTERN_TO_CLIENT);
		}
	}
	connection->received += length - head;
	if (!pattern_take(&connection->in, data + head, length - head))
		connection->poisoned = true;
}

/* What is owed to the client now; 0: nothing. */
static size_t fill_answer(const struct connection *connection, uint8_t *buffer, size_t room)
{
	uint64_t owed = connection->received / PATTERN_REQUEST * PATTERN_ANSWER - connection->sent;
	size_t length = owed < room ? (size_t)owed : room, head = 0;

	for (; connection->sent + head < PATTERN_NAME && head < length; head++)
		buffer[head] = (uint8_t)name[connection->sent + head];
	pattern_fill(&connection->out, buffer + head, length - head);
	for (size_t i = head; connection->poisoned && i < length; i++)
		buffer[i] ^= 0xff;
	return length;
}

static void answer(struct connection *connection)
{
	uint8_t buffer[16 * PATTERN_ANSWER];
	size_t length;
	ssize_t sent;

	while ((length = fill_answer(connection, buffer, sizeof(buffer)))) {
		sent = send(connection->fd, buffer, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0) {
			drop(connection);
			return;
		}
		connection->sent += (uint64_t)sent;
		if (connection->sent > PATTERN_NAME)
			connection->out.offset = connection->sent - PATTERN_NAME;
	}
}

static void on_event(struct connection *connection)
{
	uint8_t buffer[16 * PATTERN_REQUEST];
	ssize_t got;

	if (connection->is_listener) {
		accept_all(connection);
		return;
	}
	while ((got = recv(connection->fd, buffer, sizeof(buffer), 0)) > 0) {
		connection->heard = now_s();
		take(connection, buffer, (size_t)got);
	}
	if (!got || errno != EAGAIN)
		drop(connection);
	else
		answer(connection);
}

static void drop_idle(void)
{
	time_t now = now_s();

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *connection = &connections[i];

		if (connection->fd >= 0 && !connection->is_listener &&
		    now - connection->heard > IDLE_S)
			drop(connection);
	}
}

static void start_listener(const char *text)
{
	struct sockaddr_storage address = {};
	socklen_t length = read_endpoint(text, &address);
	int fd, on = 1;

	errno = EINVAL;
	if (!length)
		die(text);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, length) || listen(fd, BACKLOG))
		die(text);
	add(fd, true);
}

int main(int argc, char **argv)
{
	struct rlimit limit = { CONNECTIONS + 64, CONNECTIONS + 64 };
	struct epoll_event events[EVENTS];
	time_t tended = now_s();
	int count;

	if (argc < 3 || strlen(argv[1]) >= sizeof(name)) {
		fprintf(stderr, "usage: pattern_server NAME ADDRESS:PORT...\n");
		return 2;
	}
	memcpy(name, argv[1], strlen(argv[1]));
	for (size_t i = 0; i < CONNECTIONS; i++)
		connections[i].fd = -1;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || setrlimit(RLIMIT_NOFILE, &limit))
		die("start");
	for (int i = 2; i < argc; i++)
		start_listener(argv[i]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		count = epoll_wait(epoll_fd, events, EVENTS, 1000);
		for (int i = 0; i < count; i++)
			on_event(events[i].data.ptr);
		if (now_s() == tended)
			continue;
		tended = now_s();
		drop_idle();
	}
}
