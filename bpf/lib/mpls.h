/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Label stack entries (RFC 3032, section 2.1) as they lie in a frame, and the maps that say what a
 * label means. Decides nothing.
 */
#ifndef XDPLB_BPF_MPLS_H
#define XDPLB_BPF_MPLS_H

#include "csum.h"
#include "xdplb/mpls.h"

#define ETH_P_MPLS_UC 0x8847

/* Parts of an entry, host byte order. */
#define LSE_LABEL_SHIFT 12
#define LSE_TC          0xe00U
#define LSE_BOTTOM      0x100U
#define LSE_TTL         0xffU

#define LSE_LEN sizeof(__be32)

/* Elements of ilm, nhlfes and nhlfe_traffic are set by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_ilm);
} ilm SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_nhlfe);
} nhlfes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_label_traffic);
} nhlfe_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, XDPLB_PORTS_MAX);
	__type(key, __u32);
	__type(value, struct xdplb_lsr_link);
} lsr_links SEC(".maps");

/* ifindex -> port. Looked at for probes and for labels that are not ours only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XDPLB_PORTS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} lsr_ingress SEC(".maps");

INLINE __u32 lse_label(__u32 lse)
{
	return lse >> LSE_LABEL_SHIFT;
}

INLINE __u32 make_lse(__u32 label, __u32 tc, __u32 bottom, __u32 ttl)
{
	return label << LSE_LABEL_SHIFT | tc | bottom | ttl;
}

/* The entry number `index` of a labelled frame, 0 on top; NULL: the frame ends before. */
INLINE __be32 *lse_at(void *data, void *end, __u32 index)
{
	__be32 *lse = data + ETH_HLEN + index * LSE_LEN;

	return (void *)(lse + 1) > end ? NULL : lse;
}

/* What is installed for a label; *ret_index is its index. NULL: nothing. */
INLINE struct xdplb_nhlfe *find_nhlfe(__u32 label, __u32 mask, __u32 *ret_index)
{
	__u32 slot = label & mask, index;
	struct xdplb_ilm *entry = bpf_map_lookup_elem(&ilm, &slot);
	__u64 word;

	if (!entry)
		return NULL;
	word = *(const volatile __u64 *)entry; /* struct xdplb_ilm of one moment */
	if ((__u32)word != label)
		return NULL;
	index = word >> 32;
	*ret_index = index;
	return bpf_map_lookup_elem(&nhlfes, &index);
}

/* The link that a frame came in by; NULL: not one of ours. */
INLINE struct xdplb_lsr_link *ingress_link(__u32 ifindex)
{
	__u32 *port = bpf_map_lookup_elem(&lsr_ingress, &ifindex);

	return port ? bpf_map_lookup_elem(&lsr_links, port) : NULL;
}

INLINE void count_label(const struct packet *pkt, __u32 index)
{
	struct xdplb_label_traffic *traffic = bpf_map_lookup_elem(&nhlfe_traffic, &index);

	if (!traffic)
		return;
	traffic->packets++;
	traffic->bytes += pkt->end - pkt->data;
}

/* Takes away `labels` entries, which may be less than none; the Ethernet header stays in front, with
 * another type. Re-derives the packet's pointers. */
INLINE bool move_head(struct xdp_md *ctx, struct packet *pkt, int labels, __be16 proto)
{
	struct ethhdr eth = *(struct ethhdr *)pkt->data;

	if (labels && bpf_xdp_adjust_head(ctx, labels * (int)LSE_LEN))
		return false;
	pkt->data = (void *)(long)ctx->data;
	pkt->end = (void *)(long)ctx->data_end;
	if (pkt->data + sizeof(eth) > pkt->end)
		return false;
	eth.h_proto = proto;
	*(struct ethhdr *)pkt->data = eth;
	return true;
}

/*
 * Metadata of `size` bytes in front of the frame, and nothing else: a veth hands on what the node before
 * has put there, which would add up until the kernel allows no more. False: the driver has no room for any.
 */
INLINE bool make_meta(struct xdp_md *ctx, int size)
{
	long there = (long)ctx->data - (long)ctx->data_meta;

	return !bpf_xdp_adjust_meta(ctx, (int)there - size);
}

/* What the node before has put there is not ours. */
INLINE void drop_meta(struct xdp_md *ctx)
{
	if ((long)ctx->data - (long)ctx->data_meta > 0)
		make_meta(ctx, 0);
}

#endif
