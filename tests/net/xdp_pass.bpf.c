// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Passes everything. For the far end of a veth that XDP_TX sends to (see lab_xdp_peer in lab.sh), and
 * for tests that need somebody else's program on a NIC. Needs no headers.
 */
#define SEC(name) __attribute__((section(name), used))

SEC("xdp") int xdp_pass(void *ctx)
{
	return 2; /* XDP_PASS */
}

SEC("tc") int tc_pass(void *ctx)
{
	return -1; /* TC_ACT_UNSPEC: on to the next filter */
}

char _license[] SEC("license") = "Dual BSD/GPL";
