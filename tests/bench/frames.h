/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The frames of the bench. Knows no map and no program.
 */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "bench_input.h"

/* The secret of the bench's cluster, known to its programs and to the marks in its frames. */
#define BENCH_KEY0 0x0706050403020100ULL
#define BENCH_KEY1 0x0f0e0d0c0b0a0908ULL

/* An end of a flow, host byte order; the IPv6 address of the same end is 2001:db8::ADDR. */
struct frame_end {
	__u32 addr;
	__u16 port;
};

struct frame_spec {
	__u8 family; /* XDPLB_IPV4 or XDPLB_IPV6 */
	__u8 proto;
	bool syn; /* TCP: a SYN instead of an ACK */
	bool later; /* IPv4: the last fragment of a datagram with identification 0 */
	struct frame_end source;
	struct frame_end dest;
	/* Not 0: the frame carries the mark of an access node that got it for this VIP. */
	struct frame_end marked_for;
	bool ptp; /* UDP over IPv4: a Sync */
	__u32 quic_id; /* UDP: not 0, a short header and a connection id of this server, config 0 */
	__u32 labels[BENCH_PTP_LABELS]; /* in front of it; 0: none */
};

/**
 * frame_addr() - The address of an end as the maps know it.
 */
struct xdplb_addr frame_addr(__u8 family, __u32 addr);

/**
 * frame_build() - An Ethernet frame with correct checksums, filled up to BENCH_FRAME4_LEN or
 * BENCH_FRAME6_LEN bytes; PTP is BENCH_PTP_LEN bytes long, or BENCH_LABELLED_LEN.
 *
 * Return: its length.
 */
size_t frame_build(const struct frame_spec *spec, struct bench_frame *ret_frame);

/**
 * frame_read() - Both ends of a frame that frame_build() has made and a program has rewritten, under
 * its labels if it has any.
 * @encap: bytes between the Ethernet header and the packet, if they are no labels
 */
void frame_read(const __u8 *bytes, __u32 encap, struct frame_end *ret_source,
		struct frame_end *ret_dest);

/**
 * frame_label() - The label on top of a frame; 0: it has none.
 */
__u32 frame_label(const __u8 *bytes);

#endif
