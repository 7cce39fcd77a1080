// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "subjects.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>

#include "fill.h"
#include "bpf/node_tc.skel.h"
#include "xdplb/node.h"

/* The loader's default capacities, see config.h. */
#define MAPPINGS 8192
#define FLOWS    262144
#define SLOTS    16384

enum {
	LOCAL,
	SOURCE,
	MAPPING_COUNT
};

static int size_maps(const struct node_tc_bpf *node)
{
	int err = bpf_map__set_max_entries(node->maps.tags, 2 * SLOTS);

	err = err ?: bpf_map__set_max_entries(node->maps.endpoints, 2 * SLOTS);
	err = err ?: bpf_map__set_max_entries(node->maps.mappings, MAPPINGS);
	return err ?: bpf_map__set_max_entries(node->maps.flows, FLOWS);
}

static int fill_mapping(const struct node_tc_bpf *node, __u32 index)
{
	bool local = index == LOCAL;
	struct xdplb_mapping mapping = {
		.vip = frame_addr(XDPLB_IPV4, LB_VIP),
		.backend = frame_addr(XDPLB_IPV4, local ? NODE_LOCAL : NODE_SOURCE),
		.vport = htons(LB_VPORT),
		.tag = htons(NODE_TAG),
		.port = htons(local ? LB_VPORT : NODE_SOURCE_PORT),
		.proto = IPPROTO_TCP,
		.family = XDPLB_IPV4,
		.restore = local ? XDPLB_RESTORE_INTERFACE : XDPLB_RESTORE_SOURCE,
		.state = XDPLB_MAPPING_ACTIVE,
	};
	struct xdplb_endpoint endpoint = {
		.addr = mapping.backend,
		.port = mapping.tag,
		.family = mapping.family,
		.index = index,
	};
	int err = fill_element(node->maps.mappings, index, &mapping);

	err = err ?: fill_endpoint(node->maps.tags, SLOTS, &endpoint);
	if (local || err)
		return err;
	endpoint.port = mapping.port;
	endpoint.proto = mapping.proto;
	return fill_endpoint(node->maps.endpoints, SLOTS, &endpoint);
}

static int fill_note(const struct node_tc_bpf *node)
{
	struct xdplb_flow_key key = {
		.backend = frame_addr(XDPLB_IPV4, NODE_SOURCE),
		.client = frame_addr(XDPLB_IPV4, NODE_NOTED_CLIENT),
		.port = htons(NODE_SOURCE_PORT),
		.client_port = htons(NODE_NOTED_PORT),
		.proto = IPPROTO_TCP,
		.family = XDPLB_IPV4,
		.kind = XDPLB_NOTE_REPLY,
	};
	struct xdplb_flow flow = { .mapping = SOURCE, .client_port = key.client_port };

	if (bpf_map_update_elem(bpf_map__fd(node->maps.flows), &key, &flow, BPF_NOEXIST))
		return -errno;
	return 0;
}

static int fill_maps(const struct node_tc_bpf *node)
{
	struct xdplb_node_control control = {
		.tags = { .base = 0, .seed = FILL_SEED },
		.endpoints = { .base = 0, .seed = FILL_SEED },
	};
	int err = fill_element(node->maps.node_control, 0, &control);

	for (__u32 i = 0; i < MAPPING_COUNT && !err; i++)
		err = fill_mapping(node, i);
	return err ?: fill_note(node);
}

int node_subject_load(struct node_tc_bpf **ret_node)
{
	struct node_tc_bpf *node = node_tc_bpf__open();
	int err;

	if (!node)
		return -errno;
	node->rodata->hash_key[0] = BENCH_KEY0;
	node->rodata->hash_key[1] = BENCH_KEY1;
	node->rodata->tag_mask = SLOTS - 1;
	node->rodata->endpoint_mask = SLOTS - 1;
	err = size_maps(node);
	err = err ?: node_tc_bpf__load(node);
	err = err ?: fill_maps(node);
	if (err) {
		node_tc_bpf__destroy(node);
		return err;
	}
	*ret_node = node;
	return 0;
}

void node_subject_free(struct node_tc_bpf *node)
{
	node_tc_bpf__destroy(node);
}

int node_subject_ingress_fd(const struct node_tc_bpf *node)
{
	return bpf_program__fd(node->progs.uplink_ingress);
}

int node_subject_egress_fd(const struct node_tc_bpf *node)
{
	return bpf_program__fd(node->progs.uplink_egress);
}
