/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps of access_plan_build() that concern bucket tables and the table of VIPs.
 */
#ifndef XDPLB_ACCESS_BUCKETS_H
#define XDPLB_ACCESS_BUCKETS_H

#include "tables/access.h"

/* Fills service->table and its digest from the config; service->members must be set. 0 or -errno. */
int access_build_table(const struct config *config, struct access_plan_service *service);

/* Finds room for every changed table beside all that are live; -ENOSPC: there is none. */
int access_place_tables(const struct access_view *view, struct access_plan *plan);

/* access_vips.c: fills plan->vips, unless the live table is as it should be. 0 or -errno. */
int access_plan_vips(const struct access_view *view, struct access_plan *plan);

#endif
