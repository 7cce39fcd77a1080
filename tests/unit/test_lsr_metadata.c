// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lsr_xdp: what metadata it leaves in front of a frame, whatever was there.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <string.h>

#include "mpls_world.h"

TestSuite(lsr_metadata);

#define IN 100

/* Length of the metadata that lsr_xdp leaves in front of a frame that comes in with `there` bytes of it. */
static size_t meta_after(const struct mpls_world *world, const struct test_packet *in, size_t there,
			 int *ret_verdict)
{
	struct test_packet out, packet = *in;
	struct xdp_md ctx = { .data = there, .data_end = in->len + there, .ingress_ifindex = 1 };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet.data,
			    .data_size_in = in->len + there, .data_out = out.data,
			    .data_size_out = sizeof(out.data), .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .ctx_out = &ctx,
			    .ctx_size_out = sizeof(ctx), .repeat = 1);

	memmove(packet.data + there, packet.data, in->len);
	memset(packet.data, 0x5a, there);
	cr_assert_eq(bpf_prog_test_run_opts(bpf_program__fd(world->prog), &opts), 0);
	*ret_verdict = opts.retval;
	return ctx.data;
}

/* A veth hands on the metadata of the node before: it neither adds up nor is taken for this node's. */
Test(lsr_metadata, of_others_goes)
{
	struct xdplb_nhlfe swap = { .op = XDPLB_OP_SWAP, .depth = 1, .out = { mpls_out(IN) } };
	struct xdplb_nhlfe end = { .op = XDPLB_OP_DELIVER, .payload = XDPLB_PAYLOAD_IPV4 };
	static const struct {
		__u32 label;
		size_t meta;
		int verdict;
	} ways[] = { { IN, 0, XDP_REDIRECT },
		     { IN + 1, sizeof(struct xdplb_stamp), XDP_REDIRECT },
		     { IN + 2, sizeof(struct xdplb_delivery), XDP_PASS } };
	struct ptp_spec ptp = { .version = 2 };
	struct mpls_world world;

	mpls_world_open(&world, XDPLB_RESIDENCE_KERNEL);
	mpls_world_label(&world, IN, &swap);
	swap.flags = XDPLB_NHLFE_PTP_ONLY;
	mpls_world_label(&world, IN + 1, &swap);
	mpls_world_label(&world, IN + 2, &end);
	mpls_world_tunnel(&world, 0, (struct xdplb_tunnel_control){ .state = XDPLB_TUNNEL_UP },
			  MPLS_TUNNEL_IF);
	for (int n = 0; n < 9; n++) {
		struct label label = { ways[n / 3].label, 0, 9 };
		struct test_packet message, packet;
		int verdict;

		ptp_build(&ptp, &message);
		mpls_label(&message, &label, 1, &packet);
		cr_assert_eq(meta_after(&world, &packet, n % 3 * 16, &verdict), ways[n / 3].meta,
			     "row %d", n);
		cr_assert_eq(verdict, ways[n / 3].verdict, "row %d: %d", n, verdict);
	}
	mpls_world_close(&world);
}
