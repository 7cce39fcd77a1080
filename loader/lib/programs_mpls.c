// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loading the programs of a node that switches labels.
 */
#include <errno.h>

#include "bpf/lsr_xdp.skel.h"
#include "bpf/ptp_tc.skel.h"
#include "programs_part.h"
#include "xdplb/mpls.h"

static int load_lsr(const struct config *config, const struct config_node *node,
		    const struct paths *paths, struct programs *ret, struct error *error)
{
	struct lsr_xdp_bpf *lsr = lsr_xdp_bpf__open();
	int err;

	if (!lsr)
		return fail_errno(error, -errno, "cannot open lsr_xdp");
	lsr->rodata->ilm_mask = programs_label_slots(node) - 1;
	lsr->rodata->node_id = node->mpls.number;
	lsr->rodata->probe_key[0] = config->key.word[0];
	lsr->rodata->probe_key[1] = config->key.word[1];
	lsr->rodata->residence = XDPLB_RESIDENCE_KERNEL;
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

	return err ? err : load_ptp(config, node, paths, ret, error);
}
