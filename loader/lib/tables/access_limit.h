/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many new connections a source may open: the map `source_limits`.
 */
#ifndef XDPLB_ACCESS_LIMIT_H
#define XDPLB_ACCESS_LIMIT_H

#include "tables/access.h"

/* The element for a service with this limit. */
struct xdplb_source_limit access_limit_make(__u8 family, const struct config_limit *limit);

/* Is a service's limit another one than its config's? Without one, what the map holds counts for nothing. */
bool access_limit_differs(const struct access_plan_service *service,
			  const struct access_view *view);

/* To be called before the service's flags say that it has one. */
void access_limit_write(const struct access_plan_service *service, struct access_view *view);

#endif
