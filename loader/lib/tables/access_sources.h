/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which clients services serve: their lists in the map `sources`. A list that changes is written as the
 * service's other version, which one store to its flags makes live; so no packet ever meets half a list.
 */
#ifndef XDPLB_ACCESS_SOURCES_H
#define XDPLB_ACCESS_SOURCES_H

#include "tables/access.h"

/**
 * access_sources_plan() - Which lists are to be written, and as which version.
 *
 * Sets sources_changed and sources_b of the plan's services. Changes nothing in the map.
 *
 * Return: 0 or -errno, with words.
 */
int access_sources_plan(const struct access_view *view, struct access_plan *plan,
			struct error *error);

/* The part of a service's flags that concerns its list. */
uint32_t access_sources_flags(const struct access_plan_service *service);

/* Writes the lists that changed, which no packet meets yet; 0 or -errno: then all is taken back. */
int access_sources_write(const struct access_plan *plan, struct access_view *view);

/* Deletes what is in no live list; after a grace period, or of versions that were never live. */
int access_sources_prune(struct access_view *view);

#endif
