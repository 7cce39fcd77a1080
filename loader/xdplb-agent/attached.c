// SPDX-License-Identifier: BSD-2-Clause
/*
 * Opening the maps of an access node, and noticing that they are others.
 */
#include "attached.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static uint32_t read_generation(const struct attached *attached)
{
	const struct xdplb_node_info *info = map_at(&attached->node_info, 0);

	return __atomic_load_n(&info->generation, __ATOMIC_ACQUIRE);
}

int attached_init(struct attached *attached, const char *node)
{
	*attached = (struct attached){ .why = "not attached" };
	return paths_of_node(node, &attached->paths);
}

void attached_close(struct attached *attached)
{
	if (!attached->is_open)
		return;
	if (attached->wants_access)
		access_view_close(&attached->view);
	if (attached->wants_mpls)
		mpls_view_close(&attached->mpls);
	map_array_close(&attached->node_info);
	attached->is_open = false;
}

enum attached_change attached_glance(struct attached *attached)
{
	uint32_t generation;

	if (!attached->is_open)
		return ATTACHED_SAME;
	generation = read_generation(attached);
	if (generation == attached->generation)
		return ATTACHED_SAME;
	attached->generation = generation;
	return ATTACHED_APPLIED;
}

static int open_views(struct attached *attached, struct error *error)
{
	int err = 0;

	if (attached->wants_access)
		err = access_view_open(&attached->paths, &attached->view, error);
	if (err || !attached->wants_mpls)
		return err;
	err = mpls_view_open(&attached->paths, &attached->mpls, error);
	if (err && attached->wants_access)
		access_view_close(&attached->view);
	return err;
}

static int open_maps(struct attached *attached, const struct stat *pin)
{
	struct error error = { 0 };
	char path[PATH_LEN];
	int err = map_array_open(path_of_map(&attached->paths, "node_info", path),
				 sizeof(struct xdplb_node_info), &attached->node_info);

	if (err == -EPROTO)
		snprintf(attached->why, sizeof(attached->why),
			 "attached by another version of xdplb-load");
	else if (err)
		snprintf(attached->why, sizeof(attached->why), "%s", strerror(-err));
	if (err)
		return err;
	attached->generation = read_generation(attached);
	/* Before its first apply is through, the maps mean nothing. */
	err = attached->generation ? open_views(attached, &error)
				   : fail(&error, -ENOENT, "not attached");
	if (err) {
		snprintf(attached->why, sizeof(attached->why), "%.120s", error.text);
		map_array_close(&attached->node_info);
		return err;
	}
	attached->device = pin->st_dev;
	attached->inode = pin->st_ino;
	attached->is_open = true;
	return 0;
}

enum attached_change attached_look(struct attached *attached, void (*leave)(void *context),
				   void *context)
{
	bool was_open = attached->is_open;
	char path[PATH_LEN];
	struct stat pin;

	if (stat(path_of_map(&attached->paths, "node_info", path), &pin))
		pin.st_ino = 0;
	if (was_open && pin.st_ino == attached->inode && pin.st_dev == attached->device)
		return attached_glance(attached);
	if (was_open) {
		leave(context);
		attached_close(attached);
	}
	if (!pin.st_ino)
		snprintf(attached->why, sizeof(attached->why), "not attached");
	else if (!open_maps(attached, &pin))
		return ATTACHED_OPENED;
	return was_open ? ATTACHED_GONE : ATTACHED_SAME;
}
