/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a node's maps, programs and links are pinned: /sys/fs/bpf/xdplb/NODE/, with maps in it,
 * programs in progs/ and links in links/. bpffs forbids dots in names: they are written as '+'.
 */
#ifndef XDPLB_PATHS_H
#define XDPLB_PATHS_H

#include <stdbool.h>

#include "base/error.h"

#define PATHS_ROOT "/sys/fs/bpf/xdplb"
#define PATH_LEN   256

struct paths {
	char dir[PATH_LEN - 128]; /* leaves room for any name below it */
};

/* -ENAMETOOLONG if the node's name does not fit. */
int paths_of_node(const char *node, struct paths *ret_paths);

/* Each fills ret_path, PATH_LEN bytes, and returns it. */
char *path_of_map(const struct paths *paths, const char *map, char *ret_path);
char *path_of_program(const struct paths *paths, const char *program, char *ret_path);
char *path_of_link(const struct paths *paths, const char *program, const char *interface,
		   char *ret_path);

/**
 * paths_make() - Make the node's folders; mounts bpffs at /sys/fs/bpf if nothing has.
 * Return: 0; -errno, with words in @error.
 */
int paths_make(const struct paths *paths, struct error *error);

/**
 * paths_lock() - Keep other loaders off this machine's nodes until the descriptor is closed.
 * Return: a file descriptor; -EWOULDBLOCK another one is at work; -errno.
 */
int paths_lock(struct error *error);

/* Is this node attached, that is, are its maps pinned? */
bool paths_in_use(const struct paths *paths);

/* Unlinks everything below the node's folder, links first, and the folder itself. A folder that is
 * not there is no error. */
int paths_remove(const struct paths *paths, struct error *error);

#endif
