/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A label switching node and the end of a tunnel, their maps filled by hand, without the loader. Every
 * function fails the test if something can't be done.
 */
#ifndef TEST_MPLS_WORLD_H
#define TEST_MPLS_WORLD_H

#include "bpf/lsr_xdp.skel.h"
#include "check_run.h"
#include "mpls_packet.h"
#include "xdplb/tunnel.h"

#define MPLS_NODE     7
#define MPLS_IN_LINK  101 /* port 0, lo: where frames come in */
#define MPLS_OUT_LINK 102 /* port 1 */

#define MPLS_LABELS    64 /* elements of ilm */
#define MPLS_NHLFES    64
#define MPLS_TUNNELS   4
#define MPLS_TUNNEL_IF 4711 /* a tunnel's interface, which nobody looks for */

extern const __u8 mpls_key[16];
extern const __u8 mpls_next_mac[6]; /* of the next hop */
extern const __u8 mpls_own_mac[6]; /* of the port it is reached by */
extern const __u8 mpls_tunnel_mac[6];

struct mpls_world {
	struct lsr_xdp_bpf *skel;
	const struct bpf_program *prog; /* lsr_xdp */
	struct counter_maps counters;
	__u32 nhlfes; /* in use */
};

/**
 * mpls_world_open() - Loads lsr_xdp with two ports on lo; all labels on port 0 are ours alone if asked
 * for. lsr_egress is loaded as a plain XDP program, since test runs take no devmap ones.
 */
void mpls_world_open(struct mpls_world *world, enum xdplb_residence residence);
void mpls_world_close(struct mpls_world *world);

/* All that comes in by port 0 is ours, or not. */
void mpls_world_ours_alone(const struct mpls_world *world, bool alone);

/**
 * mpls_world_label() - Installs what happens to a label; port 1 and its addresses are put in.
 *
 * Return: the index of the entry.
 */
__u32 mpls_world_label(struct mpls_world *world, __u32 label, const struct xdplb_nhlfe *nhlfe);

/* Tunnel 0 .. MPLS_TUNNELS - 1; ifindex 0: what comes out goes to the stack. */
void mpls_world_tunnel(const struct mpls_world *world, __u32 index,
		       struct xdplb_tunnel_control control, __u32 ifindex);

/* The label as it stands in nhlfe.out[]. */
__be32 mpls_out(__u32 label);

/* Writes an element of an array. */
void mpls_put(const struct bpf_map *map, __u32 key, const void *value);

/* A counter of a tunnel, over all CPUs; `field` of struct xdplb_tunnel_counters. */
#define mpls_tunnel_count(map, index, field)                                           \
	sum_counter(bpf_map__fd(map), index, sizeof(struct xdplb_tunnel_counters) / 8, \
		    offsetof(struct xdplb_tunnel_counters, field) / 8)

#endif
