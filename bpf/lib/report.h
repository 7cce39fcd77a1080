/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * ICMP errors that the balancer itself sends, about packets to a VIP that it can't send on (RFC 792,
 * RFC 1191; RFC 4443, section 3). They come from the VIP: an access node may have no address of its own
 * that the client could reach.
 */
#ifndef XDPLB_BPF_REPORT_H
#define XDPLB_BPF_REPORT_H

#include "budget.h"
#include "echo.h"
#include "reset.h"
#include "shape.h"

#define REPORT_TTL    64
#define REPORT_L2_MAX (ETH_HLEN + TAGS_MAX * TAG_LEN)

/* Of the transport header there are so many bytes in a quote: ports, and the sequence number of TCP. */
#define QUOTED_L4_LEN 8
/* All that is summed up: ICMP header, IP headers, transport header. */
#define REPORT_WORDS_MAX ((sizeof(struct icmp_head) + L4_OFFSET_MAX - ETH_HLEN + QUOTED_L4_LEN) / 4)

/* What is read of the packet before its place is written. */
struct report {
	__u8 l2[REPORT_L2_MAX];
	struct xdplb_addr client, vip;
	__u32 quote_len;
	struct icmp_head icmp;
};

INLINE void fill_icmp(struct report *report, __u8 family, __u32 mtu)
{
	report->icmp.rest = bpf_htonl(mtu);
	if (family == XDPLB_IPV4) {
		report->icmp.type = mtu ? ICMP_DEST_UNREACH : ICMP_TIME_EXCEEDED;
		report->icmp.code = mtu ? ICMP_FRAG_NEEDED : 0;
		return;
	}
	report->icmp.type = mtu ? ICMPV6_PKT_TOOBIG : ICMPV6_TIME_EXCEED;
}

INLINE void write_report_ipv4(struct iphdr *ip, const struct report *report)
{
	__u32 words[5] = {
		bpf_htonl(0x45000000 |
			  (sizeof(*ip) + sizeof(struct icmp_head) + report->quote_len)),
		bpf_htonl(0x4000), /* don't fragment */
		bpf_htonl(REPORT_TTL << 24 | IPPROTO_ICMP << 16),
		report->vip.word[0],
		report->client.word[0],
	};
	__u64 sum = 0;

	for (int i = 0; i < 5; i++)
		sum += words[i];
	words[2] |= bpf_htonl((__u16)~bpf_ntohs(fold_sum(sum)));
	__builtin_memcpy(ip, words, sizeof(words));
}

/* Returns the sum of the pseudo header. */
INLINE __u64 write_report_ipv6(struct ipv6hdr *ip, const struct report *report)
{
	__u32 len = sizeof(struct icmp_head) + report->quote_len;
	__u64 sum = bpf_htonl(len) + (__u64)bpf_htonl(IPPROTO_ICMPV6);

	*(__be32 *)ip = bpf_htonl(6 << 28);
	ip->payload_len = bpf_htons(len);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = REPORT_TTL;
	*(struct xdplb_addr *)&ip->saddr = report->vip;
	*(struct xdplb_addr *)&ip->daddr = report->client;
	for (int i = 0; i < 4; i++)
		sum += (__u64)report->vip.word[i] + report->client.word[i];
	return sum;
}

/* The ICMP header, and the checksum from there to the end of the frame. */
INLINE void write_icmp(struct icmp_head *icmp, void *end, const struct report *report, __u64 sum)
{
	const __u32 *words = (const __u32 *)icmp;

	*icmp = report->icmp;
	for (__u32 i = 0; i < REPORT_WORDS_MAX && (void *)(words + i + 1) <= end; i++)
		sum += words[i];
	icmp->check = ~fold_sum(sum);
}

/* The Ethernet header, turned round, and its tags. */
INLINE void write_l2(void *data, const struct report *report, __u32 l2_len)
{
	__builtin_memcpy(data, report->l2, ETH_HLEN);
	swap_macs(data);
	if (l2_len > ETH_HLEN)
		__builtin_memcpy(data + ETH_HLEN, report->l2 + ETH_HLEN, TAG_LEN);
	if (l2_len > ETH_HLEN + TAG_LEN)
		__builtin_memcpy(data + ETH_HLEN + TAG_LEN, report->l2 + ETH_HLEN + TAG_LEN,
				 TAG_LEN);
}

/* Makes room before the packet and cuts it off behind what is quoted. */
INLINE bool make_room(struct xdp_md *ctx, __u32 outer_len, __u32 len)
{
	void *data, *end;

	if (bpf_xdp_adjust_head(ctx, -(int)outer_len))
		return false;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	return !bpf_xdp_adjust_tail(ctx, (int)len - (int)opaque(end - data));
}

INLINE bool write_report(struct xdp_md *ctx, const struct report *report, __u32 l2_len, __u8 family)
{
	__u32 ip_len = family == XDPLB_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	__u32 outer_len = ip_len + sizeof(struct icmp_head);
	void *data, *end, *ip;
	__u64 sum = 0;

	if (!make_room(ctx, outer_len, l2_len + outer_len + report->quote_len))
		return false;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	ip = data + l2_len;
	if (data + REPORT_L2_MAX > end ||
	    ip + sizeof(struct ipv6hdr) + sizeof(struct icmp_head) > end)
		return false;
	write_l2(data, report, l2_len);
	if (family == XDPLB_IPV4)
		write_report_ipv4(ip, report);
	else
		sum = write_report_ipv6(ip, report);
	write_icmp(ip + ip_len, end, report, sum);
	return true;
}

/* Behind a first fragment's header there are its ports, which its sender must see. */
INLINE bool skip_fragment_header(struct packet *pkt, __u64 shape)
{
	if (shape_kind(shape) != PARSED_FRAGMENT || pkt->family == XDPLB_IPV4)
		return true;
	pkt->l4 += sizeof(struct frag_hdr);
	pkt->l4_offset += sizeof(struct frag_hdr);
	return pkt->l4_offset <= L4_OFFSET_MAX;
}

/*
 * Answers a packet to a VIP by "time exceeded", or by "fragmentation needed" or "packet too big" if there
 * is an mtu. VERDICT_DROP: that could not be, for want of a sender or because as many have been sent as
 * may be; counted as what was wrong with the packet.
 */
NOINLINE int report_error(struct xdp_md *ctx, __u64 shape, __u32 mtu)
{
	enum xdplb_drop reason = mtu ? XDPLB_DROP_TOO_BIG : XDPLB_DROP_TTL_EXPIRED;
	struct report report = {};
	struct packet pkt;

	if (!open_shape(ctx, &pkt, shape) || !skip_fragment_header(&pkt, shape))
		return VERDICT_PASS;
	pkt.ours = true;
	if (pkt.data + REPORT_L2_MAX > pkt.end || pkt.l4 + QUOTED_L4_LEN > pkt.end ||
	    !source_answerable(&pkt) || !take_answer(ANSWER_ERROR))
		return refuse(&pkt, reason);
	__builtin_memcpy(report.l2, pkt.data, sizeof(report.l2));
	read_source(&pkt, &report.client);
	read_dest(&pkt, &report.vip);
	report.quote_len = pkt.l4_offset - pkt.l2_len + QUOTED_L4_LEN;
	fill_icmp(&report, pkt.family, mtu);
	if (!write_report(ctx, &report, pkt.l2_len, pkt.family))
		return refuse(&pkt, reason);
	count_event(mtu ? XDPLB_EVENT_TOO_BIG_SENT : XDPLB_EVENT_TIME_EXCEEDED_SENT);
	return VERDICT_TX;
}

#endif
