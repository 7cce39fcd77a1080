// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading and writing the map `health`.
 */
#include "health/health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "health/health_entry.h"
#include "base/jiffies.h"
#include "base/maps.h"
#include "base/paths.h"
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
	XDPLB_HEALTH_DRAINING,
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

/* "0%" to "100%"; nothing is draining. */
static int parse_percent(const char *word, struct health_wish *ret_wish)
{
	size_t digits = strspn(word, "0123456789");
	int percent;

	if (!digits || digits > 3 || strcmp(word + digits, "%") != 0)
		return -EINVAL;
	percent = atoi(word);
	if (percent > 100)
		return -EINVAL;
	*ret_wish = (struct health_wish){ percent ? XDPLB_HEALTH_UP : XDPLB_HEALTH_DRAINING,
					  percent < 100 ? (uint16_t)percent : 0 };
	return 0;
}

int health_wish_parse(const char *word, struct health_wish *ret_wish)
{
	for (size_t i = 0; i < ARRAY_SIZE(settable); i++) {
		if (strcmp(word, state_names[settable[i]]))
			continue;
		*ret_wish = (struct health_wish){ settable[i], 0 };
		return 0;
	}
	return parse_percent(word, ret_wish);
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
		return fail(error, -ENOENT, "%s: not attached%s", node,
			    geteuid() ? ", or not to be seen: root is needed" : "");
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

/* What is to be done to the entries of a backend, or of one check of it. */
struct wanted {
	const char *backend;
	size_t backend_length;
	const char *check; /* NULL: all */
	bool give_back;
	struct health_wish wish;
	uint64_t lease; /* jiffies64; 0: none */
	uint64_t jiffies; /* now */
};

static bool is_wanted(const struct wanted *wanted, const struct xdplb_backend_info *info)
{
	return !strncmp(info->name, wanted->backend, wanted->backend_length) &&
	       !info->name[wanted->backend_length] &&
	       (!wanted->check || !strcmp(info->check, wanted->check));
}

static int change_entries(const struct health_view *view, const struct wanted *wanted)
{
	int err = -ENOENT;

	for (uint32_t i = 0; i < view->infos.count; i++) {
		struct xdplb_health *entry = map_at(&view->health, i);

		if (!is_wanted(wanted, map_at(&view->infos, i)))
			continue;
		if (wanted->give_back)
			health_release(entry, wanted->jiffies, boottime_ns());
		else
			health_hold_weighted(entry, wanted->wish.state, wanted->wish.weight,
					     wanted->lease, boottime_ns());
		err = 0;
	}
	return err;
}

/* Names the target in `wanted` and changes its entries. */
static int change(const char *node, const char *target, struct wanted *wanted, struct error *error)
{
	const char *slash = strchr(target, '/');
	struct health_view view;
	int err = open_view(node, &view, error);

	if (err)
		return err;
	wanted->backend = target;
	wanted->backend_length = slash ? (size_t)(slash - target) : strlen(target);
	wanted->check = slash ? slash + 1 : NULL;
	if (!*target || wanted->backend_length >= XDPLB_NAME_LEN || change_entries(&view, wanted))
		err = fail(error, -ENOENT, "%s: has no backend %s in any service", node, target);
	close_view(&view);
	return err;
}

int health_set(const char *node, const char *target, struct health_wish wish, uint64_t lease_ms,
	       struct error *error)
{
	struct wanted wanted = { .wish = wish };
	int err = lease_end(lease_ms, &wanted.lease);

	return err ? fail_errno(error, err, "cannot read the kernel's clock")
		   : change(node, target, &wanted, error);
}

int health_give_back(const char *node, const char *target, struct error *error)
{
	struct wanted wanted = { .give_back = true };
	int err = jiffies_now(&wanted.jiffies);

	return err ? fail_errno(error, err, "cannot read the kernel's clock")
		   : change(node, target, &wanted, error);
}

/* ---- listing ---- */

static json_t *entry_json(const struct xdplb_backend_info *info, const struct xdplb_health *entry,
			  uint64_t jiffies)
{
	double left = (double)((int64_t)(entry->lease - jiffies)) / jiffies_per_second();
	bool is_over = entry->lease && entry->lease <= jiffies;
	enum xdplb_health_state state = is_over ? XDPLB_HEALTH_UNKNOWN : entry->state;
	json_t *json = json_object();

	json_object_set_new(json, "name", json_string(info->name));
	json_object_set_new(json, "node", json_string(info->node));
	json_object_set_new(json, "state", json_string(health_state_name(state)));
	json_object_set_new(json, "check", json_string(info->check));
	json_object_set_new(json, "reported", json_string(health_state_name(entry->reported)));
	json_object_set_new(json, "used", json_boolean(health_usable(entry, jiffies, false)));
	json_object_set_new(json, "share", json_integer(health_share(entry, jiffies, false)));
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

	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->check, y->check);
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
