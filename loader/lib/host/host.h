/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a node's network needs beside BPF: VIPs that are local to backends, ARP, reverse path filters,
 * forwarding. Everything that is changed is recorded in the map `undos` before it is done, so that it
 * can be taken back whatever happened to the process that did it. Knows nothing of programs and of
 * the datapath's maps.
 */
#ifndef XDPLB_HOST_H
#define XDPLB_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "base/error.h"
#include "host/sysctl.h"

/* An address that is to be local to a network namespace, on its lo. netns everywhere: the path of the
 * namespace; empty: the node's own. */
struct host_address {
	char netns[CONFIG_PATH_LEN + 1];
	__u8 family;
	struct xdplb_addr addr;
};

enum host_rule {
	HOST_EXACTLY, /* must be `value` */
	HOST_AT_LEAST, /* a higher number than `value`, here or under conf/all, is left alone */
	HOST_NOT_ONE, /* a 1, here or under conf/all, becomes `value`; else it is left alone */
};

/* A setting below /proc/sys/net. */
struct host_sysctl {
	char netns[CONFIG_PATH_LEN + 1];
	char path[SYSCTL_PATH_LEN];
	char value[SYSCTL_VALUE_LEN];
	enum host_rule rule;
};

struct host_wanted {
	struct host_address *addresses;
	size_t address_count;
	struct host_address *routes; /* to be unreachable, where they are not local */
	size_t route_count;
	struct host_sysctl *sysctls; /* in the order of doing */
	size_t sysctl_count;
	struct host_address *resting; /* see host_wanted_build() */
	size_t resting_count;
	const struct host_there *there; /* the caller's; NULL: it is looked for when needed */
	struct notes notes; /* what people should know; host_prepare() hands it on */
};

/**
 * host_wanted_build() - What the file wants of this node's network.
 * @config:      the file
 * @node:        index of this node
 * @extra:       VIPs of resting mappings. Where one is local already it stays so, in whatever
 *               namespace (`netns` is not looked at), and as long as there are any, no setting is
 *               taken back
 * @ret:         filled on success; host_wanted_free() gives it back
 * @error:       the words on failure
 *
 * Looks up interfaces and namespaces, changes nothing.
 *
 * Return: 0; -ENODEV an interface is missing; -ENONET a network namespace is; -EADDRNOTAVAIL a
 * backend's namespace does not have its address; -errno.
 */
int host_wanted_build(const struct config *config, size_t node, const struct host_address *extra,
		      size_t extra_count, struct host_wanted *ret, struct error *error);
void host_wanted_free(struct host_wanted *wanted);

/**
 * host_prepare() - Make true what is wanted and is not.
 * @wanted:     from host_wanted_build()
 * @undo_fd:    the map `undos`
 * @generation: noted with everything that is wanted and was made by us
 * @notes:      lines for people are added
 * @error:      the words on failure
 *
 * What is there already without us is left alone: it has no record and is never taken back.
 * All or nothing: a failure takes back what this call did.
 *
 * Return: 0; -E2BIG the map is full; -errno.
 */
int host_prepare(const struct host_wanted *wanted, int undo_fd, uint64_t generation,
		 struct notes *notes, struct error *error);

/**
 * host_finish() - Take back what is recorded and no longer wanted, addresses first.
 *
 * Goes on after a failure: what could not be taken back is noted and stays recorded.
 *
 * Return: 0, or the first failure's -errno.
 */
int host_finish(const struct host_wanted *wanted, int undo_fd, struct notes *notes);

/* As host_finish() when nothing is wanted. What is gone with its namespace or interface is no error. */
int host_undo_all(int undo_fd, struct notes *notes);

#endif
