/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A service node that hands TCP packets over: the backend is peer 0 of node_setup_peers(), its mapping number 0.
 */
#ifndef XDPLB_TEST_HANDOVER_WORLD_H
#define XDPLB_TEST_HANDOVER_WORLD_H

#include "node_setup.h"
#include "xdplb/handover.h"

/* A packet to the backend's tag port, with the mark of a flow that was handed on so many times. */
struct packet_spec handover_arriving(__u8 family, __u32 times);

/* The same of a flow to VIP `number`, at that one's tag port. */
struct packet_spec handover_arriving_of(__u8 family, __u32 number, __u32 times);

/* As it leaves to a peer. @mark_says: enum xdplb_handed */
struct packet_spec handover_handed(const struct packet_spec *arrived, int peer, __u32 mark_says);

/* The backend's sockets are in the namespace of the test. */
struct xdplb_mapping handover_mapping(__u8 family, __u8 proto, enum xdplb_restore restore);

/* @tables: of node_setup_owners() */
void handover_open(struct node_setup *node, const struct xdplb_mapping *mapping,
		   const char *const *tables);

#endif
