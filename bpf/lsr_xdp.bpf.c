// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A label switching router: swaps, pops and sends on what is labelled, hands what ends here to its
 * tunnel's interface, answers path probes. With lsr_egress it is a one-step transparent clock for
 * labels that carry nothing but PTP. What is not MPLS passes untouched. A packet's walk is told in
 * bpf/README.md.
 */
#include "lib/mpls_deliver.h"
#include "lib/mpls.h"
#include "lib/probe.h"
#include "lib/residence.h"

/* Set by the loader before the program is loaded; see xdplb/mpls.h. */
const volatile __u32 ilm_mask;
const volatile __u32 node_id;
const volatile __u64 probe_key[2];
const volatile __u32 residence;

/* Ports by which frames leave, each with lsr_egress as its program unless residence time is off. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, XDPLB_PORTS_MAX);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} lsr_ports SEC(".maps");

/* The label that decides, and what was met above it. */
struct walk {
	__u32 lse; /* host byte order */
	__u32 index; /* of that entry in the stack: so many were popped */
	__u32 cap; /* the TTL counts as at most this: uniform model, label popped above */
	__u32 nhlfe; /* its index */
	const struct xdplb_nhlfe *entry;
};

/* An unknown or reserved label is ours where all are. */
INLINE enum verdict refuse_label(struct xdp_md *ctx, struct packet *pkt, enum xdplb_drop reason)
{
	const struct xdplb_lsr_link *link;

	if (!pkt->ours) {
		link = ingress_link(ctx->ingress_ifindex);
		pkt->ours = link && link->flags & XDPLB_LINK_OURS_ALONE;
	}
	return refuse(pkt, reason);
}

INLINE struct probe_context probing_of(const struct xdp_md *ctx, const struct walk *walk)
{
	return (struct probe_context){
		.key = probe_key,
		.node = node_id,
		.ifindex = ctx->ingress_ifindex,
		.lse = walk->lse,
	};
}

/* The outermost label that a packet would leave with. */
INLINE __be32 out_label(const struct xdplb_nhlfe *entry)
{
	if (entry->op == XDPLB_OP_PHP)
		return bpf_htonl(XDPLB_LABEL_IMPLICIT_NULL);
	return bpf_htonl(lse_label(bpf_ntohl(entry->out[0])));
}

/* The TTL is used up: dropped, unless it is a question where that is. */
INLINE enum verdict expire(struct xdp_md *ctx, struct packet *pkt, const struct walk *walk)
{
	struct probe_context probing = probing_of(ctx, walk);
	const struct xdplb_lsr_link *out;
	struct xdplb_ach probe;
	__u32 port = walk->entry->port;

	if (!find_probe(pkt->data, pkt->end, &probing, &probe) || probe.type != XDPLB_PROBE_ASK)
		return refuse(pkt, XDPLB_DROP_MPLS_TTL_EXPIRED);
	if (probe.mac != probe_mac(probe_key, &probe))
		return refuse(pkt, XDPLB_DROP_PROBE_FORGED);
	out = bpf_map_lookup_elem(&lsr_links, &port);
	probe.type = XDPLB_PROBE_TRANSIT;
	probe.out_link = out ? bpf_htonl(out->link) : 0;
	probe.in_label = bpf_htonl(lse_label(walk->lse));
	probe.out_label = out_label(walk->entry);
	return send_answer(ctx, pkt, &probing, walk->entry->reverse_label, &probe);
}

/* A channel message at the end of its LSP: a question is answered, an answer is user space's. */
INLINE enum verdict end_probe(struct xdp_md *ctx, struct packet *pkt, const struct walk *walk,
			      __u32 reverse)
{
	struct probe_context probing = probing_of(ctx, walk);
	struct xdplb_ach probe;

	if (!find_probe(pkt->data, pkt->end, &probing, &probe))
		return refuse(pkt, XDPLB_DROP_MPLS_MALFORMED);
	if (probe.mac != probe_mac(probe_key, &probe))
		return refuse(pkt, XDPLB_DROP_PROBE_FORGED);
	if (probe.type != XDPLB_PROBE_ASK) {
		count_event(XDPLB_EVENT_PROBE_PASSED);
		return VERDICT_PASS;
	}
	probe.type = XDPLB_PROBE_END;
	probe.out_link = 0;
	probe.in_label = bpf_htonl(lse_label(walk->lse));
	probe.out_label = 0;
	return send_answer(ctx, pkt, &probing, reverse, &probe);
}

INLINE enum verdict send_out(struct xdp_md *ctx, struct packet *pkt,
			     const struct xdplb_nhlfe *entry, bool bound)
{
	struct ethhdr *eth = pkt->data;
	struct xdplb_stamp stamp;

	__builtin_memcpy(eth->h_dest, entry->dmac, sizeof(eth->h_dest));
	__builtin_memcpy(eth->h_source, entry->smac, sizeof(eth->h_source));
	if (entry->flags & XDPLB_NHLFE_PTP_ONLY && residence != XDPLB_RESIDENCE_OFF) {
		take_stamp(ctx, bound, residence, &stamp);
		stamp_frame(ctx, &stamp);
	} else {
		drop_meta(ctx); /* lsr_egress would take it for ours */
	}
	if (bpf_redirect_map(&lsr_ports, entry->port, XDP_DROP) != XDP_REDIRECT)
		return refuse(pkt, XDPLB_DROP_BAD_TABLE);
	return VERDICT_REDIRECT;
}

INLINE enum verdict swap_label(struct xdp_md *ctx, struct packet *pkt, const struct walk *walk,
			       __u32 ttl, bool bound)
{
	const struct xdplb_nhlfe *entry = walk->entry;
	__u32 keep = (walk->lse & LSE_TC) | ttl, bottom = walk->lse & LSE_BOTTOM;
	int gone = (int)walk->index + 1 - entry->depth;

	if (!entry->depth || entry->depth > XDPLB_LABELS_MAX)
		return refuse(pkt, XDPLB_DROP_BAD_TABLE);
	if (gone && !move_head(ctx, pkt, gone, bpf_htons(ETH_P_MPLS_UC)))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	for (__u32 i = 0; i < XDPLB_LABELS_MAX && i < entry->depth; i++) {
		__be32 *lse = lse_at(pkt->data, pkt->end, i);
		bool last = i + 1 == entry->depth;

		if (!lse)
			return refuse(pkt, XDPLB_DROP_MPLS_MALFORMED);
		*lse = entry->out[i] | bpf_htonl(last ? keep | bottom : keep);
	}
	return send_out(ctx, pkt, entry, bound);
}

/* Uniform model: what comes to the top has no more TTL than was left above it. */
INLINE void cap_ttl(struct packet *pkt, __be16 proto, __u32 ttl)
{
	struct iphdr *ip4 = pkt->data + ETH_HLEN;
	struct ipv6hdr *ip6 = pkt->data + ETH_HLEN;
	__be32 *lse = pkt->data + ETH_HLEN;

	if (proto == bpf_htons(ETH_P_MPLS_UC) && (void *)(lse + 1) <= pkt->end) {
		if ((bpf_ntohl(*lse) & LSE_TTL) > ttl)
			*lse = (*lse & ~bpf_htonl(LSE_TTL)) | bpf_htonl(ttl);
	} else if (proto == bpf_htons(ETH_P_IP) && (void *)(ip4 + 1) <= pkt->end) {
		if (ip4->ttl > ttl) {
			ip4->check = csum_apply(ip4->check, csum_delta16(bpf_htons(ip4->ttl << 8),
									 bpf_htons(ttl << 8)));
			ip4->ttl = ttl;
		}
	} else if (proto == bpf_htons(ETH_P_IPV6) && (void *)(ip6 + 1) <= pkt->end) {
		if (ip6->hop_limit > ttl)
			ip6->hop_limit = ttl;
	}
}

INLINE enum verdict pop_penultimate(struct xdp_md *ctx, struct packet *pkt, const struct walk *walk,
				    __u32 ttl, bool bound)
{
	const struct xdplb_nhlfe *entry = walk->entry;
	__be16 proto = bpf_htons(ETH_P_MPLS_UC);

	if (walk->lse & LSE_BOTTOM) {
		if (!ip_follows(pkt, walk->index + 1, entry->payload))
			return refuse(pkt, XDPLB_DROP_MPLS_MALFORMED);
		proto = ip_ethertype(entry->payload);
	} else if (!lse_at(pkt->data, pkt->end, walk->index + 1)) {
		return refuse(pkt, XDPLB_DROP_MPLS_MALFORMED);
	}
	if (!move_head(ctx, pkt, walk->index + 1, proto))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	if (entry->flags & XDPLB_NHLFE_UNIFORM_TTL)
		cap_ttl(pkt, proto, ttl);
	return send_out(ctx, pkt, entry, bound);
}

/* The label goes on to another node. */
INLINE enum verdict forward(struct xdp_md *ctx, struct packet *pkt, const struct walk *walk,
			    bool bound)
{
	__u32 ttl = walk->lse & LSE_TTL;

	if (ttl > walk->cap)
		ttl = walk->cap;
	if (ttl <= 1)
		return expire(ctx, pkt, walk);
	if (walk->entry->op == XDPLB_OP_SWAP)
		return swap_label(ctx, pkt, walk, ttl - 1, bound);
	return pop_penultimate(ctx, pkt, walk, ttl - 1, bound);
}

/* A label of RFC 3032 or 5586 on top. NEXT: it is popped and the next one counts. */
INLINE enum verdict reserved_label(struct xdp_md *ctx, struct packet *pkt, const struct walk *walk)
{
	__u32 label = lse_label(walk->lse);

	switch (label) {
	case XDPLB_LABEL_IPV4_NULL:
	case XDPLB_LABEL_IPV6_NULL:
		if (!(walk->lse & LSE_BOTTOM))
			return VERDICT_NEXT; /* RFC 4182 allows it above others */
		pkt->ours = true;
		return deliver_null(ctx, pkt, walk->index + 1,
				    label ? XDPLB_PAYLOAD_IPV6 : XDPLB_PAYLOAD_IPV4);
	case XDPLB_LABEL_ROUTER_ALERT:
		count_event(XDPLB_EVENT_ROUTER_ALERT);
		return VERDICT_PASS;
	case XDPLB_LABEL_GAL: {
		struct probe_context probing = probing_of(ctx, walk);
		struct xdplb_ach probe;

		/* Behind a penultimate pop, or another's channel on this link. */
		if (!find_probe(pkt->data, pkt->end, &probing, &probe))
			return VERDICT_PASS;
		pkt->ours = true;
		return end_probe(ctx, pkt, walk, 0);
	}
	default:
		return refuse_label(ctx, pkt, XDPLB_DROP_MPLS_RESERVED_LABEL);
	}
}

/* Looks at the entry number `index`. NEXT: it is popped; else walk->entry says what is to be done, or a
 * verdict has been reached. */
INLINE enum verdict look_at_label(struct xdp_md *ctx, struct packet *pkt, struct walk *walk)
{
	__be32 *wire = lse_at(pkt->data, pkt->end, walk->index);
	__u32 ttl;

	walk->entry = NULL;
	if (!wire)
		return refuse_label(ctx, pkt, XDPLB_DROP_MPLS_MALFORMED);
	walk->lse = bpf_ntohl(*wire);
	if (unlikely(lse_label(walk->lse) < XDPLB_LABEL_FIRST))
		return reserved_label(ctx, pkt, walk);
	walk->entry = find_nhlfe(lse_label(walk->lse), ilm_mask, &walk->nhlfe);
	if (unlikely(!walk->entry))
		return refuse_label(ctx, pkt, XDPLB_DROP_MPLS_UNKNOWN_LABEL);
	pkt->ours = true;
	ttl = walk->lse & LSE_TTL;
	if (unlikely(!ttl))
		return refuse(pkt, XDPLB_DROP_MPLS_TTL_EXPIRED);
	count_label(pkt, walk->nhlfe);
	if (likely(walk->entry->op != XDPLB_OP_POP))
		return VERDICT_NEXT;
	if (walk->lse & LSE_BOTTOM)
		return refuse(pkt, XDPLB_DROP_MPLS_MALFORMED);
	if (walk->entry->flags & XDPLB_NHLFE_UNIFORM_TTL && ttl < walk->cap)
		walk->cap = ttl;
	walk->entry = NULL;
	return VERDICT_NEXT;
}

INLINE enum verdict end_label(struct xdp_md *ctx, struct packet *pkt, const struct walk *walk)
{
	const struct xdplb_nhlfe *entry = walk->entry;
	struct ending ending = {
		.labels = walk->index + 1,
		.tunnel = entry->tunnel,
		.payload = entry->payload,
		.backup = !!(entry->flags & XDPLB_NHLFE_BACKUP),
	};

	if (walk->lse & LSE_BOTTOM)
		return deliver(ctx, pkt, &ending);
	return count_probe(&ending, end_probe(ctx, pkt, walk, entry->reverse_label));
}

INLINE enum verdict switch_labels(struct xdp_md *ctx, bool bound)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct packet pkt = { .data = data, .end = end };
	struct walk walk = { .cap = LSE_TTL };
	struct ethhdr *eth = data;
	enum verdict verdict;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_MPLS_UC))
		return VERDICT_PASS;
	for (walk.index = 0; walk.index < XDPLB_LABELS_MAX; walk.index++) {
		verdict = look_at_label(ctx, &pkt, &walk);
		if (verdict != VERDICT_NEXT)
			return verdict;
		if (walk.entry)
			break;
	}
	if (!walk.entry)
		return refuse_label(ctx, &pkt, XDPLB_DROP_MPLS_TOO_DEEP);
	switch (walk.entry->op) {
	case XDPLB_OP_SWAP:
	case XDPLB_OP_PHP:
		return forward(ctx, &pkt, &walk, bound);
	case XDPLB_OP_DELIVER:
		return end_label(ctx, &pkt, &walk);
	default:
		return refuse(&pkt, XDPLB_DROP_BAD_TABLE);
	}
}

INLINE int xdp_action(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DROP:
		return XDP_DROP;
	case VERDICT_TX:
		return XDP_TX;
	case VERDICT_REDIRECT:
		return XDP_REDIRECT;
	default:
		return XDP_PASS;
	}
}

SEC("xdp")
int lsr_xdp(struct xdp_md *ctx)
{
	return xdp_action(switch_labels(ctx, false));
}

/* The same, bound to a NIC (BPF_F_XDP_DEV_BOUND_ONLY): only such a program may ask it for stamps. */
SEC("?xdp")
int lsr_xdp_hw(struct xdp_md *ctx)
{
	return xdp_action(switch_labels(ctx, true));
}

/* Run by the devmap for each frame that lsr_xdp has redirected. */
SEC("xdp/devmap")
int lsr_egress(struct xdp_md *ctx)
{
	correct_frame(ctx);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
