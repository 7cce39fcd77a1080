/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the reports of a trace share: how things are told in JSON, and where a program stands.
 */
#ifndef XDPLB_TRACE_REPORT_H
#define XDPLB_TRACE_REPORT_H

#include "base/paths.h"
#include "show/trace.h"

/* Port in network byte order. */
json_t *trace_end_json(const struct xdplb_addr *addr, __u8 family, __be16 port);
json_t *trace_mark_json(uint32_t mark);

/* @interface: or NULL */
json_t *trace_program_json(const struct trace_flow *flow, const struct trace_outcome *outcome,
			   const char *interface);

/* An interface that a program of the node stands on, its name into IF_NAMESIZE bytes; 0: none. */
uint32_t trace_find_interface(const struct paths *paths, const char *program, char *ret_name);

#endif
