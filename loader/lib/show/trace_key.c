// SPDX-License-Identifier: BSD-2-Clause
/*
 * The constants of a running program: a map of one element that is not pinned, known by its name's end.
 */
#include "show/trace_key.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "host/lb_skel.h"
#include "bpf/node_tc.skel.h"

#define MAPS_MAX 64

/* Of each object: its name, how long its constants are, and where the key is in them. */
static const struct constants {
	const char *name;
	size_t size, key;
} objects[] = {
	[TRACE_LB_XDP] = { "lb_xdp", sizeof(struct lb_xdp_bpf__rodata),
			   offsetof(struct lb_xdp_bpf__rodata, hash_key) },
	[TRACE_NODE_TC] = { "node_tc", sizeof(struct node_tc_bpf__rodata),
			    offsetof(struct node_tc_bpf__rodata, hash_key) },
};

union rodata {
	struct lb_xdp_bpf__rodata lb_xdp;
	struct node_tc_bpf__rodata node_tc;
};

/* Reads the map if it holds the constants; 1: it does not. */
static int read_constants(uint32_t id, size_t size, union rodata *ret)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), zero = 0;
	int fd = bpf_map_get_fd_by_id(id), err;
	const char *end;

	if (fd < 0)
		return -errno;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	end = strchr(info.name, '.');
	if (!err && (!end || strcmp(end, ".rodata") != 0))
		err = 1;
	else if (!err && (info.value_size + 7) / 8 * 8 != (size + 7) / 8 * 8)
		err = -EPROTO;
	else if (!err)
		err = bpf_map_lookup_elem(fd, &zero, ret);
	close(fd);
	return err;
}

int trace_read_key(int program, enum trace_object object, struct xdplb_key *ret_key,
		   struct error *error)
{
	uint32_t ids[MAPS_MAX], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids };
	const struct constants *constants = &objects[object];
	union rodata rodata;
	int err = bpf_obj_get_info_by_fd(program, &info, &len);

	if (err)
		return fail_errno(error, err, "cannot ask for %s's maps", constants->name);
	err = 1;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX && err == 1; i++)
		err = read_constants(ids[i], constants->size, &rodata);
	if (err == 1 || err == -EPROTO)
		return fail(error, -EPROTO,
			    "another version of %s runs: `xdplb-load attach` replaces it",
			    constants->name);
	if (err)
		return fail_errno(error, err, "cannot read the constants of %s", constants->name);
	memcpy(ret_key->word, (const char *)&rodata + constants->key, sizeof(ret_key->word));
	explicit_bzero(&rodata, sizeof(rodata));
	return 0;
}
