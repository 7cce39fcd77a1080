/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which services of an access node are up: those with a member that lb_xdp would use. Looked at in
 * the maps every SERVICES_SECONDS, whoever wrote them, leases that have run out included.
 */
#ifndef XDPLB_AGENT_SERVICES_H
#define XDPLB_AGENT_SERVICES_H

#include <jansson.h>

#include "tables/access.h"

#define SERVICES_SECONDS 0.05

struct services;

/* A service has gone up or down, or was found down at the start. */
typedef void services_callback(void *context, const struct xdplb_service_info *info, bool is_up,
			       unsigned int usable);

int services_new(services_callback *callback, void *context, struct services **ret_services);
void services_free(struct services *services);

/**
 * services_scan() - Look at all services.
 * @is_new: the view or what is in it (an apply) is another one than at the last call
 *
 * Services are told apart by VIP, port and protocol: what an apply leaves is not told again.
 */
void services_scan(struct services *services, const struct access_view *view, uint64_t jiffies,
		   bool is_new);

/* How many are up, and how many there are. */
void services_count(const struct services *services, size_t *ret_up, size_t *ret_all);

#endif
