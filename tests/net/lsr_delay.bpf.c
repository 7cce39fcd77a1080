// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Makes labelled frames wait around the programs that are attached: in front of lsr_xdp, as on a longer
 * wire, or between lsr_xdp and lsr_egress, as in a busy node. The shipped programs have no such knob.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_MPLS_UC 0x8847
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

static __always_inline void wait_labelled(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u64 until = bpf_ktime_get_ns() + delay_ns;

	if ((void *)(eth + 1) <= end && eth->h_proto == bpf_htons(ETH_P_MPLS_UC))
		bpf_loop(TURNS, is_over, &until, 0);
}

SEC("xdp")
int wait_in(struct xdp_md *ctx)
{
	wait_labelled(ctx);
	bpf_tail_call(ctx, &behind_in, 0);
	return XDP_ABORTED;
}

SEC("xdp/devmap")
int wait_out(struct xdp_md *ctx)
{
	wait_labelled(ctx);
	bpf_tail_call(ctx, &behind_out, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
