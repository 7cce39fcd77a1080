// SPDX-License-Identifier: BSD-2-Clause
/*
 * The pinned maps behind health: opening, listing, and writing by index.
 */
#include "health_map_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "xdplb/access.h"

static int open_arrays(struct health_map *map, struct error *error)
{
	const struct {
		const char *name;
		size_t value_size;
		struct map_array *array;
	} arrays[] = {
		{ "health", sizeof(struct xdplb_health), &map->health },
		{ "backend_infos", sizeof(struct xdplb_backend_info), &map->infos },
		{ "lb_control", sizeof(struct xdplb_lb_control), &map->control },
	};
	char path[PATH_LEN];

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		int err = map_array_open(path_of_map(&map->paths, arrays[i].name, path),
					 arrays[i].value_size, arrays[i].array);

		if (err)
			return fail_errno(error, err, "cannot open %s", path);
	}
	return map->health.count == map->infos.count
		       ? 0
		       : fail(error, -EPROTO, "%s: health and backend_infos differ in size",
			      map->paths.dir);
}

static int open_node(const char *node, struct health_map *map, struct error *error)
{
	char path[PATH_LEN];
	int err;

	if (paths_of_node(node, &map->paths))
		return fail(error, -ENAMETOOLONG, "%s: the name is too long", node);
	if (!paths_in_use(&map->paths))
		return fail(error, -ENOENT, "%s: not attached", node);
	if (access(path_of_map(&map->paths, "health", path), F_OK) && errno == ENOENT)
		return fail(error, -ENOENT, "%s: no access node: health is known on those", node);
	err = open_arrays(map, error);
	if (err)
		return err;
	err = jiffies_clock_start(&map->clock);
	return err ? fail_errno(error, err, "cannot read the kernel's clock") : 0;
}

int health_map_open(const char *node, struct health_map **ret_map, struct error *error)
{
	struct health_map *map = calloc(1, sizeof(*map));
	int err;

	if (!map)
		return fail_errno(error, -ENOMEM, "cannot open the health of %s", node);
	err = open_node(node, map, error);
	if (err)
		health_map_close(map);
	else
		*ret_map = map;
	return err;
}

void health_map_close(struct health_map *map)
{
	if (!map)
		return;
	map_array_close(&map->health);
	map_array_close(&map->infos);
	map_array_close(&map->control);
	free(map);
}

bool health_map_is_live(const struct health_map *map)
{
	uint32_t ours = 0, pinned = 0;
	char path[PATH_LEN];
	int fd = map_open(path_of_map(&map->paths, "health", path));
	bool live;

	if (fd < 0)
		return false;
	live = !map_id(map->health.fd, &ours) && !map_id(fd, &pinned) && ours == pinned;
	close(fd);
	return live;
}

uint32_t health_map_generation(const struct health_map *map)
{
	const struct xdplb_lb_control *control = map_at(&map->control, 0);

	return __atomic_load_n(&control->generation, __ATOMIC_ACQUIRE);
}

int health_map_list(const struct health_map *map, struct health_target **ret_targets,
		    size_t *ret_count)
{
	struct health_target *targets = calloc(map->infos.count + 1, sizeof(*targets));
	size_t n = 0;

	if (!targets)
		return -ENOMEM;
	for (uint32_t i = 0; i < map->infos.count; i++) {
		const struct xdplb_backend_info *info = health_map_info(map, i);
		struct health_target *target = &targets[n];

		if (!info->name[0])
			continue;
		target->index = i;
		target->epoch = health_map_entry(map, i)->epoch;
		target->identity = info->identity;
		memcpy(target->backend, info->name, sizeof(target->backend));
		memcpy(target->check, info->check, sizeof(target->check));
		memcpy(target->node, info->node, sizeof(target->node));
		n++;
	}
	*ret_targets = targets;
	*ret_count = n;
	return 0;
}

/* ---- one entry ---- */

static struct xdplb_health *find(const struct health_map *map, const struct health_ref *ref)
{
	const struct xdplb_backend_info *info;

	if (ref->index >= map->health.count)
		return NULL;
	info = health_map_info(map, ref->index);
	return info->name[0] && info->identity == ref->identity ? health_map_entry(map, ref->index)
								: NULL;
}

int health_map_read(const struct health_map *map, const struct health_ref *ref,
		    struct xdplb_health *ret_entry)
{
	const struct xdplb_health *entry = find(map, ref);

	if (!entry)
		return -ENOENT;
	*ret_entry = *entry;
	return 0;
}

uint64_t health_map_jiffies(const struct health_map *map)
{
	return jiffies_clock_read(&map->clock);
}

uint64_t health_map_boottime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static uint64_t lease_jiffies(const struct health_map *map, uint32_t lease_ms)
{
	return (lease_ms * map->clock.per_second + 999) / 1000;
}

/* The entry that a reporter may write, its epoch raised to the writer's. */
static int open_entry(struct health_map *map, const struct health_ref *ref,
		      struct xdplb_health **ret_entry)
{
	struct xdplb_health *entry = find(map, ref);

	if (!entry)
		return -ENOENT;
	if (entry->epoch > ref->epoch)
		return -ESTALE;
	if (entry->epoch != ref->epoch)
		__atomic_store_n(&entry->epoch, ref->epoch, __ATOMIC_RELAXED);
	*ret_entry = entry;
	return 0;
}

int health_map_report(struct health_map *map, const struct health_ref *ref, struct health_word word,
		      uint32_t lease_ms, uint32_t age_ms)
{
	uint64_t changed = health_map_boottime() - age_ms * 1000000ULL;
	struct xdplb_health *entry;
	int err;

	if (!lease_ms || lease_ms > HEALTH_LEASE_MAX_MS || word.state > XDPLB_HEALTH_DOWN)
		return -EINVAL;
	err = open_entry(map, ref, &entry);
	if (err)
		return err;
	return health_report(entry, word, health_map_jiffies(map), lease_jiffies(map, lease_ms),
			     changed)
		       ? 0
		       : HEALTH_HELD;
}

int health_map_renew(struct health_map *map, const struct health_ref *ref, uint32_t lease_ms)
{
	struct xdplb_health *entry;
	int err;

	if (!lease_ms || lease_ms > HEALTH_LEASE_MAX_MS)
		return -EINVAL;
	err = open_entry(map, ref, &entry);
	if (err)
		return err;
	return health_renew(entry, health_map_jiffies(map), lease_jiffies(map, lease_ms))
		       ? 0
		       : HEALTH_HELD;
}

int health_map_silence(struct health_map *map, const struct health_ref *ref,
		       enum xdplb_health_cause cause)
{
	struct xdplb_health *entry;
	int err = open_entry(map, ref, &entry);

	if (err)
		return err;
	return health_silence(entry, cause, health_map_jiffies(map)) ? 0 : HEALTH_HELD;
}
