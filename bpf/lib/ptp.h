/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * PTP messages (IEEE 1588-2019): the common header of clause 13.3, over UDP (annexes C and D) and
 * over Ethernet (annex E). Reads only.
 */
#ifndef XDPLB_BPF_PTP_H
#define XDPLB_BPF_PTP_H

#include "csum.h"
#include "xdplb/tunnel.h"

#define ETH_P_1588 0x88f7

#define PTP_PORT_EVENT   319
#define PTP_PORT_GENERAL 320

/* The low four bits of the first and second byte; messages 0 .. 3 are defined event messages, up to 7
 * they would be. */
#define PTP_NIBBLE         0x0f
#define PTP_EVENT_LAST     3
#define PTP_EVENT_RESERVED 7

#define PTP_VERSION 2

struct ptp_message {
	__u8 type; /* majorSdoId, messageType */
	__u8 version; /* minorVersionPTP, versionPTP */
	__be16 length;
	__u8 domain;
	__u8 minor_sdo;
	__be16 flags;
	__be64 correction; /* ns * 2^16, signed */
	__u8 rest[18];
} __attribute__((packed));
XDPLB_ASSERT_SIZE(struct ptp_message, 34);

/* First word of an Ethernet pseudowire (RFC 4448, section 4.6), host byte order. */
#define CW_NIBBLE       0xf0000000U
#define CW_FRAGMENT     0x00c00000U
#define CW_LENGTH(word) ((word) >> 16 & 0x3f)
#define CW_LEN          sizeof(__be32)
#define CW_LENGTH_LIMIT 64

/* A message found in a frame. */
struct ptp_place {
	struct ptp_message *message; /* can be read and written whole */
	__sum16 *check; /* UDP's; NULL over Ethernet */
};

INLINE bool ptp_fits(const struct ptp_message *message, void *end)
{
	return (void *)(message + 1) <= end;
}

INLINE bool find_ptp_udp(struct udphdr *udp, void *end, struct ptp_place *ret_place)
{
	struct ptp_message *message = (void *)(udp + 1);

	if (!ptp_fits(message, end) || udp->dest != bpf_htons(PTP_PORT_EVENT) ||
	    bpf_ntohs(udp->len) < sizeof(*udp) + sizeof(*message))
		return false;
	ret_place->message = message;
	ret_place->check = &udp->check;
	return true;
}

INLINE bool find_ptp_ip4(struct iphdr *ip, void *end, struct ptp_place *ret_place)
{
	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5 ||
	    ip->protocol != IPPROTO_UDP || ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))
		return false;
	return find_ptp_udp((void *)ip + ip->ihl * 4, end, ret_place);
}

INLINE bool find_ptp_ip6(struct ipv6hdr *ip, void *end, struct ptp_place *ret_place)
{
	if ((void *)(ip + 1) > end || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
		return false;
	return find_ptp_udp((void *)(ip + 1), end, ret_place);
}

INLINE bool find_ptp_ethernet(struct ethhdr *eth, void *end, struct ptp_place *ret_place)
{
	struct ptp_message *message = (void *)(eth + 1);

	if (!ptp_fits(message, end) || eth->h_proto != bpf_htons(ETH_P_1588))
		return false;
	ret_place->message = message;
	ret_place->check = NULL;
	return true;
}

INLINE bool is_event(const struct ptp_message *message)
{
	return (message->type & PTP_NIBBLE) <= PTP_EVENT_LAST &&
	       (message->version & PTP_NIBBLE) == PTP_VERSION;
}

#endif
