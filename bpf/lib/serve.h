/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A packet for a service: found by its VIP, sent to the member that its flow's hash picks. The road
 * that nearly all packets take; headers are somebody else's to find.
 */
#ifndef XDPLB_BPF_SERVE_H
#define XDPLB_BPF_SERVE_H

#include "acl.h"
#include "cache.h"
#include "dnat.h"
#include "keys.h"
#include "limit.h"
#include "nexthop.h"
#include "quic.h"
#include "reset.h"
#include "select.h"
#include "vip.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_traffic);
} member_traffic SEC(".maps");

/* The flow hash of a client's packet, under the cluster's key. */
INLINE __u64 hash_flow(const struct packet *pkt)
{
	const struct ports *ports = packet_ports(pkt);
	__u64 word = flow_word(ports->source, ports->dest, pkt->proto, pkt->family);

	if (pkt->family == XDPLB_IPV4)
		return flow_hash4(flow_key, pkt->ip4->saddr, pkt->ip4->daddr, word);
	return flow_hash6(flow_key, addr_words(&pkt->ip6->saddr), addr_words(&pkt->ip6->daddr),
			  word);
}

NOINLINE __u64 hash_addresses(const struct xdplb_addr *client, const struct xdplb_addr *vip,
			      __u32 family)
{
	if (!client || !vip)
		return 0;
	return source_hash(flow_key, client->word, vip->word, family);
}

/* Of a client's packet; apart, since the fast path has no room for addresses on its stack. */
NOINLINE __u64 hash_client(struct xdp_md *ctx, __u64 shape)
{
	struct xdplb_addr client, vip;
	struct packet pkt;

	if (!open_shape(ctx, &pkt, shape))
		return 0;
	read_source(&pkt, &client);
	read_dest(&pkt, &vip);
	return hash_addresses(&client, &vip, pkt.family);
}

/* What picks the bucket, and every later owner: the flow's hash, unless the service keeps together what
 * comes from one address. */
INLINE __u64 bucket_hash(struct xdp_md *ctx, const struct xdplb_service *service,
			 const struct packet *pkt, __u64 hash)
{
	if (likely(!(service->flags & XDPLB_SERVICE_BY_SOURCE)))
		return hash;
	return hash_client(ctx, pack_shape(pkt, PARSED_L4));
}

/* Is the client one that the service does not serve? */
INLINE bool is_denied(struct xdp_md *ctx, const struct xdplb_service *service,
		      const struct packet *pkt, __u32 index)
{
	__u32 flags = service->flags;

	if (likely(!(flags & XDPLB_SERVICE_SOURCES)))
		return false;
	return source_denied(ctx, pack_shape(pkt, PARSED_L4), index, flags);
}

INLINE void count_traffic(const struct packet *pkt, const __u32 *index)
{
	struct xdplb_traffic *traffic = bpf_map_lookup_elem(&member_traffic, index);

	if (!traffic)
		return;
	traffic->packets++;
	traffic->bytes += pkt->end - pkt->data;
}

/* Of TCP a SYN; UDP flows are counted where they are remembered. */
INLINE void count_opening(const struct packet *pkt, const __u32 *index)
{
	if (unlikely(pkt->proto == IPPROTO_TCP && opens_flow(pkt)))
		count_new_flow(index);
}

/* Has the client opened more flows than the service lets one open? */
INLINE bool opens_too_many(struct xdp_md *ctx, const struct xdplb_service *service,
			   const struct packet *pkt, __u32 index, __u64 hash)
{
	if (likely(!(service->flags & XDPLB_SERVICE_LIMIT)) || !opens_flow(pkt))
		return false;
	return over_limit(ctx, pack_shape(pkt, PARSED_L4), index, hash);
}

/* Writes the Ethernet header and says which interface the packet leaves by. */
INLINE enum verdict send_packet(struct xdp_md *ctx, struct packet *pkt,
				const struct xdplb_nexthop *nexthop)
{
	/* Both addresses follow each other here and there: two words instead of six halves. */
	__u64 *first = pkt->data;
	__u32 *last = pkt->data + sizeof(*first);

	*first = *(const __u64 *)nexthop->dmac;
	*last = *(const __u32 *)(nexthop->dmac + sizeof(*first));
	if (nexthop->ifindex == ctx->ingress_ifindex)
		return VERDICT_TX;
	bpf_redirect(nexthop->ifindex, 0);
	return VERDICT_REDIRECT;
}

/* A packet that has been rewritten for a member leaves, by find_nexthop()'s verdict. */
INLINE enum verdict finish_packet(struct xdp_md *ctx, struct packet *pkt,
				  const struct choice *choice, enum verdict verdict)
{
	count_traffic(pkt, &choice->index);
	if (verdict == VERDICT_PASS)
		return leave_to_kernel(); /* which forwards, and takes its one from the TTL */
	decrement_ttl(pkt);
	return send_packet(ctx, pkt, &choice->member->nexthop);
}

/* May the kernel cut the packet, or fragment, into smaller ones? */
INLINE bool may_be_cut(const struct packet *pkt)
{
	return pkt->family == XDPLB_IPV4 && !(pkt->ip4->frag_off & bpf_htons(IP_DF));
}

/* What is to be said of a packet that is too big; another CPU may just have found out that it is not. */
INLINE enum verdict report_length(const struct packet *pkt, const struct xdplb_member *member)
{
	__u32 mtu = *(volatile const __u16 *)&member->mtu;

	return mtu ? VERDICT_REPORT | mtu << 8 : refuse(pkt, XDPLB_DROP_TOO_BIG);
}

/* No member can be used. TCP is reset where the service says so. */
INLINE enum verdict refuse_unserved(struct xdp_md *ctx, struct packet *pkt,
				    const struct xdplb_service *service, enum xdplb_drop reason)
{
	if (service->flags & XDPLB_SERVICE_RESET_IF_DOWN && pkt->proto == IPPROTO_TCP &&
	    answer_reset(ctx, pkt->l2_len, pkt->l4_offset, pkt->family) == VERDICT_TX)
		return VERDICT_TX;
	return refuse(pkt, reason);
}

/*
 * A packet longer than the way to its member lets through. The kernel may cut it into fragments if its
 * sender does not forbid it; their mark is that of fragments. Else the sender is told.
 */
NOINLINE int serve_oversized(struct xdp_md *ctx, __u64 shape, __u32 index, __u64 hash)
{
	struct xdplb_member *member = bpf_map_lookup_elem(&members, &index);
	struct packet pkt;

	if (!member || !open_shape(ctx, &pkt, shape) || parse_l4(&pkt) != PARSED_L4)
		return VERDICT_PASS;
	pkt.ours = true;
	if (!may_be_cut(&pkt))
		return report_length(&pkt, member);
	if (!holds_fragment_mark(&pkt))
		return refuse(&pkt, XDPLB_DROP_TOO_BIG);
	count_opening(&pkt, &index);
	dnat_first(&pkt, member, hash);
	count_traffic(&pkt, &index);
	return leave_to_kernel();
}

/* By its connection id, where the service says so. */
INLINE bool pick_quic_member(struct xdp_md *ctx, const struct packet *pkt,
			     const struct xdplb_service *service, __u32 index,
			     struct choice *ret_choice)
{
	if (likely(!(service->flags & XDPLB_SERVICE_QUIC)))
		return false;
	ret_choice->index = quic_member(ctx, pack_shape(pkt, PARSED_L4), index);
	ret_choice->member = bpf_map_lookup_elem(&members, &ret_choice->index);
	return ret_choice->member;
}

/* A packet for the service with this index. */
INLINE enum verdict serve_packet(struct xdp_md *ctx, struct packet *pkt, __u32 index)
{
	struct xdplb_service *service = bpf_map_lookup_elem(&services, &index);
	struct choice choice;
	enum verdict verdict;
	__u64 hash;

	if (!service)
		return refuse(pkt, XDPLB_DROP_BAD_TABLE);
	if (unlikely(is_denied(ctx, service, pkt, index)))
		return refuse(pkt, XDPLB_DROP_SOURCE_DENIED);
	if (unlikely(ttl_expired(pkt)))
		return VERDICT_REPORT;
	hash = hash_flow(pkt);
	if (!pick_quic_member(ctx, pkt, service, index, &choice)) {
		if (unlikely(opens_too_many(ctx, service, pkt, index, hash)))
			return refuse(pkt, XDPLB_DROP_SOURCE_LIMIT);
		pick_or_recall(service, index, hash, bucket_hash(ctx, service, pkt, hash),
			       packet_asks(pkt), &choice);
	}
	if (unlikely(!choice.member))
		return refuse_unserved(ctx, pkt, service, choice.reason);
	verdict = find_nexthop(ctx, pkt, choice.member);
	if (verdict == VERDICT_DROP)
		return verdict;
	if (unlikely(too_big(pkt, choice.member)))
		return serve_oversized(ctx, pack_shape(pkt, PARSED_L4), choice.index, hash);
	count_opening(pkt, &choice.index);
	dnat_packet(pkt, choice.member, hash, member_port(choice.member, packet_ports(pkt)->dest),
		    false);
	return finish_packet(ctx, pkt, &choice, verdict);
}

#endif
