// SPDX-License-Identifier: BSD-2-Clause
/*
 * The first steps of node_apply(): what runs, programs, maps; and where the node is reached.
 */
#include "node/node_work.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <unistd.h>

#include "host/netlink_device.h"

/*
 * The programs take ports in the tag range for tags. A file with another range must not turn the tags
 * of mappings that still run, or rest, into ordinary ports: the range covers them until they are gone.
 */
static void widen_tag_range(struct work *work)
{
	struct map_array mappings;
	char path[PATH_LEN];

	work->constants = *work->config;
	path_of_map(&work->paths, "mappings", path);
	if (map_array_open(path, sizeof(struct xdplb_mapping), &mappings))
		return; /* no service node, or not yet */
	for (size_t i = 0; i < mappings.count; i++) {
		const struct xdplb_mapping *mapping = map_at(&mappings, i);
		uint16_t tag = ntohs(mapping->tag);

		if (mapping->state == XDPLB_MAPPING_FREE ||
		    (mapping->state == XDPLB_MAPPING_RESTING && mapping->rest_until <= work->now))
			continue;
		if (tag < work->constants.tag_first)
			work->constants.tag_first = tag;
		if (tag > work->constants.tag_last)
			work->constants.tag_last = tag;
	}
	map_array_close(&mappings);
}

static int check_abi(struct work *work)
{
	struct map_array array;
	char path[PATH_LEN];
	const struct xdplb_node_info *info;
	uint32_t abi;
	uint64_t hash;
	int err;

	path_of_map(&work->paths, "node_info", path);
	err = map_array_open(path, sizeof(*info), &array);
	if (err == -EPROTO)
		return fail(
			work->error, err,
			"%s: pinned by another version of xdplb-load: detach with that one first",
			work->node->name);
	if (err)
		return fail_errno(work->error, err, "cannot open %s", path);
	info = map_at(&array, 0);
	abi = info->abi;
	hash = info->program_hash;
	map_array_close(&array);
	if (abi && abi != XDPLB_ABI)
		return fail(work->error, -EPROTO,
			    "%s: runs with maps of ABI %u, this xdplb-load speaks %u: detach first",
			    work->node->name, abi, XDPLB_ABI);
	work->load = work->options->attach || hash != programs_hash(&work->constants, work->node);
	return programs_check_sizes(work->config, work->node, &work->paths, work->error);
}

int work_look_at_running(struct work *work)
{
	work->had_folder = !access(work->paths.dir, F_OK);
	work->was_attached = paths_in_use(&work->paths);
	widen_tag_range(work);
	if (work->was_attached)
		return check_abi(work);
	if (!work->options->attach && work->had_folder)
		return fail(work->error, -EBADF,
			    "%s: its pins are not whole (was an attach killed?): run `xdplb-load "
			    "attach` or `detach`",
			    work->node->name);
	if (!work->options->attach)
		return fail(work->error, -ENOENT, "%s: not attached: run `xdplb-load attach` first",
			    work->node->name);
	work->load = true;
	return paths_make(&work->paths, work->error);
}

int work_open_programs(struct work *work)
{
	if (work->load)
		return programs_load(&work->constants, work->node, &work->paths, &work->programs,
				     work->error);
	programs_open(&work->paths, &work->programs);
	return 0;
}

int work_open_maps(struct work *work)
{
	char path[PATH_LEN];
	int err = map_array_open(path_of_map(&work->paths, "node_info", path),
				 sizeof(struct xdplb_node_info), &work->node_info);

	if (err)
		return fail_errno(work->error, err, "cannot open %s", path);
	work->undo_fd = map_open(path_of_map(&work->paths, "undos", path));
	if (work->undo_fd < 0)
		return fail_errno(work->error, work->undo_fd, "cannot open %s", path);
	node_beside_begin(&work->beside, work->config, work->undo_fd, work->node->is_access);
	if (work->node->is_access)
		err = access_view_open_to_change(&work->paths, &work->access, work->error);
	if (!err && work->node->is_service)
		err = node_view_open(&work->paths, &work->tables, work->error);
	if (!err && work->is_switch)
		err = mpls_view_open(&work->paths, &work->mpls, work->error);
	return err;
}

void work_write_uplink(struct work *work)
{
	const char *uplink = work->node->uplink_count ? work->node->uplinks[0] : "";
	uint32_t ifindex = if_nametoindex(uplink);
	uint8_t mac[6] = { 0 };

	if (ifindex && netlink_link_mac(uplink, mac))
		ifindex = 0; /* it has none */
	node_set_uplink(&work->tables, ifindex, mac);
}
