// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets a second that come back on an interface, of TCP flows to 192.0.2.10:80, sent by live frames of
 * BPF_PROG_TEST_RUN from this very CPU; the other end of a veth works in the softirq of the CPU that
 * sends, so generator, balancer and sink share it. Prints packets a second and the share that came back.
 *
 * Time is what the kernel says the runs took. A call takes longer: at its begin and its end the kernel waits for a grace
 * period or two, idle, unless another such call goes on at the same time.
 *
 * Usage: pps sink IFNAME                    attach the sink until SIGTERM, say "ready"
 *        pps reflect IFNAME                 the same with the program that sends everything back
 *        pps send IFNAME SECONDS FLOWS CPU  generate; the sink must be this process's: it attaches it
 *        pps pair IFNAME SECONDS FLOWS      send from two CPUs at once
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "pps.h"
#include "tests/bench/frames.h"
#include "tests/bench/net/pps.skel.h"

#define REPEATS    (1 << 19)
#define WARM_UP    0.5 /* seconds */
#define RANDOM     2463534242U
#define VIP        0xc000020a
#define VPORT      80
#define BATCH_SIZE 64

static int complain(const char *what, int err)
{
	fprintf(stderr, "pps: %s: %s\n", what, strerror(err < 0 ? -err : err));
	return 1;
}

static struct pps_bpf *load(unsigned int ifindex, unsigned int flows)
{
	const struct frame_spec spec = { .family = XDPLB_IPV4,
					 .proto = IPPROTO_TCP,
					 .dest = { VIP, VPORT } };
	struct pps_bpf *pps = pps_bpf__open();

	if (!pps)
		return NULL;
	pps->rodata->out_ifindex = ifindex;
	pps->rodata->flows = flows;
	if (pps_bpf__load(pps)) {
		pps_bpf__destroy(pps);
		return NULL;
	}
	frame_build(&spec, &pps->bss->frame);
	for (size_t i = 0; i < sizeof(pps->bss->tallies) / sizeof(pps->bss->tallies[0]); i++)
		pps->bss->tallies[i].random = RANDOM + i;
	return pps;
}

/* Attached for as long as this process lives. */
static int attach(const struct bpf_program *program, unsigned int ifindex)
{
	int fd = bpf_link_create(bpf_program__fd(program), ifindex, BPF_XDP, NULL);

	return fd < 0 ? -errno : 0;
}

static int stand(const struct pps_bpf *pps, const char *what, unsigned int ifindex)
{
	const struct bpf_program *program =
		!strcmp(what, "sink") ? pps->progs.sink : pps->progs.reflect;
	int err = attach(program, ifindex);

	if (err)
		return complain(what, err);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}

static int pin(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) ? -errno : 0;
}

/* What has been sent, what came back to this CPU, and how long it took. */
struct tally {
	__u64 sent, back;
	double seconds;
};

static int send_frames(const struct pps_bpf *pps, struct tally *tally)
{
	__u8 room[BENCH_FRAME4_LEN] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = room, .data_size_in = sizeof(room),
		    .repeat = REPEATS, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = BATCH_SIZE, );

	if (bpf_prog_test_run_opts(bpf_program__fd(pps->progs.generate), &opts))
		return -errno;
	tally->sent += REPEATS;
	tally->seconds += opts.duration / 1e9 * REPEATS; /* duration: of one, nanoseconds */
	return 0;
}

/* Sends for so long at least. */
static int send_for(const struct pps_bpf *pps, double seconds, int cpu, struct tally *ret_tally)
{
	const volatile __u64 *received = &pps->bss->tallies[cpu].received;
	struct tally tally = { .back = -*received };
	int err = 0;

	while (!err && tally.seconds < seconds)
		err = send_frames(pps, &tally);
	tally.back += *received;
	*ret_tally = tally;
	return err;
}

static int measure(const struct pps_bpf *pps, double seconds, int cpu)
{
	struct tally tally;
	int err = pin(cpu);

	err = err ? err : send_for(pps, WARM_UP, cpu, &tally);
	err = err ? err : send_for(pps, seconds, cpu, &tally);
	if (err)
		return complain("cannot send", err);
	printf("%.0f %.4f\n", (double)tally.back / tally.seconds,
	       (double)tally.back / (double)tally.sent);
	return 0;
}

/* One process a CPU. */
static int measure_pair(const struct pps_bpf *pps, double seconds)
{
	int status, worst = 0;

	for (int cpu = 0; cpu < 2; cpu++) {
		pid_t pid = fork();

		if (pid < 0)
			return complain("fork", errno);
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			exit(measure(pps, seconds, cpu));
		}
	}
	while (wait(&status) > 0)
		worst |= status;
	return worst ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	bool pair = !strcmp(what, "pair") && argc == 5, one = !strcmp(what, "send") && argc == 6;
	bool stands = argc == 3 && (!strcmp(what, "sink") || !strcmp(what, "reflect"));
	unsigned int ifindex = argc > 2 ? if_nametoindex(argv[2]) : 0;
	struct pps_bpf *pps;
	int err;

	if (!pair && !one && !stands) {
		fprintf(stderr, "usage: pps sink|reflect IFNAME | send IFNAME SECONDS FLOWS CPU | "
				"pair IFNAME SECONDS FLOWS\n");
		return 2;
	}
	if (!ifindex)
		return complain(argv[2], ENODEV);
	pps = load(ifindex, stands ? 1 : (unsigned int)atoi(argv[4]));
	if (!pps)
		return complain("cannot load", errno);
	if (stands)
		return stand(pps, what, ifindex);
	err = attach(pps->progs.sink, ifindex);
	if (err)
		return complain("cannot attach the sink", err);
	return pair ? measure_pair(pps, atof(argv[3])) : measure(pps, atof(argv[3]), atoi(argv[5]));
}
