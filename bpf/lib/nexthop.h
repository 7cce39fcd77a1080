/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The way to a member: from its entry while that is fresh, else from the kernel's routes and
 * neighbours, which are then kept in the entry.
 */
#ifndef XDPLB_BPF_NEXTHOP_H
#define XDPLB_BPF_NEXTHOP_H

#include "shape.h"
#include "xdplb/access.h"

/* How long a learned next hop is used before the kernel is asked again, in jiffies. */
const volatile __u64 nexthop_lifetime = 250;

/*
 * The interfaces that lb_xdp stands on, by index. Frames are redirected to these alone: a device
 * without XDP of its own (a bridge, a VLAN, many a NIC) drops what is redirected to it, silently. A way
 * that leaves by another device is the kernel's to take.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XDPLB_INTERFACES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} interfaces SEC(".maps");

INLINE void keep_nexthop(struct xdplb_member *member, const struct bpf_fib_lookup *fib)
{
	struct xdplb_nexthop *nexthop = &member->nexthop;
	volatile __u64 *expires = &nexthop->expires;

	*expires = 0;
	barrier();
	__builtin_memcpy(nexthop->dmac, fib->dmac, sizeof(nexthop->dmac));
	__builtin_memcpy(nexthop->smac, fib->smac, sizeof(nexthop->smac));
	nexthop->ifindex = fib->ifindex;
	member->mtu = fib->mtu_result;
	barrier();
	*expires = bpf_jiffies64() + nexthop_lifetime;
	count_event(XDPLB_EVENT_NEXTHOP_LEARNED);
}

INLINE void fill_fib_params(struct bpf_fib_lookup *fib, const struct packet *pkt,
			    const struct xdplb_member *member)
{
	fib->l4_protocol = pkt->proto;
	fib->tot_len = 1; /* asks for the MTU, and is not beyond it */
	fib->sport = packet_ports(pkt)->source;
	fib->dport = member->tag;
	if (pkt->family == XDPLB_IPV4) {
		fib->family = AF_INET;
		fib->tos = pkt->ip4->tos;
		fib->ipv4_src = pkt->ip4->saddr;
		fib->ipv4_dst = member->addr.word[0];
		return;
	}
	fib->family = AF_INET6;
	fib->flowinfo = *(__be32 *)pkt->ip6 & bpf_htonl(0x0fffffff);
	__builtin_memcpy(fib->ipv6_src, &pkt->ip6->saddr, sizeof(fib->ipv6_src));
	__builtin_memcpy(fib->ipv6_dst, &member->addr, sizeof(fib->ipv6_dst));
}

INLINE bool open_shape(struct xdp_md *ctx, struct packet *pkt, __u64 shape)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	return open_packet(pkt, data, end, end - data, shape);
}

INLINE enum verdict leave_to_kernel(void)
{
	count_event(XDPLB_EVENT_LEFT_TO_KERNEL);
	return VERDICT_PASS;
}

/* How long a packet the way lets through that the kernel will take; 0: not known. CPUs share it. */
INLINE void keep_mtu(struct xdplb_member *member, __u16 mtu)
{
	if (member->mtu != mtu)
		member->mtu = mtu;
}

/*
 * Asks the kernel for the way to a member, for a packet of ours that has this shape. Apart from the
 * fast path, whose stack it would fill.
 */
NOINLINE int learn_nexthop(struct xdp_md *ctx, struct xdplb_member *member, __u64 shape)
{
	struct bpf_fib_lookup fib = {};
	struct packet pkt;

	if (!member || !open_shape(ctx, &pkt, shape) || pkt.l4 + sizeof(struct ports) > pkt.end)
		return VERDICT_PASS;
	pkt.ours = true;
	fib.ifindex = ctx->ingress_ifindex;
	fill_fib_params(&fib, &pkt, member);
	switch (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		if (!bpf_map_lookup_elem(&interfaces, &fib.ifindex)) {
			keep_mtu(member, fib.mtu_result);
			return VERDICT_PASS;
		}
		keep_nexthop(member, &fib);
		return VERDICT_NEXT;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return refuse(&pkt, XDPLB_DROP_NO_ROUTE);
	default:
		keep_mtu(member, 0);
		return VERDICT_PASS;
	}
}

/* Is the packet longer than the way to the member lets through? Where that is not known (0), never. */
INLINE bool too_big(const struct packet *pkt, const struct xdplb_member *member)
{
	/* opaque(): the verifier takes differences of pointers in whole registers only */
	__u64 len = opaque(pkt->end - pkt->data) - pkt->l2_len;

	return len - 1 > (__u64)member->mtu - 1;
}

/*
 * A tagged frame keeps its tags, which mean something on the wire it came in by only: where the way
 * leads elsewhere (another port, a VLAN device) the kernel takes it.
 */
INLINE bool leaves_its_vlan(const struct xdp_md *ctx, const struct packet *pkt,
			    const struct xdplb_nexthop *nexthop)
{
	return pkt->l2_len != ETH_HLEN && nexthop->ifindex != ctx->ingress_ifindex;
}

/*
 * VERDICT_NEXT: member->nexthop may be used. VERDICT_PASS: the kernel must forward the packet, since
 * it knows no neighbour yet, or the backend is local. VERDICT_DROP: counted. In any case member->mtu is
 * that of the way, or 0.
 */
INLINE enum verdict find_nexthop(struct xdp_md *ctx, const struct packet *pkt,
				 struct xdplb_member *member)
{
	enum verdict verdict;

	if (unlikely(*(volatile __u64 *)&member->nexthop.expires <= bpf_jiffies64())) {
		verdict = learn_nexthop(ctx, member, pack_shape(pkt, PARSED_L4));
		if (verdict != VERDICT_NEXT)
			return verdict;
	}
	return leaves_its_vlan(ctx, pkt, &member->nexthop) ? VERDICT_PASS : VERDICT_NEXT;
}

#endif
