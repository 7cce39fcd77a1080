// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Tells the loader the kernel's jiffies, in which leases are counted: user space can't see them.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

/* Run by BPF_PROG_TEST_RUN; the context is where the answer goes. */
SEC("syscall")
int read_jiffies(__u64 *ret_jiffies)
{
	*ret_jiffies = bpf_jiffies64();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
