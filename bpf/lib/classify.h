/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Is a packet that leaves a PTP message, and which? Over UDP the port says so, over Ethernet the
 * type; fragments and what is too short for a PTP header are no messages.
 */
#ifndef XDPLB_BPF_CLASSIFY_H
#define XDPLB_BPF_CLASSIFY_H

#include "ptp.h"
#include "skb.h"

struct message {
	struct xdplb_addr peer; /* UDP: destination */
	__u8 peer_mac[6]; /* Ethernet: destination */
	__u8 transport; /* enum xdplb_ptp_transport */
	__u8 class; /* enum xdplb_ptp_class */
	__u8 version;
	__u8 domain;
	__u8 payload; /* enum xdplb_payload */
};

INLINE bool read_message(const struct ptp_message *ptp, void *end, struct message *ret_message)
{
	if (!ptp_fits(ptp, end))
		return false;
	ret_message->version = ptp->version & PTP_NIBBLE;
	ret_message->domain = ptp->domain;
	return true;
}

INLINE bool classify_udp(const struct packet *pkt, struct message *ret_message)
{
	bool v4 = pkt->family == XDPLB_IPV4;

	if (pkt->proto != IPPROTO_UDP)
		return false;
	if (packet_ports(pkt)->dest == bpf_htons(PTP_PORT_EVENT))
		ret_message->class = XDPLB_PTP_EVENT;
	else if (packet_ports(pkt)->dest == bpf_htons(PTP_PORT_GENERAL))
		ret_message->class = XDPLB_PTP_GENERAL;
	else
		return false;
	ret_message->transport = v4 ? XDPLB_PTP_UDP4 : XDPLB_PTP_UDP6;
	ret_message->payload = v4 ? XDPLB_PAYLOAD_IPV4 : XDPLB_PAYLOAD_IPV6;
	read_dest(pkt, &ret_message->peer);
	return read_message(pkt->l4 + sizeof(struct udphdr), pkt->end, ret_message);
}

INLINE bool classify_ethernet(const struct packet *pkt, struct message *ret_message)
{
	const struct ethhdr *eth = pkt->data;
	const struct ptp_message *ptp = (void *)(eth + 1);

	if (!ptp_fits(ptp, pkt->end) || eth->h_proto != bpf_htons(ETH_P_1588))
		return false;
	ret_message->class = (ptp->type & PTP_NIBBLE) <= PTP_EVENT_RESERVED ? XDPLB_PTP_EVENT
									    : XDPLB_PTP_GENERAL;
	ret_message->transport = XDPLB_PTP_ETHERNET;
	ret_message->payload = XDPLB_PAYLOAD_ETHERNET;
	__builtin_memcpy(ret_message->peer_mac, eth->h_dest, sizeof(eth->h_dest));
	return read_message(ptp, pkt->end, ret_message);
}

INLINE bool classify(struct __sk_buff *skb, struct packet *pkt, struct message *ret_message)
{
	switch (parse_skb(skb, pkt)) {
	case PARSED_L4:
		return classify_udp(pkt, ret_message);
	case PARSED_OTHER:
		return classify_ethernet(pkt, ret_message);
	default:
		return false;
	}
}

#endif
