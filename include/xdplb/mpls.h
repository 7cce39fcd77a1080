/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Label switching: what every node with MPLS interfaces holds, be it a transit node, a clock node at
 * the end of a tunnel, or both. The way of a labelled packet through the maps of lsr_xdp:
 *
 *   ilm (incoming label) -> nhlfes -> lsr_ports, lsr_links          (a label that goes on)
 *                                  -> tunnels (see tunnel.h)        (a label that ends here)
 *
 * lsr_xdp stands on all MPLS interfaces, native wherever the driver can. Names as in RFC 3031: the
 * incoming label map leads to a next hop label forwarding entry.
 *
 * A writer never changes an element of `nhlfes` that a word of `ilm` names: it fills a free one, and
 * then stores the 64-bit word of `ilm` at once. MAC addresses alone are changed in place, when those before
 * lead nowhere any more.
 *
 * The loader sets before load (rodata of lsr_xdp.bpf.c):
 *   ilm_mask       elements of `ilm`, a power of two, less one
 *   node_id        this node in probe answers; unique in the cluster, not 0
 *   probe_key      the cluster's key, as struct xdplb_key
 *   residence      XDPLB_RESIDENCE_*: whether and by which clocks the transparent clock works
 */
#ifndef XDPLB_MPLS_H
#define XDPLB_MPLS_H

#include "types.h"

/* Labels that a packet may carry; a deeper stack is dropped where it is ours. */
#define XDPLB_LABELS_MAX 8

/* The first label that is not reserved (RFC 3032, section 2.1). */
#define XDPLB_LABEL_FIRST 16
#define XDPLB_LABEL_LAST  0xfffff

/* RFC 3032: 0 and 2, explicit null; 1, router alert; 3, implicit null, never on the wire.
 * RFC 5586: 13, the generic associated channel label. */
#define XDPLB_LABEL_IPV4_NULL     0
#define XDPLB_LABEL_ROUTER_ALERT  1
#define XDPLB_LABEL_IPV6_NULL     2
#define XDPLB_LABEL_IMPLICIT_NULL 3
#define XDPLB_LABEL_GAL           13

/* Interfaces that lsr_xdp may stand on: elements of `lsr_ports` and `lsr_links`. */
#define XDPLB_PORTS_MAX 64

/*
 * An element of the array `ilm`: label L stands in element L & ilm_mask, so that a contiguous range of
 * labels that is not longer than the map never collides. 8-byte aligned, read and written whole.
 */
struct xdplb_ilm {
	__u32 label; /* host byte order; 0: the element is free (reserved labels are never here) */
	__u32 nhlfe; /* index into `nhlfes` */
} __attribute__((aligned(8)));
XDPLB_ASSERT_SIZE(struct xdplb_ilm, 8);

/* What becomes of the label on top. */
enum xdplb_label_op {
	/* It is replaced by out[0 .. depth-1], out[0] outermost; depth 1 is a swap, more a push. */
	XDPLB_OP_SWAP = 1,
	/* Penultimate hop: it is taken away and the packet sent on. Under the last label lies what
	 * `payload` says. */
	XDPLB_OP_PHP = 2,
	/* It is taken away and the next label looked at, on this node. */
	XDPLB_OP_POP = 3,
	/* It is the last one of `tunnel`: it is taken away and the payload delivered. */
	XDPLB_OP_DELIVER = 4,
};

/* What lies under the last label. Given by the label, never guessed. */
enum xdplb_payload {
	XDPLB_PAYLOAD_NONE = 0, /* more labels: a label that is never the last one */
	XDPLB_PAYLOAD_IPV4 = 1,
	XDPLB_PAYLOAD_IPV6 = 2,
	XDPLB_PAYLOAD_ETHERNET = 3, /* pseudowire with control word (RFC 4448) */
	XDPLB_PAYLOAD_COUNT
};

enum xdplb_nhlfe_flag {
	/* Nothing but PTP that ptp_tc has pushed runs here: the residence time of event messages is
	 * added to their correctionField. With OP_SWAP and OP_PHP. */
	XDPLB_NHLFE_PTP_ONLY = 1 << 0,
	/* OP_PHP, OP_POP: TTL by the uniform model of RFC 3443. What comes to the top, be it a label
	 * or, after OP_PHP, IP, gets the TTL of the label taken away if that is smaller, less one on
	 * its way out. Else by the pipe model: it keeps its own. (A stack with a label for each
	 * link needs the uniform model, or path probes don't see its nodes.) */
	XDPLB_NHLFE_UNIFORM_TTL = 1 << 1,
	/* OP_DELIVER: the label belongs to the tunnel's backup LSP, else to its primary one. */
	XDPLB_NHLFE_BACKUP = 1 << 2,
};

/*
 * A next hop label forwarding entry, one cache line. Outgoing labels keep the traffic class of the
 * incoming one; TTL and bottom-of-stack bit are the program's.
 */
struct xdplb_nhlfe {
	/* OP_SWAP: labels as they stand in a label stack entry, htonl(label << 12). */
	__be32 out[XDPLB_LABELS_MAX];
	__u8 op; /* enum xdplb_label_op */
	__u8 depth; /* OP_SWAP: labels in out[], 1 .. XDPLB_LABELS_MAX */
	__u8 payload; /* enum xdplb_payload; for OP_PHP and OP_DELIVER */
	__u8 flags; /* enum xdplb_nhlfe_flag */
	__u32 port; /* OP_SWAP, OP_PHP: index into `lsr_ports` */
	__u8 dmac[6]; /* OP_SWAP, OP_PHP: of the next hop */
	__u8 smac[6]; /* and of the interface the packet leaves by */
	__u32 tunnel; /* OP_DELIVER: index into `tunnels` */
	/*
	 * The label, host byte order, by which the neighbour that sends us this one takes the LSP of
	 * the other direction: a probe that ends here is answered with it. XDPLB_LABEL_IMPLICIT_NULL:
	 * that neighbour is the LSP's last node and wants none. 0: none known, probes aren't answered.
	 */
	__u32 reverse_label;
	__u32 reserved;
};
XDPLB_ASSERT_SIZE(struct xdplb_nhlfe, 64);

enum xdplb_link_flag {
	/* All MPLS packets that come in here are ours: an unknown or reserved label is dropped and
	 * counted. Else they pass to the kernel. */
	XDPLB_LINK_OURS_ALONE = 1 << 0,
};

/*
 * An MPLS interface. `lsr_links` (array) and `lsr_ports` (devmap, struct bpf_devmap_val: ifindex and,
 * unless residence time is off, the program lsr_egress) have the same index, the port;
 * `lsr_ingress` (hash) leads from an ifindex to its port.
 */
struct xdplb_lsr_link {
	__u32 ifindex; /* 0: the port is free */
	__u32 link; /* the link's number, unique in the cluster and equal at both of its ends */
	__u32 flags; /* enum xdplb_link_flag */
	__u32 reserved;
};
XDPLB_ASSERT_SIZE(struct xdplb_lsr_link, 16);

/* Packets and bytes, from the Ethernet header on, that came in for an entry, per CPU: the map
 * `nhlfe_traffic`, same index as `nhlfes`. */
struct xdplb_label_traffic {
	__u64 packets;
	__u64 bytes;
};
XDPLB_ASSERT_SIZE(struct xdplb_label_traffic, 16);

/* The transparent clock. Two clocks are never mixed in one subtraction. */
enum xdplb_residence {
	XDPLB_RESIDENCE_OFF = 0,
	/* In and out by the kernel's monotonic clock. */
	XDPLB_RESIDENCE_KERNEL = 1,
	/* lsr_xdp_hw: in by the NIC's stamp where it gives one, out by CLOCK_TAI. Only where the NIC's
	 * clock is kept equal to CLOCK_TAI (phc2sys); a frame without a stamp: as KERNEL. */
	XDPLB_RESIDENCE_PHC_IS_TAI = 2,
};

/* In front of a frame on its way from lsr_xdp to lsr_egress (XDP metadata). */
struct xdplb_stamp {
	__u64 time; /* ns, of the moment the frame was seen */
	__u32 clock; /* enum xdplb_stamp_clock */
	__u32 magic; /* XDPLB_STAMP_MAGIC */
};
XDPLB_ASSERT_SIZE(struct xdplb_stamp, 16);

#define XDPLB_STAMP_MAGIC 0x58545354

enum xdplb_stamp_clock {
	XDPLB_CLOCK_MONOTONIC = 1,
	XDPLB_CLOCK_TAI = 2,
};

#endif
