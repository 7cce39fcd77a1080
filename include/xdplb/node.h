/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What a service node holds. To the backend: tags (address, tag port) -> mappings. From a backend
 * of a `source` service: endpoints (address, port, protocol) -> flows -> mappings. An address that belongs
 * to a service of many ports has the endpoint (address, port 0, protocol), by which it is found in both
 * directions, whatever the port.
 */
#ifndef XDPLB_NODE_H
#define XDPLB_NODE_H

#include "endpoint.h"

/* The only element of the map `node_control`. */
struct xdplb_node_control {
	struct xdplb_table_ref tags;
	struct xdplb_table_ref endpoints;
	__u32 generation;
	__u32 keeps_ports; /* 1: there are endpoints of port 0 */
	/* The first uplink, by which packets for the node's own addresses come in, and its MAC address; 0: none. */
	__u32 uplink;
	__u8 uplink_mac[6];
	__u8 reserved[30];
};
XDPLB_ASSERT_SIZE(struct xdplb_node_control, 64);

enum __attribute__((packed)) xdplb_restore {
	XDPLB_RESTORE_NONE = 0,
	/* The VIP is local to the backend: only the destination is put back, no state. */
	XDPLB_RESTORE_INTERFACE = 1,
	/* The backend knows no VIP: the flow is noted and the reply's source is put back. */
	XDPLB_RESTORE_SOURCE = 2,
};
XDPLB_ASSERT_SIZE(enum xdplb_restore, 1);

enum __attribute__((packed)) xdplb_mapping_state {
	XDPLB_MAPPING_FREE = 0,
	XDPLB_MAPPING_ACTIVE = 1,
	/* Gone from the file; still restores, its tag given to nobody, until rest_until. */
	XDPLB_MAPPING_RESTING = 2,
};
XDPLB_ASSERT_SIZE(enum xdplb_mapping_state, 1);

/* What a tag port at a backend's address stands for. Immutable while a table or a flow names it,
 * but for state, rest_until, ifindex, succession and netns. */
struct xdplb_mapping {
	struct xdplb_addr vip;
	struct xdplb_addr backend;
	__be16 vport; /* the service's port at the VIP; 0: it has many, and packets keep theirs */
	__be16 tag; /* of a service of many ports: for mapping queries alone */
	__be16 port; /* where the backend listens (source); vport (interface); 0 if vport is */
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 family; /* XDPLB_IPV4 or XDPLB_IPV6 */
	enum xdplb_restore restore;
	enum xdplb_mapping_state state;
	__u16 epoch; /* raised when the index is given to another mapping: old flow notes die */
	/* The interface whose hook restores it: a backend's virtual NIC (host side), or 0: uplinks. */
	__u32 ifindex;
	__u64 rest_until; /* CLOCK_BOOTTIME, nanoseconds */
	__u32 succession; /* index into `successions`, see handover.h; 0: nothing is handed on */
	__s32 netns; /* where the backend's sockets are: see enum xdplb_netns */
};
XDPLB_ASSERT_SIZE(struct xdplb_mapping, 64);

/*
 * The key of a flow note. kind XDPLB_NOTE_REPLY: the flow as the backend sees it, its own address
 * and port, the client's address and the port that stands in the packets. XDPLB_NOTE_REMAP: the flow
 * as it comes from the access node (port is the tag) or directly (port is the backend's own), with
 * the port that the client really has; says which port it was given instead.
 */
struct xdplb_flow_key {
	struct xdplb_addr backend;
	struct xdplb_addr client;
	__be16 port;
	__be16 client_port;
	__u8 proto;
	__u8 family;
	__u8 kind; /* enum xdplb_note_kind */
	__u8 zero;
};
XDPLB_ASSERT_SIZE(struct xdplb_flow_key, 40);

enum xdplb_note_kind {
	XDPLB_NOTE_REPLY = 0,
	XDPLB_NOTE_REMAP = 1,
};

/* mapping of a note that belongs to a client who talks to the backend's own port, past any VIP. */
#define XDPLB_MAPPING_DIRECT 0xffffffffU

/* TCP: the backend has sent what a stack sends in an established connection alone. */
#define XDPLB_FLOW_ESTABLISHED (1U << 0)

/* A flow note: to which VIP the replies of this flow belong. */
struct xdplb_flow {
	__u32 mapping; /* index into `mappings`, or XDPLB_MAPPING_DIRECT */
	__be16 client_port; /* reply note: the one the client has; remap note: the one it was given */
	__u16 epoch; /* of the mapping when the note was made; 0: direct */
	__u32 flags; /* XDPLB_FLOW_ESTABLISHED */
	__u32 reserved;
};
XDPLB_ASSERT_SIZE(struct xdplb_flow, 16);

#endif
