/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses and links by rtnetlink, in the network namespace of the calling thread. Knows nothing of
 * who wants an address or why.
 */
#ifndef XDPLB_NETLINK_H
#define XDPLB_NETLINK_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#include "xdplb/types.h"

/**
 * netlink_address_add() - Give lo an address that the host never takes as source by itself.
 * @family: XDPLB_IPV4: /32, scope host; XDPLB_IPV6: /128, preferred lifetime 0, no duplicate address
 *          detection
 *
 * Return: 0; -EEXIST lo has it; -errno as the kernel says.
 */
int netlink_address_add(const struct xdplb_addr *addr, __u8 family);

/* Takes an address from lo. 0; -EADDRNOTAVAIL: was not there; -errno. */
int netlink_address_delete(const struct xdplb_addr *addr, __u8 family);

/**
 * netlink_address_find() - Which interface holds an address?
 * @ret_name: its name, on success; lo goes before any other
 *
 * Return: 0; -EADDRNOTAVAIL no interface does; -errno.
 */
int netlink_address_find(const struct xdplb_addr *addr, __u8 family, char ret_name[IF_NAMESIZE]);

/* What our routes are marked with, so that no other is taken for one (rtm_protocol; ip route shows it). */
#define NETLINK_ROUTE_PROTOCOL 188

/**
 * netlink_route_block() - Make an address unreachable, unless it is local.
 *
 * A route of type unreachable for the address alone, in the main table: what is sent there is answered
 * by an ICMP error.
 *
 * Return: 0; -EEXIST there is a route for this very address; -errno.
 */
int netlink_route_block(const struct xdplb_addr *addr, __u8 family);

struct netlink_routes {
	struct netlink_route {
		__u8 family;
		struct xdplb_addr addr;
	} * routes;
	size_t count;
};

/**
 * netlink_routes_list() - All routes that netlink_route_block() has made, in the main table.
 * @ret: its `routes` are the caller's to free
 *
 * Return: 0; -errno.
 */
int netlink_routes_list(struct netlink_routes *ret);

/* Removes such a route of ours. 0; -ESRCH: was not there; -errno. */
int netlink_route_unblock(const struct xdplb_addr *addr, __u8 family);

/**
 * netlink_netns_number() - The number by which this network namespace knows another; given to it if need be.
 * @path: where the other is bound
 *
 * Return: 0; -ENOENT there is no such file, or no number; -errno.
 */
int netlink_netns_number(const char *path, int32_t *ret_number);

struct netlink_link {
	unsigned int flags; /* IFF_UP ... */
	char master[IF_NAMESIZE]; /* the bridge or other device it is enslaved to; empty: none */
};

/* Looks a network interface up by name. 0; -ENODEV; -errno. */
int netlink_link_get(const char *name, struct netlink_link *ret_link);

#endif
