// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A wrapper over bpf_prog_test_run_opts().
 */
#include <bpf/bpf.h>

#include "prog_run.h"

int prog_run(const struct bpf_program *prog, const struct test_packet *in, __u32 ifindex,
	     struct run_result *ret_result)
{
	struct xdp_md xdp = { .data_end = in->len, .ingress_ifindex = ifindex };
	struct __sk_buff skb = { .ifindex = ifindex };
	bool is_xdp = bpf_program__type(prog) == BPF_PROG_TYPE_XDP;
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->len,
			    .data_out = ret_result->packet.data,
			    .data_size_out = sizeof(ret_result->packet.data), .repeat = 1);
	int err;

	if (ifindex) {
		opts.ctx_in = is_xdp ? (void *)&xdp : (void *)&skb;
		opts.ctx_size_in = is_xdp ? sizeof(xdp) : sizeof(skb);
	}
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (err)
		return err;
	ret_result->verdict = opts.retval;
	ret_result->packet.len = opts.data_size_out;
	return 0;
}
