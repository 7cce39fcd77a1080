// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Loading everything that the chosen workloads need, and giving it back.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "fill.h"
#include "measure.h"
#include "tests/bench/bench_driver.skel.h"

/* Room for more than the reference's flows: an LRU map that is full gives some up. */
#define LRU_ENTRIES (1 << 20)

static int load_driver(bool with_lru, struct bench_driver_bpf **ret_driver)
{
	struct bench_driver_bpf *driver = bench_driver_bpf__open();
	int err = 0;

	if (!driver)
		return -errno;
	if (with_lru)
		err = bpf_map__set_max_entries(driver->maps.lru, LRU_ENTRIES);
	err = err ?: bench_driver_bpf__load(driver);
	if (with_lru && !err)
		err = fill_tuples(bpf_map__fd(driver->maps.lru), LRU_FLOWS, XDP_TX, LB_VIP,
				  LB_VPORT);
	if (err) {
		bench_driver_bpf__destroy(driver);
		return err;
	}
	*ret_driver = driver;
	return 0;
}

static int load_katrans(const bool *need, const char *object, struct subjects *subjects)
{
	int err = 0;

	for (int use = 0; use < KATRAN_USES && !err; use++)
		if (need[TARGET_KATRAN + use])
			err = katran_load(object, use, &subjects->katran[use]);
	return err;
}

int subjects_load(const bool *chosen, const char *katran, struct subjects *ret_subjects,
		  const char **ret_what)
{
	bool need[TARGET_COUNT] = {};
	struct subjects subjects = {};
	int err;

	for (size_t i = 0; i < workload_count; i++)
		need[workloads[i].target] |= chosen[i];
	*ret_what = "bench_driver";
	err = load_driver(need[TARGET_LRU], &subjects.driver);
	if (!err && (need[TARGET_LB] || need[TARGET_LB_SIZED])) {
		*ret_what = "lb_xdp";
		err = need[TARGET_LB] ? lb_subject_load(false, &subjects.lb) : 0;
		if (!err && need[TARGET_LB_SIZED])
			err = lb_subject_load(true, &subjects.lb_sized);
	}
	if (!err && (need[TARGET_NODE_INGRESS] || need[TARGET_NODE_EGRESS])) {
		*ret_what = "node_tc";
		err = node_subject_load(&subjects.node);
	}
	if (!err && (need[TARGET_LSR] || need[TARGET_LSR_EGRESS])) {
		*ret_what = "lsr_xdp";
		err = lsr_subject_load(&subjects.lsr);
	}
	if (!err && need[TARGET_PUSH]) {
		*ret_what = "ptp_tc";
		err = ptp_subject_load(&subjects.ptp);
	}
	if (!err) {
		*ret_what = katran;
		err = load_katrans(need, katran, &subjects);
	}
	if (err) {
		subjects_free(&subjects);
		return err;
	}
	*ret_subjects = subjects;
	return 0;
}

void subjects_free(struct subjects *subjects)
{
	bench_driver_bpf__destroy(subjects->driver);
	lb_subject_free(subjects->lb);
	lb_subject_free(subjects->lb_sized);
	node_subject_free(subjects->node);
	for (int use = 0; use < KATRAN_USES; use++)
		katran_free(subjects->katran[use]);
	lsr_subject_free(subjects->lsr);
	ptp_subject_free(subjects->ptp);
}
