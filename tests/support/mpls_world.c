// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Filling the maps of lsr_xdp.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>

#include "mpls_world.h"

#define LO 1

const __u8 mpls_key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
const __u8 mpls_next_mac[6] = { 2, 0, 0, 0, 0x88, 2 };
const __u8 mpls_own_mac[6] = { 2, 0, 0, 0, 0x88, 1 };
const __u8 mpls_tunnel_mac[6] = { 2, 0, 0, 0, 0x99, 1 };

void mpls_put(const struct bpf_map *map, __u32 key, const void *value)
{
	int err = bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY);

	cr_assert_eq(err, 0, "cannot write element %u of %s: %s", key, bpf_map__name(map),
		     strerror(-err));
}

static void size_map(struct bpf_map *map, __u32 entries)
{
	cr_assert_eq(bpf_map__set_max_entries(map, entries), 0, "%s", bpf_map__name(map));
}

static void put_port(const struct mpls_world *world, __u32 port, __u32 link, __u32 flags)
{
	struct bpf_devmap_val device = { .ifindex = LO };
	struct xdplb_lsr_link element = { .ifindex = LO, .link = link, .flags = flags };

	mpls_put(world->skel->maps.lsr_ports, port, &device);
	mpls_put(world->skel->maps.lsr_links, port, &element);
}

void mpls_world_open(struct mpls_world *world, enum xdplb_residence residence)
{
	struct lsr_xdp_bpf *skel = lsr_xdp_bpf__open();
	__u32 in_port = 0;

	cr_assert_not_null(skel);
	skel->rodata->ilm_mask = MPLS_LABELS - 1;
	skel->rodata->node_id = MPLS_NODE;
	skel->rodata->residence = residence;
	memcpy((void *)skel->rodata->probe_key, mpls_key, sizeof(mpls_key));
	size_map(skel->maps.ilm, MPLS_LABELS);
	size_map(skel->maps.nhlfes, MPLS_NHLFES);
	size_map(skel->maps.nhlfe_traffic, MPLS_NHLFES);
	size_map(skel->maps.tunnels, MPLS_TUNNELS);
	size_map(skel->maps.tunnel_counters, MPLS_TUNNELS);
	bpf_program__set_expected_attach_type(skel->progs.lsr_egress, BPF_XDP);
	cr_assert_eq(lsr_xdp_bpf__load(skel), 0, "lsr_xdp is not loaded");
	*world = (struct mpls_world){
		.skel = skel,
		.prog = skel->progs.lsr_xdp,
		.counters = { bpf_map__fd(skel->maps.drops), bpf_map__fd(skel->maps.events) },
	};
	mpls_world_ours_alone(world, false);
	put_port(world, 1, MPLS_OUT_LINK, 0);
	mpls_put(skel->maps.lsr_ingress, LO, &in_port);
}

void mpls_world_close(struct mpls_world *world)
{
	lsr_xdp_bpf__destroy(world->skel);
}

void mpls_world_ours_alone(const struct mpls_world *world, bool alone)
{
	put_port(world, 0, MPLS_IN_LINK, alone ? XDPLB_LINK_OURS_ALONE : 0);
}

__u32 mpls_world_label(struct mpls_world *world, __u32 label, const struct xdplb_nhlfe *nhlfe)
{
	struct xdplb_ilm word = { .label = label, .nhlfe = world->nhlfes++ };
	struct xdplb_nhlfe entry = *nhlfe;

	entry.port = 1;
	memcpy(entry.dmac, mpls_next_mac, 6);
	memcpy(entry.smac, mpls_own_mac, 6);
	mpls_put(world->skel->maps.nhlfes, word.nhlfe, &entry);
	mpls_put(world->skel->maps.ilm, label % MPLS_LABELS, &word);
	return word.nhlfe;
}

void mpls_world_tunnel(const struct mpls_world *world, __u32 index,
		       struct xdplb_tunnel_control control, __u32 ifindex)
{
	struct xdplb_tunnel tunnel = { .control = control, .id = 900 + index, .ifindex = ifindex };

	memcpy(tunnel.mac, mpls_tunnel_mac, 6);
	mpls_put(world->skel->maps.tunnels, index, &tunnel);
}

__be32 mpls_out(__u32 label)
{
	return htonl(label << 12);
}
