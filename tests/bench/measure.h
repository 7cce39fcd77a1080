/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Running a workload, with its target and without.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "subjects.h"
#include "workloads.h"

struct bench_driver_bpf;

/* Everything loaded; what no chosen workload needs stays NULL. */
struct subjects {
	struct bench_driver_bpf *driver;
	struct lb_subject *lb, *lb_sized;
	struct node_subject *node;
	struct katran *katran[KATRAN_USES];
	struct lsr_xdp_bpf *lsr;
	struct ptp_tc_bpf *ptp;
};

/* ns a packet, of one round. */
struct sample {
	double floor; /* driver and a target that does nothing */
	double target; /* driver and target; equal to floor for TARGET_NONE */
};

/**
 * subjects_load() - Load what the workloads with chosen[i] need.
 * @chosen: one for each of workloads[]
 * @katran: Katran's object; NULL if no workload needs it
 *
 * Return: 0 or -errno, with *ret_what saying what could not be loaded.
 */
int subjects_load(const bool *chosen, const char *katran, struct subjects *ret_subjects,
		  const char **ret_what);
void subjects_free(struct subjects *subjects);

/**
 * measure() - One round of a workload.
 * @ret_why: set on -EPROTO: in what the outcome differs from what the workload promises
 *
 * Return: 0 or -errno.
 */
int measure(const struct subjects *subjects, const struct workload *workload,
	    struct sample *ret_sample, const char **ret_why);

#endif
