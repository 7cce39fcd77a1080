// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address_of(const struct frame_end *end)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(end->addr),
		.sin_port = htons(end->port),
	};
}

/* @label: lo, or lo:1 for one address more */
static int add_address(int fd, const char *label, const struct frame_end *end)
{
	struct sockaddr_in address = address_of(end);
	struct ifreq request = {};

	strcpy(request.ifr_name, label);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	return ioctl(fd, SIOCSIFADDR, &request) ? -errno : 0;
}

static int bring_lo_up(int fd)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	return ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;
}

static int bind_to(int fd, const struct frame_end *end)
{
	struct sockaddr_in address = address_of(end);

	return fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

/* The listener is closed as soon as it has taken the connection. */
static int connect_ends(const struct frame_end *client, const struct frame_end *server,
			struct connection *connection)
{
	struct sockaddr_in to = address_of(server);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int err = bring_lo_up(listener);

	err = err ?: add_address(listener, "lo", client);
	err = err ?: add_address(listener, "lo:1", server);
	err = err ?: bind_to(listener, server);
	err = err ?: bind_to(connection->client, client);
	if (!err && (listen(listener, 1) ||
		     connect(connection->client, (struct sockaddr *)&to, sizeof(to))))
		err = -errno;
	if (!err) {
		connection->server = accept(listener, NULL, NULL);
		err = connection->server < 0 ? -errno : 0;
	}
	if (listener >= 0)
		close(listener);
	return err;
}

int connection_open(const struct frame_end *client, const struct frame_end *server,
		    struct connection *ret_connection)
{
	struct connection connection = { .client = -1, .server = -1 };
	int err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	connection.client = socket(AF_INET, SOCK_STREAM, 0);
	err = connect_ends(client, server, &connection);
	if (err) {
		connection_close(&connection);
		return err;
	}
	*ret_connection = connection;
	return 0;
}

void connection_close(const struct connection *connection)
{
	if (connection->client >= 0)
		close(connection->client);
	if (connection->server >= 0)
		close(connection->server);
}
