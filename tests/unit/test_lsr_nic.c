// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lsr_xdp_hw on a NIC that tells when a frame came in: the whole program, only the driver's answer is the test's.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "mpls_world.h"
#include "tests/support/lsr_nic.skel.h"
#include "xdplb/mpls.h"

TestSuite(lsr_nic);

#define IN 16

/* The program on the maps of @world. */
static struct lsr_nic_bpf *open_nic(const struct mpls_world *world)
{
	struct lsr_nic_bpf *nic = lsr_nic_bpf__open();
	const struct bpf_map *filled;
	struct bpf_map *map;

	cr_assert_not_null(nic);
	bpf_object__for_each_map(map, nic->obj)
	{
		filled = bpf_object__find_map_by_name(world->skel->obj, bpf_map__name(map));
		if (bpf_map__is_internal(map) || !filled)
			continue;
		cr_assert_eq(bpf_map__reuse_fd(map, bpf_map__fd(filled)), 0, "%s",
			     bpf_map__name(map));
	}
	nic->rodata->ilm_mask = world->skel->rodata->ilm_mask;
	nic->rodata->node_id = world->skel->rodata->node_id;
	nic->rodata->residence = world->skel->rodata->residence;
	bpf_program__set_autoload(nic->progs.lsr_xdp, false);
	bpf_program__set_autoload(nic->progs.lsr_egress, false);
	bpf_program__set_autoload(nic->progs.lsr_xdp_hw, true);
	cr_assert_eq(lsr_nic_bpf__load(nic), 0, "lsr_xdp_hw is not loaded");
	return nic;
}

static struct xdplb_stamp stamp_by(struct mpls_world *world, const struct bpf_program *program,
				   const char *row, __u64 event)
{
	struct expected expected = { XDP_REDIRECT, NULL, NO_DROP, event };
	struct ptp_spec ptp = { .version = 2 };
	struct label in = { IN, 0, 9 };
	struct test_packet message, packet, got;
	struct xdplb_stamp stamp;

	ptp_build(&ptp, &message);
	mpls_label(&message, &in, 1, &packet);
	got = observe_run(row, program, world->counters, &packet, 0, &expected);
	memcpy(&stamp, got.data, sizeof(stamp));
	cr_expect_eq(stamp.magic, XDPLB_STAMP_MAGIC, "%s", row);
	return stamp;
}

/* The NIC's time where there is one and its clock is kept equal to CLOCK_TAI; else the kernel's, and it says so. */
Test(lsr_nic, stamps)
{
	static const struct {
		const char *name;
		enum xdplb_residence residence;
		__u64 time;
		int error;
		bool by_nic;
	} rows[] = {
		{ "told", XDPLB_RESIDENCE_PHC_IS_TAI, 1700000000123456789, 0, true },
		{ "no time", XDPLB_RESIDENCE_PHC_IS_TAI, 0, 0, false },
		{ "of no use", XDPLB_RESIDENCE_PHC_IS_TAI, 1700000000123456789, -EOPNOTSUPP,
		  false },
		{ "none for this frame", XDPLB_RESIDENCE_PHC_IS_TAI, 77, -ENODATA, false },
		{ "another clock", XDPLB_RESIDENCE_KERNEL, 1700000000123456789, 0, false },
	};
	const struct xdplb_nhlfe nhlfe = { .op = XDPLB_OP_SWAP,
					   .depth = 1,
					   .out = { mpls_out(IN) },
					   .payload = XDPLB_PAYLOAD_IPV4,
					   .flags = XDPLB_NHLFE_PTP_ONLY };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mpls_world world;
		struct lsr_nic_bpf *nic;
		struct xdplb_stamp stamp;

		mpls_world_open(&world, rows[i].residence);
		mpls_world_label(&world, IN, &nhlfe);
		nic = open_nic(&world);
		nic->bss->nic_time = rows[i].time;
		nic->bss->nic_error = rows[i].error;
		stamp = stamp_by(&world, nic->progs.lsr_xdp_hw, rows[i].name,
				 rows[i].by_nic ? EVENT(STAMP_HARDWARE) : EVENT(STAMP_KERNEL));
		cr_expect_eq(stamp.clock, rows[i].by_nic ? XDPLB_CLOCK_TAI : XDPLB_CLOCK_MONOTONIC,
			     "%s", rows[i].name);
		cr_expect(rows[i].by_nic == (stamp.time == rows[i].time), "%s: %llu", rows[i].name,
			  stamp.time);
		/* lsr_xdp, which is bound to no NIC, never asks. */
		stamp = stamp_by(&world, world.prog, rows[i].name, EVENT(STAMP_KERNEL));
		cr_expect_eq(stamp.clock, XDPLB_CLOCK_MONOTONIC, "%s", rows[i].name);
		lsr_nic_bpf__destroy(nic);
		mpls_world_close(&world);
	}
}
