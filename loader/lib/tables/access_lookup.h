/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which service is at a VIP's port, as lb_xdp finds it in the live table of `vips`.
 */
#ifndef XDPLB_ACCESS_LOOKUP_H
#define XDPLB_ACCESS_LOOKUP_H

#include "tables/access.h"

/* The entry of exactly this key (address, port, protocol, family; the rest of @key does not count). */
const struct xdplb_endpoint *access_find_vip(const struct access_view *view,
					     const struct xdplb_endpoint *key);

/* Range @number of the VIP and protocol of @key; NULL: there are no more. */
const struct xdplb_endpoint *access_range(const struct access_view *view,
					  const struct xdplb_endpoint *key, uint32_t number);

/* The entry of the service that serves a port: its own, else the most specific range. */
const struct xdplb_endpoint *access_find_served(const struct access_view *view,
						const struct xdplb_endpoint *key);

#endif
