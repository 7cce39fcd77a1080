// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The balancer of an access node: VIP:port -> (backend address, tag port), and on towards it.
 * It keeps nothing of a flow; what it does not know passes untouched. A packet's walk is told in
 * bpf/README.md.
 */
#include "lib/echo_fragment.h"
#include "lib/fast.h"
#include "lib/parse.h"
#include "lib/relay.h"
#include "lib/report.h"
#include "lib/serve.h"
#include "lib/serve_fragment.h"
#include "lib/shape.h"

/*
 * Everything but TCP and UDP right behind Ethernet and IP goes by functions of its own, which the
 * verifier checks apart and the usual packet never meets.
 */
NOINLINE __u64 read_shape(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	return find_shape(data, end, end - data);
}

/* A packet without usable ports is ours, and can only be refused, if its destination is a VIP. */
NOINLINE int refuse_shape(struct xdp_md *ctx, __u64 shape, __u32 reason)
{
	struct packet pkt;
	__u32 index;

	if (!open_shape(ctx, &pkt, shape))
		return VERDICT_PASS;
	pkt.ours = find_vip(&pkt, 0, 0, &index);
	return refuse(&pkt, reason);
}

INLINE enum verdict balance_rare(struct xdp_md *ctx)
{
	__u64 shape = read_shape(ctx);
	enum verdict verdict;

	switch (shape_kind(shape)) {
	case PARSED_L4:
		return serve_shape(ctx, shape);
	case PARSED_ICMP:
		verdict = answer_echo(ctx, shape);
		return verdict == VERDICT_NEXT ? relay_error(ctx, shape) : verdict;
	case PARSED_ICMP_FRAGMENT:
		return answer_fragment(ctx, shape);
	case PARSED_FRAGMENT:
		verdict = serve_later_fragment(ctx, shape);
		return verdict == VERDICT_NEXT ? serve_first_fragment(ctx, shape) : verdict;
	case PARSED_TRUNCATED:
		return refuse_shape(ctx, shape, XDPLB_DROP_TRUNCATED);
	case PARSED_EXTENSIONS:
		return refuse_shape(ctx, shape, XDPLB_DROP_EXTENSIONS);
	default:
		return VERDICT_PASS;
	}
}

/* The usual packet; VERDICT_NEXT: it takes the detour, or is none of these (its shape is 0) and balance_rare()'s. */
INLINE enum verdict balance(struct xdp_md *ctx, struct detour *ret_detour)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct packet pkt;

	start_packet(&pkt, data, end, end - data);
	if ((void *)(eth + 1) > end)
		return VERDICT_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP) && parse_usual4(&pkt))
		return balance_usual(ctx, &pkt, pkt.ip4->protocol, ret_detour);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6) && parse_usual6(&pkt))
		return balance_usual(ctx, &pkt, pkt.ip6->nexthdr, ret_detour);
	return VERDICT_NEXT;
}

/* What VERDICT_REPORT wants: here, where nothing else lies on the stack. */
INLINE enum verdict report(struct xdp_md *ctx, __u32 verdict)
{
	return report_error(ctx, read_shape(ctx), verdict >> 8);
}

/* A verdict that is none, as a corrupt one would be, passes. */
INLINE int action_of(enum verdict verdict)
{
	_Static_assert((int)VERDICT_DROP == XDP_DROP && (int)VERDICT_PASS == XDP_PASS &&
			       (int)VERDICT_TX == XDP_TX && (int)VERDICT_REDIRECT == XDP_REDIRECT,
		       "verdicts are other numbers than actions");
	return verdict >= VERDICT_DROP && verdict <= VERDICT_REDIRECT ? (int)verdict : XDP_PASS;
}

SEC("xdp")
int lb_xdp(struct xdp_md *ctx)
{
	struct detour detour = {};
	enum verdict verdict = balance(ctx, &detour);

	/* Constants where they come from, and actions: nothing is asked about them. */
	if (verdict != VERDICT_NEXT)
		return (int)verdict;
	verdict = detour.shape ? take_detour(ctx, &detour) : balance_rare(ctx);
	if (unlikely(verdict >= VERDICT_REPORT))
		verdict = report(ctx, verdict);
	return action_of(verdict);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
