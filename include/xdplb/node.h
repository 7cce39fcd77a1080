/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What a service node holds. To the backend: tags (address, tag port) -> mappings. From a backend
 * of a `source` service: endpoints (address, port, protocol) -> flows -> mappings.
 */
#ifndef XDPLB_NODE_H
#define XDPLB_NODE_H

#include "endpoint.h"

/* The only element of the map `node_control`. */
struct xdplb_node_control {
	struct xdplb_table_ref tags;
	struct xdplb_table_ref endpoints;
	__u32 generation;
	__u32 reserved[11];
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
	/* Gone from the file; still restores, and its tag is given to nobody, until rest_until. */
	XDPLB_MAPPING_RESTING = 2,
};
XDPLB_ASSERT_SIZE(enum xdplb_mapping_state, 1);

/* What a tag port at a backend's address stands for. Immutable while a table or a flow names it,
 * but for state and rest_until. */
struct xdplb_mapping {
	struct xdplb_addr vip;
	struct xdplb_addr backend;
	__be16 vport; /* the service's port at the VIP */
	__be16 tag;
	__be16 port;  /* where the backend listens (source); vport (interface) */
	__u8 proto;   /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 family;  /* XDPLB_IPV4 or XDPLB_IPV6 */
	enum xdplb_restore restore;
	enum xdplb_mapping_state state;
	__u16 reserved;
	/* The interface whose hook restores it: a backend's virtual NIC (host side), or 0: uplinks. */
	__u32 ifindex;
	__u64 rest_until; /* CLOCK_BOOTTIME, nanoseconds */
	__u64 reserved2;
};
XDPLB_ASSERT_SIZE(struct xdplb_mapping, 64);

/*
 * The key of a flow note, as the backend sees the flow: its own address and port, the client's
 * address and port. A note under the tag port instead of the backend's port says which client
 * port a remapped flow has been given.
 */
struct xdplb_flow_key {
	struct xdplb_addr backend;
	struct xdplb_addr client;
	__be16 port;
	__be16 client_port;
	__u8 proto;
	__u8 family;
	__u16 zero;
};
XDPLB_ASSERT_SIZE(struct xdplb_flow_key, 40);

/* mapping of a note that belongs to a client who talks to the backend's own port, past any VIP. */
#define XDPLB_MAPPING_DIRECT 0xffffffffU

enum xdplb_flow_flag {
	XDPLB_FLOW_FIN_CLIENT = 1 << 0,
	XDPLB_FLOW_FIN_BACKEND = 1 << 1,
	XDPLB_FLOW_RST = 1 << 2,
};

/* A flow note: to which VIP the replies of this flow belong. */
struct xdplb_flow {
	__u32 mapping;	    /* index into `mappings`, or XDPLB_MAPPING_DIRECT */
	__be16 client_port; /* reply note: the port the client really has;
			     * remap note (under the tag): the port given to it */
	__u16 flags;	    /* enum xdplb_flow_flag */
};
XDPLB_ASSERT_SIZE(struct xdplb_flow, 8);

#endif
