/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows and datagrams that the lb_xdp under measurement remembers.
 */
#ifndef BENCH_SUBJECT_LB_FLOWS_H
#define BENCH_SUBJECT_LB_FLOWS_H

#include <linux/types.h>

struct lb_xdp_bpf;

/* Flows of the first `count` clients to an IPv4 service; flow i is with member i % members. */
struct lb_flows {
	__u32 count;
	__u32 vip; /* host order */
	__u16 port; /* host order */
	__u8 proto;
	__u32 first_member, members;
};

/* Room for so many, as the loader makes it; 0: for none. Before the program is loaded. */
int lb_flows_size(struct lb_xdp_bpf *skel, __u32 count);

/* Return: 0 or -errno. Those that find no place in their set are left out, and served as newcomers. */
int lb_flows_fill(struct lb_xdp_bpf *skel, const struct lb_flows *flows);

/* Notes of LB_FRAGMENTS first fragments to LB_VIP over UDP, which never expire. Return: 0 or -errno. */
int lb_fragments_fill(struct lb_xdp_bpf *skel, __u32 member);

#endif
