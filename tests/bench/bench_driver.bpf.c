// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Driver programs: BPF_PROG_TEST_RUN runs a program many times over one frame and restores nothing
 * in between. So a driver runs instead, which writes the frame anew and then tail-calls the program
 * under test, or a target that does nothing, whose time is subtracted. README.md tells the method.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bench_input.h"
#include "bench_reflect.h"
#include "xdplb/mpls.h"

#define INLINE    static __always_inline
#define TC_ACT_OK 0
#define ETH_P_IP  0x0800

/* Offsets in 32-bit words behind the first two bytes of a frame. */
#define WORD_SADDR4 6
#define WORD_DADDR4 7
#define WORD_PORTS4 8
#define WORD_SADDR6 8 /* the last of four */
#define WORD_PORTS6 13

struct bench_input input;

/* Lookups of lru_ref that found nothing: there must be none. */
__u64 lru_misses;

/* Slot 0: the target. One map for each hook, for the kernel lets no two types share one. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} xdp_target SEC(".maps"), tc_target SEC(".maps");

/* The reference: the value is the verdict. User space sets max_entries. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct bench_tuple);
	__type(value, __u32);
} lru SEC(".maps");

INLINE __u32 next_flow(void)
{
	return input.flows ? bench_random_flow(&input.random, input.flows) : input.sequence++;
}

INLINE void copy_frame(void *data, __u32 len)
{
	const __u32 *from = (const __u32 *)(input.frame.bytes + 2);
	__u32 *to = data + 2;

	*(volatile __u16 *)data = *(__u16 *)input.frame.bytes;
#pragma unroll
	for (__u32 i = 0; i < (len - 2) / 4; i++)
		*(volatile __u32 *)&to[i] = from[i];
}

INLINE __u32 put_client(void *data, __u32 saddr_word, __u32 ports_word)
{
	__u32 number = next_flow();
	struct bench_client client = bench_client_of(number);
	volatile __u32 *words = data + 2;

	words[saddr_word] = bpf_htonl(client.addr);
	words[ports_word] = bpf_htons(client.port) | (__u32)input.dport << 16;
	return number;
}

INLINE bool drive(void *data, void *end, __u32 len)
{
	if (data + len > end)
		return false;
	copy_frame(data, len);
	return true;
}

INLINE int drive4(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (drive(data, end, BENCH_FRAME4_LEN))
		bpf_tail_call(ctx, &xdp_target, 0);
	return XDP_ABORTED;
}

INLINE int drive4_flows(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (drive(data, end, BENCH_FRAME4_LEN)) {
		put_client(data, WORD_SADDR4, WORD_PORTS4);
		bpf_tail_call(ctx, &xdp_target, 0);
	}
	return XDP_ABORTED;
}

INLINE int drive4_services(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (drive(data, end, BENCH_FRAME4_LEN)) {
		volatile __u32 *words = data + 2;
		__u32 number = put_client(data, WORD_SADDR4, WORD_PORTS4);

		words[WORD_DADDR4] =
			bpf_htonl(input.vip + bench_service_of(number, input.services));
		bpf_tail_call(ctx, &xdp_target, 0);
	}
	return XDP_ABORTED;
}

INLINE int drive6_flows(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (drive(data, end, BENCH_FRAME6_LEN)) {
		put_client(data, WORD_SADDR6, WORD_PORTS6);
		bpf_tail_call(ctx, &xdp_target, 0);
	}
	return XDP_ABORTED;
}

/* A target that encapsulates leaves the frame longer, and its head room shorter: both are given back.
 * The floor is measured with the same call, by 0 bytes. */
#define DRIVER(name)                                       \
	SEC("xdp")                                         \
	int drive_xdp##name(struct xdp_md *ctx)            \
	{                                                  \
		return drive##name(ctx);                   \
	}                                                  \
	SEC("xdp")                                         \
	int drive_encap##name(struct xdp_md *ctx)          \
	{                                                  \
		if (bpf_xdp_adjust_head(ctx, input.encap)) \
			return XDP_ABORTED;                \
		return drive##name(ctx);                   \
	}

DRIVER(4)
DRIVER(4_flows)
DRIVER(4_services)
DRIVER(6_flows)

SEC("tc")
int drive_tc4(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (drive(data, end, BENCH_FRAME4_LEN))
		bpf_tail_call(skb, &tc_target, 0);
	return -2; /* no TC verdict at all: the bench refuses it */
}

/* Metadata of the last repeat goes, `size` bytes are made; what was taken from the front comes back. */
INLINE bool restore_xdp(struct xdp_md *ctx, int size)
{
	long there = (long)ctx->data - (long)ctx->data_meta;
	long len = (long)ctx->data_end - (long)ctx->data;

	if (bpf_xdp_adjust_meta(ctx, there - size))
		return false;
	return len >= BENCH_LABELLED_LEN + BENCH_POP_ROOM / 2 ||
	       !bpf_xdp_adjust_head(ctx, -(BENCH_POP_ROOM / 2));
}

SEC("xdp")
int drive_mpls(struct xdp_md *ctx)
{
	if (!restore_xdp(ctx, 0))
		return XDP_ABORTED;
	if (drive((void *)(long)ctx->data, (void *)(long)ctx->data_end, BENCH_LABELLED_LEN))
		bpf_tail_call(ctx, &xdp_target, 0);
	return XDP_ABORTED;
}

/* Frames as they come to the devmap's program, with their stamp in front. */
SEC("xdp")
int drive_egress(struct xdp_md *ctx)
{
	struct xdplb_stamp *stamp;

	if (!restore_xdp(ctx, sizeof(*stamp)))
		return XDP_ABORTED;
	stamp = (void *)(long)ctx->data_meta;
	if ((void *)(stamp + 1) > (void *)(long)ctx->data)
		return XDP_ABORTED;
	stamp->time = input.stamp;
	stamp->clock = XDPLB_CLOCK_MONOTONIC;
	stamp->magic = XDPLB_STAMP_MAGIC;
	if (drive((void *)(long)ctx->data, (void *)(long)ctx->data_end, BENCH_LABELLED_LEN))
		bpf_tail_call(ctx, &xdp_target, 0);
	return XDP_ABORTED;
}

/* Once for each skb: what it has more than a frame becomes room in front, since the target takes some
 * at each repeat and nothing can give it back at no cost. */
INLINE bool make_headroom(struct __sk_buff *skb)
{
	if (skb->mark)
		return true;
	skb->mark = 1;
	return !bpf_skb_change_head(skb, BENCH_PUSH_ROOM, 0) &&
	       !bpf_skb_adjust_room(skb, -BENCH_PUSH_ROOM, BPF_ADJ_ROOM_MAC, 0) &&
	       !bpf_skb_change_tail(skb, BENCH_PTP_LEN, 0);
}

SEC("tc")
int drive_push(struct __sk_buff *skb)
{
	if (!make_headroom(skb))
		return -2;
	if (drive((void *)(long)skb->data, (void *)(long)skb->data_end, BENCH_PTP_LEN))
		bpf_tail_call(skb, &tc_target, 0);
	return -2;
}

/* The floor: what any program must do that sends a packet back. */
SEC("xdp")
int noop_xdp(struct xdp_md *ctx)
{
	return bench_reflect(ctx);
}

SEC("tc")
int noop_tc(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_OK;
}

/* What a balancer pays at the least that keeps its flows in an LRU map. */
SEC("xdp")
int lru_ref(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct bench_tuple tuple = {};
	struct tcphdr *tcp;
	__u32 *verdict;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl < 5)
		return XDP_PASS;
	tcp = (void *)ip + ip->ihl * 4;
	if (ip->protocol != IPPROTO_TCP || (void *)(tcp + 1) > end)
		return XDP_PASS;
	tuple.saddr = ip->saddr;
	tuple.daddr = ip->daddr;
	tuple.ports = *(__u32 *)tcp; /* in one piece, as the hash will read it */
	tuple.proto = IPPROTO_TCP;
	verdict = bpf_map_lookup_elem(&lru, &tuple);
	if (!verdict) {
		lru_misses++;
		return XDP_DROP;
	}
	return *verdict;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
