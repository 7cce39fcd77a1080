// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "subjects.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "connection.h"
#include "fill.h"
#include "bpf/node_tc.skel.h"
#include "bpf/lib/hash.h"
#include "xdplb/handover.h"
#include "xdplb/node.h"

/* The loader's default capacities, see config.h. */
#define MAPPINGS 8192
#define FLOWS    262144
#define SLOTS    16384
#define BUCKETS  2097152
#define MEMBERS  8192
#define SERVICES 1024

#define OWNERS (BUCKETS / XDPLB_BUCKETS_PER_LINE)

enum {
	LOCAL,
	SOURCE,
	SOCKET,
	HANDING,
	MAPPING_COUNT
};

/* Of mappings that hand over; number 0 is none. */
#define SUCCESSION 1

/* Each table of the bench in lines of its own. */
#define TABLE_LINES ((LB_BUCKETS + XDPLB_BUCKETS_PER_LINE - 1) / XDPLB_BUCKETS_PER_LINE)

/* Peers. */
enum {
	HERE, /* the backend of HANDING */
	ELSEWHERE,
	PEER_COUNT
};

struct node_subject {
	struct node_tc_bpf *skel;
	struct connection connection;
};

static const struct frame_end client = { NODE_NOTED_CLIENT, NODE_NOTED_PORT };
static const struct frame_end server = { LB_VIP, LB_VPORT };

static const struct {
	__u32 backend;
	__u16 vport;
	bool source, hands_over;
} kinds[MAPPING_COUNT] = {
	[LOCAL] = { NODE_LOCAL, LB_VPORT, false, false },
	[SOURCE] = { NODE_SOURCE, LB_VPORT, true, false },
	[SOCKET] = { NODE_SOCKET, LB_VPORT, false, true },
	[HANDING] = { NODE_HANDING, NODE_HANDING_VPORT, false, true },
};

static int size_maps(const struct node_tc_bpf *node)
{
	int err = bpf_map__set_max_entries(node->maps.tags, 2 * SLOTS);

	err = err ?: bpf_map__set_max_entries(node->maps.endpoints, 2 * SLOTS);
	err = err ?: bpf_map__set_max_entries(node->maps.mappings, MAPPINGS);
	err = err ?: bpf_map__set_max_entries(node->maps.successions, SERVICES);
	err = err ?: bpf_map__set_max_entries(node->maps.owners, OWNERS);
	err = err ?: bpf_map__set_max_entries(node->maps.peers, MEMBERS);
	err = err ?: bpf_map__set_max_entries(node->maps.new_flows, FLOWS);
	return err ?: bpf_map__set_max_entries(node->maps.flows, FLOWS);
}

static int fill_mapping(const struct node_tc_bpf *node, __u32 index)
{
	bool source = kinds[index].source;
	struct xdplb_mapping mapping = {
		.vip = frame_addr(XDPLB_IPV4, LB_VIP),
		.backend = frame_addr(XDPLB_IPV4, kinds[index].backend),
		.vport = htons(kinds[index].vport),
		.tag = htons(NODE_TAG),
		.port = htons(source ? NODE_SOURCE_PORT : kinds[index].vport),
		.proto = IPPROTO_TCP,
		.family = XDPLB_IPV4,
		.restore = source ? XDPLB_RESTORE_SOURCE : XDPLB_RESTORE_INTERFACE,
		.state = XDPLB_MAPPING_ACTIVE,
		.succession = kinds[index].hands_over ? SUCCESSION : 0,
		.netns = XDPLB_NETNS_OWN,
	};
	struct xdplb_endpoint endpoint = {
		.addr = mapping.backend,
		.port = mapping.tag,
		.family = mapping.family,
		.index = index,
	};
	int err = fill_element(node->maps.mappings, index, &mapping);

	err = err ?: fill_endpoint(node->maps.tags, SLOTS, &endpoint);
	if (!source || err)
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
	struct xdplb_flow flow = { .mapping = SOURCE,
				   .client_port = key.client_port,
				   .flags = XDPLB_FLOW_ESTABLISHED };

	if (bpf_map_update_elem(bpf_map__fd(node->maps.flows), &key, &flow, BPF_NOEXIST))
		return -errno;
	return 0;
}

static int fill_table(const struct node_tc_bpf *node, __u32 generation, __u32 owner)
{
	struct xdplb_bucket_line line;
	int err = 0;

	for (__u32 i = 0; i < XDPLB_BUCKETS_PER_LINE; i++)
		line.member[i] = owner;
	for (__u32 i = 0; i < TABLE_LINES && !err; i++)
		err = fill_element(node->maps.owners, generation * TABLE_LINES + i, &line);
	return err;
}

/* The backend here is the present owner of all flows; before the last change another one was. */
static int fill_succession(const struct node_tc_bpf *node)
{
	static const __u32 owners[] = { HERE, ELSEWHERE };
	static const __u32 backends[PEER_COUNT] = { NODE_HANDING, NODE_PEER };
	struct xdplb_succession succession = {};
	int err = 0;

	for (__u32 i = 0; i < PEER_COUNT && !err; i++) {
		struct xdplb_peer peer = { .addr = frame_addr(XDPLB_IPV4, backends[i]),
					   .tag = htons(NODE_TAG),
					   .mapping = i == HERE ? HANDING : XDPLB_ELSEWHERE };

		err = fill_element(node->maps.peers, i, &peer);
	}
	for (__u32 i = 0; i < sizeof(owners) / sizeof(owners[0]) && !err; i++) {
		err = fill_table(node, i, owners[i]);
		succession.tables[0][i] =
			(struct xdplb_bucket_ref){ i * TABLE_LINES * XDPLB_BUCKETS_PER_LINE,
						   LB_BUCKETS };
	}
	return err ?: fill_element(node->maps.successions, SUCCESSION, &succession);
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
	err = err ?: fill_note(node);
	return err ?: fill_succession(node);
}

static int load_skel(struct node_tc_bpf **ret_skel)
{
	struct node_tc_bpf *node = node_tc_bpf__open();
	int err;

	if (!node)
		return -errno;
	node->rodata->hash_key[0] = BENCH_KEY0;
	node->rodata->hash_key[1] = BENCH_KEY1;
	flow_key_expand(BENCH_KEY0, BENCH_KEY1, node->rodata->flow_key);
	node->rodata->tag_mask = SLOTS - 1;
	node->rodata->endpoint_mask = SLOTS - 1;
	err = size_maps(node);
	err = err ?: node_tc_bpf__load(node);
	err = err ?: fill_maps(node);
	if (err) {
		node_tc_bpf__destroy(node);
		return err;
	}
	*ret_skel = node;
	return 0;
}

int node_subject_load(struct node_subject **ret_node)
{
	struct node_subject *node = calloc(1, sizeof(*node));
	int err;

	if (!node)
		return -ENOMEM;
	err = connection_open(&client, &server, &node->connection);
	if (err) {
		free(node);
		return err;
	}
	err = load_skel(&node->skel);
	if (err) {
		node_subject_free(node);
		return err;
	}
	*ret_node = node;
	return 0;
}

void node_subject_free(struct node_subject *node)
{
	if (!node)
		return;
	node_tc_bpf__destroy(node->skel);
	connection_close(&node->connection);
	free(node);
}

int node_subject_ingress_fd(const struct node_subject *node)
{
	return bpf_program__fd(node->skel->progs.uplink_ingress);
}

int node_subject_egress_fd(const struct node_subject *node)
{
	return bpf_program__fd(node->skel->progs.uplink_egress);
}
