/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tunnels need of a node's host beside BPF: their interfaces with addresses and neighbours, and
 * checksum offload off where frames are redirected. All of it is recorded in the map `undos` before it
 * is done. Knows nothing of programs and of the datapath's maps.
 */
#ifndef XDPLB_TUNNEL_HOST_H
#define XDPLB_TUNNEL_HOST_H

#include "host/undo.h"
#include "config/config.h"
#include "base/error.h"

#define TUNNEL_HOST_STEPS (2 * CONFIG_TUNNELS_HERE + CONFIG_LINKS_HERE)

/* Most tunnels and links of one node: of ports, push rules. */
#define CONFIG_TUNNELS_HERE 64
#define CONFIG_LINKS_HERE   64

/* What tunnel_host_prepare() has done, for tunnel_host_take_back(). */
struct tunnel_host {
	struct {
		char kind; /* UNDO_DEVICE, UNDO_OFFLOAD */
		char interface[IF_NAMESIZE];
	} steps[TUNNEL_HOST_STEPS];
	size_t count;
};

/**
 * tunnel_host_prepare() - Make the interfaces that are not there; turn offload off.
 * @undo_fd:    the map `undos`
 * @generation: noted with what is done
 * @ret:        also on failure: what was done until then
 *
 * An interface is a veth whose other end nobody listens to: every kernel has that. One of the same
 * name that others have made is refused.
 *
 * Return: 0; -errno with words.
 */
int tunnel_host_prepare(const struct config *config, size_t node, int undo_fd, uint64_t generation,
			struct tunnel_host *ret, struct error *error);
void tunnel_host_take_back(struct tunnel_host *done, int undo_fd);

/**
 * tunnel_host_finish() - Addresses and neighbours as the file says; what is not wanted any more goes.
 * @config: NULL: nothing is wanted
 *
 * Return: 0, or the first failure's -errno; it goes on after one, with a note.
 */
int tunnel_host_finish(const struct config *config, size_t node, int undo_fd,
		       const struct undo_snapshot *known, struct notes *notes);

#endif
