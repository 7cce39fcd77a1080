// SPDX-License-Identifier: BSD-2-Clause
/*
 * Doing something in another network namespace and coming back.
 */
#include "host/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the calling thread: /proc/self would name the process's first one. */
#define OWN_NETNS "/proc/thread-self/ns/net"

static bool is_own_netns(int fd)
{
	struct stat wanted, own;

	return !fstat(fd, &wanted) && !stat(OWN_NETNS, &own) && wanted.st_dev == own.st_dev &&
	       wanted.st_ino == own.st_ino;
}

static int enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ENONET : -errno;
	/* EINVAL: a file is there, but of no namespace. `ip netns` leaves such files behind. */
	if (setns(fd, CLONE_NEWNET))
		err = errno == EINVAL ? -ENONET : -errno;
	close(fd);
	return err;
}

int netns_run(const char *path, int (*work)(void *arg), void *arg)
{
	int home, err;

	if (!path[0])
		return work(arg);
	home = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -errno;
	err = enter(path);
	if (!err) {
		err = work(arg);
		if (setns(home, CLONE_NEWNET) || !is_own_netns(home))
			abort();
	}
	close(home);
	return err;
}
