/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The single acts that host.c puts together: one address or setting, in its own network namespace.
 * All return 0 or -errno; -ENONET: there is no such namespace.
 */
#ifndef XDPLB_HOST_ACT_H
#define XDPLB_HOST_ACT_H

#include <net/if.h>

#include "host/host.h"
#include "host/undo.h"

/* Room for host_print(). */
#define HOST_TEXT_LEN 256

/* Which interface holds the address? -EADDRNOTAVAIL: none. */
int host_address_holder(const struct host_address *address, char ret_name[IF_NAMESIZE]);
int host_address_add(const struct host_address *address);

/* Makes an address unreachable; -EEXIST: it has a route of its own. */
int host_route_add(const struct host_address *address);

/**
 * host_sysctl_check() - Read a setting and see whether it is as wanted.
 * @ret_value: what it is
 *
 * Return: 1 it is as wanted; 0 it is not; -errno.
 */
int host_sysctl_check(const struct host_sysctl *sysctl, char ret_value[SYSCTL_VALUE_LEN]);
int host_sysctl_write(const struct host_sysctl *sysctl);

/* The keys they are recorded under. Their parts always fit. */
void host_address_key(const struct host_address *address, struct xdplb_undo_key *ret_key);
void host_route_key(const struct host_address *address, struct xdplb_undo_key *ret_key);
void host_sysctl_key(const struct host_sysctl *sysctl, struct xdplb_undo_key *ret_key);

/* And back, of an address or a route. -EINVAL: a key of another kind or without an address. */
int host_address_from_key(const struct xdplb_undo_key *key, struct host_address *ret_address);

/* Undoes a record on the host; leaves the record. What is gone already is no error. */
int host_undo(const struct undo_record *record);

/* "192.0.2.10 on lo in /run/netns/web1" or "net/ipv4/conf/eth0/arp_ignore". */
char *host_print(const struct xdplb_undo_key *key, char ret_text[HOST_TEXT_LEN]);

#endif
