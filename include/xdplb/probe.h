/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The path probe: which nodes, links and labels does an LSP take, asked on the wire. The first node sends
 * it as an associated channel message (RFC 5586) of the LSP, with the labels that PTP gets:
 *
 *   Ethernet 0x8847 | stack[] and last[] of the LSP, S 0 everywhere | GAL, S 1, TTL >= 1 | struct xdplb_ach
 *
 * The TTL of all labels of the LSP is h for hop h. The transit node where it expires (the TTL that comes
 * in is 1) answers PROBE_TRANSIT; the node where the last label ends answers PROBE_END, whatever the
 * TTL, also of a tunnel that is down. Both do it in the datapath: out of the interface by which the
 * probe came in, under nhlfe.reverse_label (TTL 255, traffic class of the question) and return_label,
 * over what is left of the LSP of the other direction. So an answer shows that this LSP leads back.
 *
 * An answer that arrives at the end of its LSP passes lsr_xdp as it is, labels included, if its mac is
 * right. User space receives it from a packet socket (AF_PACKET, SOCK_RAW, protocol ETH_P_MPLS_UC) bound to
 * the uplink, as many programs as like to; each knows its own by session. Questions are sent
 * by the same socket. Nothing is ever passed on to a node's user space that was not authenticated.
 *
 * One question yields one answer as long as itself, so a probe can't be used to amplify.
 */
#ifndef XDPLB_PROBE_H
#define XDPLB_PROBE_H

#include "types.h"

#define XDPLB_PROBE_VERSION 1

/* First word of an associated channel (RFC 5586, section 2.1: nibble 1, version 0), with a channel type
 * out of those for experiments (RFC 7026). Host byte order. */
#define XDPLB_PROBE_CHANNEL 0x10007ff8

enum xdplb_probe_type {
	XDPLB_PROBE_ASK = 1,
	XDPLB_PROBE_TRANSIT = 2, /* the TTL expired here */
	XDPLB_PROBE_END = 3, /* the LSP ends here */
	/* From the agent of one end to that of the other: how its LSPs are. in_label: bit 0, the
	 * primary LSP is whole, bit 1, the backup is. The programs pass it on like an answer. */
	XDPLB_PROBE_STATE = 4,
};

/* What follows the GAL. An answer differs from its question in type, the answering node's words and mac. */
struct xdplb_ach {
	__be32 channel; /* XDPLB_PROBE_CHANNEL */
	__u8 version;
	__u8 type; /* enum xdplb_probe_type */
	__u8 hop; /* the TTL it was sent with */
	__u8 backup; /* 1: of the tunnel's backup LSP */
	__be32 tunnel; /* the tunnel's id */
	__be32 sequence;
	__u64 session; /* random, of the asking program; tells its answers from others' */
	__be64 sent; /* when it was sent, by a clock of the asker; nobody else reads it */
	/* The last label of the LSP that leads back, which the asker delivers by; 0: the LSP has one
	 * label only, the one that each node swaps. Not a label stack entry: the number. */
	__be32 return_label;
	/* Of the answering node; 0 in a question. */
	__be32 node;
	__be32 in_link; /* link it came in by */
	__be32 out_link; /* link it would have gone out by; 0: the LSP ends here */
	__be32 in_label; /* label on top as it came in */
	__be32 out_label; /* and the outermost one it would have left with; 3: taken away; 0: ends */
	/* SipHash-2-4 with the cluster's key (as libsodium's crypto_shorthash) of all that stands
	 * before it, read as 64-bit words of the host's order; all nodes have the same byte order. */
	__u64 mac;
};
XDPLB_ASSERT_SIZE(struct xdplb_ach, 64);

#endif
