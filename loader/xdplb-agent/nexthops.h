/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The next hops that lb_xdp has learned, in the map `members`: which are in use, and making it forget
 * one before its second is over. A member without a next hop asks the kernel again with its next packet.
 */
#ifndef XDPLB_AGENT_NEXTHOPS_H
#define XDPLB_AGENT_NEXTHOPS_H

#include "tables/access.h"

/* An interface and a MAC address, as frames leave. */
struct nexthop_via {
	uint32_t ifindex;
	uint8_t mac[6];
};

/* Less than, equal to or greater than 0, as memcmp(). */
int nexthop_via_compare(const struct nexthop_via *a, const struct nexthop_via *b);

/* Forget those by this interface and to this MAC address. Returns how many there were. */
size_t nexthops_forget_via(const struct access_view *view, const struct nexthop_via *via);

/* Forget those by this interface; 0: all. Returns how many there were. */
size_t nexthops_forget_interface(const struct access_view *view, uint32_t ifindex);

/* Next hops, sorted, none twice. Zeroed: empty. */
struct nexthop_set {
	struct nexthop_via *vias;
	size_t count;
};

/* Those learned or renewed at or after this jiffies64; @lifetime: how long lb_xdp keeps one. 0 or -ENOMEM. */
int nexthops_in_use(const struct access_view *view, uint64_t since, uint64_t lifetime,
		    struct nexthop_set *ret_set);
void nexthop_set_free(struct nexthop_set *set);
bool nexthop_set_has(const struct nexthop_set *set, const struct nexthop_via *via);

/* A prefix, or an address; bytes behind the family's are zero. */
struct nexthop_prefix {
	uint8_t family; /* XDPLB_IPV4 or XDPLB_IPV6 */
	uint8_t length; /* bits */
	struct xdplb_addr addr; /* bits behind the length are zero */
};

/* The addresses that members have, sorted. Zeroed: empty. */
struct nexthop_addresses {
	struct nexthop_prefix *list;
	size_t count;
};

/* 0 or -ENOMEM. */
int nexthop_addresses_read(const struct access_view *view, struct nexthop_addresses *ret_addresses);
void nexthop_addresses_free(struct nexthop_addresses *addresses);

/* Does any member's address lie in the prefix? */
bool nexthop_addresses_cover(const struct nexthop_addresses *addresses,
			     const struct nexthop_prefix *prefix);

#endif
