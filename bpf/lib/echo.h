/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * An ICMP echo request turned into its reply, in place (RFC 792; RFC 4443, section 4).
 */
#ifndef XDPLB_BPF_ECHO_H
#define XDPLB_BPF_ECHO_H

#include "budget.h"
#include "icmp.h"
#include "vip.h"

#define ECHO_TTL 64

/* Are VIPs to be answered for? */
INLINE bool answers_echo(void)
{
	return !*(const volatile __u32 *)&lb_control.no_echo;
}

/* May the packet's sender be answered? */
INLINE bool source_answerable(const struct packet *pkt)
{
	struct xdplb_addr source;

	read_source(pkt, &source);
	return addr_answerable(&source, pkt->family);
}

/*
 * Neither options nor extension headers, which a reply could not just send back.
 * @between: what else may stand between an IPv6 header and l4, in bytes
 */
INLINE bool has_plain_headers(const struct packet *pkt, __u32 between)
{
	if (pkt->family == XDPLB_IPV4)
		return pkt->ip4->ihl == 5;
	return pkt->l4_offset == pkt->l2_len + sizeof(struct ipv6hdr) + between;
}

INLINE bool is_echo_request(const struct packet *pkt, const struct icmp_head *icmp)
{
	return !icmp->code &&
	       icmp->type == (pkt->family == XDPLB_IPV4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST);
}

/* What the first byte of a 16-bit word makes to a checksum when it changes. */
INLINE __u32 csum_delta_first_byte(__u8 old, __u8 new)
{
	return csum_delta16(bpf_htons(old << 8), bpf_htons(new << 8));
}

INLINE void set_type(struct icmp_head *icmp, __u8 type)
{
	icmp->check = csum_apply(icmp->check, csum_delta_first_byte(icmp->type, type));
	icmp->type = type;
	/* A reply of zeros alone: its sum is 0 and not 0xffff, which the increments can't tell apart. */
	if (!icmp->check && !icmp->rest)
		icmp->check = 0xffff;
}

/* Swapped addresses leave every checksum as it is. */
INLINE void turn_headers(struct packet *pkt)
{
	struct xdplb_addr source, dest;

	read_source(pkt, &source);
	read_dest(pkt, &dest);
	set_source(pkt, &dest);
	set_dest(pkt, &source);
	swap_macs(pkt->data);
	if (pkt->family == XDPLB_IPV4) {
		pkt->ip4->check =
			csum_apply(pkt->ip4->check, csum_delta_first_byte(pkt->ip4->ttl, ECHO_TTL));
		pkt->ip4->ttl = ECHO_TTL;
	} else {
		pkt->ip6->hop_limit = ECHO_TTL;
	}
}

INLINE void turn_echo(struct packet *pkt, struct icmp_head *icmp)
{
	turn_headers(pkt);
	set_type(icmp, pkt->family == XDPLB_IPV4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY);
}

#endif
