// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "measure.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bench_driver.skel.h"
#include "sizes.h"
#include "subjects.h"

#define REPEATS     1000000
#define WARM_UP     100000
#define RANDOM_SEED 2463534242U

/* A call costs more than the few packets of DRIVER_PUSH in it: a tenth of the repeats must do. */
#define PUSH_SHARE 10

/* The most that a target puts before a frame. */
#define ENCAP_MAX 40

/* Where the protocol of an outer IPv4 header stands. */
#define OUTER_PROTO (sizeof(struct ethhdr) + offsetof(struct iphdr, protocol))

/* What one run of the driver came to. */
struct outcome {
	double ns;
	int verdict;
	__u8 frame[BENCH_LABELLED_LEN + ENCAP_MAX];
};

static bool is_tc(const struct workload *workload)
{
	return workload->driver == DRIVER_TC4 || workload->driver == DRIVER_PUSH;
}

static int driver_fd(const struct bench_driver_bpf *driver, const struct workload *workload)
{
	const struct bpf_program *programs[DRIVER_COUNT][2] = {
		[DRIVER_XDP4] = { driver->progs.drive_xdp4, driver->progs.drive_encap4 },
		[DRIVER_XDP4_FLOWS] = { driver->progs.drive_xdp4_flows,
					driver->progs.drive_encap4_flows },
		[DRIVER_XDP4_SERVICES] = { driver->progs.drive_xdp4_services,
					   driver->progs.drive_encap4_services },
		[DRIVER_XDP6_FLOWS] = { driver->progs.drive_xdp6_flows,
					driver->progs.drive_encap6_flows },
		[DRIVER_TC4] = { driver->progs.drive_tc4 },
		[DRIVER_MPLS] = { driver->progs.drive_mpls },
		[DRIVER_EGRESS] = { driver->progs.drive_egress },
		[DRIVER_PUSH] = { driver->progs.drive_push },
	};

	return bpf_program__fd(programs[workload->driver][workload->encap > 0]);
}

/* NULL: the target is none of lb_xdp's. */
static const struct lb_subject *lb_of(const struct subjects *subjects, enum target target)
{
	if (target == TARGET_LB_SIZED)
		return subjects->lb_sized;
	return target == TARGET_LB ? subjects->lb : NULL;
}

static const struct katran *katran_of(const struct subjects *subjects, enum target target)
{
	if (target < TARGET_KATRAN || target > TARGET_KATRAN_SHIPPED)
		return NULL;
	return subjects->katran[target - TARGET_KATRAN];
}

static int target_fd(const struct subjects *subjects, enum target target, bool tc)
{
	switch (target) {
	case TARGET_LRU:
		return bpf_program__fd(subjects->driver->progs.lru_ref);
	case TARGET_LB:
	case TARGET_LB_SIZED:
		return lb_subject_fd(lb_of(subjects, target));
	case TARGET_NODE_INGRESS:
		return node_subject_ingress_fd(subjects->node);
	case TARGET_NODE_EGRESS:
		return node_subject_egress_fd(subjects->node);
	case TARGET_KATRAN:
	case TARGET_KATRAN_NEW:
	case TARGET_KATRAN_SIZED:
	case TARGET_KATRAN_SHIPPED:
		return katran_fd(katran_of(subjects, target));
	case TARGET_LSR:
		return lsr_subject_fd(subjects->lsr);
	case TARGET_LSR_EGRESS:
		return lsr_subject_egress_fd(subjects->lsr);
	case TARGET_PUSH:
		return ptp_subject_fd(subjects->ptp);
	default:
		return bpf_program__fd(tc ? subjects->driver->progs.noop_tc
					  : subjects->driver->progs.noop_xdp);
	}
}

/* The driver's tail call goes to `target` from now on. */
static int aim(const struct bench_driver_bpf *driver, bool tc, int target)
{
	const struct bpf_map *map = tc ? driver->maps.tc_target : driver->maps.xdp_target;
	__u32 zero = 0;

	return bpf_map_update_elem(bpf_map__fd(map), &zero, &target, BPF_ANY) ? -errno : 0;
}

/* With and without its target a workload sees the same flows, except where each one is new. */
static size_t prepare_input(const struct subjects *subjects, const struct workload *workload,
			    struct bench_input *input)
{
	const struct katran *katran = katran_of(subjects, workload->target);

	input->flows = workload->flows;
	input->random = RANDOM_SEED;
	input->dport = __builtin_bswap16(workload->frame.dest.port);
	input->vip = workload->frame.dest.addr;
	input->services = sizes[workload->size].services;
	if (katran && workload->driver == DRIVER_XDP4_SERVICES)
		input->services = katran_services(katran, workload->size);
	return frame_build(&workload->frame, &input->frame);
}

/* Bytes behind the frame that its driver needs. */
static size_t room_of(enum driver driver)
{
	switch (driver) {
	case DRIVER_MPLS:
	case DRIVER_EGRESS:
		return BENCH_POP_ROOM;
	case DRIVER_PUSH:
		return BENCH_PUSH_ROOM;
	default:
		return 0;
	}
}

static __u64 monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/*
 * One call, as if the target had run before and had put `encap` bytes before the frame; what came out starts behind the
 * metadata, if any.
 */
static int run_once(const struct subjects *subjects, const struct workload *workload, __u32 encap,
		    __u32 repeats, struct outcome *ret_outcome)
{
	static __u8 in[4096], out[4096];
	struct bench_input *input = &subjects->driver->bss->input;
	size_t len = encap + prepare_input(subjects, workload, input) + room_of(workload->driver);
	struct xdp_md md = { .data_end = len };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = len, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = repeats, );

	if (!is_tc(workload)) {
		opts.ctx_in = opts.ctx_out = &md;
		opts.ctx_size_in = opts.ctx_size_out = sizeof(md);
	}
	memcpy(in + encap, input->frame.bytes, sizeof(input->frame.bytes));
	input->encap = encap;
	input->stamp = monotonic_ns();
	if (bpf_prog_test_run_opts(driver_fd(subjects->driver, workload), &opts))
		return -errno;
	ret_outcome->ns = opts.duration;
	ret_outcome->verdict = (int)opts.retval;
	memcpy(ret_outcome->frame, out + (is_tc(workload) ? 0 : md.data),
	       sizeof(ret_outcome->frame));
	return 0;
}

/* In one call, or in as many as the room in front of the frame takes. */
static int run(const struct subjects *subjects, const struct workload *workload, __u32 encap,
	       __u32 repeats, struct outcome *ret_outcome)
{
	__u32 calls = 1;
	double sum = 0;
	int err = 0;

	if (workload->driver == DRIVER_PUSH) {
		calls = repeats / PUSH_SHARE / BENCH_PUSHES;
		repeats = BENCH_PUSHES;
	}
	for (__u32 i = 0; i < calls && !err; i++) {
		err = run_once(subjects, workload, encap, repeats, ret_outcome);
		sum += ret_outcome->ns;
	}
	ret_outcome->ns = sum / calls;
	return err;
}

static bool same_end(const struct frame_end *want, const struct frame_end *found)
{
	return (!want->addr || want->addr == found->addr) &&
	       (!want->port || want->port == found->port);
}

/* NULL, or why the run measured something else than its workload is called. */
static const char *check_outcome(const struct workload *workload, const struct outcome *outcome)
{
	struct frame_end source, dest;

	if (outcome->verdict != workload->verdict)
		return "the verdict is another than expected";
	if (workload->encap && outcome->frame[OUTER_PROTO] != IPPROTO_IPIP)
		return "the packet is not encapsulated as expected";
	frame_read(outcome->frame, workload->encap, &source, &dest);
	if (!same_end(&workload->source, &source))
		return "the source is another than expected";
	if (!same_end(&workload->dest, &dest))
		return "the destination is another than expected";
	if (frame_label(outcome->frame) != workload->label)
		return "the label is another than expected";
	return NULL;
}

/* What the target has counted so far. */
struct counts {
	__u64 packets; /* sent to members */
	__u64 misses; /* lookups in a table of flows that found nothing */
};

static int read_counts(const struct subjects *subjects, enum target target,
		       struct counts *ret_counts)
{
	const struct lb_subject *lb = lb_of(subjects, target);
	const struct katran *katran = katran_of(subjects, target);

	*ret_counts = (struct counts){ .misses = subjects->driver->bss->lru_misses };
	if (lb)
		return lb_subject_packets(lb, &ret_counts->packets);
	return katran ? katran_counts(katran, &ret_counts->packets, &ret_counts->misses) : 0;
}

/* Were the packets of a run counted as sent to members if, and only if, they should be? */
static const char *check_counts(const struct workload *workload, const struct counts *before,
				const struct counts *after)
{
	if (after->packets - before->packets != (workload->balanced ? REPEATS : 0))
		return workload->balanced ? "not every packet was sent to a member"
					  : "packets were sent to members";
	return after->misses != before->misses ? "lookups that found nothing" : NULL;
}

static int measure_target(const struct subjects *subjects, const struct workload *workload,
			  double *ret_ns, const char **ret_why)
{
	struct counts before = {}, after = {};
	struct outcome outcome;
	int err;

	err = aim(subjects->driver, is_tc(workload),
		  target_fd(subjects, workload->target, is_tc(workload)));
	err = err ?: run(subjects, workload, workload->encap, WARM_UP, &outcome);
	err = err ?: read_counts(subjects, workload->target, &before);
	err = err ?: run(subjects, workload, workload->encap, REPEATS, &outcome);
	err = err ?: read_counts(subjects, workload->target, &after);
	if (err)
		return err;
	*ret_why = check_outcome(workload, &outcome) ?: check_counts(workload, &before, &after);
	*ret_ns = outcome.ns;
	return *ret_why ? -EPROTO : 0;
}

static int measure_floor(const struct subjects *subjects, const struct workload *workload,
			 double *ret_ns, const char **ret_why)
{
	bool tc = is_tc(workload);
	struct outcome outcome;
	int err = aim(subjects->driver, tc, target_fd(subjects, TARGET_NONE, tc));

	err = err ?: run(subjects, workload, 0, WARM_UP, &outcome);
	err = err ?: run(subjects, workload, 0, REPEATS, &outcome);
	if (err)
		return err;
	if (outcome.verdict != (tc ? TC_ACT_OK : XDP_TX)) {
		*ret_why = "the verdict of the floor is another than expected";
		return -EPROTO;
	}
	*ret_ns = outcome.ns;
	return 0;
}

int measure(const struct subjects *subjects, const struct workload *workload,
	    struct sample *ret_sample, const char **ret_why)
{
	struct sample sample = {};
	int err = 0;

	*ret_why = NULL;
	if (workload->target != TARGET_NONE)
		err = measure_floor(subjects, workload, &sample.floor, ret_why);
	err = err ?: measure_target(subjects, workload, &sample.target, ret_why);
	if (err)
		return err;
	if (workload->target == TARGET_NONE)
		sample.floor = sample.target;
	*ret_sample = sample;
	return 0;
}
