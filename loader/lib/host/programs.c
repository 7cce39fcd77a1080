// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loading the BPF objects.
 */
#include "host/programs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "host/lb_skel.h"
#include "bpf/node_tc.skel.h"
#include "bpf/state.skel.h"
#include "bpf/lib/hash.h"
#include "base/jiffies.h"
#include "host/programs_part.h"
#include "xdplb/flow_cache.h"

const char *const program_names[PROGRAM_COUNT] = {
	[PROGRAM_LB_XDP] = "lb_xdp",
	[PROGRAM_UPLINK_INGRESS] = "uplink_ingress",
	[PROGRAM_UPLINK_EGRESS] = "uplink_egress",
	[PROGRAM_VNIC_INGRESS] = "vnic_ingress",
	[PROGRAM_VNIC_EGRESS] = "vnic_egress",
	[PROGRAM_LSR_XDP] = "lsr_xdp",
	[PROGRAM_LSR_EGRESS] = "lsr_egress",
	[PROGRAM_PTP_PUSH] = "ptp_push",
	[PROGRAM_PTP_DELIVER] = "ptp_deliver",
};

/* How long a later fragment may come after the first one of its datagram. */
#define FRAGMENT_SECONDS 2

/* How exactly it is kept when a flow was last seen. */
#define FLOW_AGE_SECONDS 4

/* What one CPU may send of its own: resets for services without a usable member, echo replies, ICMP
 * errors; so many of each. */
#define ANSWERS_PER_SECOND 1000

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

int programs_load_object(struct bpf_object *object, const char *name, struct error *error)
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

int programs_keep(struct bpf_program *program, int *ret_fd)
{
	*ret_fd = dup(bpf_program__fd(program));
	return *ret_fd < 0 ? -errno : 0;
}

static int load_state(const struct config *config, const struct config_node *node,
		      const struct paths *paths, struct error *error)
{
	struct state_bpf *state = state_bpf__open();
	int err;

	if (!state)
		return fail_errno(error, -errno, "cannot open state");
	err = programs_prepare_maps(state->obj, config, node, paths);
	err = err ? fail_errno(error, err, "cannot prepare state")
		  : programs_load_object(state->obj, "state", error);
	state_bpf__destroy(state);
	return err;
}

/* A unit of age: the least power of two of jiffies that is no less than so many seconds. */
static uint32_t cache_shift(void)
{
	uint32_t shift = 0;

	while (1ULL << shift < FLOW_AGE_SECONDS * jiffies_per_second())
		shift++;
	return shift;
}

static int load_lb(const struct config *config, const struct config_node *node,
		   const struct paths *paths, struct programs *ret, struct error *error)
{
	struct lb_xdp_bpf *lb = lb_xdp_bpf__open();
	int err;

	if (!lb)
		return fail_errno(error, -errno, "cannot open lb_xdp");
	lb->rodata->hash_key[0] = config->key.word[0];
	lb->rodata->hash_key[1] = config->key.word[1];
	flow_key_expand(config->key.word[0], config->key.word[1], lb->rodata->flow_key);
	lb->rodata->vip_mask = programs_vip_slots(config) - 1;
	lb->rodata->cache_mask = programs_flow_lines(config) - 1;
	lb->rodata->newcomer_mask = programs_newcomer_lines(config) * XDPLB_FLOWS_PER_LINE - 1;
	lb->rodata->cache_shift = cache_shift();
	lb->rodata->nexthop_lifetime = jiffies_per_second();
	lb->rodata->fragment_lifetime = FRAGMENT_SECONDS * jiffies_per_second();
	lb->rodata->answers_per_tick = lb->rodata->resets_per_tick =
		(ANSWERS_PER_SECOND + jiffies_per_second() - 1) / jiffies_per_second();
	err = programs_prepare_maps(lb->obj, config, node, paths);
	err = err ? fail_errno(error, err, "cannot prepare lb_xdp")
		  : programs_load_object(lb->obj, "lb_xdp", error);
	if (!err)
		err = programs_keep(lb->progs.lb_xdp, &ret->fd[PROGRAM_LB_XDP]);
	lb_xdp_bpf__destroy(lb);
	return err;
}

static int load_node(const struct config *config, const struct config_node *config_node,
		     const struct paths *paths, struct programs *ret, struct error *error)
{
	struct node_tc_bpf *node = node_tc_bpf__open();
	int err;

	if (!node)
		return fail_errno(error, -errno, "cannot open node_tc");
	node->rodata->hash_key[0] = config->key.word[0];
	node->rodata->hash_key[1] = config->key.word[1];
	flow_key_expand(config->key.word[0], config->key.word[1], node->rodata->flow_key);
	node->rodata->fragment_lifetime = FRAGMENT_SECONDS * jiffies_per_second();
	node->rodata->tag_first = config->tag_first;
	node->rodata->tag_last = config->tag_last;
	node->rodata->tag_mask = programs_mapping_slots(config) - 1;
	node->rodata->endpoint_mask = programs_mapping_slots(config) - 1;
	err = programs_prepare_maps(node->obj, config, config_node, paths);
	err = err ? fail_errno(error, err, "cannot prepare node_tc")
		  : programs_load_object(node->obj, "node_tc", error);
	if (!err)
		err = programs_keep(node->progs.uplink_ingress, &ret->fd[PROGRAM_UPLINK_INGRESS]);
	if (!err)
		err = programs_keep(node->progs.uplink_egress, &ret->fd[PROGRAM_UPLINK_EGRESS]);
	if (!err)
		err = programs_keep(node->progs.vnic_ingress, &ret->fd[PROGRAM_VNIC_INGRESS]);
	if (!err)
		err = programs_keep(node->progs.vnic_egress, &ret->fd[PROGRAM_VNIC_EGRESS]);
	node_tc_bpf__destroy(node);
	return err;
}

int programs_load(const struct config *config, const struct config_node *node,
		  const struct paths *paths, struct programs *ret, struct error *error)
{
	struct programs programs = { .bound_count = 0 };
	int err;

	memset(programs.fd, 0xff, sizeof(programs.fd));
	err = load_state(config, node, paths, error);
	if (!err && node->is_access)
		err = load_lb(config, node, paths, &programs, error);
	if (!err && node->is_service)
		err = load_node(config, node, paths, &programs, error);
	if (!err && config_can_switch(&node->mpls))
		err = programs_load_mpls(config, node, paths, &programs, error);
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
	for (size_t i = 0; i < programs->bound_count; i++)
		if (programs->bound[i].fd >= 0)
			close(programs->bound[i].fd);
	programs->bound_count = 0;
}

int programs_for(const struct programs *programs, enum program program, const char *interface)
{
	for (size_t i = 0; program == PROGRAM_LSR_XDP && i < programs->bound_count; i++)
		if (programs->bound[i].fd >= 0 && !strcmp(programs->bound[i].interface, interface))
			return programs->bound[i].fd;
	return programs->fd[program];
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
		"vips",           "services",   "buckets",        "members",    "health",
		"lb_control",     "interfaces", "member_traffic", "searches",   "reset_budgets",
		"answer_budgets", "sources",    "member_flows",   "flow_cache", "source_limits",
		"source_budgets", NULL
	};
	static const enum program programs[] = { PROGRAM_LB_XDP };

	return unpin(paths, maps, programs, 1);
}

int programs_unpin_service(const struct paths *paths)
{
	static const char *const maps[] = {
		"tags",           "endpoints",   "mappings",     "flows", "new_flows",
		"node_control",   "successions", "owners",       "peers", "seen_headers",
		"owner_searches", "error_ways",  "recent_flows", NULL
	};
	static const enum program programs[] = { PROGRAM_UPLINK_INGRESS, PROGRAM_UPLINK_EGRESS,
						 PROGRAM_VNIC_INGRESS, PROGRAM_VNIC_EGRESS };

	return unpin(paths, maps, programs, 4);
}

int programs_unpin_mpls(const struct paths *paths)
{
	static const char *const maps[] = { "ilm",        "nhlfes",          "nhlfe_traffic",
					    "lsr_links",  "lsr_ports",       "lsr_ingress",
					    "tunnels",    "tunnel_counters", "lsps",
					    "push_rules", "push_control",    NULL };
	static const enum program programs[] = { PROGRAM_LSR_XDP, PROGRAM_LSR_EGRESS,
						 PROGRAM_PTP_PUSH, PROGRAM_PTP_DELIVER };

	return unpin(paths, maps, programs, 4);
}
