// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Passes everything. A veth takes frames that XDP sends with XDP_TX at its other end only while it
 * has an XDP program itself: veth_xdp_flush() in the kernel looks for that, and not for NAPI.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("xdp")
int xdp_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
