/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps of access_plan_build() that concern bucket tables and the table of VIPs.
 */
#ifndef XDPLB_ACCESS_BUCKETS_H
#define XDPLB_ACCESS_BUCKETS_H

#include "base/aside.h"
#include "tables/access.h"

/* What goes on beside for the new tables of a plan. */
struct access_filling {
	struct aside building, digesting;
	const struct config *config;
	struct access_plan_service *services;
	size_t service_count;
	int err; /* of building */
};

/* Fills service->table and what belongs to it from the config. 0 or -errno. */
int access_build_table(const struct config *config, struct access_plan_service *service);

/*
 * New tables on another CPU, while the plan is made: of a million buckets one takes longer than all else to fill, and
 * half as long to digest.
 *
 * access_filling_begin(): services are found, of those marked `is_filled_beside` tables are begun. 0 or -ENOMEM.
 * access_filling_planned(): all tables that change are known; few buckets are digested at once.
 * access_filling_end(): the tables are there, of many buckets digests are begun. 0 or -errno.
 * access_digests_end(): the digests are there.
 */
int access_filling_begin(const struct config *config, struct access_plan *plan);
void access_filling_planned(struct access_plan *plan);
int access_filling_end(const struct access_plan *plan);
void access_digests_end(const struct access_plan *plan);
void access_filling_free(struct access_plan *plan); /* waits, if need be */

/* Finds room for every changed table beside all that are live; -ENOSPC: there is none. */
int access_place_tables(const struct access_view *view, struct access_plan *plan);

/* access_vips.c: fills plan->vips, unless the live table is as it should be. 0 or -errno. */
int access_plan_vips(const struct access_view *view, struct access_plan *plan);

#endif
