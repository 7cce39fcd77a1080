/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lb_xdp needs of a service beside its buckets: its flags, and the chain of its members with their
 * weights and targets, by which the search for a usable one goes when owners are down.
 *
 * A packet may walk a chain while it is changed. Members stand in it in the order of the file's
 * backends, before and after; so each `next` leads forward whichever of the stores have been made, a
 * walk ends, and what it meets is a member of this service, since one that leaves is cleared only
 * after a grace period.
 */
#ifndef XDPLB_ACCESS_CHAIN_H
#define XDPLB_ACCESS_CHAIN_H

#include "tables/access.h"

/* The member behind config member @number, or XDPLB_NO_MEMBER. */
uint32_t access_chain_next(const struct access_plan_service *service, size_t number);

/* The flags that a service is to have. */
uint32_t access_chain_flags(const struct access_plan_service *service);

/* Are flags, chain, weights or targets of a running service other than planned? */
bool access_chain_differs(const struct access_plan *plan, const struct access_plan_service *service,
			  const struct access_view *view);

/* Makes them so; each in one store. New members have been written before. */
void access_chain_write(const struct access_plan *plan, const struct access_plan_service *service,
			struct access_view *view);

/* Is a target described (node, check) otherwise than in the config? */
bool access_target_differs(const struct config *config, const struct config_target *target,
			   const struct xdplb_backend_info *info);
void access_target_describe(const struct config *config, const struct config_target *target,
			    struct xdplb_backend_info *info);

#endif
