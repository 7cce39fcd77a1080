/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Internet checksums, changed incrementally (RFC 1624, equation 3). A delta is the ones' complement
 * sum of (new + ~old) over the 16-bit words that change, as loaded from the packet.
 */
#ifndef XDPLB_BPF_CSUM_H
#define XDPLB_BPF_CSUM_H

#include "pkt.h"

/* IPv4: a TTL that goes down by one takes 0x0100 from its word: new + ~old is always this. */
#define CSUM_DELTA_TTL bpf_htons(0xfeff)

INLINE __u32 csum_delta16(__u16 old, __u16 new)
{
	return (__u32) new + 0xffff - old;
}

/* `delta` may be a sum of deltas below 2^32. */
INLINE __u16 csum_apply(__u16 sum, __u32 delta)
{
	__u32 s = delta + 0xffff - sum;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return ~s;
}

/* The same of a delta of 16 bits: one carry at most. */
INLINE __u16 csum_apply16(__u16 sum, __u16 delta)
{
	__u32 s = (__u32)(__u16)~sum + delta;

	return ~(s + (s >> 16));
}

/* The transport checksum. A UDP checksum of zero means "none" and stays; one that becomes zero is
 * sent as 0xffff (RFC 768). */
INLINE void csum_apply_l4(struct packet *pkt, __u16 delta)
{
	__u16 sum;

	if (pkt->proto == IPPROTO_TCP) {
		struct tcphdr *tcp = pkt->l4;

		tcp->check = csum_apply16(tcp->check, delta);
		return;
	}
	struct udphdr *udp = pkt->l4;

	if (!udp->check)
		return;
	sum = csum_apply16(udp->check, delta);
	udp->check = sum ? sum : 0xffff;
}

/* A 32-bit delta of an address, for bpf_l4_csum_replace(): sum of new + ~old, folded to 32 bits. */
INLINE __u32 csum_diff_addr(const struct xdplb_addr *old, const struct xdplb_addr *new)
{
	__u64 s = 0;

	for (int i = 0; i < 4; i++)
		s += (__u64) new->word[i] + (__u32)~old->word[i];
	s = (s & 0xffffffff) + (s >> 32);
	return (s & 0xffffffff) + (s >> 32);
}

/* The difference that two words which follow each other make to a checksum. */
INLINE __u32 csum_diff64(__u64 old, __u64 new)
{
	__u64 s = (new & 0xffffffff) + (new >> 32) + (__u32)~old + (__u32) ~(old >> 32);

	s = (s & 0xffffffff) + (s >> 32);
	return (s & 0xffffffff) + (s >> 32);
}

/* Is a sum of words of up to 32 bits zero, as ones' complement? */
INLINE bool csum_is_zero(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff || !sum;
}

INLINE __u32 csum_fold16(__u32 diff)
{
	return (diff & 0xffff) + (diff >> 16);
}

#endif
