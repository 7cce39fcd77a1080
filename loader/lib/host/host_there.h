/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is there of ours in a node's network before an apply: records, and routes that stand. Reads alone, and takes
 * milliseconds where there are thousands, so it may be looked at by a thread of its own.
 */
#ifndef XDPLB_HOST_THERE_H
#define XDPLB_HOST_THERE_H

#include <stdbool.h>

#include "base/lookup.h"
#include "host/host.h"
#include "host/netlink.h"
#include "host/undo.h"

struct host_there {
	struct undo_snapshot undos;
	struct lookup recorded; /* of them, by key */
	struct netlink_routes routes; /* ours that stand, recorded or not */
	struct lookup settled; /* of them, those that are recorded, by address */
};

/**
 * host_look() - See what is there.
 * @undo_fd:    the map `undos`
 * @has_routes: are routes to be asked for?
 * @ret:        filled on success; host_there_free() gives it back, as it does a zeroed one
 *
 * Return: 0 or -errno.
 */
int host_look(int undo_fd, bool has_routes, struct host_there *ret);
void host_there_free(struct host_there *there);

/* The record of a key, or NULL. */
const struct undo_record *host_recorded(const struct host_there *there,
					const struct xdplb_undo_key *key);

/* Does a route stand, and is it recorded? */
bool host_is_settled(const struct host_there *there, const struct host_address *route);

#endif
