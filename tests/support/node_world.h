/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A service node as a test of node_tc sees it: where the programs stand, in which family and protocol,
 * and the packets that come and go there.
 */
#ifndef TEST_NODE_WORLD_H
#define TEST_NODE_WORLD_H

#include "node_setup.h"

/* The virtual NIC of the tests is lo: there TC programs stand in BPF_PROG_TEST_RUN. */
#define WORLD_VNIC 1

enum world_hook {
	WORLD_AT_UPLINK,
	WORLD_AT_VNIC
};

struct world {
	struct node_setup node;
	enum world_hook hook;
	__u8 family;
	__u8 proto;
	char name[40]; /* for messages: "uplink IPv4 TCP" */
};

#define WORLDS 8

/**
 * world_open() - Number 0 .. WORLDS - 1: each hook, family and protocol; the node has no mapping yet.
 */
void world_open(struct world *ret_world, int number);
void world_close(struct world *world);

/* Mapping `number` of setup_mapping(), at the world's hook, under that index. */
struct xdplb_mapping world_mapping(const struct world *world, __u32 number,
				   enum xdplb_restore restore);
void world_add(struct world *world, __u32 number, enum xdplb_restore restore);

/* An access node's packet of VIP `number`: client -> backend 0, tag, with the mark. */
struct packet_spec world_tagged(const struct world *world, __u32 number);

/* The client's packet straight to the backend's own port. */
struct packet_spec world_direct(const struct world *world);

/* Mapping 0 of a service of many ports; a world with it alone; the access node's packet to a port of it, and
 * what the backend answers from there. */
struct xdplb_mapping world_kept_mapping(const struct world *world, enum xdplb_restore restore);
void world_open_kept(struct world *ret_world, int number, enum xdplb_restore restore);
struct packet_spec world_balanced(const struct world *world, __u16 port);
struct packet_spec world_port_reply(const struct world *world, __u16 port, __u16 client_port);

/* What the backend answers to `client_port`, and what of it reaches the client of VIP `number`. */
struct packet_spec world_reply(const struct world *world, __u16 client_port);
struct packet_spec world_restored(const struct world *world, __u32 number, __u16 client_port);

/* The client port that stands in a packet on the way to the backend. */
__u16 world_source_port(const struct packet_spec *spec, const struct test_packet *packet);

const struct bpf_program *world_to_backend(const struct world *world);
const struct bpf_program *world_from_backend(const struct world *world);

/* To the backend: `in` becomes `out`, or passes as it is, or is dropped for a reason. */
void world_check_to(struct world *world, const char *row, const struct packet_spec *in,
		    const struct packet_spec *out, __u64 events);
void world_check_to_passes(struct world *world, const char *row, const struct packet_spec *in);
void world_check_to_refused(struct world *world, const char *row, const struct packet_spec *in,
			    int drop);

/* From the backend. */
void world_check_from(struct world *world, const char *row, const struct packet_spec *in,
		      const struct packet_spec *out, __u64 events);
void world_check_from_passes(struct world *world, const char *row, const struct packet_spec *in);

/* Any packet that must pass as it is, in one direction or the other. */
void world_check_untouched(struct world *world, const char *row, const struct bpf_program *prog,
			   const struct test_packet *packet);

#endif
