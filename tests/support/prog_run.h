/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * One packet through one program by BPF_PROG_TEST_RUN. Knows nothing of what the program does.
 */
#ifndef TEST_PROG_RUN_H
#define TEST_PROG_RUN_H

#include <bpf/libbpf.h>

#include "packet.h"

/* What a TC program says; the kernel's header names them in another way. */
enum tc_verdict {
	TC_UNSPEC = -1,
	TC_SHOT = 2,
	TC_REDIRECT = 7,
};

struct run_result {
	int verdict; /* XDP_* or enum tc_verdict */
	struct test_packet packet;
};

/**
 * prog_run() - Lets an XDP or a TC program see a packet.
 *
 * ifindex: the interface it came in by (XDP) or stands at (TC), in the caller's network namespace;
 * 0: what the kernel takes, lo. For XDP another interface needs its receive queue registered: on a
 * veth, attach an XDP program first.
 *
 * Return: 0 or -errno.
 */
int prog_run(const struct bpf_program *prog, const struct test_packet *in, __u32 ifindex,
	     struct run_result *ret_result);

#endif
