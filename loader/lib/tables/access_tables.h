/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps of access_plan_build() that concern bucket tables and the table of VIPs.
 */
#ifndef XDPLB_ACCESS_BUCKETS_H
#define XDPLB_ACCESS_BUCKETS_H

#include "base/aside.h"
#include "tables/access.h"

struct access_digests {
	struct aside aside;
	struct access_plan_service *services;
	size_t service_count;
};

/* Fills service->table and the hashes of its members' names from the config. 0 or -errno. */
int access_build_table(const struct config *config, struct access_plan_service *service);

/*
 * The digests of all new tables, on another CPU: of a million buckets one takes longer than all else but filling
 * them. They are there after access_digests_end(). 0 or -ENOMEM.
 */
int access_digests_begin(struct access_plan *plan);
void access_digests_end(const struct access_plan *plan);
void access_digests_free(struct access_plan *plan); /* waits, if need be */

/* Finds room for every changed table beside all that are live; -ENOSPC: there is none. */
int access_place_tables(const struct access_view *view, struct access_plan *plan);

/* access_vips.c: fills plan->vips, unless the live table is as it should be. 0 or -errno. */
int access_plan_vips(const struct access_view *view, struct access_plan *plan);

#endif
