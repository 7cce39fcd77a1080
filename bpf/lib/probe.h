/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Answering a path probe: the frame is turned round where its TTL expires or its LSP ends. The format
 * is told in xdplb/probe.h.
 */
#ifndef XDPLB_BPF_PROBE_H
#define XDPLB_BPF_PROBE_H

#include "hash.h"
#include "mpls.h"
#include "xdplb/probe.h"

/* The answer's labels, at most: the way back's, the last one's, the GAL. */
#define ANSWER_LABELS_MAX 3

/* What a program knows when it meets a probe. */
struct probe_context {
	const volatile __u64 *key;
	__u32 node; /* of this node */
	__u32 ifindex; /* it came in by */
	__u32 lse; /* on top as it came in, host byte order */
	__u32 labels; /* of the frame, the GAL among them; set by find_probe() */
};

/* SipHash-2-4 of a probe, as libsodium's crypto_shorthash computes it. */
INLINE __u64 probe_mac(const volatile __u64 *key, const struct xdplb_ach *probe)
{
	struct sip_state s = sip_start(key[0], key[1]);
	const __u64 *words = (const void *)probe;

	for (__u32 i = 0; i < offsetof(struct xdplb_ach, mac) / sizeof(__u64); i++)
		sip_word(&s, words[i], 2);
	sip_word(&s, (__u64)offsetof(struct xdplb_ach, mac) << 56, 2);
	return sip_finish(&s, 4);
}

/* Is there a probe under the stack, whoever wrote it? Copies it. */
INLINE bool find_probe(void *data, void *end, struct probe_context *probing,
		       struct xdplb_ach *ret_probe)
{
	for (__u32 i = 0; i <= XDPLB_LABELS_MAX; i++) {
		__be32 *lse = lse_at(data, end, i);
		struct xdplb_ach *probe = (void *)(lse + 1);

		if (!lse)
			return false;
		if (!(*lse & bpf_htonl(LSE_BOTTOM)))
			continue;
		if (lse_label(bpf_ntohl(*lse)) != XDPLB_LABEL_GAL || (void *)(probe + 1) > end ||
		    probe->channel != bpf_htonl(XDPLB_PROBE_CHANNEL) ||
		    probe->version != XDPLB_PROBE_VERSION)
			return false;
		__builtin_memcpy(ret_probe, probe, sizeof(*probe));
		probing->labels = i + 1;
		return true;
	}
	return false;
}

/* The answer's labels but for the GAL; an entry is 0 where there is none. */
struct answer_stack {
	__be32 reverse;
	__be32 last;
};

INLINE __be32 answer_lse(__u32 label, __u32 tc, bool wanted)
{
	return wanted ? bpf_htonl(make_lse(label, tc, 0, LSE_TTL)) : 0;
}

/* Writes the answer over the frame, whose head has been moved to fit. */
INLINE bool write_answer(struct xdp_md *ctx, const struct ethhdr *eth,
			 const struct answer_stack *stack, const struct xdplb_ach *answer)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__be32 gal = bpf_htonl(make_lse(XDPLB_LABEL_GAL, 0, LSE_BOTTOM, LSE_TTL));
	__be32 *lse = data + sizeof(*eth);

	if ((void *)(lse + ANSWER_LABELS_MAX) > end)
		return false;
	__builtin_memcpy(data, eth, sizeof(*eth));
	if (stack->reverse)
		*lse++ = stack->reverse;
	if (stack->last)
		*lse++ = stack->last;
	if ((void *)(lse + 1) + sizeof(*answer) > end)
		return false;
	*lse++ = gal;
	__builtin_memcpy(lse, answer, sizeof(*answer));
	return true;
}

/* Turns the frame round with an answer whose type and labels the caller has filled in. */
INLINE enum verdict send_answer(struct xdp_md *ctx, struct packet *pkt,
				const struct probe_context *probing, __u32 reverse,
				struct xdplb_ach *answer)
{
	const struct xdplb_lsr_link *link = ingress_link(probing->ifindex);
	const struct ethhdr *in = pkt->data;
	__u32 last = bpf_ntohl(answer->return_label) & XDPLB_LABEL_LAST, tc = probing->lse & LSE_TC;
	struct answer_stack stack;
	struct ethhdr eth;
	int gone;

	if (!reverse)
		return refuse(pkt, XDPLB_DROP_PROBE_UNANSWERED);
	answer->node = bpf_htonl(probing->node);
	answer->in_link = link ? bpf_htonl(link->link) : 0;
	answer->mac = probe_mac(probing->key, answer);
	__builtin_memcpy(eth.h_dest, in->h_source, sizeof(eth.h_dest));
	__builtin_memcpy(eth.h_source, in->h_dest, sizeof(eth.h_source));
	eth.h_proto = in->h_proto;
	stack.reverse = answer_lse(reverse, tc, reverse != XDPLB_LABEL_IMPLICIT_NULL);
	stack.last = answer_lse(last, tc, last);
	gone = (int)probing->labels - !!stack.reverse - !!stack.last - 1;
	if (bpf_xdp_adjust_head(ctx, gone * (int)LSE_LEN) ||
	    !write_answer(ctx, &eth, &stack, answer))
		return refuse(pkt, XDPLB_DROP_REWRITE);
	count_event(XDPLB_EVENT_PROBE_ANSWERED);
	return VERDICT_TX;
}

#endif
