/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * To whom a service node would hand a TCP packet of a flow: worked out from its tables, and beside that by the
 * running program itself, on a packet that is made up and never sent.
 */
#ifndef XDPLB_TRACE_HANDOVER_H
#define XDPLB_TRACE_HANDOVER_H

#include "show/trace.h"
#include "tables/succession.h"

#define HANDOVER_NOBODY 0xffffffffU

/* The running node. */
struct handover_node {
	const struct node_view *view;
	struct xdplb_key key;
};

/* Owners of the flow by one of the tables: peers, or HANDOVER_NOBODY. */
struct handover_owners {
	uint32_t first, second;
};

/* Who is asked, and what the packet's mark says by then: enum xdplb_handed. */
struct handover_step {
	uint32_t peer;
	uint32_t handed;
	uint32_t mark;
};

/* What becomes of the flow's packets at a mapping's backend, if none of its sockets expects them. */
struct handover_trace {
	uint32_t mapping;
	uint64_t hash; /* of the flow */
	uint32_t mark; /* by which an access node sends it here */
	uint32_t table_count; /* the newest first */
	struct handover_owners owners[XDPLB_GENERATIONS];
	struct handover_step steps[XDPLB_HANDOVERS_MAX];
	uint32_t step_count;
};

/**
 * handover_find() - The next mapping, from *index on, whose backend may get packets of a flow.
 *
 * One that restores a range of ports or any port is found whatever the port: only access nodes know the ranges.
 *
 * Return: false: there is no other.
 */
bool handover_find(const struct node_view *view, const struct trace_flow *flow, uint32_t *index);

/**
 * handover_next() - Who is asked next.
 * @trace:  owners and hash are set
 * @own:    address of the backend that has not got the connection
 * @handed: what the mark says, enum xdplb_handed
 *
 * Return: the peer and what the mark says then; peer HANDOVER_NOBODY: nobody is left.
 */
struct handover_step handover_next(const struct node_view *view, const struct handover_trace *trace,
				   const struct xdplb_addr *own, uint32_t handed);

/* Works it out for a mapping; reads the tables and writes nothing. */
void handover_compute(const struct handover_node *node, const struct trace_flow *flow,
		      uint32_t mapping, struct handover_trace *ret_trace);

/**
 * handover_run() - Have the program itself decide (BPF_PROG_TEST_RUN), on an ACK that comes from an access node.
 * @ifindex: where the program stands
 *
 * Outcomes: TRACE_SENT to another owner; TRACE_LEFT to the backend; TRACE_PASSED; TRACE_DROPPED.
 *
 * Return: 0 or -errno.
 */
int handover_run(int program, uint32_t ifindex, const struct trace_flow *flow,
		 const struct xdplb_mapping *mapping, uint32_t mark,
		 struct trace_outcome *ret_outcome);

/**
 * handover_fault() - In what the program did another thing than was worked out.
 *
 * Whether a socket expects the packet is not worked out: that it is left to the backend is never a fault.
 *
 * Return: NULL: they agree; else what differs, in words.
 */
const char *handover_fault(const struct node_view *view, const struct handover_trace *trace,
			   const struct trace_outcome *outcome);

/**
 * handover_collect() - All of it for an attached service node, as JSON.
 * @ret_json: NULL: no mapping is the flow's
 *
 * Return: 0; -errno with words.
 */
int handover_collect(const struct paths *paths, const struct trace_flow *flow, json_t **ret_json,
		     struct error *error);

#endif
