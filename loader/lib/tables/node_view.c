// SPDX-License-Identifier: BSD-2-Clause
/*
 * A service node's pinned arrays in memory.
 */
#include "tables/node_tables.h"

#include <string.h>

int node_view_open(const struct paths *paths, struct node_view *ret_view, struct error *error)
{
	struct node_view view = { 0 };
	const struct {
		const char *name;
		struct map_array *array;
		size_t value_size;
	} maps[] = {
		{ "tags", &view.tags, sizeof(struct xdplb_endpoint) },
		{ "endpoints", &view.endpoints, sizeof(struct xdplb_endpoint) },
		{ "node_control", &view.control, sizeof(struct xdplb_node_control) },
		{ "mappings", &view.mappings, sizeof(struct xdplb_mapping) },
		{ "mapping_infos", &view.mapping_infos, sizeof(struct xdplb_mapping_info) },
		{ "successions", &view.successions, sizeof(struct xdplb_succession) },
		{ "succession_infos", &view.succession_infos,
		  sizeof(struct xdplb_succession_info) },
		{ "owners", &view.owners, sizeof(struct xdplb_bucket_line) },
		{ "peers", &view.peers, sizeof(struct xdplb_peer) },
	};
	char path[PATH_LEN];

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		int err = map_array_open(path_of_map(paths, maps[i].name, path), maps[i].value_size,
					 maps[i].array);

		if (err) {
			node_view_close(&view);
			return fail_errno(error, err, "cannot open %s", path);
		}
	}
	*ret_view = view;
	return 0;
}

void node_view_close(struct node_view *view)
{
	map_array_close(&view->tags);
	map_array_close(&view->endpoints);
	map_array_close(&view->control);
	map_array_close(&view->mappings);
	map_array_close(&view->mapping_infos);
	map_array_close(&view->successions);
	map_array_close(&view->succession_infos);
	map_array_close(&view->owners);
	map_array_close(&view->peers);
}
