/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A TCP connection in a network of the bench's own, so that a program under test finds its socket.
 */
#ifndef BENCH_CONNECTION_H
#define BENCH_CONNECTION_H

#include "frames.h"

struct connection {
	int client, server; /* descriptors */
};

/**
 * connection_open() - Enter a new network namespace and connect two ends in it, by lo.
 * @client, @server: host byte order
 *
 * BPF_PROG_TEST_RUN looks sockets up in the namespace of its caller.
 *
 * Return: 0 or -errno.
 */
int connection_open(const struct frame_end *client, const struct frame_end *server,
		    struct connection *ret_connection);
void connection_close(const struct connection *connection);

#endif
