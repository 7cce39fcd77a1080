// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Both ends of a wire with a balancer at its other end: `generate` sends TCP packets of many flows, `sink`
 * counts what comes back. `reflect` is the least that can stand at the other end.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "pps.h"
#include "tests/bench/bench_reflect.h"

#define ETH_P_IP 0x0800

/* Set before the load. */
const volatile __u32 out_ifindex;
const volatile __u32 flows;

/* What is sent, but for the client, which is 0.0.0.0:0 here. */
struct bench_frame frame;

struct pps_tally tallies[PPS_CPUS] __attribute__((aligned(64)));

static __always_inline struct pps_tally *own_tally(void)
{
	return &tallies[bpf_get_smp_processor_id() & (PPS_CPUS - 1)];
}

/* A checksum of a frame whose words were 0 where `sum` has been put in (RFC 1624). */
static __always_inline __u16 add_to_checksum(__u16 check, __u32 sum)
{
	sum += (__u16)~check;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct bench_client client =
		bench_client_of(bench_random_flow(&own_tally()->random, flows));
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 sum;

	if (data + BENCH_FRAME4_LEN > end)
		return XDP_ABORTED;
	__builtin_memcpy(data, frame.bytes, BENCH_FRAME4_LEN);
	ip->saddr = bpf_htonl(client.addr);
	tcp->source = bpf_htons(client.port);
	sum = (ip->saddr & 0xffff) + (ip->saddr >> 16);
	ip->check = add_to_checksum(ip->check, sum);
	tcp->check = add_to_checksum(tcp->check, sum + tcp->source);
	return bpf_redirect(out_ifindex, 0);
}

SEC("xdp")
int sink(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->protocol != IPPROTO_TCP)
		return XDP_PASS; /* ARP, mapping queries */
	own_tally()->received++;
	return XDP_DROP;
}

SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	return bench_reflect(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
