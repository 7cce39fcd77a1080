/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sockets by which an end of a tunnel asks and hears.
 */
#ifndef XDPLB_TUNNEL_SOCKET_H
#define XDPLB_TUNNEL_SOCKET_H

#include "tunnel/tunnel_probe.h"

/**
 * tunnel_socket() - A socket for the messages of one LSP pair, at the interface it leaves by.
 *
 * It hears messages with that tunnel's number alone, and of the backup or the primary as the way is one:
 * tunnels that share a link do not wake each other up. Nothing else of them has been checked.
 *
 * Return: a descriptor, non-blocking; -errno.
 */
int tunnel_socket(const struct tunnel_way *way);

#endif
