// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Filling the maps of ptp_tc.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "push_world.h"

const __u8 push_next_mac[6] = { 2, 0, 0, 0, 0x11, 2 };
const __u8 push_own_mac[6] = { 2, 0, 0, 0, 0x11, 1 };

void push_put(const struct bpf_map *map, __u32 key, const void *value)
{
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY), 0,
		     "cannot write element %u of %s: %s", key, bpf_map__name(map), strerror(errno));
}

static __be32 lse(struct label label, bool bottom)
{
	return htonl(label.number << 12 | label.tc << 9 | bottom << 8 | label.ttl);
}

/* LSP `index` with `depth` labels in front of the last: 1000 * index + 1, ...; the last ones 1000 *
 * index + 100 + payload. */
struct label push_label(__u32 index, __u32 number)
{
	return (struct label){ 1000 * (index + 1) + number, (index + number) % 8, 255 - number };
}

void push_put_lsp(const struct push_world *world, __u32 index, __u32 depth, __u32 ifindex)
{
	struct xdplb_lsp lsp = { .ifindex = ifindex, .depth = depth };

	for (__u32 i = 0; i < depth && i < XDPLB_LABELS_MAX; i++)
		lsp.stack[i] = lse(push_label(index, i), false);
	for (__u32 i = 1; i < XDPLB_PAYLOAD_COUNT; i++)
		lsp.last[i] = lse(push_label(index, 100 + i), true);
	memcpy(lsp.dmac, push_next_mac, 6);
	memcpy(lsp.smac, push_own_mac, 6);
	push_put(world->skel->maps.lsps, index, &lsp);
}

void push_put_tunnel(const struct push_world *world, __u32 index, __u32 lsp, __u8 state)
{
	struct xdplb_tunnel tunnel = { .control = { .lsp = lsp, .state = state } };

	push_put(world->skel->maps.tunnels, index, &tunnel);
}

void push_put_rules(const struct push_world *world, __u32 base, const struct xdplb_push_rule *rules,
		    __u32 count)
{
	struct xdplb_push_control control = { base, count };

	for (__u32 i = 0; i < count; i++)
		push_put(world->skel->maps.push_rules, base + i, &rules[i]);
	push_put(world->skel->maps.push_control, 0, &control);
}

const struct xdplb_push_rule push_any = {
	.transports = XDPLB_PTP_UDP4 | XDPLB_PTP_UDP6 | XDPLB_PTP_ETHERNET,
	.classes = XDPLB_PTP_EVENT | XDPLB_PTP_GENERAL,
	.tunnel = PUSH_UP,
};

void push_world_open(struct push_world *world)
{
	struct ptp_tc_bpf *skel = ptp_tc_bpf__open();

	cr_assert_not_null(skel);
	bpf_map__set_max_entries(skel->maps.tunnels, PUSH_TUNNELS);
	bpf_map__set_max_entries(skel->maps.tunnel_counters, PUSH_TUNNELS);
	bpf_map__set_max_entries(skel->maps.lsps, PUSH_LSPS);
	cr_assert_eq(ptp_tc_bpf__load(skel), 0, "ptp_tc is not loaded");
	*world = (struct push_world){
		skel, { bpf_map__fd(skel->maps.drops), bpf_map__fd(skel->maps.events) }
	};
	push_put_lsp(world, 0, 1, PUSH_UPLINK);
	push_put_lsp(world, 1, 0, PUSH_UPLINK);
	push_put_tunnel(world, PUSH_UP, 0, XDPLB_TUNNEL_UP);
	push_put_tunnel(world, PUSH_DOWN, 0, XDPLB_TUNNEL_DOWN);
	push_put_tunnel(world, PUSH_BACKUP, 1, XDPLB_TUNNEL_UP);
	push_put_tunnel(world, PUSH_NOWHERE, PUSH_LSPS, XDPLB_TUNNEL_UP);
	push_put_rules(world, 0, &push_any, 1);
}

void push_world_close(struct push_world *world)
{
	ptp_tc_bpf__destroy(world->skel);
}

__u64 push_count(const struct push_world *world, __u32 tunnel, size_t offset)
{
	return sum_counter(bpf_map__fd(world->skel->maps.tunnel_counters), tunnel,
			   sizeof(struct xdplb_tunnel_counters) / 8, offset / 8);
}

/* The frame that leaves: the labels of an LSP in front. */
void push_want(const struct ptp_spec *ptp, __u32 lsp, __u32 depth, struct test_packet *ret_want)
{
	struct label labels[XDPLB_LABELS_MAX];
	struct test_packet message;

	for (__u32 i = 0; i < depth; i++)
		labels[i] = push_label(lsp, i);
	labels[depth] = push_label(lsp, 100 + ptp->over + 1);
	ptp_build(ptp, &message);
	mpls_labels(ptp->over, &message, labels, depth + 1, ret_want);
	mpls_macs(ret_want, push_next_mac, push_own_mac);
}

void push_check(const struct push_world *world, const char *name, const struct ptp_spec *ptp,
		const struct expected *expected)
{
	struct test_packet packet;
	char row[100];

	snprintf(row, sizeof(row), "%s, %s", ptp_over_names[ptp->over], name);
	ptp_build(ptp, &packet);
	check_run(row, world->skel->progs.ptp_push, world->counters, &packet, PUSH_LO, expected);
}
