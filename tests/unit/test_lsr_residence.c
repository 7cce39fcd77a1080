// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The transparent clock: lsr_xdp stamps what comes in by a PTP-only label, lsr_egress adds the time
 * that has passed to the correctionField. The test puts its own stamps in front of frames, computes
 * what must come out and bounds the time by its own clock.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mpls_world.h"

TestSuite(lsr_residence);

#define IN     100
#define CF     8 /* of correctionField in a message */
#define MS     1000000ULL
#define CF_MAX 0x7fffffffffffffffLL

static __u64 clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void put_stamp(struct test_packet *packet, __u64 time, __u32 clock, __u32 magic)
{
	struct xdplb_stamp stamp = { time, clock, magic };

	memmove(packet->data + sizeof(stamp), packet->data, packet->len);
	memcpy(packet->data, &stamp, sizeof(stamp));
	packet->len += sizeof(stamp);
}

/* Runs lsr_egress over a frame with a stamp in front, and takes the stamp away again. */
static void run_egress(const struct mpls_world *world, const struct test_packet *in,
		       struct test_packet *ret_out)
{
	size_t meta = sizeof(struct xdplb_stamp);
	struct test_packet out;
	struct xdp_md ctx = { .data = meta, .data_end = in->len };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = in->len,
			    .data_out = out.data, .data_size_out = sizeof(out.data), .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .repeat = 1);
	int err = bpf_prog_test_run_opts(bpf_program__fd(world->skel->progs.lsr_egress), &opts);

	cr_assert_eq(err, 0, "test run: %s", strerror(-err));
	cr_assert_eq(opts.retval, XDP_PASS, "lsr_egress never drops");
	memset(ret_out, 0, sizeof(*ret_out));
	ret_out->len = opts.data_size_out - meta;
	memcpy(ret_out->data, out.data + meta, ret_out->len);
}

static __s64 get_correction(const struct test_packet *frame, size_t message)
{
	__u64 value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | frame->data[message + CF + i];
	return value;
}

/* How a frame is dressed on its way out. */
struct dress {
	const char *name;
	size_t labels; /* 0: bare, behind a penultimate pop */
};

static const struct dress dresses[] = {
	{ "one label", 1 }, { "two labels", 2 }, { "eight labels", 8 }, { "no label", 0 }
};

static void dress_up(const struct dress *dress, const struct ptp_spec *ptp,
		     struct test_packet *ret_frame, size_t *ret_message)
{
	static const struct label labels[9] = { { 16, 0, 9 }, { 17, 0, 9 }, { 18, 0, 9 },
						{ 19, 0, 9 }, { 20, 0, 9 }, { 21, 0, 9 },
						{ 22, 0, 9 }, { 23, 0, 9 }, { 24, 0, 9 } };
	struct test_packet message;

	ptp_build(ptp, &message);
	*ret_frame = message;
	if (dress->labels)
		mpls_labels(ptp->over, &message, labels, dress->labels, ret_frame);
	*ret_message = ret_frame->len - PTP_LEN;
}

static __u64 count(const struct mpls_world *world, enum xdplb_event event)
{
	return sum_counter(world->counters.events, 0, XDPLB_COUNTERS_CAPACITY, event);
}

#define counted(world, NAME) count(world, XDPLB_EVENT_##NAME)

/*
 * Runs a frame whose stamp says that it has been here for `stay` ns. On a busy machine more than a second may
 * have gone by when the program looks: then again. Return: how long it took, ns.
 */
static __u64 run_stayed(const struct mpls_world *world, const struct test_packet *frame, __u64 stay,
			__u64 *ret_added, struct test_packet *ret_out)
{
	struct test_packet stamped;
	__u64 before, took;

	do {
		*ret_added = counted(world, RESIDENCE_ADDED);
		stamped = *frame;
		before = clock_ns(CLOCK_MONOTONIC);
		put_stamp(&stamped, before - stay, XDPLB_CLOCK_MONOTONIC, XDPLB_STAMP_MAGIC);
		run_egress(world, &stamped, ret_out);
		took = clock_ns(CLOCK_MONOTONIC) - before;
	} while (stay + took >= 1000 * MS);
	return took;
}

/* A frame that has been here for `stay` ns as its stamp says. */
static void check_corrected(const struct mpls_world *world, const char *name,
			    const struct dress *dress, const struct ptp_spec *ptp, __u64 stay)
{
	struct test_packet want, out;
	const char *fault;
	__u64 took, added;
	size_t message;
	__s64 least, found;

	dress_up(dress, ptp, &want, &message);
	took = run_stayed(world, &want, stay, &added, &out);
	cr_assert_eq(counted(world, RESIDENCE_ADDED), added + 1, "%s: not corrected", name);
	least = ptp->correction + ((__s64)stay << 16);
	found = get_correction(&out, message);
	cr_assert(found >= least && found <= least + (__s64)(took << 16),
		  "%s: %lld, want %lld and at most %llu ns more", name, found, least, took);
	cr_assert_eq((found - ptp->correction) & 0xffff, 0, "%s: whole nanoseconds", name);
	fault = packet_fault(&out);
	cr_assert_null(fault, "%s: %s", name, fault);
	if (ptp->no_checksum)
		cr_assert_eq(out.data[message - 1] | out.data[message - 2], 0, "%s", name);
	/* But for correctionField and UDP checksum no byte has changed. */
	memcpy(want.data + message + CF, out.data + message + CF, 8);
	if (ptp->over != PTP_OVER_ETHERNET)
		memcpy(want.data + message - 2, out.data + message - 2, 2);
	cr_assert(packet_same(&want, &out), "%s\n%s", name, packet_diff(&want, &out));
}

static const __s64 corrections[] = { 0,
				     1,
				     0xffff,
				     0x123456789abcLL,
				     -1,
				     -65536,
				     -(__s64)(500 * MS << 16),
				     -CF_MAX,
				     CF_MAX - ((__s64)2000 * MS << 16) };
static const __u64 stays[] = { 0, 1, 1000, 100 * MS, 500 * MS };

Test(lsr_residence, adds_the_time)
{
	struct mpls_world world;
	char name[120];

	mpls_world_open(&world, XDPLB_RESIDENCE_KERNEL);
	for (int n = 0; n < 4 * 4 * PTP_OVER_COUNT; n++) {
		struct ptp_spec ptp = { .over = n / 16, .type = n / 4 % 4, .version = 2 };
		const struct dress *dress = &dresses[n % 4];

		if (!dress->labels && ptp.over == PTP_OVER_ETHERNET)
			continue; /* a pseudowire's label is never popped before its end */
		for (size_t i = 0; i < sizeof(corrections) / sizeof(corrections[0]) * 5; i++) {
			ptp.correction = corrections[i / 5];
			ptp.seed = i;
			snprintf(name, sizeof(name), "%s, %s, message %u, %lld, %llu ns",
				 ptp_over_names[ptp.over], dress->name, ptp.type, ptp.correction,
				 stays[i % 5]);
			check_corrected(&world, name, dress, &ptp, stays[i % 5]);
		}
	}
	mpls_world_close(&world);
}

/* Payloads by the thousand: one of them makes the UDP checksum 0 or 0xffff sooner or later. */
Test(lsr_residence, repairs_checksums)
{
	struct mpls_world world;
	char name[40];

	mpls_world_open(&world, XDPLB_RESIDENCE_KERNEL);
	for (__u32 i = 0; i < 200000; i++) {
		struct ptp_spec ptp = { .over = i % 2, .version = 2, .seed = i, .correction = i };

		snprintf(name, sizeof(name), "payload %u", i);
		check_corrected(&world, name, &dresses[i / 2 % 4], &ptp, i % 5000);
	}
	mpls_world_close(&world);
}

Test(lsr_residence, ip_options_and_no_checksum)
{
	struct mpls_world world;

	mpls_world_open(&world, XDPLB_RESIDENCE_KERNEL);
	for (int i = 0; i <= 40; i += 4) {
		struct ptp_spec ptp = { .version = 2, .ip_options = i, .no_checksum = i % 8 };

		check_corrected(&world, "IPv4 options", &dresses[i / 4 % 4], &ptp, 500);
	}
	mpls_world_close(&world);
}

/* "Too large to say" is what it stays, and what a sum beyond it becomes. */
Test(lsr_residence, saturates)
{
	static const __s64 large[] = { CF_MAX, CF_MAX - 1, CF_MAX - (1LL << 16) };
	struct mpls_world world;

	mpls_world_open(&world, XDPLB_RESIDENCE_KERNEL);
	for (int i = 0; i < 3 * PTP_OVER_COUNT; i++) {
		struct ptp_spec ptp = { .over = i / 3, .version = 2, .correction = large[i % 3] };
		struct test_packet frame, out;
		size_t message;

		dress_up(&dresses[0], &ptp, &frame, &message);
		put_stamp(&frame, clock_ns(CLOCK_MONOTONIC) - MS, XDPLB_CLOCK_MONOTONIC,
			  XDPLB_STAMP_MAGIC);
		run_egress(&world, &frame, &out);
		cr_assert_eq(get_correction(&out, message), CF_MAX, "row %d", i);
		cr_assert_null(packet_fault(&out));
	}
	mpls_world_close(&world);
}

/* The clock of the stamp is the clock that is read; a stamp of another's is never believed. */
Test(lsr_residence, clocks_are_not_mixed)
{
	struct ptp_spec ptp = { .version = 2 };
	struct test_packet frame, out;
	struct mpls_world world;
	size_t message;
	__u64 before;
	__s64 found;

	mpls_world_open(&world, XDPLB_RESIDENCE_PHC_IS_TAI);
	dress_up(&dresses[0], &ptp, &frame, &message);
	before = clock_ns(CLOCK_TAI);
	put_stamp(&frame, before - 5 * MS, XDPLB_CLOCK_TAI, XDPLB_STAMP_MAGIC);
	run_egress(&world, &frame, &out);
	found = get_correction(&out, message) >> 16;
	cr_assert(found >= (__s64)(5 * MS) &&
			  found <= (__s64)(clock_ns(CLOCK_TAI) - before + 5 * MS),
		  "%lld ns", found);
	mpls_world_close(&world);
}

struct untouched {
	const char *name;
	struct ptp_spec ptp;
	__s64 age; /* of the stamp, ns */
	__u32 clock;
	__u32 magic;
	bool skipped; /* counted as an event message without a time */
};

#define MONO  XDPLB_CLOCK_MONOTONIC
#define MAGIC XDPLB_STAMP_MAGIC

/* ns; still the future when the program looks, however busy the machine, and as much as a time may be. */
#define FUTURE ((__s64)(990 * MS))

static const struct untouched untouched[] = {
	{ "Follow_Up", { .type = 8, .version = 2, .port = 319 }, 5, MONO, MAGIC },
	{ "general port", { .type = 0, .version = 2, .port = 320 }, 5, MONO, MAGIC },
	{ "another port", { .type = 0, .version = 2, .port = 53 }, 5, MONO, MAGIC },
	{ "PTP version 1", { .type = 0, .version = 1 }, 5, MONO, MAGIC },
	{ "reserved event message", { .type = 4, .version = 2 }, 5, MONO, MAGIC },
	{ "no stamp", { .type = 0, .version = 2 }, 5, MONO, 0 },
	{ "another's metadata", { .type = 0, .version = 2 }, 5, MONO, MAGIC + 1 },
	{ "stamp of the future", { .type = 0, .version = 2 }, -FUTURE, MONO, MAGIC, true },
	{ "more than a second", { .type = 0, .version = 2 }, 1001 * MS, MONO, MAGIC, true },
	{ "a stamp of the other clock",
	  { .type = 0, .version = 2 },
	  5,
	  XDPLB_CLOCK_TAI,
	  MAGIC,
	  true },
	{ "shorter than a PTP header", { .type = 0, .version = 2, .cut = 11 }, 5, MONO, MAGIC },
	{ "Ethernet, Announce",
	  { .over = PTP_OVER_ETHERNET, .type = 11, .version = 2 },
	  5,
	  MONO,
	  MAGIC },
	{ "Ethernet, cut off",
	  { .over = PTP_OVER_ETHERNET, .version = 2, .cut = 11 },
	  5,
	  MONO,
	  MAGIC },
};

Test(lsr_residence, leaves_the_rest_alone)
{
	struct mpls_world world;

	mpls_world_open(&world, XDPLB_RESIDENCE_KERNEL);
	for (size_t i = 0; i < sizeof(untouched) / sizeof(untouched[0]); i++) {
		const struct untouched *row = &untouched[i];
		__u64 skipped = counted(&world, RESIDENCE_SKIPPED);
		struct test_packet frame, want, out;
		size_t message;

		dress_up(&dresses[1], &row->ptp, &frame, &message);
		want = frame;
		put_stamp(&frame, clock_ns(CLOCK_MONOTONIC) - row->age, row->clock, row->magic);
		run_egress(&world, &frame, &out);
		cr_assert(packet_same(&want, &out), "%s\n%s", row->name, packet_diff(&want, &out));
		cr_assert_eq(counted(&world, RESIDENCE_SKIPPED) - skipped, row->skipped, "%s",
			     row->name);
		cr_assert_eq(counted(&world, RESIDENCE_ADDED), 0, "%s", row->name);
	}
	mpls_world_close(&world);
}

/* The way in: only PTP-only entries are stamped, only where the clock works. */
Test(lsr_residence, stamps_what_is_ptp_only)
{
	for (int n = 0; n < 8; n++) {
		bool php = n & 1, only = n & 2, on = n & 4, stamped = only && on;
		struct xdplb_nhlfe nhlfe = { .op = php ? XDPLB_OP_PHP : XDPLB_OP_SWAP,
					     .depth = 1,
					     .out = { mpls_out(IN) },
					     .payload = XDPLB_PAYLOAD_IPV4,
					     .flags = only ? XDPLB_NHLFE_PTP_ONLY : 0 };
		struct label in = { IN, 0, 9 }, out = { IN, 0, 8 };
		struct ptp_spec ptp = { .version = 2 };
		struct test_packet message, packet, want, got;
		struct expected expected = { XDP_REDIRECT, NULL, NO_DROP,
					     stamped ? EVENT(STAMP_KERNEL) : 0 };
		struct xdplb_stamp stamp;
		struct mpls_world world;
		__u64 before, after;

		mpls_world_open(&world, on ? XDPLB_RESIDENCE_KERNEL : XDPLB_RESIDENCE_OFF);
		mpls_world_label(&world, IN, &nhlfe);
		ptp_build(&ptp, &message);
		mpls_label(&message, &in, 1, &packet);
		want = message;
		if (!php)
			mpls_label(&message, &out, 1, &want);
		mpls_macs(&want, mpls_next_mac, mpls_own_mac);
		before = clock_ns(CLOCK_MONOTONIC);
		got = observe_run("stamp", world.prog, world.counters, &packet, 0, &expected);
		after = clock_ns(CLOCK_MONOTONIC);
		memcpy(&stamp, got.data, sizeof(stamp));
		if (stamped) {
			cr_assert_eq(stamp.magic, XDPLB_STAMP_MAGIC);
			cr_assert_eq(stamp.clock, XDPLB_CLOCK_MONOTONIC);
			cr_assert(stamp.time >= before && stamp.time <= after);
			put_stamp(&want, stamp.time, stamp.clock, stamp.magic);
		}
		cr_assert(packet_same(&want, &got), "row %d\n%s", n, packet_diff(&want, &got));
		mpls_world_close(&world);
	}
}
