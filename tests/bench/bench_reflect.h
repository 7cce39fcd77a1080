/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What any XDP program must do that sends a frame back. For BPF programs alone.
 */
#ifndef BENCH_REFLECT_H
#define BENCH_REFLECT_H

static __always_inline int bench_reflect(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u8 mac[6];

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	__builtin_memcpy(mac, eth->h_dest, sizeof(mac));
	__builtin_memcpy(eth->h_dest, eth->h_source, sizeof(mac));
	__builtin_memcpy(eth->h_source, mac, sizeof(mac));
	return XDP_TX;
}

#endif
