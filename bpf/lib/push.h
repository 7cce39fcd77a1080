/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A frame at TC egress gets the labels of its tunnel's live LSP and goes to the uplink.
 */
#ifndef XDPLB_BPF_PUSH_H
#define XDPLB_BPF_PUSH_H

#include <bpf/bpf_core_read.h>

#include "classify.h"
#include "mpls.h"
#include "tunnel.h"

/* The most that is written in front of a frame. */
#define PUSH_MAX (ETH_HLEN + XDPLB_LABELS_MAX * LSE_LEN + CW_LEN)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_lsp);
} lsps SEC(".maps");

/* Both since Linux 6.2. */
extern void *bpf_cast_to_kern_ctx(void *obj) __ksym __weak;
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

#define TX_HARDWARE 1 /* SKBTX_HW_TSTAMP: bit 0 in every kernel that has the kfuncs */
#define TX_SOFTWARE 2 /* SKBTX_SW_TSTAMP */

/*
 * Does the kernel let a program look into an skb? libbpf before 1.2 can't tell whether a kfunc is
 * there; but the verifier's own list of them is a kernel type. False makes the calls dead code, which
 * the verifier takes away before it would miss them.
 */
INLINE bool can_see_skb(void)
{
	return bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_cast_to_kern_ctx) &&
	       bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_rdonly_cast);
}

/* Which transmit stamp has the sending socket asked for? The labels change nothing of it: the stamp
 * is taken by the uplink and goes back to that socket. */
INLINE void count_stamp_hint(struct __sk_buff *skb, struct xdplb_tunnel_counters *counters)
{
	struct skb_shared_info *shared;
	struct sk_buff *kernel;

	if (!can_see_skb()) {
		counters->stamp_unknown++;
		return;
	}
	kernel = bpf_cast_to_kern_ctx(skb);
	shared = bpf_rdonly_cast(kernel->head + kernel->end,
				 bpf_core_type_id_kernel(struct skb_shared_info));
	if (shared->tx_flags & TX_HARDWARE)
		counters->stamp_hardware++;
	else if (shared->tx_flags & TX_SOFTWARE)
		counters->stamp_software++;
	else
		counters->stamp_none++;
}

INLINE void count_push(struct __sk_buff *skb, const struct message *message,
		       struct xdplb_tunnel_counters *counters)
{
	counters->pushed_bytes += skb->len;
	count_event(XDPLB_EVENT_PTP_PUSHED);
	if (message->class == XDPLB_PTP_GENERAL) {
		counters->pushed_general++;
		return;
	}
	counters->pushed_event++;
	count_stamp_hint(skb, counters);
}

/* The control word of a frame of `len` bytes: no sequence; a length only where the way may pad what
 * follows the labels to Ethernet's least (RFC 4448, section 4.6). */
INLINE __be32 control_word(__u32 len)
{
	len += CW_LEN;
	return len < CW_LENGTH_LIMIT ? bpf_htonl(len << 16) : 0;
}

/* Room in front, and the labels in it; `last` is the one that says what follows. */
INLINE bool write_labels(struct __sk_buff *skb, const struct xdplb_lsp *lsp, __be32 last,
			 __be32 word, bool ethernet)
{
	__u32 depth = lsp->depth & (XDPLB_LABELS_MAX - 1), len = (depth + 1) * LSE_LEN;
	struct ethhdr *eth;
	__be32 *lse;
	void *end;

	if (ethernet)
		len += ETH_HLEN + CW_LEN; /* the frame stays whole behind the labels */
	if (bpf_skb_change_head(skb, len, 0))
		return false;
	eth = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if ((void *)eth + PUSH_MAX > end)
		return false;
	__builtin_memcpy(eth->h_dest, lsp->dmac, sizeof(eth->h_dest));
	__builtin_memcpy(eth->h_source, lsp->smac, sizeof(eth->h_source));
	eth->h_proto = bpf_htons(ETH_P_MPLS_UC);
	lse = (void *)(eth + 1);
	for (__u32 i = 0; i < XDPLB_LABELS_MAX - 1 && i < depth; i++)
		lse[i] = lsp->stack[i];
	lse += depth;
	if ((void *)(lse + 2) > end)
		return false;
	lse[0] = last;
	if (ethernet)
		lse[1] = word;
	return true;
}

/* NEXT is never said: the frame leaves here, by another interface, or not at all. */
INLINE enum verdict push_labels(struct __sk_buff *skb, struct packet *pkt, __u32 key, __u8 payload)
{
	const struct xdplb_tunnel *tunnel = bpf_map_lookup_elem(&tunnels, &key);
	struct xdplb_tunnel_control control;
	const struct xdplb_lsp *lsp;
	__be32 last;

	if (!tunnel)
		return refuse(pkt, XDPLB_DROP_BAD_TABLE);
	control = read_tunnel_control(tunnel);
	if (control.state != XDPLB_TUNNEL_UP)
		return refuse(pkt, XDPLB_DROP_TUNNEL_DOWN);
	lsp = bpf_map_lookup_elem(&lsps, &control.lsp);
	if (!lsp || lsp->depth >= XDPLB_LABELS_MAX)
		return refuse(pkt, XDPLB_DROP_BAD_TABLE);
	last = lsp->last[payload & (XDPLB_PAYLOAD_COUNT - 1)];
	if (!last)
		return refuse(pkt, XDPLB_DROP_PAYLOAD_NOT_CARRIED);
	if (!write_labels(skb, lsp, last, control_word(skb->len),
			  payload == XDPLB_PAYLOAD_ETHERNET))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	if (lsp->ifindex == skb->ifindex)
		return VERDICT_PASS; /* labelled, it goes on by the interface it is on */
	bpf_redirect(lsp->ifindex, 0);
	return VERDICT_REDIRECT;
}

#endif
