/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands behind struct health_map: for health_map.c and health.c alone.
 */
#ifndef XDPLB_HEALTH_MAP_STATE_H
#define XDPLB_HEALTH_MAP_STATE_H

#include "health_map.h"
#include "jiffies.h"
#include "maps.h"
#include "paths.h"
#include "xdplb/infos.h"

struct health_map {
	struct map_array health, infos, control;
	struct paths paths;
	struct jiffies_clock clock;
};

static inline struct xdplb_health *health_map_entry(const struct health_map *map, uint32_t index)
{
	return map_at(&map->health, index);
}

static inline const struct xdplb_backend_info *health_map_info(const struct health_map *map,
							       uint32_t index)
{
	return map_at(&map->infos, index);
}

/* CLOCK_BOOTTIME, nanoseconds. */
uint64_t health_map_boottime(void);

#endif
