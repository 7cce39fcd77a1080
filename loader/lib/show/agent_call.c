// SPDX-License-Identifier: BSD-2-Clause
/*
 * Asking an agent.
 */
#include "show/agent_call.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MAX (64UL << 20)

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int agent_socket_address(const char *node, struct sockaddr_un *ret_address)
{
	int length;

	memset(ret_address, 0, sizeof(*ret_address));
	ret_address->sun_family = AF_UNIX;
	length = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path),
			  AGENT_RUN_DIR "/%s.sock", node);
	return length < (int)sizeof(ret_address->sun_path) ? 0 : -ENAMETOOLONG;
}

static int send_request(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0;
	int err = text ? 0 : -ENOMEM;

	/* A line that fits into any socket's buffer. */
	if (!err && (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length ||
		     send(fd, "\n", 1, MSG_NOSIGNAL) != 1))
		err = errno ? -errno : -EIO;
	free(text);
	return err;
}

/* The whole reply, allocated and NUL-terminated, or NULL and *ret_err. */
static char *read_reply(int fd, uint64_t deadline, int *ret_err)
{
	size_t length = 0, room = 0;
	char *text = NULL, *more;

	for (;;) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ms();
		ssize_t got;

		if (length + 1 >= room) {
			room = room ? 2 * room : 65536;
			more = room <= REPLY_MAX ? realloc(text, room) : NULL;
			*ret_err = -ENOMEM;
			if (!more)
				break;
			text = more;
		}
		*ret_err = -ETIMEDOUT;
		if (now >= deadline || poll(&readable, 1, (int)(deadline - now)) == 0)
			break;
		got = recv(fd, text + length, room - length - 1, MSG_DONTWAIT);
		*ret_err = -errno;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			break;
		if (!got) {
			text[length] = 0;
			return text;
		}
		if (got > 0)
			length += (size_t)got;
	}
	free(text);
	return NULL;
}

static int connect_to(const char *node, struct error *error)
{
	struct sockaddr_un address;
	int fd = -1, err = agent_socket_address(node, &address);

	if (err)
		return fail(error, err, "%s: the name is too long", node);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_errno(error, -errno, "no socket");
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return fail(error, -ECONNREFUSED, "%s: no xdplb-agent runs (%s)", node,
			    address.sun_path);
	return fail_errno(error, err, "%s", address.sun_path);
}

int agent_call(const char *node, const json_t *request, unsigned int wait_ms, json_t **ret_reply,
	       struct error *error)
{
	uint64_t deadline = now_ms() + wait_ms;
	int fd = connect_to(node, error), err;
	json_t *reply = NULL;
	char *text = NULL;

	if (fd < 0)
		return fd;
	err = send_request(fd, request);
	if (!err)
		text = read_reply(fd, deadline, &err);
	close(fd);
	if (!text)
		return fail_errno(error, err, "%s: its agent does not answer", node);
	reply = json_loads(text, 0, NULL);
	free(text);
	if (!json_is_object(reply)) {
		json_decref(reply);
		return fail(error, -EPROTO, "%s: its agent has closed the connection", node);
	}
	if (json_object_get(reply, "error")) {
		fail(error, -EREMOTEIO, "%s: %s", node,
		     json_string_value(json_object_get(reply, "error")));
		json_decref(reply);
		return -EREMOTEIO;
	}
	*ret_reply = reply;
	return 0;
}
