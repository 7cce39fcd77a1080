// SPDX-License-Identifier: BSD-2-Clause
/*
 * The state of a node as JSON: the node as a whole, its hooks and counters.
 */
#include "show/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/hooks.h"
#include "base/maps.h"
#include "base/paths.h"
#include "show/status_tables.h"
#include "tunnel/tunnel_status.h"
#include "xdplb/counters.h"
#include "xdplb/infos.h"

#define HOOKS_SHOWN 2048

static const char *const drop_names[] = {
#define X(NAME, name, help) #name,
	XDPLB_DROP_REASONS(X)
#undef X
};

static const char *const event_names[] = {
#define X(NAME, name, help) #name,
	XDPLB_EVENTS(X)
#undef X
};

static void add_node(json_t *json, const struct xdplb_node_info *info)
{
	time_t applied = info->applied;
	char text[64], hash[17];
	struct tm utc;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&applied, &utc));
	snprintf(hash, sizeof(hash), "%016" PRIx64, (uint64_t)info->config_hash);
	json_object_set_new(json, "node", json_string(info->node));
	json_object_set_new(json, "cluster", json_string(info->cluster));
	json_object_set_new(json, "generation", json_integer(info->generation));
	json_object_set_new(json, "config_hash", json_string(hash));
	json_object_set_new(json, "applied", json_string(text));
}

static int add_hooks(json_t *json, const struct paths *paths)
{
	static struct hook_state states[HOOKS_SHOWN];
	json_t *hooks = json_array();
	char path[PATH_LEN];
	int undo_fd = map_open(path_of_map(paths, "undos", path));
	size_t count = hooks_list(paths, undo_fd, states, HOOKS_SHOWN);

	if (undo_fd >= 0)
		close(undo_fd);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(hooks, json_pack("{s:s, s:s, s:s, s:i}", "interface",
						       states[i].interface, "program",
						       states[i].program, "how", states[i].how,
						       "program_id", (int)states[i].program_id));
	return json_object_set_new(json, "hooks", hooks) ? -ENOMEM : 0;
}

static int add_counters(json_t *json, const struct paths *paths, const char *map,
			const char *const *names, size_t count)
{
	uint64_t sums[XDPLB_COUNTERS_CAPACITY];
	json_t *counters = json_object();
	char path[PATH_LEN];
	int fd = map_open(path_of_map(paths, map, path)), err;

	if (fd < 0)
		return fd;
	err = map_sum_percpu(fd, 0, sums, XDPLB_COUNTERS_CAPACITY);
	close(fd);
	for (size_t i = 0; i < count && !err; i++)
		if (sums[i])
			json_object_set_new(counters, names[i], json_integer(sums[i]));
	return json_object_set_new(json, map, counters) ? -ENOMEM : err;
}

/* Of a node that switches labels: the tunnels that end there. */
static void add_tunnels(json_t *json, const struct paths *paths)
{
	struct error ignored;
	json_t *tunnels;

	if (!tunnel_status(paths, &tunnels, &ignored))
		json_object_set_new(json, "tunnels", tunnels);
}

static int collect(const struct paths *paths, json_t *json, struct error *error)
{
	struct map_array array;
	char path[PATH_LEN];
	int err = map_array_open(path_of_map(paths, "node_info", path),
				 sizeof(struct xdplb_node_info), &array);

	if (err)
		return fail_errno(error, err, "cannot open %s", path);
	add_node(json, map_at(&array, 0));
	map_array_close(&array);
	err = add_hooks(json, paths);
	if (!err)
		err = status_add_services(json, paths, error);
	if (!err)
		err = status_add_mappings(json, paths, error);
	if (!err)
		err = add_counters(json, paths, "drops", drop_names, XDPLB_DROP_COUNT);
	if (!err)
		err = add_counters(json, paths, "events", event_names, XDPLB_EVENT_COUNT);
	if (!err)
		add_tunnels(json, paths);
	return err && !error->text[0] ? fail_errno(error, err, "cannot read the node's maps") : err;
}

int status_collect(const char *node, json_t **ret_json, struct error *error)
{
	struct paths paths;
	json_t *json;
	int err;

	if (paths_of_node(node, &paths))
		return fail(error, -ENAMETOOLONG, "%s: the name is too long", node);
	if (!paths_in_use(&paths)) {
		if (geteuid())
			return fail(error, -EPERM,
				    "%s: not attached, or not to be seen: root is needed", node);
		return fail(error, -ENOENT, "%s: not attached", node);
	}
	json = json_object();
	err = collect(&paths, json, error);
	if (err)
		json_decref(json);
	else
		*ret_json = json;
	return err;
}
