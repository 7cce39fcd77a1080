// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The test cluster's service node.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "node_setup.h"
#include "xdplb/fragment.h"
#include "xdplb/handover.h"

#define fd_of(node, name) bpf_map__fd((node)->skel->maps.name)

/* Other tables than those at 0 are live, and with seeds, so that neither can be forgotten. */
static const struct xdplb_table_ref live_tags = { .base = SETUP_SLOTS, .seed = 77 };
static const struct xdplb_table_ref live_endpoints = { .base = 0, .seed = 5 };

bool node_setup_recalls;

void node_setup_open(struct node_setup *ret_node)
{
	struct node_tc_bpf *skel = node_tc_bpf__open();

	cr_assert_not_null(skel, "cannot open node_tc");
	skel->rodata->hash_key[0] = SETUP_KEY0;
	skel->rodata->hash_key[1] = SETUP_KEY1;
	flow_key_expand(SETUP_KEY0, SETUP_KEY1, skel->rodata->flow_key);
	skel->rodata->tag_first = SETUP_TAG_FIRST;
	skel->rodata->tag_last = SETUP_TAG_LAST;
	skel->rodata->tag_mask = SETUP_SLOTS - 1;
	skel->rodata->endpoint_mask = SETUP_SLOTS - 1;
	skel->rodata->recalls_flows = node_setup_recalls;
	bpf_map__set_max_entries(skel->maps.tags, 2 * SETUP_SLOTS);
	bpf_map__set_max_entries(skel->maps.endpoints, 2 * SETUP_SLOTS);
	bpf_map__set_max_entries(skel->maps.mappings, SETUP_MAPPINGS);
	bpf_map__set_max_entries(skel->maps.flows, SETUP_FLOWS);
	bpf_map__set_max_entries(skel->maps.new_flows, SETUP_FLOWS);
	bpf_map__set_max_entries(skel->maps.successions, 2);
	bpf_map__set_max_entries(skel->maps.owners, XDPLB_GENERATIONS);
	bpf_map__set_max_entries(skel->maps.peers, 3);
	cr_assert_eq(node_tc_bpf__load(skel), 0, "cannot load node_tc");
	ret_node->skel = skel;
	ret_node->counters = (struct counter_maps){ bpf_map__fd(skel->maps.drops),
						    bpf_map__fd(skel->maps.events) };
	node_setup_keeps(ret_node, false);
}

void node_setup_keeps(struct node_setup *node, bool keeps_ports)
{
	struct xdplb_node_control control = { .tags = live_tags,
					      .endpoints = live_endpoints,
					      .keeps_ports = keeps_ports };
	__u32 zero = 0;

	cr_assert_eq(bpf_map_update_elem(fd_of(node, node_control), &zero, &control, BPF_ANY), 0);
}

void node_setup_close(struct node_setup *node)
{
	node_tc_bpf__destroy(node->skel);
}

struct xdplb_mapping setup_mapping(__u8 family, __u8 proto, __u32 number,
				   enum xdplb_restore restore)
{
	const struct setup_addrs *addrs = setup_addrs(family);
	bool source = restore == XDPLB_RESTORE_SOURCE;

	return (struct xdplb_mapping){
		.vip = addrs->vips[number],
		.backend = addrs->backends[0],
		.vport = htons(VIP_PORT),
		.tag = htons(SETUP_TAG_FIRST + number),
		.port = htons(source ? BACKEND_PORT : VIP_PORT),
		.proto = proto,
		.family = family,
		.restore = restore,
		.state = XDPLB_MAPPING_ACTIVE,
		.epoch = 1,
	};
}

void node_setup_change(struct node_setup *node, __u32 index, const struct xdplb_mapping *mapping)
{
	cr_assert_eq(bpf_map_update_elem(fd_of(node, mappings), &index, mapping, BPF_ANY), 0);
}

void node_setup_mapping(struct node_setup *node, __u32 index, const struct xdplb_mapping *mapping)
{
	struct setup_endpoint tag = {
		mapping->backend, ntohs(mapping->tag), 0, mapping->family, index,
	};
	struct setup_endpoint endpoint = {
		mapping->backend, ntohs(mapping->port), mapping->proto, mapping->family, index,
	};

	node_setup_change(node, index, mapping);
	setup_put_endpoint(fd_of(node, tags), live_tags, &tag);
	if (!mapping->vport)
		node_setup_keeps(node, true);
	if (!mapping->vport || mapping->restore == XDPLB_RESTORE_SOURCE)
		setup_put_endpoint(fd_of(node, endpoints), live_endpoints, &endpoint);
}

void node_setup_peers(struct node_setup *node, __u8 family)
{
	for (__u32 i = 0; i < 3; i++) {
		struct xdplb_peer peer = { .addr = setup_addrs(family)->backends[i],
					   .tag = htons(SETUP_TAG_FIRST + 100 * i),
					   .mapping = i ? XDPLB_ELSEWHERE : 0 };

		cr_assert_eq(bpf_map_update_elem(fd_of(node, peers), &i, &peer, BPF_ANY), 0);
	}
}

void node_setup_owners(struct node_setup *node, const char *const *tables)
{
	struct xdplb_succession succession = { .live = 1 };
	__u32 one = 1;

	for (__u32 g = 0; g < XDPLB_GENERATIONS && tables[g]; g++) {
		struct xdplb_bucket_line line;

		for (__u32 i = 0; i < XDPLB_BUCKETS_PER_LINE; i++)
			line.member[i] = tables[g][i % strlen(tables[g])] - '0';
		cr_assert_eq(bpf_map_update_elem(fd_of(node, owners), &g, &line, BPF_ANY), 0);
		succession.tables[1][g] = (struct xdplb_bucket_ref){ g * XDPLB_BUCKETS_PER_LINE,
								     XDPLB_BUCKETS_PER_LINE };
	}
	cr_assert_eq(bpf_map_update_elem(fd_of(node, successions), &one, &succession, BPF_ANY), 0);
}

void node_setup_by_source(struct node_setup *node, __u32 tables)
{
	struct xdplb_succession succession;
	__u32 one = 1;

	cr_assert_eq(bpf_map_lookup_elem(fd_of(node, successions), &one, &succession), 0);
	succession.by_source[succession.live] = tables;
	cr_assert_eq(bpf_map_update_elem(fd_of(node, successions), &one, &succession, BPF_ANY), 0);
}

static void zero_array(int map, __u32 elements)
{
	static const __u8 zero[128];

	for (__u32 i = 0; i < elements; i++)
		cr_assert_eq(bpf_map_update_elem(map, &i, zero, BPF_ANY), 0);
}

static void forget_recent(struct node_setup *node)
{
	int map = fd_of(node, recent_flows), cpus = libbpf_num_possible_cpus();
	void *none = calloc(cpus, bpf_map__value_size(node->skel->maps.recent_flows));

	cr_assert_not_null(none);
	for (__u32 i = 0; i < bpf_map__max_entries(node->skel->maps.recent_flows); i++)
		cr_assert_eq(bpf_map_update_elem(map, &i, none, BPF_ANY), 0);
	free(none);
}

void node_setup_clear(struct node_setup *node)
{
	struct xdplb_fragment_key fragment;

	while (!bpf_map_get_next_key(fd_of(node, fragment_faces), NULL, &fragment))
		cr_assert_eq(bpf_map_delete_elem(fd_of(node, fragment_faces), &fragment), 0);
	forget_recent(node);
	node_setup_keeps(node, false);
	zero_array(fd_of(node, tags), 2 * SETUP_SLOTS);
	zero_array(fd_of(node, endpoints), 2 * SETUP_SLOTS);
	zero_array(fd_of(node, mappings), SETUP_MAPPINGS);
	while (node_setup_evict(node, XDPLB_NOTE_REPLY) || node_setup_evict(node, XDPLB_NOTE_REMAP))
		;
}

static int evict_from(int map, enum xdplb_note_kind kind)
{
	struct xdplb_flow_key keys[64], *last = NULL;
	int found = 0;

	while (found < 64 && !bpf_map_get_next_key(map, last, &keys[found])) {
		last = &keys[found];
		if (last->kind == kind)
			found++;
	}
	for (int i = 0; i < found; i++)
		cr_assert_eq(bpf_map_delete_elem(map, &keys[i]), 0);
	return found;
}

int node_setup_evict(struct node_setup *node, enum xdplb_note_kind kind)
{
	return evict_from(fd_of(node, flows), kind) + evict_from(fd_of(node, new_flows), kind);
}

static int count_notes(int map)
{
	struct xdplb_flow_key key, *last = NULL;
	int notes = 0;

	while (!bpf_map_get_next_key(map, last, &key)) {
		last = &key;
		notes++;
	}
	return notes;
}

int node_setup_notes(struct node_setup *node)
{
	return node_setup_established(node) + count_notes(fd_of(node, new_flows));
}

int node_setup_established(struct node_setup *node)
{
	return count_notes(fd_of(node, flows));
}
