/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map `health` of an access node for a reporter: opened once, then written by index. How that
 * agrees with `health set` at the same time is told in health_entry.h; nothing here ever blocks.
 */
#ifndef XDPLB_HEALTH_MAP_H
#define XDPLB_HEALTH_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "health_entry.h"
#include "xdplb/types.h"

#define HEALTH_LEASE_MAX_MS 3600000

struct health_map;

/* An entry in use. */
struct health_target {
	uint32_t index; /* in `health` */
	uint32_t epoch; /* found in the map */
	uint64_t identity; /* config_target.identity; 0: nobody probes it */
	char backend[XDPLB_NAME_LEN];
	char check[XDPLB_NAME_LEN]; /* empty: nobody probes it */
	char node[XDPLB_NAME_LEN]; /* the service node */
};

/* Whom a write is for. @identity guards against an index that `apply` has given to another. */
struct health_ref {
	uint32_t index;
	uint32_t epoch; /* of the writer: an entry with a newer one is left alone */
	uint64_t identity;
};

/**
 * health_map_open() - Open the maps of an access node, and find the kernel's tick.
 * @ret_map: health_map_close() gives it back
 *
 * The maps are those that are pinned now: after detach and attach open them again
 * (health_map_is_live() says so).
 *
 * Return: 0; -ENOENT not attached, or no access node; -errno, with words.
 */
int health_map_open(const char *node, struct health_map **ret_map, struct error *error);
void health_map_close(struct health_map *map);

/* Are these still the node's pinned maps? */
bool health_map_is_live(const struct health_map *map);

/* Counts applied changes: another number than before means that targets may have come or gone. */
uint32_t health_map_generation(const struct health_map *map);

/**
 * health_map_list() - All targets, by index.
 * @ret_targets: allocated; free() it
 * Return: 0; -ENOMEM.
 */
int health_map_list(const struct health_map *map, struct health_target **ret_targets,
		    size_t *ret_count);

/* An entry as it stands, for metrics; -ENOENT: no such target any more. */
int health_map_read(const struct health_map *map, const struct health_ref *ref,
		    struct xdplb_health *ret_entry);

/* jiffies64 now, by the monotonic clock since health_map_open(). */
uint64_t health_map_jiffies(const struct health_map *map);

/* What the writers return beside -errno: an operator's word holds, the state was left alone. */
#define HEALTH_HELD 1

/**
 * health_map_report() - A verdict. `reported` is written always, the state unless HEALTH_HELD.
 * @lease_ms: 1 .. HEALTH_LEASE_MAX_MS
 * @age_ms:   since the state began
 *
 * Return: 0; HEALTH_HELD; -ESTALE the entry has a newer epoch; -ENOENT the index is another
 * target's now; -EINVAL the lease or the state (up, down, draining) is none.
 */
int health_map_report(struct health_map *map, const struct health_ref *ref, struct health_word word,
		      uint32_t lease_ms, uint32_t age_ms);

/* Nothing has changed: a new lease alone. After an operator's lease has run out this also puts the
 * reported word back. Returns as health_map_report(). */
int health_map_renew(struct health_map *map, const struct health_ref *ref, uint32_t lease_ms);

/* Nobody vouches for it any more: unknown, with @cause (node_silent, not_reported, path_lost). What
 * was reported last stays. Returns as health_map_report(). */
int health_map_silence(struct health_map *map, const struct health_ref *ref,
		       enum xdplb_health_cause cause);

#endif
