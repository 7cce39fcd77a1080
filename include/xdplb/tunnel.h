/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What a clock node holds besides mpls.h. The way of a PTP message out:
 *
 *   push_rules (first that matches) -> tunnels (control word: which LSP, up or down) -> lsps
 *
 * and in: a label of mpls.h with XDPLB_OP_DELIVER -> tunnels -> the tunnel's interface, or the stack.
 *
 * Programs: `ptp_push` (TC egress) on the tunnel interfaces, and on each ordinary interface whose PTP is
 * tagged; lsr_xdp on the uplinks; `ptp_deliver` (TC ingress) on the uplinks of tunnels that have an
 * interface.
 *
 * A tunnel's interface is any Ethernet device of the host whose other end nobody listens to (veth, its
 * peer up; dummy). It needs an address and, for unicast PTP over UDP, a neighbour entry for the far end
 * (any MAC; the tunnel carries no ARP). Checksum offload for sending must be off on it and on the veth
 * that is an uplink (ethtool -K DEV tx off).
 */
#ifndef XDPLB_TUNNEL_H
#define XDPLB_TUNNEL_H

#include "mpls.h"

/* Rules that are looked at, one after the other. */
#define XDPLB_PUSH_RULES_MAX 32

enum xdplb_tunnel_state {
	/* Not verified, or failed: PTP in it is dropped and counted, both ways. Nothing falls back
	 * to IP. */
	XDPLB_TUNNEL_DOWN = 0,
	XDPLB_TUNNEL_UP = 1,
};

/*
 * Which LSP carries a tunnel, and whether it does. 8-byte aligned, read and written whole: one store
 * switches both directions of this end. PTP that still comes in by the other LSP is dropped and
 * counted, so that no message takes part in a measurement by another path than its answer.
 */
struct xdplb_tunnel_control {
	__u32 lsp; /* index into `lsps` */
	__u8 state; /* enum xdplb_tunnel_state */
	__u8 backup; /* 0: lsp is the primary one; 1: the backup */
	__u16 generation; /* counts writes; the programs don't read it */
} __attribute__((aligned(8)));
XDPLB_ASSERT_SIZE(struct xdplb_tunnel_control, 8);

/* An element of the array `tunnels`, one cache line. */
struct xdplb_tunnel {
	struct xdplb_tunnel_control control;
	__u32 id; /* the tunnel's number, equal at both ends; not 0 */
	__u32 ifindex; /* what comes out is received on this interface; 0: where it came in */
	__u8 mac[6]; /* of that interface; written as the destination of IP that comes out */
	__u8 reserved[42];
};
XDPLB_ASSERT_SIZE(struct xdplb_tunnel, 64);

/*
 * One direction of a tunnel, as its first node sends it: an element of the array `lsps`. A writer
 * never changes an element that a control word names: it fills a free one, then stores the word.
 *
 * Entries are complete label stack entries as on the wire: label, traffic class, bottom-of-stack bit,
 * TTL, network byte order. The last label says what it carries, so there is one for each payload.
 */
struct xdplb_lsp {
	__be32 stack[XDPLB_LABELS_MAX]; /* outermost first, S 0 */
	__be32 last[XDPLB_PAYLOAD_COUNT]; /* by enum xdplb_payload, S 1; 0: not carried */
	__u32 ifindex; /* the uplink */
	__u8 dmac[6]; /* of the next hop */
	__u8 smac[6]; /* of the uplink */
	__u8 depth; /* entries in stack[], 0 .. XDPLB_LABELS_MAX - 1 */
	__u8 reserved[63];
};
XDPLB_ASSERT_SIZE(struct xdplb_lsp, 128);

enum xdplb_ptp_transport {
	XDPLB_PTP_UDP4 = 1 << 0,
	XDPLB_PTP_UDP6 = 1 << 1,
	XDPLB_PTP_ETHERNET = 1 << 2,
};

enum xdplb_ptp_class {
	XDPLB_PTP_EVENT = 1 << 0, /* stamped on the way: Sync, Delay_Req, Pdelay_Req, Pdelay_Resp */
	XDPLB_PTP_GENERAL = 1 << 1,
};

enum xdplb_push_match {
	XDPLB_PUSH_VERSION = 1 << 0,
	XDPLB_PUSH_DOMAIN = 1 << 1,
	XDPLB_PUSH_PEER = 1 << 2, /* destination address (UDP) or destination MAC (Ethernet) */
	XDPLB_PUSH_INTERFACE = 1 << 3,
};

/* An element of the array `push_rules`. What `match` does not name does not matter. */
struct xdplb_push_rule {
	struct xdplb_addr peer; /* with a bit of UDP4 or UDP6 in transports */
	__u8 peer_mac[6]; /* with ETHERNET in transports */
	__u8 match; /* enum xdplb_push_match */
	__u8 transports; /* enum xdplb_ptp_transport: any of these; 0 matches nothing */
	__u8 classes; /* enum xdplb_ptp_class: any of these; 0 matches nothing */
	__u8 version; /* versionPTP, the low four bits: 2 (1588-2008 and later) */
	__u8 domain; /* domainNumber */
	__u8 reserved;
	__u32 ifindex; /* the interface whose egress it is */
	__u32 tunnel; /* index into `tunnels` */
	__u8 reserved2[28];
};
XDPLB_ASSERT_SIZE(struct xdplb_push_rule, 64);

/* The only element of `push_control`: which rules are live, of two tables in `push_rules`, one from
 * element 0 and one from XDPLB_PUSH_RULES_MAX. 8-byte aligned, read and written whole. */
struct xdplb_push_control {
	__u32 base; /* 0 or XDPLB_PUSH_RULES_MAX */
	__u32 count; /* 0 .. XDPLB_PUSH_RULES_MAX */
} __attribute__((aligned(8)));
XDPLB_ASSERT_SIZE(struct xdplb_push_control, 8);

/*
 * What went through a tunnel, per CPU; the map `tunnel_counters`, same index as `tunnels`. `stamp_*`:
 * whether the socket that sent an event message asked for a hardware or software transmit stamp;
 * unknown where the kernel can't tell (before 6.2). A socket that asks for both counts as hardware.
 */
struct xdplb_tunnel_counters {
	__u64 pushed_event;
	__u64 pushed_general;
	__u64 pushed_bytes; /* as they left, with labels */
	__u64 stamp_hardware;
	__u64 stamp_software;
	__u64 stamp_none;
	__u64 stamp_unknown;
	__u64 push_dropped; /* tunnel down, payload not carried, rewriting refused */
	__u64 popped;
	__u64 popped_bytes; /* as they came in, with labels */
	__u64 pop_dropped; /* tunnel down or not the live LSP */
	__u64 probes; /* probes answered and answers passed to user space */
	__u64 reserved[4];
};
XDPLB_ASSERT_SIZE(struct xdplb_tunnel_counters, 128);

/* In front of a frame on its way from lsr_xdp to ptp_deliver (XDP metadata). */
struct xdplb_delivery {
	__u32 ifindex;
	__u32 magic; /* XDPLB_DELIVERY_MAGIC */
};
XDPLB_ASSERT_SIZE(struct xdplb_delivery, 8);

#define XDPLB_DELIVERY_MAGIC 0x5844454c

#endif
