// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "subjects.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>

#include "fill.h"
#include "bpf/lsr_xdp.skel.h"
#include "bpf/ptp_tc.skel.h"
#include "xdplb/tunnel.h"

#define LABELS 1024 /* elements of ilm */
#define LO     1
#define TUNNEL 0

static int fill_label(const struct lsr_xdp_bpf *lsr, __u32 label, const struct xdplb_nhlfe *nhlfe)
{
	struct xdplb_ilm word = { .label = label, .nhlfe = label };

	return fill_element(lsr->maps.nhlfes, label, nhlfe)
		       ?: fill_element(lsr->maps.ilm, label % LABELS, &word);
}

static int fill_labels(const struct lsr_xdp_bpf *lsr)
{
	struct xdplb_nhlfe nhlfe = {
		.op = XDPLB_OP_SWAP,
		.depth = 1,
		.out = { htonl(MPLS_SWAPPED << 12) },
	};
	int err = fill_label(lsr, MPLS_SWAP, &nhlfe);

	nhlfe.flags = XDPLB_NHLFE_PTP_ONLY;
	err = err ?: fill_label(lsr, MPLS_SWAP_PTP, &nhlfe);
	nhlfe = (struct xdplb_nhlfe){ .op = XDPLB_OP_POP };
	err = err ?: fill_label(lsr, MPLS_POP, &nhlfe);
	nhlfe.op = XDPLB_OP_DELIVER;
	nhlfe.payload = XDPLB_PAYLOAD_IPV4;
	nhlfe.tunnel = TUNNEL;
	return err ?: fill_label(lsr, MPLS_LAST, &nhlfe);
}

static int fill_lsr(const struct lsr_xdp_bpf *lsr)
{
	struct xdplb_tunnel tunnel = { .control.state = XDPLB_TUNNEL_UP, .ifindex = LO };
	struct bpf_devmap_val port = { .ifindex = LO };
	int err = fill_element(lsr->maps.lsr_ports, 0, &port);

	err = err ?: fill_element(lsr->maps.tunnels, TUNNEL, &tunnel);
	return err ?: fill_labels(lsr);
}

int lsr_subject_load(struct lsr_xdp_bpf **ret_lsr)
{
	struct lsr_xdp_bpf *lsr = lsr_xdp_bpf__open();
	int err;

	if (!lsr)
		return -errno;
	lsr->rodata->ilm_mask = LABELS - 1;
	lsr->rodata->residence = XDPLB_RESIDENCE_KERNEL;
	/* A devmap's program can be run by nobody else. */
	bpf_program__set_expected_attach_type(lsr->progs.lsr_egress, BPF_XDP);
	err = bpf_map__set_max_entries(lsr->maps.ilm, LABELS);
	err = err ?: bpf_map__set_max_entries(lsr->maps.nhlfes, LABELS);
	err = err ?: bpf_map__set_max_entries(lsr->maps.nhlfe_traffic, LABELS);
	err = err ?: lsr_xdp_bpf__load(lsr);
	err = err ?: fill_lsr(lsr);
	if (err) {
		lsr_xdp_bpf__destroy(lsr);
		return err;
	}
	*ret_lsr = lsr;
	return 0;
}

void lsr_subject_free(struct lsr_xdp_bpf *lsr)
{
	lsr_xdp_bpf__destroy(lsr);
}

int lsr_subject_fd(const struct lsr_xdp_bpf *lsr)
{
	return bpf_program__fd(lsr->progs.lsr_xdp);
}

int lsr_subject_egress_fd(const struct lsr_xdp_bpf *lsr)
{
	return bpf_program__fd(lsr->progs.lsr_egress);
}

static int fill_ptp(const struct ptp_tc_bpf *ptp)
{
	struct xdplb_push_control control = { .count = 1 };
	struct xdplb_push_rule rule = {
		.transports = XDPLB_PTP_UDP4,
		.classes = XDPLB_PTP_EVENT | XDPLB_PTP_GENERAL,
		.tunnel = TUNNEL,
	};
	struct xdplb_tunnel tunnel = { .control.state = XDPLB_TUNNEL_UP };
	struct xdplb_lsp lsp = {
		.stack = { htonl(MPLS_PUSHED << 12 | 64) },
		.last = { [XDPLB_PAYLOAD_IPV4] = htonl(MPLS_LAST << 12 | 0x100 | 64) },
		.ifindex = LO + 1,
		.depth = 1,
	};
	int err = fill_element(ptp->maps.push_rules, 0, &rule);

	err = err ?: fill_element(ptp->maps.push_control, 0, &control);
	err = err ?: fill_element(ptp->maps.tunnels, TUNNEL, &tunnel);
	return err ?: fill_element(ptp->maps.lsps, 0, &lsp);
}

int ptp_subject_load(struct ptp_tc_bpf **ret_ptp)
{
	struct ptp_tc_bpf *ptp = ptp_tc_bpf__open_and_load();
	int err;

	if (!ptp)
		return -errno;
	err = fill_ptp(ptp);
	if (err) {
		ptp_tc_bpf__destroy(ptp);
		return err;
	}
	*ret_ptp = ptp;
	return 0;
}

void ptp_subject_free(struct ptp_tc_bpf *ptp)
{
	ptp_tc_bpf__destroy(ptp);
}

int ptp_subject_fd(const struct ptp_tc_bpf *ptp)
{
	return bpf_program__fd(ptp->progs.ptp_push);
}
