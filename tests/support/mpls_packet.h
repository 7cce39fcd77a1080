/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * PTP messages and labelled frames for the tests, by their bytes. Knows no map and no program, and shares
 * no code with them.
 */
#ifndef TEST_MPLS_PACKET_H
#define TEST_MPLS_PACKET_H

#include "packet.h"
#include "xdplb/probe.h"

/* What carries a message. */
enum ptp_over {
	PTP_OVER_UDP4,
	PTP_OVER_UDP6,
	PTP_OVER_ETHERNET,
	PTP_OVER_COUNT
};

extern const char *const ptp_over_names[PTP_OVER_COUNT];

#define PTP_LEN 44

/* A message; numbers in host byte order. */
struct ptp_spec {
	enum ptp_over over;
	__u8 type; /* 0 Sync, 1 Delay_Req, 8 Follow_Up, 9 Delay_Resp, 11 Announce ... */
	__u8 version;
	__u8 domain;
	__s64 correction;
	bool no_checksum; /* UDP */
	__u8 ip_options; /* IPv4 */
	__u16 port; /* UDP: 0: the one of the type */
	__u16 cut; /* bytes of the message that are not there */
	__u32 seed; /* of the rest of it */
};

/* A label stack entry. */
struct label {
	__u32 number;
	__u8 tc;
	__u8 ttl;
};

/**
 * ptp_build() - The frame that a PTP socket would send.
 */
void ptp_build(const struct ptp_spec *spec, struct test_packet *ret_packet);

/**
 * mpls_label() - Puts labels in front of what lies behind a frame's Ethernet header, the last with the
 * bottom-of-stack bit; the type becomes MPLS.
 */
void mpls_label(const struct test_packet *in, const struct label *labels, size_t count,
		struct test_packet *ret_packet);

/**
 * mpls_wire() - Puts labels, a control word and a new Ethernet header in front of a whole frame.
 */
void mpls_wire(const struct test_packet *in, const struct label *labels, size_t count, __u32 word,
	       struct test_packet *ret_packet);

/**
 * mpls_labels() - As mpls_label() or mpls_wire(), whatever the message is carried by; a control word as
 * RFC 4448 wants it.
 */
void mpls_labels(enum ptp_over over, const struct test_packet *in, const struct label *labels,
		 size_t count, struct test_packet *ret_packet);

/**
 * mpls_macs() - Gives a frame other addresses.
 */
void mpls_macs(struct test_packet *packet, const __u8 *dest, const __u8 *source);

/**
 * probe_build() - A path probe under labels, the GAL with its TTL 255 behind them. Its mac is computed
 * by libsodium.
 */
void probe_build(const struct xdplb_ach *probe, const struct label *labels, size_t count,
		 const __u8 *key, struct test_packet *ret_packet);

#endif
