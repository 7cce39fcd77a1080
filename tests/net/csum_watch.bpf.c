// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Stands behind node_tc and looks at packets of which the kernel keeps a sum (CHECKSUM_COMPLETE): is it still theirs?
 * What is summed up is everything from the IP header on. Of those lengths that a handshake has.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define ETH_HLEN      14
#define TC_ACT_UNSPEC (-1)

enum {
	SUMMED,
	WRONG,
	COUNTS,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} csum_counts SEC(".maps");

static __always_inline void count(__u32 what)
{
	__u64 *counter = bpf_map_lookup_elem(&csum_counts, &what);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

static __always_inline __u32 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline void check(struct __sk_buff *skb, __u32 kept, const __u32 len)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__s64 sum;

	if (skb->len != ETH_HLEN + len || data + ETH_HLEN + len > end)
		return;
	count(SUMMED);
	sum = bpf_csum_diff(0, 0, data + ETH_HLEN, len, 0);
	if (sum < 0 || fold(sum) % 0xffff != fold(kept) % 0xffff)
		count(WRONG);
}

SEC("tc")
int csum_watch(struct __sk_buff *skb)
{
	__s64 kept = bpf_csum_update(skb, 0); /* -ENOTSUPP if there is none */

	if (kept < 0 || bpf_skb_pull_data(skb, 0))
		return TC_ACT_UNSPEC;
	check(skb, kept, 40);
	check(skb, kept, 52);
	check(skb, kept, 60);
	check(skb, kept, 72);
	check(skb, kept, 80);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
