// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Makes labelled frames and PTP event messages over plain IP wait around the programs that are attached: in
 * front of lsr_xdp, as on a longer wire, or between lsr_xdp and lsr_egress, as in a busy node. The shipped
 * programs have no such knob.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IP      0x0800
#define ETH_P_IPV6    0x86dd
#define ETH_P_MPLS_UC 0x8847
#define PTP_EVENT     319
#define TURNS         (1 << 22)

const volatile __u32 delay_ns;

/* Slot 0: the program that goes on; empty: nobody does. One map for each hook. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} behind_in SEC(".maps"), behind_out SEC(".maps");

static long is_over(__u32 turn, __u64 *end)
{
	return bpf_ktime_get_ns() >= *end;
}

static __always_inline bool is_event(const struct udphdr *udp, const void *end)
{
	return (const void *)(udp + 1) <= end && udp->dest == bpf_htons(PTP_EVENT);
}

/* ptp4l sends neither IP options nor extension headers. */
static __always_inline bool waits(const void *data, const void *end)
{
	const struct ethhdr *eth = data;
	const struct ipv6hdr *ip6 = (const void *)(eth + 1);
	const struct iphdr *ip4 = (const void *)(eth + 1);

	if ((const void *)(ip4 + 1) > end)
		return false;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return ip4->protocol == IPPROTO_UDP && is_event((const void *)(ip4 + 1), end);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6) && (const void *)(ip6 + 1) <= end)
		return ip6->nexthdr == IPPROTO_UDP && is_event((const void *)(ip6 + 1), end);
	return eth->h_proto == bpf_htons(ETH_P_MPLS_UC);
}

static __always_inline void wait_if_due(struct xdp_md *ctx)
{
	__u64 until = bpf_ktime_get_ns() + delay_ns;

	if (waits((void *)(long)ctx->data, (void *)(long)ctx->data_end))
		bpf_loop(TURNS, is_over, &until, 0);
}

SEC("xdp")
int wait_in(struct xdp_md *ctx)
{
	wait_if_due(ctx);
	bpf_tail_call(ctx, &behind_in, 0);
	return XDP_ABORTED;
}

SEC("xdp/devmap")
int wait_out(struct xdp_md *ctx)
{
	wait_if_due(ctx);
	bpf_tail_call(ctx, &behind_out, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
