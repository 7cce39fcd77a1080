// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading and writing the map `health`.
 */
#include "health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jiffies.h"
#include "maps.h"
#include "paths.h"
#include "xdplb/infos.h"

static const char *const state_names[] = {
	[XDPLB_HEALTH_UNKNOWN] = "unknown",   [XDPLB_HEALTH_UP] = "up",
	[XDPLB_HEALTH_DRAINING] = "draining", [XDPLB_HEALTH_DOWN] = "down",
	[XDPLB_HEALTH_MAINTENANCE] = "maint",
};

static const char *const cause_names[] = {
#define X(NAME, name, help) #name,
	XDPLB_HEALTH_CAUSES(X)
#undef X
};

static const char *const cause_helps[] = {
#define X(NAME, name, help) help,
	XDPLB_HEALTH_CAUSES(X)
#undef X
};

/* What people may set; unknown and draining are not for them, yet. */
static const enum xdplb_health_state settable[] = {
	XDPLB_HEALTH_UP,
	XDPLB_HEALTH_DOWN,
	XDPLB_HEALTH_MAINTENANCE,
};

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct health_view {
	struct map_array health, infos;
};

const char *health_state_name(enum xdplb_health_state state)
{
	return state < ARRAY_SIZE(state_names) ? state_names[state] : "?";
}

const char *health_cause_name(enum xdplb_health_cause cause)
{
	return cause < ARRAY_SIZE(cause_names) ? cause_names[cause] : "?";
}

const char *health_cause_help(enum xdplb_health_cause cause)
{
	return cause < ARRAY_SIZE(cause_helps) ? cause_helps[cause] : "?";
}

int health_state_by_name(const char *name, enum xdplb_health_state *ret_state)
{
	for (size_t i = 0; i < ARRAY_SIZE(settable); i++) {
		if (strcmp(name, state_names[settable[i]]))
			continue;
		*ret_state = settable[i];
		return 0;
	}
	return -EINVAL;
}

static void close_view(struct health_view *view)
{
	map_array_close(&view->health);
	map_array_close(&view->infos);
}

static int open_view(const char *node, struct health_view *ret_view, struct error *error)
{
	struct health_view view = { 0 };
	struct paths paths;
	char path[PATH_LEN];
	int err;

	if (paths_of_node(node, &paths))
		return fail(error, -ENAMETOOLONG, "%s: the name is too long", node);
	if (!paths_in_use(&paths))
		return fail(error, -ENOENT, "%s: not attached", node);
	err = map_array_open(path_of_map(&paths, "health", path), sizeof(struct xdplb_health),
			     &view.health);
	if (err == -ENOENT)
		return fail(error, err, "%s: no access node: health is known on those", node);
	if (!err)
		err = map_array_open(path_of_map(&paths, "backend_infos", path),
				     sizeof(struct xdplb_backend_info), &view.infos);
	if (err) {
		close_view(&view);
		return fail_errno(error, err, "cannot open %s", path);
	}
	*ret_view = view;
	return 0;
}

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int lease_end(uint64_t lease_ms, uint64_t *ret_end)
{
	uint64_t now;
	int err;

	*ret_end = 0;
	if (!lease_ms)
		return 0;
	err = jiffies_now(&now);
	if (!err)
		*ret_end = now + (lease_ms * jiffies_per_second() + 999) / 1000;
	return err;
}

/* The first four bytes of an entry, stored at once. */
static void store_word(struct xdplb_health *entry, enum xdplb_health_state state)
{
	struct xdplb_health new = {
		.state = state,
		.cause = XDPLB_CAUSE_OPERATOR,
		.weight = entry->weight,
	};
	uint32_t word;

	memcpy(&word, &new, sizeof(word));
	__atomic_store_n((uint32_t *)entry, word, __ATOMIC_RELEASE);
}

static int set_entry(const struct health_view *view, const char *backend,
		     enum xdplb_health_state state, uint64_t lease)
{
	for (uint32_t i = 0; i < view->infos.count; i++) {
		const struct xdplb_backend_info *info = map_at(&view->infos, i);
		struct xdplb_health *entry = map_at(&view->health, i);

		if (strcmp(info->name, backend))
			continue;
		if (entry->state != state)
			entry->changed = boottime_ns();
		__atomic_store_n(&entry->lease, lease, __ATOMIC_RELEASE);
		store_word(entry, state);
		return 0;
	}
	return -ENOENT;
}

int health_set(const char *node, const char *backend, enum xdplb_health_state state,
	       uint64_t lease_ms, struct error *error)
{
	struct health_view view;
	uint64_t lease;
	int err = open_view(node, &view, error);

	if (err)
		return err;
	err = lease_end(lease_ms, &lease);
	if (err)
		fail_errno(error, err, "cannot read the kernel's clock");
	else if (set_entry(&view, backend, state, lease))
		err = fail(error, -ENOENT, "%s: has no backend %s", node, backend);
	close_view(&view);
	return err;
}

/* ---- listing ---- */

static json_t *entry_json(const struct xdplb_backend_info *info, const struct xdplb_health *entry,
			  uint64_t jiffies)
{
	double left = (double)((int64_t)(entry->lease - jiffies)) / jiffies_per_second();
	json_t *json = json_object();

	json_object_set_new(json, "name", json_string(info->name));
	json_object_set_new(json, "node", json_string(info->node));
	json_object_set_new(json, "state", json_string(health_state_name(entry->state)));
	json_object_set_new(json, "cause", json_string(health_cause_name(entry->cause)));
	json_object_set_new(json, "age_seconds",
			    entry->changed ? json_real((boottime_ns() - entry->changed) / 1e9)
					   : json_null());
	json_object_set_new(json, "lease_seconds", entry->lease ? json_real(left) : json_null());
	json_object_set_new(json, "epoch", json_integer(entry->epoch));
	return json;
}

/* Indices of backends, by name. */
static int by_name(const void *a, const void *b, void *arg)
{
	const struct health_view *view = arg;
	const struct xdplb_backend_info *x = map_at(&view->infos, *(const uint32_t *)a);
	const struct xdplb_backend_info *y = map_at(&view->infos, *(const uint32_t *)b);

	return strcmp(x->name, y->name);
}

static json_t *list_view(struct health_view *view, uint64_t jiffies)
{
	uint32_t *order = calloc(view->infos.count, sizeof(*order)), n = 0;
	json_t *list = json_array();

	for (uint32_t i = 0; order && i < view->infos.count; i++)
		if (((struct xdplb_backend_info *)map_at(&view->infos, i))->name[0])
			order[n++] = i;
	if (order)
		qsort_r(order, n, sizeof(*order), by_name, view);
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, entry_json(map_at(&view->infos, order[i]),
						       map_at(&view->health, order[i]), jiffies));
	free(order);
	return list;
}

int health_list(const char *node, json_t **ret_json, struct error *error)
{
	struct health_view view;
	uint64_t jiffies;
	int err = open_view(node, &view, error);

	if (err)
		return err;
	err = jiffies_now(&jiffies);
	if (err)
		fail_errno(error, err, "cannot read the kernel's clock");
	else
		*ret_json = list_view(&view, jiffies);
	close_view(&view);
	return err;
}
