/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doing something in another network namespace and coming back.
 */
#ifndef XDPLB_NETNS_H
#define XDPLB_NETNS_H

/**
 * netns_run() - Call a function with the calling thread inside a network namespace.
 * @path: where the namespace is bound ("/run/netns/web1", "/proc/7/ns/net"); "": stay here
 * @work: what to call; it may open sockets and files below /proc/sys/net, no thread
 * @arg:  handed to it
 *
 * The thread is back in its own namespace when this returns; if that can't be done the process is
 * aborted, since whatever it did next would hit the wrong host.
 *
 * Return: what @work returned; -ENONET there is no network namespace at @path; -errno it could not
 * be entered. @work itself must not return -ENONET.
 */
int netns_run(const char *path, int (*work)(void *arg), void *arg);

#endif
