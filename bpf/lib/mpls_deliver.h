/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Where an LSP ends: the stack is taken away, and what lies under it goes to the tunnel's interface
 * (ptp_deliver does the last step) or to the stack. What it is, the label has said.
 */
#ifndef XDPLB_BPF_MPLS_DELIVER_H
#define XDPLB_BPF_MPLS_DELIVER_H

#include "mpls.h"
#include "ptp.h"
#include "tunnel.h"

/* The last label of an LSP. */
struct ending {
	__u32 labels; /* entries up to and with it */
	__u32 tunnel; /* index into `tunnels` */
	__u8 payload; /* enum xdplb_payload */
	bool backup;
};

INLINE __be16 ip_ethertype(__u8 payload)
{
	return payload == XDPLB_PAYLOAD_IPV4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
}

/* Does the IP header that the label promises follow after `labels` entries? */
INLINE bool ip_follows(const struct packet *pkt, __u32 labels, __u8 payload)
{
	struct iphdr *ip4 = pkt->data + ETH_HLEN + labels * LSE_LEN;
	struct ipv6hdr *ip6 = (void *)ip4;

	if (payload == XDPLB_PAYLOAD_IPV4)
		return (void *)(ip4 + 1) <= pkt->end && ip4->version == 4;
	return payload == XDPLB_PAYLOAD_IPV6 && (void *)(ip6 + 1) <= pkt->end && ip6->version == 6;
}

/* An Ethernet frame behind its control word (RFC 4448): `excess` is padding that the way has added. */
INLINE bool read_control_word(const struct packet *pkt, __u32 labels, __u32 *ret_excess)
{
	__be32 *wire = pkt->data + ETH_HLEN + labels * LSE_LEN;
	__u32 length, there, word;

	if ((void *)(wire + 1) + ETH_HLEN > pkt->end)
		return false;
	word = bpf_ntohl(*wire);
	there = pkt->end - (void *)wire;
	length = CW_LENGTH(word);
	if (word & (CW_NIBBLE | CW_FRAGMENT))
		return false;
	*ret_excess = 0;
	if (!length)
		return true;
	if (length > there || length < CW_LEN + ETH_HLEN)
		return false;
	*ret_excess = there - length;
	return true;
}

INLINE enum verdict strip_ethernet(struct xdp_md *ctx, struct packet *pkt, __u32 labels)
{
	__u32 excess;

	if (!read_control_word(pkt, labels, &excess))
		return refuse(pkt, XDPLB_DROP_MPLS_MALFORMED);
	if ((excess && bpf_xdp_adjust_tail(ctx, -(int)excess)) ||
	    bpf_xdp_adjust_head(ctx, ETH_HLEN + labels * LSE_LEN + CW_LEN))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	return VERDICT_NEXT;
}

/* Tells ptp_deliver, at TC ingress, which interface the frame is for. */
INLINE bool address_frame(struct xdp_md *ctx, __u32 ifindex)
{
	struct xdplb_delivery *meta;

	if (!make_meta(ctx, sizeof(*meta)))
		return false;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return false;
	meta->ifindex = ifindex;
	meta->magic = XDPLB_DELIVERY_MAGIC;
	return true;
}

/* An explicit null at the bottom: IP for this node's stack. */
INLINE enum verdict deliver_null(struct xdp_md *ctx, struct packet *pkt, __u32 labels, __u8 payload)
{
	if (!ip_follows(pkt, labels, payload))
		return refuse(pkt, XDPLB_DROP_MPLS_MALFORMED);
	if (!move_head(ctx, pkt, labels, ip_ethertype(payload)))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	return VERDICT_PASS;
}

/* Only the live LSP of a tunnel that is up carries PTP. */
INLINE enum verdict refuse_idle(struct packet *pkt, const struct xdplb_tunnel *tunnel,
				const struct ending *ending, struct xdplb_tunnel_counters *counters)
{
	struct xdplb_tunnel_control control = read_tunnel_control(tunnel);

	if (likely(control.state == XDPLB_TUNNEL_UP && !control.backup == !ending->backup))
		return VERDICT_NEXT;
	counters->pop_dropped++;
	return refuse(pkt, control.state == XDPLB_TUNNEL_UP ? XDPLB_DROP_LSP_NOT_LIVE
							    : XDPLB_DROP_TUNNEL_DOWN);
}

INLINE enum verdict strip_payload(struct xdp_md *ctx, struct packet *pkt,
				  const struct xdplb_tunnel *tunnel, const struct ending *ending)
{
	struct ethhdr *eth;

	if (ending->payload == XDPLB_PAYLOAD_ETHERNET)
		return strip_ethernet(ctx, pkt, ending->labels);
	if (!ip_follows(pkt, ending->labels, ending->payload))
		return refuse(pkt, XDPLB_DROP_MPLS_MALFORMED);
	if (!move_head(ctx, pkt, ending->labels, ip_ethertype(ending->payload)))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	eth = pkt->data;
	if (tunnel->ifindex)
		__builtin_memcpy(eth->h_dest, tunnel->mac, sizeof(eth->h_dest));
	return VERDICT_NEXT;
}

INLINE enum verdict deliver(struct xdp_md *ctx, struct packet *pkt, const struct ending *ending)
{
	__u32 key = ending->tunnel;
	struct xdplb_tunnel *tunnel = bpf_map_lookup_elem(&tunnels, &key);
	struct xdplb_tunnel_counters *counters = bpf_map_lookup_elem(&tunnel_counters, &key);
	__u64 len = pkt->end - pkt->data;
	enum verdict verdict;

	if (!tunnel || !counters)
		return refuse(pkt, XDPLB_DROP_BAD_TABLE);
	verdict = refuse_idle(pkt, tunnel, ending, counters);
	if (verdict != VERDICT_NEXT)
		return verdict;
	verdict = strip_payload(ctx, pkt, tunnel, ending);
	if (verdict != VERDICT_NEXT)
		return verdict;
	if (tunnel->ifindex && !address_frame(ctx, tunnel->ifindex))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	counters->popped++;
	counters->popped_bytes += len;
	count_event(XDPLB_EVENT_PTP_POPPED);
	return VERDICT_PASS;
}

/* A path probe at the end of an LSP, and what became of it. */
INLINE enum verdict count_probe(const struct ending *ending, enum verdict verdict)
{
	__u32 key = ending->tunnel;
	struct xdplb_tunnel_counters *counters = bpf_map_lookup_elem(&tunnel_counters, &key);

	if (counters && verdict != VERDICT_DROP)
		counters->probes++;
	return verdict;
}

#endif
