// SPDX-License-Identifier: BSD-2-Clause
/*
 * The generator's connections.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define EVENTS 256

static const char request[] = "GET / HTTP/1.1\r\nHost: load\r\n\r\n";

int load_start(struct load *load, const struct load_plan *plan, struct load_tally *tally)
{
	load->plan = plan;
	load->tally = tally;
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load->epoll < 0)
		return -errno;
	for (int i = 0; i < LOAD_CONNECTIONS; i++) {
		load->connections[i].fd = -1;
		load->free_list[load->free_count++] = LOAD_CONNECTIONS - 1 - i;
	}
	return 0;
}

/* By a reset: no port is left in TIME_WAIT, and there are thousands of them a second. */
static void drop(struct load *load, struct load_connection *connection)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(connection->fd);
	connection->fd = -1;
	load->free_list[load->free_count++] = (int)(connection - load->connections);
}

static void fail(struct load *load, struct load_connection *connection)
{
	struct load_tally *tally = load->tally;

	if (!connection->is_kept)
		tally_new(tally, connection->opened_ns, LOAD_NOBODY);
	else if (connection->backend == LOAD_NOBODY)
		tally->kept_unanswered++;
	else
		tally->kept[connection->backend].broken++;
	drop(load, connection);
}

int load_open(struct load *load, bool is_kept, uint64_t now_ns)
{
	const struct load_plan *plan = load->plan;
	const struct sockaddr_in *to = &plan->targets[load->next_target++ % plan->target_count];
	struct load_connection *connection;
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int fd;

	if (!load->free_count)
		return -EAGAIN;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	connection = &load->connections[load->free_list[--load->free_count]];
	*connection = (struct load_connection){ .fd = fd,
						.is_kept = is_kept,
						.is_connecting = true,
						.is_waiting = true,
						.backend = LOAD_NOBODY,
						.opened_ns = now_ns,
						.asked_ns = now_ns };
	event.data.ptr = connection;
	load->tally->opened += !is_kept;
	if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, fd, &event) ||
	    (connect(fd, (const struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS))
		fail(load, connection);
	return 0;
}

static void ask(struct load *load, struct load_connection *connection, uint64_t now_ns)
{
	connection->is_waiting = true;
	connection->asked_ns = now_ns;
	connection->length = 0;
	if (send(connection->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		fail(load, connection);
}

/* The first word of the body, once it is there: the backend's name. */
static bool read_name(const struct load_connection *connection, char *ret_name)
{
	const char *body = memmem(connection->answer, connection->length, "\r\n\r\n", 4);
	size_t left, length = 0;

	if (!body)
		return false;
	body += 4;
	left = connection->length - (size_t)(body - connection->answer);
	while (length < left && length < LOAD_NAME_LEN && body[length] != ' ')
		length++;
	if (length == left || length == LOAD_NAME_LEN)
		return false;
	memcpy(ret_name, body, length);
	ret_name[length] = '\0';
	return true;
}

static void take_answer(struct load *load, struct load_connection *connection, const char *name)
{
	struct load_tally *tally = load->tally;
	int backend = tally_backend(tally, name);
	bool is_first = connection->backend == LOAD_NOBODY;

	connection->is_waiting = false;
	if (backend == LOAD_NOBODY) {
		fail(load, connection);
	} else if (!connection->is_kept) {
		tally_new(tally, connection->opened_ns, backend);
		drop(load, connection);
	} else {
		connection->backend = backend;
		tally->kept[backend].opened += is_first;
		tally->kept[backend].answers++;
	}
}

static void receive(struct load *load, struct load_connection *connection)
{
	size_t room = sizeof(connection->answer) - connection->length;
	ssize_t got = recv(connection->fd, connection->answer + connection->length, room, 0);
	char name[LOAD_NAME_LEN];

	if (got < 0 && errno == EAGAIN)
		return;
	/* An answer that fills the room is none that nginx gives here. */
	if (got <= 0 || (size_t)got == room) {
		fail(load, connection);
		return;
	}
	connection->length += (size_t)got;
	if (connection->is_waiting && read_name(connection, name))
		take_answer(load, connection, name);
}

static void on_event(struct load *load, struct load_connection *connection, uint32_t events,
		     uint64_t now_ns)
{
	if (events & EPOLLERR) {
		fail(load, connection);
		return;
	}
	if (connection->is_connecting && events & EPOLLOUT) {
		connection->is_connecting = false;
		if (load->plan->bare) {
			tally_new(load->tally, connection->opened_ns,
				  tally_backend(load->tally, "opened"));
			drop(load, connection);
			return;
		}
		ask(load, connection, now_ns);
	}
	if (connection->fd >= 0 && events & (EPOLLIN | EPOLLHUP))
		receive(load, connection);
}

void load_poll(struct load *load, uint64_t now_ns)
{
	struct epoll_event events[EVENTS];
	int count;

	do {
		count = epoll_wait(load->epoll, events, EVENTS, 0);
		for (int i = 0; i < count; i++)
			on_event(load, events[i].data.ptr, events[i].events, now_ns);
	} while (count == EVENTS);
}

void load_tend(struct load *load, uint64_t now_ns)
{
	for (size_t i = 0; i < LOAD_CONNECTIONS; i++) {
		struct load_connection *connection = &load->connections[i];

		if (connection->fd < 0)
			continue;
		if (connection->is_waiting && now_ns - connection->asked_ns > LOAD_PATIENCE_NS)
			fail(load, connection);
		else if (!connection->is_waiting &&
			 now_ns - connection->asked_ns >= load->plan->every_ns)
			ask(load, connection, now_ns);
	}
}

void load_end(struct load *load)
{
	for (size_t i = 0; i < LOAD_CONNECTIONS; i++) {
		if (load->connections[i].fd >= 0)
			drop(load, &load->connections[i]);
	}
	close(load->epoll);
}
