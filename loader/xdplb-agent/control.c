// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control socket: clients, a line each way.
 */
#include "control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "show/agent_call.h"
#include "log.h"

#define REQUEST_MAX      4096
#define PATIENCE_SECONDS 10.0 /* for a request to be whole, and for its reply to be taken */

struct control_client {
	struct control *control;
	struct control_client *next, **link;
	ev_io io;
	ev_timer patience;
	char request[REQUEST_MAX + 1];
	size_t request_length;
	bool is_asked; /* the request is whole */
	char *reply; /* NULL: none yet */
	size_t reply_length, reply_sent;
	void (*gone)(void *context);
	void *gone_context;
};

struct control {
	struct ev_loop *loop;
	ev_io listener;
	control_callback *callback;
	void *context;
	struct control_client *clients;
	size_t client_count;
	struct sockaddr_un address;
};

static void drop_client(struct control_client *client)
{
	struct control *control = client->control;

	ev_io_stop(control->loop, &client->io);
	ev_timer_stop(control->loop, &client->patience);
	close(client->io.fd);
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
	if (control->client_count-- == CONTROL_CLIENTS)
		ev_io_start(control->loop, &control->listener);
	if (client->gone)
		client->gone(client->gone_context);
	free(client->reply);
	free(client);
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
	drop_client(timer->data);
}

/* ---- replies ---- */

static void write_reply(struct control_client *client)
{
	ssize_t sent = send(client->io.fd, client->reply + client->reply_sent,
			    client->reply_length - client->reply_sent, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent > 0)
		client->reply_sent += (size_t)sent;
	if (sent < 0 || client->reply_sent == client->reply_length)
		drop_client(client);
}

void control_reply(struct control_client *client, json_t *reply)
{
	struct control *control = client->control;
	char *text = reply ? json_dumps(reply, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

	json_decref(reply);
	client->gone = NULL;
	client->reply_length = text ? strlen(text) + 1 : 0;
	client->reply = text ? realloc(text, client->reply_length + 1) : NULL;
	if (!client->reply) {
		free(text);
		/* Not from here: the caller may be in the midst of the client's request. */
		shutdown(client->io.fd, SHUT_RDWR);
		return;
	}
	strcpy(client->reply + client->reply_length - 1, "\n");
	ev_io_stop(control->loop, &client->io);
	ev_io_set(&client->io, client->io.fd, EV_WRITE);
	ev_io_start(control->loop, &client->io);
	client->patience.repeat = PATIENCE_SECONDS;
	ev_timer_again(control->loop, &client->patience);
}

void control_on_gone(struct control_client *client, void (*gone)(void *context), void *context)
{
	client->gone = gone;
	client->gone_context = context;
}

/* ---- requests ---- */

static void take_line(struct control_client *client, size_t length)
{
	struct control *control = client->control;
	json_error_t why;
	json_t *request = json_loadb(client->request, length, 0, &why);

	/* Whoever replies later has his own limit. */
	ev_timer_stop(control->loop, &client->patience);
	client->is_asked = true;
	if (!json_is_object(request))
		control_reply(client, json_pack("{s:s}", "error", "not a JSON object"));
	else
		control->callback(control->context, client, request);
	json_decref(request);
}

static void read_request(struct control_client *client)
{
	size_t room = REQUEST_MAX - client->request_length;
	ssize_t got = recv(client->io.fd, client->request + client->request_length, room, 0);
	const char *end;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* The client is gone, asks for too much, or for more than one thing. */
	if (got <= 0 || (size_t)got == room || client->is_asked) {
		drop_client(client);
		return;
	}
	end = memchr(client->request + client->request_length, '\n', (size_t)got);
	client->request_length += (size_t)got;
	if (end)
		take_line(client, (size_t)(end - client->request));
}

static void on_client(struct ev_loop *loop, ev_io *io, int events)
{
	struct control_client *client = io->data;

	if (client->reply)
		write_reply(client);
	else
		read_request(client);
}

static bool is_root(int fd)
{
	struct ucred who;
	socklen_t length = sizeof(who);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) && who.uid == 0;
}

static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
	struct control *control = io->data;
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct control_client *client = NULL;

	if (fd < 0)
		return;
	if (is_root(fd))
		client = calloc(1, sizeof(*client));
	if (!client) {
		close(fd);
		return;
	}
	client->control = control;
	client->next = control->clients;
	client->link = &control->clients;
	if (client->next)
		client->next->link = &client->next;
	control->clients = client;
	client->io.data = client;
	ev_io_init(&client->io, on_client, fd, EV_READ);
	ev_io_start(loop, &client->io);
	client->patience.data = client;
	ev_init(&client->patience, on_patience);
	client->patience.repeat = PATIENCE_SECONDS;
	ev_timer_again(loop, &client->patience);
	if (++control->client_count == CONTROL_CLIENTS)
		ev_io_stop(loop, &control->listener);
}

/* ---- the socket ---- */

static bool is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* EAGAIN: somebody listens, and is busy. */
	bool served =
		fd >= 0 && (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
			    errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return served;
}

static int listen_at(const struct sockaddr_un *address, struct error *error)
{
	mode_t mask;
	int fd, err = 0;

	if (mkdir(AGENT_RUN_DIR, 0755) && errno != EEXIST)
		return fail_errno(error, -errno, "cannot make " AGENT_RUN_DIR);
	if (is_served(address))
		return fail(error, -EADDRINUSE, "%s: another agent runs for this node",
			    address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_errno(error, -errno, "no socket");
	unlink(address->sun_path);
	mask = umask(0177);
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    listen(fd, CONTROL_CLIENTS))
		err = -errno;
	umask(mask);
	if (!err)
		return fd;
	close(fd);
	return fail_errno(error, err, "cannot listen at %s", address->sun_path);
}

int control_open(struct ev_loop *loop, const char *node, control_callback *callback, void *context,
		 struct control **ret_control, struct error *error)
{
	struct control *control = calloc(1, sizeof(*control));
	int fd;

	if (!control)
		return fail(error, -ENOMEM, "no memory");
	fd = agent_socket_address(node, &control->address);
	fd = fd ? fail(error, fd, "%s: the name is too long", node)
		: listen_at(&control->address, error);
	if (fd < 0) {
		free(control);
		return fd;
	}
	control->loop = loop;
	control->callback = callback;
	control->context = context;
	control->listener.data = control;
	ev_io_init(&control->listener, on_connection, fd, EV_READ);
	ev_io_start(loop, &control->listener);
	*ret_control = control;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		drop_client(control->clients);
	ev_io_stop(control->loop, &control->listener);
	close(control->listener.fd);
	unlink(control->address.sun_path);
	free(control);
}
