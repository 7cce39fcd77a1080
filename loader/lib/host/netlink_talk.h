/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the netlink*.c files alone: one request and its answers.
 */
#ifndef XDPLB_NETLINK_TALK_H
#define XDPLB_NETLINK_TALK_H

#include <libmnl/libmnl.h>

/**
 * netlink_talk() - Send a request to rtnetlink and take its answers.
 * @request:  its sequence number is set here
 * @callback: called for each answer; NULL: none is expected but the acknowledgement
 *
 * On a socket of its own: a socket belongs to the namespace it was opened in.
 *
 * Return: 0; -errno, the kernel's too.
 */
int netlink_talk(struct nlmsghdr *request, mnl_cb_t callback, void *arg);

#endif
