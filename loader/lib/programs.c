// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loading the BPF objects.
 */
#include "programs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sodium.h>

#include "bpf/lb_xdp.skel.h"
#include "bpf/node_tc.skel.h"
#include "bpf/state.skel.h"
#include "endpoint_table.h"
#include "jiffies.h"
#include "maps.h"
#include "xdplb/access.h"
#include "xdplb/infos.h"

const char *const program_names[PROGRAM_COUNT] = {
	[PROGRAM_LB_XDP] = "lb_xdp",
	[PROGRAM_UPLINK_INGRESS] = "uplink_ingress",
	[PROGRAM_UPLINK_EGRESS] = "uplink_egress",
	[PROGRAM_VNIC_INGRESS] = "vnic_ingress",
	[PROGRAM_VNIC_EGRESS] = "vnic_egress",
};

/* Elements of each map; `capacity` is the key in the file that decides. */
struct map_plan {
	const char *map;
	const char *capacity;
	uint32_t entries;
};

#define MAP_PLANS 16

/* Settings of the host that attach may have to undo, beside an address or route for each member. */
#define SETTINGS_MAX 4096

/* What one CPU may send of its own: resets for services without a usable member, echo replies, ICMP
 * errors; so many of each. */
#define ANSWERS_PER_SECOND 1000

/* A service has up to two entries in `vips`: itself, and its VIP as such. */
static uint32_t vip_slots(const struct config *config)
{
	return endpoint_table_slots(2 * config->capacities.services);
}

static uint32_t mapping_slots(const struct config *config)
{
	return endpoint_table_slots(config->capacities.members);
}

static void plan_maps(const struct config *config, struct map_plan plans[MAP_PLANS])
{
	const struct config_capacities *c = &config->capacities;
	const uint32_t lines = (c->buckets + XDPLB_BUCKETS_PER_LINE - 1) / XDPLB_BUCKETS_PER_LINE;
	const struct map_plan all[MAP_PLANS] = {
		{ "services", "services", c->services },
		{ "service_infos", "services", c->services },
		{ "vips", "services", 2 * vip_slots(config) },
		{ "members", "members", c->members },
		{ "member_infos", "members", c->members },
		{ "member_traffic", "members", c->members },
		{ "mappings", "members", c->members },
		{ "mapping_infos", "members", c->members },
		{ "tags", "members", 2 * mapping_slots(config) },
		{ "endpoints", "members", 2 * mapping_slots(config) },
		{ "health", "backends", c->backends },
		{ "backend_infos", "backends", c->backends },
		{ "buckets", "buckets", lines },
		{ "flows", "flows", c->flows },
		{ "undos", "members", SETTINGS_MAX + 2 * c->members },
		{ NULL, NULL, 0 },
	};

	memcpy(plans, all, sizeof(all));
}

int programs_check_sizes(const struct config *config, const struct config_node *node,
			 const struct paths *paths, struct error *error)
{
	struct map_plan plans[MAP_PLANS];
	char path[PATH_LEN];

	plan_maps(config, plans);
	for (const struct map_plan *plan = plans; plan->map; plan++) {
		size_t key_size, value_size, entries;
		int fd = map_open(path_of_map(paths, plan->map, path));
		int err;

		if (fd < 0)
			continue; /* of a role that the node has not had yet */
		err = map_sizes(fd, &key_size, &value_size, &entries);
		close(fd);
		if (err)
			return fail_errno(error, err, "%s", path);
		if (entries != plan->entries)
			return fail(
				error, -EINVAL,
				"%s: capacities.%s differs from what is running (map %s has %zu "
				"elements, the file needs %u): detach and attach to change it",
				node->name, plan->capacity, plan->map, entries, plan->entries);
	}
	return 0;
}

uint64_t programs_hash(const struct config *config, const struct config_node *node)
{
	const struct {
		struct xdplb_key key;
		uint16_t tag_first, tag_last;
		uint8_t access, service, zero[2];
		uint64_t abi;
	} input = {
		.key = config->key,
		.tag_first = config->tag_first,
		.tag_last = config->tag_last,
		.access = node->is_access,
		.service = node->is_service,
		.abi = XDPLB_ABI,
	};
	unsigned char out[crypto_generichash_BYTES];
	uint64_t hash;

	crypto_generichash(out, sizeof(out), (const void *)&input, sizeof(input), NULL, 0);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

/* Maps that this object declares: sized, and pinned under the node's folder when it is loaded. */
static int prepare_maps(struct bpf_object *object, const struct config *config,
			const struct paths *paths)
{
	struct map_plan plans[MAP_PLANS];
	char path[PATH_LEN];
	struct bpf_map *map;
	int err = 0;

	plan_maps(config, plans);
	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);

		if (bpf_map__is_internal(map))
			continue;
		for (const struct map_plan *plan = plans; plan->map && !err; plan++)
			if (!strcmp(plan->map, name))
				err = bpf_map__set_max_entries(map, plan->entries);
		if (!err)
			err = bpf_map__set_pin_path(map, path_of_map(paths, name, path));
		if (err)
			return err;
	}
	return 0;
}

/* Which of an object's maps were pinned before it was loaded, one bit each, in order. */
static uint64_t pinned_maps(struct bpf_object *object)
{
	uint64_t bits = 0, bit = 1;
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		const char *path = bpf_map__pin_path(map);

		if (path && !access(path, F_OK))
			bits |= bit;
		bit <<= 1;
	}
	return bits;
}

static void unpin_maps(struct bpf_object *object, uint64_t keep)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		const char *path = bpf_map__pin_path(map);

		if (path && !(keep & 1))
			unlink(path);
		keep >>= 1;
	}
}

static int load_object(struct bpf_object *object, const char *name, struct error *error)
{
	uint64_t before = pinned_maps(object);
	int err = bpf_object__load(object);

	if (!err)
		return 0;
	unpin_maps(object, before);
	if (err == -EPERM)
		return fail(error, err, "cannot load %s: not permitted (root is needed)", name);
	return fail_errno(error, err, "cannot load %s (--verbose shows why)", name);
}

/* Keeps a program's descriptor after its object is closed. */
static int keep_program(struct bpf_program *program, int *ret_fd)
{
	*ret_fd = dup(bpf_program__fd(program));
	return *ret_fd < 0 ? -errno : 0;
}

static int load_state(const struct config *config, const struct paths *paths, struct error *error)
{
	struct state_bpf *state = state_bpf__open();
	int err;

	if (!state)
		return fail_errno(error, -errno, "cannot open state");
	err = prepare_maps(state->obj, config, paths);
	err = err ? fail_errno(error, err, "cannot prepare state")
		  : load_object(state->obj, "state", error);
	state_bpf__destroy(state);
	return err;
}

static int load_lb(const struct config *config, const struct paths *paths, struct programs *ret,
		   struct error *error)
{
	struct lb_xdp_bpf *lb = lb_xdp_bpf__open();
	int err;

	if (!lb)
		return fail_errno(error, -errno, "cannot open lb_xdp");
	lb->rodata->hash_key[0] = config->key.word[0];
	lb->rodata->hash_key[1] = config->key.word[1];
	lb->rodata->vip_mask = vip_slots(config) - 1;
	lb->rodata->nexthop_lifetime = jiffies_per_second();
	lb->rodata->answers_per_tick = lb->rodata->resets_per_tick =
		(ANSWERS_PER_SECOND + jiffies_per_second() - 1) / jiffies_per_second();
	err = prepare_maps(lb->obj, config, paths);
	err = err ? fail_errno(error, err, "cannot prepare lb_xdp")
		  : load_object(lb->obj, "lb_xdp", error);
	if (!err)
		err = keep_program(lb->progs.lb_xdp, &ret->fd[PROGRAM_LB_XDP]);
	lb_xdp_bpf__destroy(lb);
	return err;
}

static int load_node(const struct config *config, const struct paths *paths, struct programs *ret,
		     struct error *error)
{
	struct node_tc_bpf *node = node_tc_bpf__open();
	int err;

	if (!node)
		return fail_errno(error, -errno, "cannot open node_tc");
	node->rodata->hash_key[0] = config->key.word[0];
	node->rodata->hash_key[1] = config->key.word[1];
	node->rodata->tag_first = config->tag_first;
	node->rodata->tag_last = config->tag_last;
	node->rodata->tag_mask = mapping_slots(config) - 1;
	node->rodata->endpoint_mask = mapping_slots(config) - 1;
	err = prepare_maps(node->obj, config, paths);
	err = err ? fail_errno(error, err, "cannot prepare node_tc")
		  : load_object(node->obj, "node_tc", error);
	if (!err)
		err = keep_program(node->progs.uplink_ingress, &ret->fd[PROGRAM_UPLINK_INGRESS]);
	if (!err)
		err = keep_program(node->progs.uplink_egress, &ret->fd[PROGRAM_UPLINK_EGRESS]);
	if (!err)
		err = keep_program(node->progs.vnic_ingress, &ret->fd[PROGRAM_VNIC_INGRESS]);
	if (!err)
		err = keep_program(node->progs.vnic_egress, &ret->fd[PROGRAM_VNIC_EGRESS]);
	node_tc_bpf__destroy(node);
	return err;
}

int programs_load(const struct config *config, const struct config_node *node,
		  const struct paths *paths, struct programs *ret, struct error *error)
{
	struct programs programs;
	int err;

	memset(programs.fd, 0xff, sizeof(programs.fd));
	err = load_state(config, paths, error);
	if (!err && node->is_access)
		err = load_lb(config, paths, &programs, error);
	if (!err && node->is_service)
		err = load_node(config, paths, &programs, error);
	if (err) {
		programs_close(&programs);
		return err;
	}
	*ret = programs;
	return 0;
}

void programs_open(const struct paths *paths, struct programs *ret)
{
	char path[PATH_LEN];

	for (int i = 0; i < PROGRAM_COUNT; i++) {
		ret->fd[i] = bpf_obj_get(path_of_program(paths, program_names[i], path));
		if (ret->fd[i] < 0)
			ret->fd[i] = -1;
	}
}

void programs_close(struct programs *programs)
{
	for (int i = 0; i < PROGRAM_COUNT; i++) {
		if (programs->fd[i] >= 0)
			close(programs->fd[i]);
		programs->fd[i] = -1;
	}
}

int programs_pin(const struct programs *programs, const struct paths *paths, struct error *error)
{
	char path[PATH_LEN];

	for (int i = 0; i < PROGRAM_COUNT; i++) {
		path_of_program(paths, program_names[i], path);
		unlink(path);
		if (programs->fd[i] >= 0 && bpf_obj_pin(programs->fd[i], path))
			return fail_errno(error, -errno, "cannot pin %s", path);
	}
	return 0;
}

static int unpin(const struct paths *paths, const char *const *maps, const enum program *programs,
		 size_t program_count)
{
	char path[PATH_LEN];
	int found = 0;

	for (; *maps; maps++)
		found |= !unlink(path_of_map(paths, *maps, path));
	for (size_t i = 0; i < program_count; i++)
		unlink(path_of_program(paths, program_names[programs[i]], path));
	return found;
}

int programs_unpin_access(const struct paths *paths)
{
	static const char *const maps[] = {
		"vips",       "services",       "buckets",  "members",       "health", "lb_control",
		"interfaces", "member_traffic", "searches", "reset_budgets", NULL
	};
	static const enum program programs[] = { PROGRAM_LB_XDP };

	return unpin(paths, maps, programs, 1);
}

int programs_unpin_service(const struct paths *paths)
{
	static const char *const maps[] = { "tags",  "endpoints",    "mappings",
					    "flows", "node_control", NULL };
	static const enum program programs[] = { PROGRAM_UPLINK_INGRESS, PROGRAM_UPLINK_EGRESS,
						 PROGRAM_VNIC_INGRESS, PROGRAM_VNIC_EGRESS };

	return unpin(paths, maps, programs, 4);
}
