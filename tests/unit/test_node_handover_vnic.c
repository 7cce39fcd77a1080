// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: what no socket of a container's backend expects goes on from the virtual NIC; by which address it comes in
 * again tells who is to restore it.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>

#include "handover_world.h"

TestSuite(node_handover_vnic);

#define VNIC 1

static const __u8 uplink_mac[6] = { 2, 0, 0, 0, 9, 9 };

/* Where peer 1 lives: elsewhere, or here as mapping 1, which is restored at that interface (0: uplinks). */
struct dwelling {
	const char *name;
	bool is_here;
	__u32 ifindex;
	bool has_uplink; /* known */
	bool by_uplink; /* it comes in again with the uplink's address */
};

static const struct dwelling dwellings[] = {
	{ "elsewhere", false, 0, true, false },
	{ "in another container", true, 7, true, false },
	{ "on the node's own addresses", true, 0, true, true },
	{ "on the node's own addresses, no uplink known", true, 0, false, false },
};

static void put_peer(struct node_setup *node, __u8 family, const struct dwelling *dwelling)
{
	struct xdplb_peer peer = { .addr = setup_addrs(family)->backends[1],
				   .tag = htons(SETUP_TAG_FIRST + 100),
				   .mapping = dwelling->is_here ? 1 : XDPLB_ELSEWHERE };
	struct xdplb_mapping mapping =
		handover_mapping(family, IPPROTO_TCP, XDPLB_RESTORE_INTERFACE);
	struct xdplb_node_control control;
	int fd = bpf_map__fd(node->skel->maps.node_control);
	__u32 zero = 0, one = 1;

	mapping.backend = peer.addr;
	mapping.ifindex = dwelling->ifindex;
	node_setup_change(node, 1, &mapping);
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(node->skel->maps.peers), &one, &peer, BPF_ANY),
		     0);
	cr_assert_eq(bpf_map_lookup_elem(fd, &zero, &control), 0);
	control.uplink = dwelling->has_uplink ? 3 : 0;
	memcpy(control.uplink_mac, uplink_mac, sizeof(uplink_mac));
	cr_assert_eq(bpf_map_update_elem(fd, &zero, &control, BPF_ANY), 0);
}

static void check_dwelling(const struct dwelling *dwelling, __u8 family)
{
	static const char *const tables[] = { "1", NULL };
	struct xdplb_mapping mapping =
		handover_mapping(family, IPPROTO_TCP, XDPLB_RESTORE_INTERFACE);
	struct packet_spec in = handover_arriving(family, 0),
			   out = handover_handed(&in, 1, XDPLB_HANDED_BY_OTHER);
	struct test_packet packet, want;
	struct node_setup node;

	mapping.ifindex = VNIC;
	handover_open(&node, &mapping, tables);
	put_peer(&node, family, dwelling);
	if (dwelling->by_uplink) {
		memcpy(out.dest.mac, uplink_mac, sizeof(uplink_mac));
	} else {
		memcpy(out.dest.mac, in.source.mac, sizeof(out.dest.mac));
		memcpy(out.source.mac, in.dest.mac, sizeof(out.source.mac));
	}
	packet_build(&in, &packet);
	packet_build(&out, &want);
	check_run(dwelling->name, node.skel->progs.vnic_egress, node.counters, &packet, VNIC,
		  &(struct expected){ TC_REDIRECT, &want, NO_DROP, EVENT(HANDED_OVER) });
	node_setup_close(&node);
}

Test(node_handover_vnic, who_restores_it)
{
	for (size_t i = 0; i < sizeof(dwellings) / sizeof(dwellings[0]); i++)
		for (int f = 0; f < 2; f++)
			check_dwelling(&dwellings[i], setup_families[f]);
}
