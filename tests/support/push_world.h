/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The beginning of a tunnel: ptp_tc with its maps filled by hand, without the loader. Every function
 * fails the test if something can't be done.
 */
#ifndef TEST_PUSH_WORLD_H
#define TEST_PUSH_WORLD_H

#include "bpf/ptp_tc.skel.h"
#include "check_run.h"
#include "mpls_packet.h"
#include "xdplb/tunnel.h"

#define PUSH_LO      1
#define PUSH_UPLINK  77
#define PUSH_TUNNELS 4
#define PUSH_LSPS    8

/* Tunnels of the tests. */
enum {
	PUSH_UP, /* LSP 0 */
	PUSH_DOWN,
	PUSH_BACKUP, /* LSP 1 */
	PUSH_NOWHERE, /* an LSP that is not there */
};

extern const __u8 push_next_mac[6]; /* of the next hop */
extern const __u8 push_own_mac[6]; /* of the uplink */

/* Any PTP message goes by the tunnel PUSH_UP. */
extern const struct xdplb_push_rule push_any;

struct push_world {
	struct ptp_tc_bpf *skel;
	struct counter_maps counters;
};

/**
 * push_world_open() - Loads ptp_tc; its only rule is push_any.
 */
void push_world_open(struct push_world *world);
void push_world_close(struct push_world *world);

/* Writes an element of an array. */
void push_put(const struct bpf_map *map, __u32 key, const void *value);

/**
 * push_label() - A label of the LSP `index`: number 0, 1, ... outermost first; 100 + payload: the last
 * one.
 */
struct label push_label(__u32 index, __u32 number);

/* An LSP with `depth` labels in front of the last, 0 to 8. */
void push_put_lsp(const struct push_world *world, __u32 index, __u32 depth, __u32 ifindex);
void push_put_tunnel(const struct push_world *world, __u32 index, __u32 lsp, __u8 state);

/* Writes rules to elements `base` and on, and makes them the live ones. */
void push_put_rules(const struct push_world *world, __u32 base, const struct xdplb_push_rule *rules,
		    __u32 count);

/**
 * push_want() - The frame that leaves: the labels of an LSP in front of the message.
 */
void push_want(const struct ptp_spec *ptp, __u32 lsp, __u32 depth, struct test_packet *ret_want);

/* One message through ptp_push, see check_run(). */
void push_check(const struct push_world *world, const char *name, const struct ptp_spec *ptp,
		const struct expected *expected);

/* A counter of a tunnel; offset: of the field in struct xdplb_tunnel_counters. */
__u64 push_count(const struct push_world *world, __u32 tunnel, size_t offset);
#define push_counted(world, tunnel, field) \
	push_count(world, tunnel, offsetof(struct xdplb_tunnel_counters, field))

#endif
