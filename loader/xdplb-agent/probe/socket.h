/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets for probes: opened in the backend's network namespace, used from here.
 */
#ifndef XDPLB_PROBE_SOCKET_H
#define XDPLB_PROBE_SOCKET_H

#include "probe/kind.h"

/* A non-blocking socket of the spec's family. Return: its descriptor, or -1: the probe has failed. */
int socket_open(struct probe *probe, int type, int protocol);

/* connect() to the spec's address. Return: 0, -EINPROGRESS, -EALREADY or another -errno. */
int socket_connect(int fd, const struct probe_spec *spec);

/* The cause that -errno of a socket call stands for. */
enum xdplb_health_cause socket_cause(int err);

#endif
