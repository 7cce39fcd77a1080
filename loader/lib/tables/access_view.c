// SPDX-License-Identifier: BSD-2-Clause
/*
 * An access node's pinned arrays in memory.
 */
#include "tables/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tables/maglev.h"

struct view_map {
	const char *name;
	struct map_array *array;
	size_t value_size;
	bool hidden; /* see map_array_open_hidden() */
};

static int open_arrays(const struct paths *paths, const struct view_map *maps, size_t count,
		       struct error *error)
{
	char path[PATH_LEN];

	for (size_t i = 0; i < count; i++) {
		int err;

		path_of_map(paths, maps[i].name, path);
		err = maps[i].hidden
			      ? map_array_open_hidden(path, maps[i].value_size, maps[i].array)
			      : map_array_open(path, maps[i].value_size, maps[i].array);
		if (err)
			return fail_errno(error, err, "cannot open %s", path);
	}
	return 0;
}

/* A map that nodes attached long ago do not have. */
static int open_later_map(const struct paths *paths, const char *name, int *ret_fd,
			  struct error *error)
{
	char path[PATH_LEN];
	int fd = map_open(path_of_map(paths, name, path));

	if (fd < 0 && fd != -ENOENT)
		return fail_errno(error, fd, "cannot open %s", path);
	*ret_fd = fd < 0 ? -1 : fd;
	return 0;
}

static int open_later_arrays(const struct paths *paths, struct access_view *view,
			     struct error *error)
{
	const struct view_map maps[] = {
		{ "flow_cache", &view->flow_cache, sizeof(struct xdplb_flow_line) },
		{ "source_limits", &view->source_limits, sizeof(struct xdplb_source_limit) },
	};
	char path[PATH_LEN];

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		int err = map_array_open(path_of_map(paths, maps[i].name, path), maps[i].value_size,
					 maps[i].array);

		if (err && err != -ENOENT)
			return fail_errno(error, err, "cannot open %s", path);
	}
	return 0;
}

static int open_view(const struct paths *paths, bool hide_buckets, struct access_view *ret_view,
		     struct error *error)
{
	struct access_view view = { .traffic_fd = -1, .flows_fd = -1, .sources_fd = -1 };
	const struct view_map maps[] = {
		{ "vips", &view.vips, sizeof(struct xdplb_endpoint) },
		{ "lb_control", &view.control, sizeof(struct xdplb_lb_control) },
		{ "services", &view.services, sizeof(struct xdplb_service) },
		{ "buckets", &view.buckets, sizeof(struct xdplb_bucket_line), hide_buckets },
		{ "members", &view.members, sizeof(struct xdplb_member) },
		{ "health", &view.health, sizeof(struct xdplb_health) },
		{ "service_infos", &view.service_infos, sizeof(struct xdplb_service_info) },
		{ "member_infos", &view.member_infos, sizeof(struct xdplb_member_info) },
		{ "backend_infos", &view.backend_infos, sizeof(struct xdplb_backend_info) },
	};
	char path[PATH_LEN];
	int err = open_arrays(paths, maps, sizeof(maps) / sizeof(maps[0]), error);

	if (!err) {
		view.traffic_fd = map_open(path_of_map(paths, "member_traffic", path));
		if (view.traffic_fd < 0)
			err = fail_errno(error, view.traffic_fd, "cannot open %s", path);
	}
	if (!err)
		err = open_later_map(paths, "sources", &view.sources_fd, error);
	if (!err)
		err = open_later_map(paths, "member_flows", &view.flows_fd, error);
	if (!err)
		err = open_later_arrays(paths, &view, error);
	if (err) {
		access_view_close(&view);
		return err;
	}
	*ret_view = view;
	return 0;
}

int access_view_open(const struct paths *paths, struct access_view *ret_view, struct error *error)
{
	return open_view(paths, false, ret_view, error);
}

int access_view_open_to_change(const struct paths *paths, struct access_view *ret_view,
			       struct error *error)
{
	return open_view(paths, true, ret_view, error);
}

void access_view_close(struct access_view *view)
{
	struct map_array *arrays[] = {
		&view->vips,          &view->control,      &view->services,
		&view->buckets,       &view->members,      &view->health,
		&view->service_infos, &view->member_infos, &view->backend_infos,
		&view->source_limits, &view->flow_cache,
	};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		map_array_close(arrays[i]);
	if (view->traffic_fd >= 0)
		close(view->traffic_fd);
	view->traffic_fd = -1;
	if (view->flows_fd >= 0)
		close(view->flows_fd);
	view->flows_fd = -1;
	if (view->sources_fd >= 0)
		close(view->sources_fd);
	view->sources_fd = -1;
}

static uint64_t hash_of_member(const struct access_view *view, uint32_t member)
{
	if (member >= view->members.count ||
	    access_member(view, member)->health >= view->backend_infos.count)
		return 0;
	return maglev_name_hash(
		access_backend_info(view, access_member(view, member)->health)->name);
}

uint64_t access_table_digest(const struct access_view *view, uint32_t service)
{
	struct xdplb_bucket_ref ref = access_service(view, service)->buckets;
	uint64_t *hashes = calloc(ref.count ? ref.count : 1, sizeof(*hashes)), digest;
	uint64_t *cache = calloc(view->members.count, sizeof(*cache));

	if (!hashes || !cache) {
		free(hashes);
		free(cache);
		return 0;
	}
	for (uint32_t i = 0; i < ref.count; i++) {
		uint32_t member = *access_bucket(view, ref.base + i);

		if (member >= view->members.count)
			continue;
		if (!cache[member])
			cache[member] = hash_of_member(view, member);
		hashes[i] = cache[member];
	}
	digest = maglev_digest(hashes, ref.count);
	free(hashes);
	free(cache);
	return digest;
}
