// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loading the programs of a node that switches labels.
 */
#include <errno.h>
#include <stdio.h>

#include "bpf/lsr_xdp.skel.h"
#include "bpf/ptp_tc.skel.h"
#include "host/programs_part.h"
#include "xdplb/mpls.h"

#ifndef BPF_F_XDP_DEV_BOUND_ONLY
#define BPF_F_XDP_DEV_BOUND_ONLY (1U << 6)
#endif

/* The constants that lsr_xdp is loaded with. */
static void set_constants(struct lsr_xdp_bpf *lsr, const struct config *config,
			  const struct config_node *node, unsigned int residence)
{
	lsr->rodata->ilm_mask = programs_label_slots(node) - 1;
	lsr->rodata->node_id = node->mpls.number;
	lsr->rodata->probe_key[0] = config->key.word[0];
	lsr->rodata->probe_key[1] = config->key.word[1];
	lsr->rodata->residence = residence;
}

static int load_lsr(const struct config *config, const struct config_node *node,
		    const struct paths *paths, struct programs *ret, struct error *error)
{
	struct lsr_xdp_bpf *lsr = lsr_xdp_bpf__open();
	int err;

	if (!lsr)
		return fail_errno(error, -errno, "cannot open lsr_xdp");
	set_constants(lsr, config, node, XDPLB_RESIDENCE_KERNEL);
	err = programs_prepare_maps(lsr->obj, config, node, paths);
	err = err ? fail_errno(error, err, "cannot prepare lsr_xdp")
		  : programs_load_object(lsr->obj, "lsr_xdp", error);
	if (!err)
		err = programs_keep(lsr->progs.lsr_xdp, &ret->fd[PROGRAM_LSR_XDP]);
	if (!err)
		err = programs_keep(lsr->progs.lsr_egress, &ret->fd[PROGRAM_LSR_EGRESS]);
	lsr_xdp_bpf__destroy(lsr);
	return err;
}

/* Bound to one NIC (Linux 6.3): only such a program may ask it when a frame came in. */
static int load_bound(const struct config *config, const struct config_node *node,
		      const struct paths *paths, const char *interface)
{
	struct lsr_xdp_bpf *lsr = lsr_xdp_bpf__open();
	struct error ignored;
	int err, fd = -1;

	if (!lsr)
		return -errno;
	set_constants(lsr, config, node, XDPLB_RESIDENCE_PHC_IS_TAI);
	bpf_program__set_autoload(lsr->progs.lsr_xdp, false);
	bpf_program__set_autoload(lsr->progs.lsr_egress, false);
	bpf_program__set_autoload(lsr->progs.lsr_xdp_hw, true);
	bpf_program__set_ifindex(lsr->progs.lsr_xdp_hw, if_nametoindex(interface));
	bpf_program__set_flags(lsr->progs.lsr_xdp_hw, BPF_F_XDP_DEV_BOUND_ONLY);
	err = programs_prepare_maps(lsr->obj, config, node, paths);
	if (!err)
		err = programs_load_object(lsr->obj, "lsr_xdp_hw", &ignored);
	if (!err)
		err = programs_keep(lsr->progs.lsr_xdp_hw, &fd);
	lsr_xdp_bpf__destroy(lsr);
	return err ? err : fd;
}

/* What can't be bound goes by the kernel's clock; hooks_attach() says so. */
static void load_all_bound(const struct config *config, const struct config_node *node,
			   const struct paths *paths, struct programs *ret)
{
	for (size_t i = 0; i < 2 * config->link_count; i++) {
		const struct config_link_end *end = &config->links[i / 2].ends[i % 2];
		struct bound_program *bound = &ret->bound[ret->bound_count];

		if (&config->nodes[end->node] != node || !end->has_tai_clock ||
		    ret->bound_count == PROGRAMS_BOUND_MAX)
			continue;
		snprintf(bound->interface, sizeof(bound->interface), "%s", end->interface);
		bound->fd = load_bound(config, node, paths, end->interface);
		ret->bound_count++;
	}
}

static int load_ptp(const struct config *config, const struct config_node *node,
		    const struct paths *paths, struct programs *ret, struct error *error)
{
	struct ptp_tc_bpf *ptp = ptp_tc_bpf__open();
	int err;

	if (!ptp)
		return fail_errno(error, -errno, "cannot open ptp_tc");
	err = programs_prepare_maps(ptp->obj, config, node, paths);
	err = err ? fail_errno(error, err, "cannot prepare ptp_tc")
		  : programs_load_object(ptp->obj, "ptp_tc", error);
	if (!err)
		err = programs_keep(ptp->progs.ptp_push, &ret->fd[PROGRAM_PTP_PUSH]);
	if (!err)
		err = programs_keep(ptp->progs.ptp_deliver, &ret->fd[PROGRAM_PTP_DELIVER]);
	ptp_tc_bpf__destroy(ptp);
	return err;
}

int programs_load_mpls(const struct config *config, const struct config_node *node,
		       const struct paths *paths, struct programs *ret, struct error *error)
{
	int err = load_lsr(config, node, paths, ret, error);

	if (err)
		return err;
	load_all_bound(config, node, paths, ret);
	return load_ptp(config, node, paths, ret, error);
}
