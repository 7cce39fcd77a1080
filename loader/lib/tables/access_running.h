/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a config is running on an access node already, and under which index; and which index is free
 * for what is not. Steps of access_plan_build().
 */
#ifndef XDPLB_ACCESS_RUNNING_H
#define XDPLB_ACCESS_RUNNING_H

#include "tables/access.h"
#include "base/lookup.h"

struct access_running {
	const struct config *config;
	const struct access_view *view;
	/* By service: members, those too that a killed loader has left; access_running_count() fills it. */
	uint32_t *in_use;
	/* Filled when there are many to look for that are not where they are likely to be. */
	struct lookup services, members, backends;
	uint32_t service_misses, member_misses, backend_misses;
	/* Where the next ones are likely to be, since files are written in order. */
	uint32_t likely_service, likely_member, likely_backend;
	/* Below these no index is free. */
	uint32_t free_service, free_member, free_backend;
};

/* 0 or -ENOMEM; access_running_close() gives back what a zeroed struct got. */
int access_running_open(const struct config *config, const struct access_view *view,
			struct access_running *ret);
void access_running_close(struct access_running *running);
void access_running_count(struct access_running *running);

/* Indices, or LOOKUP_NONE. A service is what it is on the wire: it may be renamed. */
uint32_t access_running_service(struct access_running *running,
				const struct config_service *service);
uint32_t access_running_target(struct access_running *running, const struct config_target *target);
/* Of members, when the plan has its targets. */
uint32_t access_running_member(struct access_running *running, const struct access_plan *plan,
			       uint32_t service, const struct config_member *member);

/* An index that neither is in use nor is kept by the plan; LOOKUP_NONE: there is none. */
uint32_t access_free_service(struct access_running *running, const struct access_plan *plan);
uint32_t access_free_member(struct access_running *running, const struct access_plan *plan);
uint32_t access_free_backend(struct access_running *running, const struct access_plan *plan);

/* Is an index of the health map nobody's, in the map and in the plan? */
bool access_backend_is_free(const struct access_running *running, const struct access_plan *plan,
			    uint32_t index);

#endif
