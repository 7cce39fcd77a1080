/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network devices, their addresses and neighbours by rtnetlink and ethtool, in the network namespace
 * of the calling thread. Knows nothing of who wants them. All return 0 or -errno.
 */
#ifndef XDPLB_NETLINK_DEVICE_H
#define XDPLB_NETLINK_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "xdplb/types.h"

/* A pair of virtual Ethernet devices, both up. -EEXIST: one of the names is taken. */
int netlink_veth_make(const char *name, const char *peer);
int netlink_link_delete(const char *name);

int netlink_link_mac(const char *name, uint8_t ret_mac[6]);

/* What an interface's address is. */
struct netlink_prefix {
	__u8 family;
	uint8_t length;
	struct xdplb_addr addr;
};

/* -EEXIST: it is there. IPv6: without duplicate address detection. */
int netlink_prefix_add(const char *name, const struct netlink_prefix *prefix);

/* Removes what is not in the list; link-local IPv6 addresses stay. */
int netlink_prefixes_keep(const char *name, const struct netlink_prefix *list, size_t count);

/* A permanent neighbour, in place of whatever there is. */
int netlink_neighbour_put(const char *name, const struct xdplb_addr *addr, __u8 family,
			  const uint8_t mac[6]);

/* Has the kernel find out a neighbour, as if a packet were sent there. */
int netlink_neighbour_ask(unsigned int ifindex, const struct xdplb_addr *addr, __u8 family);

/* -ENOENT: the kernel has no such neighbour, or does not know its MAC address yet. */
int netlink_neighbour_get(unsigned int ifindex, const struct xdplb_addr *addr, __u8 family,
			  uint8_t ret_mac[6]);

/* Is the checksum of what is sent left to the device? @ret_on: also false where that can't be told. */
int netlink_tx_offload(const char *name, bool *ret_on);
int netlink_tx_offload_set(const char *name, bool on);

/* Is it a veth? By the name of its driver. */
bool netlink_is_veth(const char *name);

#endif
