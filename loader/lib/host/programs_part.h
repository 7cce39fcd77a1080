/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the programs*.c files alone.
 */
#ifndef XDPLB_PROGRAMS_PART_H
#define XDPLB_PROGRAMS_PART_H

#include <bpf/libbpf.h>

#include "host/programs.h"

/* Elements of the tables that programs search; powers of two. */
uint32_t programs_vip_slots(const struct config *config);
uint32_t programs_mapping_slots(const struct config *config);
uint32_t programs_flow_lines(const struct config *config);
uint32_t programs_newcomer_lines(const struct config *config);
uint32_t programs_label_slots(const struct config_node *node);

/* Maps that this object declares: sized, and pinned under the node's folder when it is loaded. */
int programs_prepare_maps(struct bpf_object *object, const struct config *config,
			  const struct config_node *node, const struct paths *paths);

/* Loads an object; on failure its pins are taken back. */
int programs_load_object(struct bpf_object *object, const char *name, struct error *error);

/* Keeps a program's descriptor after its object is closed. */
int programs_keep(struct bpf_program *program, int *ret_fd);

/* programs_mpls.c: lsr_xdp, lsr_egress, ptp_push, ptp_deliver. */
int programs_load_mpls(const struct config *config, const struct config_node *node,
		       const struct paths *paths, struct programs *ret, struct error *error);

#endif
