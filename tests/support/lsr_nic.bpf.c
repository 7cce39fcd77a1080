// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lsr_xdp as it is, on a NIC that tells when a frame came in: the driver's answer is the test's.
 */
#include "vmlinux.h"

__u64 nic_time; /* CLOCK_TAI, ns */
int nic_error;

static int nic_rx_timestamp(const struct xdp_md *ctx, __u64 *ret_time)
{
	*ret_time = nic_time;
	return nic_error;
}

#define NIC_RX_TIMESTAMP nic_rx_timestamp
#include "../../bpf/lsr_xdp.bpf.c"
