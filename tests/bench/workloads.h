/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What is measured: one row a key of build/bench.json.
 */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include "frames.h"

/* Whose time it is. */
enum target {
	TARGET_NONE, /* the floor itself: nothing is subtracted */
	TARGET_LRU,
	TARGET_LB,
	TARGET_LB_SIZED, /* with the services of sizes[] */
	TARGET_NODE_INGRESS,
	TARGET_NODE_EGRESS,
	TARGET_LSR,
	TARGET_LSR_EGRESS,
	TARGET_PUSH,
	/* Katran's balancer, where its object is given. */
	TARGET_KATRAN, /* established flows */
	TARGET_KATRAN_NEW, /* its own instance, for these fill the flow table */
	TARGET_KATRAN_SIZED,
	TARGET_KATRAN_SHIPPED,
	TARGET_COUNT
};

enum driver {
	DRIVER_XDP4, /* the same frame each time */
	DRIVER_XDP4_FLOWS, /* another client each time, one of `flows` */
	DRIVER_XDP4_SERVICES, /* and a VIP from dest.addr on, one of a size's */
	DRIVER_XDP6_FLOWS,
	DRIVER_TC4,
	DRIVER_MPLS, /* labels; the frame is as long again at each repeat */
	DRIVER_EGRESS, /* the same with a stamp in front */
	DRIVER_PUSH, /* PTP at TC, with room for labels in front */
	DRIVER_COUNT
};

/* `flows` of a workload in which no flow comes twice. */
#define FLOWS_NEW 0

/* When a workload is run that is not asked for by name. */
enum usual {
	ALWAYS,
	PLOTTED, /* with --plot */
};

struct workload {
	const char *key;
	enum target target;
	enum driver driver;
	__u32 flows;
	struct frame_spec frame;
	/* What must come out, or something else was measured than the key says. */
	int verdict;
	bool balanced; /* each packet was counted as sent to a member; else none was */
	struct frame_end source; /* addr 0: any */
	struct frame_end dest; /* addr 0: any; port 0: any */
	__u32 label; /* on top; 0: none */
	__u32 size; /* number of it; DRIVER_XDP4_SERVICES */
	__u32 encap; /* bytes that the target puts before the packet */
	enum usual usual;
};

/* Flows in the reference map. */
#define LRU_FLOWS 1000000

static inline bool workload_is_katran(const struct workload *workload)
{
	return workload->target >= TARGET_KATRAN && workload->target <= TARGET_KATRAN_SHIPPED;
}

extern const struct workload workloads[];
extern const size_t workload_count;

#endif
