// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lsr_xdp: what a labelled packet that goes on looks like when it leaves. The expected packet is built
 * anew from its labels and compared byte by byte.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "mpls_world.h"

TestSuite(lsr_xdp);

#define IN  100 /* the label that comes in on top */
#define OUT 200

#define SWAP(n) .op = XDPLB_OP_SWAP, .depth = (n)

/* What comes in, what is installed for IN (and for IN + 1: a swap to OUT + 9), what goes out. */
struct row {
	const char *name;
	struct xdplb_nhlfe nhlfe;
	struct label in[10];
	struct label out[16]; /* {}: bare IP */
	enum ptp_over over; /* the payload; Ethernet only where it does not matter */
};

static const struct row rows[] = {
	{ "swap", { SWAP(1) }, { { IN, 5, 64 } }, { { OUT, 5, 63 } } },
	{ "swap, TTL 2", { SWAP(1) }, { { IN, 0, 2 } }, { { OUT, 0, 1 } } },
	{ "swap, TTL 255", { SWAP(1) }, { { IN, 7, 255 } }, { { OUT, 7, 254 } } },
	{ "swap above another label",
	  { SWAP(1) },
	  { { IN, 5, 64 }, { 777, 1, 9 } },
	  { { OUT, 5, 63 }, { 777, 1, 9 } } },
	{ "swap above a reserved label",
	  { SWAP(1) },
	  { { IN, 5, 64 }, { 0, 1, 9 } },
	  { { OUT, 5, 63 }, { 0, 1, 9 } } },
	{ "swap above eight more",
	  { SWAP(1) },
	  { { IN, 5, 64 }, { 31 }, { 32 }, { 33 }, { 34 }, { 35 }, { 36 }, { 37 }, { 38 } },
	  { { OUT, 5, 63 }, { 31 }, { 32 }, { 33 }, { 34 }, { 35 }, { 36 }, { 37 }, { 38 } } },
	{ "push of one", { SWAP(2) }, { { IN, 3, 10 } }, { { OUT, 3, 9 }, { OUT + 1, 3, 9 } } },
	{ "push of seven",
	  { SWAP(8) },
	  { { IN, 3, 10 } },
	  { { OUT, 3, 9 },
	    { OUT + 1, 3, 9 },
	    { OUT + 2, 3, 9 },
	    { OUT + 3, 3, 9 },
	    { OUT + 4, 3, 9 },
	    { OUT + 5, 3, 9 },
	    { OUT + 6, 3, 9 },
	    { OUT + 7, 3, 9 } } },
	{ "push above another label",
	  { SWAP(2) },
	  { { IN, 3, 10 }, { 777, 1, 9 } },
	  { { OUT, 3, 9 }, { OUT + 1, 3, 9 }, { 777, 1, 9 } } },
	{ "pop, then the next label is swapped",
	  { .op = XDPLB_OP_POP },
	  { { IN, 3, 10 }, { IN + 1, 2, 20 } },
	  { { OUT + 9, 2, 19 } } },
	{ "pop by the uniform model",
	  { .op = XDPLB_OP_POP, .flags = XDPLB_NHLFE_UNIFORM_TTL },
	  { { IN, 3, 10 }, { IN + 1, 2, 20 } },
	  { { OUT + 9, 2, 9 } } },
	{ "pop by the uniform model never raises",
	  { .op = XDPLB_OP_POP, .flags = XDPLB_NHLFE_UNIFORM_TTL },
	  { { IN, 3, 200 }, { IN + 1, 2, 20 } },
	  { { OUT + 9, 2, 19 } } },
	{ "seven pops and a swap",
	  { .op = XDPLB_OP_POP },
	  { { IN, 3, 10 },
	    { IN, 3, 10 },
	    { IN, 3, 10 },
	    { IN, 3, 1 },
	    { IN, 3, 10 },
	    { IN, 3, 10 },
	    { IN, 3, 10 },
	    { IN + 1, 2, 20 } },
	  { { OUT + 9, 2, 19 } } },
	{ "explicit null above another label",
	  { SWAP(1) },
	  { { 0, 3, 10 }, { IN, 2, 20 } },
	  { { OUT, 2, 19 } } },
	{ "IPv6 explicit null above another label",
	  { SWAP(1) },
	  { { 2, 3, 10 }, { IN, 2, 20 } },
	  { { OUT, 2, 19 } } },
	{ "penultimate pop above a label",
	  { .op = XDPLB_OP_PHP },
	  { { IN, 3, 10 }, { 777, 2, 20 } },
	  { { 777, 2, 20 } } },
	{ "penultimate pop above a label, uniform",
	  { .op = XDPLB_OP_PHP, .flags = XDPLB_NHLFE_UNIFORM_TTL },
	  { { IN, 3, 10 }, { 777, 2, 20 } },
	  { { 777, 2, 9 } } },
	{ "penultimate pop above a label, uniform, smaller TTL",
	  { .op = XDPLB_OP_PHP, .flags = XDPLB_NHLFE_UNIFORM_TTL },
	  { { IN, 3, 10 }, { 777, 2, 5 } },
	  { { 777, 2, 5 } } },
	{ "penultimate pop above IPv4",
	  { .op = XDPLB_OP_PHP, .payload = XDPLB_PAYLOAD_IPV4 },
	  { { IN, 3, 10 } },
	  {} },
	{ "penultimate pop above IPv6",
	  { .op = XDPLB_OP_PHP, .payload = XDPLB_PAYLOAD_IPV6 },
	  { { IN, 3, 10 } },
	  {},
	  PTP_OVER_UDP6 },
};

static size_t count_labels(const struct label *labels, size_t max)
{
	size_t count = 0;

	while (count < max && (labels[count].number || labels[count].ttl))
		count++;
	return count;
}

static void fill_outs(struct xdplb_nhlfe *nhlfe, __u32 first)
{
	for (int i = 0; i < XDPLB_LABELS_MAX; i++)
		nhlfe->out[i] = mpls_out(first + i);
}

static void install(struct mpls_world *world, const struct xdplb_nhlfe *top)
{
	struct xdplb_nhlfe nhlfe = *top, next = { SWAP(1) };

	fill_outs(&nhlfe, OUT);
	mpls_world_label(world, IN, &nhlfe);
	fill_outs(&next, OUT + 9);
	mpls_world_label(world, IN + 1, &next);
}

static void check_row(const struct row *row)
{
	struct ptp_spec ptp = { .over = row->over, .type = 0, .version = 2 };
	size_t in_count = count_labels(row->in, 10), out_count = count_labels(row->out, 16);
	struct test_packet message, packet, want;
	struct expected expected = { XDP_REDIRECT, &want, NO_DROP, 0 };
	struct mpls_world world;

	mpls_world_open(&world, XDPLB_RESIDENCE_KERNEL);
	install(&world, &row->nhlfe);
	ptp_build(&ptp, &message);
	mpls_label(&message, row->in, in_count, &packet);
	want = message;
	if (out_count)
		mpls_label(&message, row->out, out_count, &want);
	mpls_macs(&want, mpls_next_mac, mpls_own_mac);
	check_run(row->name, world.prog, world.counters, &packet, 0, &expected);
	mpls_world_close(&world);
}

Test(lsr_xdp, forwards)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

/* Uniform model down to IP: the TTL of the payload follows, its header checksum with it. */
Test(lsr_xdp, uniform_ttl_reaches_ip)
{
	static const struct {
		__u8 label, ip, want;
	} ttls[] = { { 64, 64, 63 }, { 10, 64, 9 }, { 64, 10, 10 }, { 2, 1, 1 }, { 2, 255, 1 } };
	struct xdplb_nhlfe nhlfe = { .op = XDPLB_OP_PHP, .flags = XDPLB_NHLFE_UNIFORM_TTL };
	char name[80];

	for (size_t i = 0; i < 2 * sizeof(ttls) / sizeof(ttls[0]); i++) {
		bool v4 = i % 2;
		struct packet_spec spec = { .family = v4 ? XDPLB_IPV4 : XDPLB_IPV6,
					    .proto = 17,
					    .payload_len = 9 };
		struct label in = { IN, 0, ttls[i / 2].label };
		struct test_packet message, packet, want;
		struct expected expected = { XDP_REDIRECT, &want, NO_DROP, 0 };
		struct mpls_world world;

		snprintf(name, sizeof(name), "%s, label %u, IP %u", v4 ? "IPv4" : "IPv6", in.ttl,
			 ttls[i / 2].ip);
		nhlfe.payload = v4 ? XDPLB_PAYLOAD_IPV4 : XDPLB_PAYLOAD_IPV6;
		mpls_world_open(&world, XDPLB_RESIDENCE_OFF);
		install(&world, &nhlfe);
		spec.ttl = ttls[i / 2].ip;
		packet_build(&spec, &message);
		mpls_label(&message, &in, 1, &packet);
		spec.ttl = ttls[i / 2].want;
		packet_build(&spec, &want);
		mpls_macs(&want, mpls_next_mac, mpls_own_mac);
		check_run(name, world.prog, world.counters, &packet, 0, &expected);
		mpls_world_close(&world);
	}
}

/* Packets and bytes are counted for the entry, and for no other. */
Test(lsr_xdp, counts_for_the_entry)
{
	struct xdplb_nhlfe nhlfe = { SWAP(1) };
	struct label in = { IN, 0, 9 };
	struct ptp_spec ptp = { .version = 2 };
	struct test_packet message, packet;
	struct run_result result;
	struct mpls_world world;
	int map;

	mpls_world_open(&world, XDPLB_RESIDENCE_OFF);
	install(&world, &nhlfe);
	ptp_build(&ptp, &message);
	mpls_label(&message, &in, 1, &packet);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(prog_run(world.prog, &packet, 0, &result), 0);
	map = bpf_map__fd(world.skel->maps.nhlfe_traffic);
	cr_assert_eq(sum_counter(map, 0, 2, 0), 3);
	cr_assert_eq(sum_counter(map, 0, 2, 1), 3 * packet.len);
	cr_assert_eq(sum_counter(map, 1, 2, 0), 0);
	mpls_world_close(&world);
}
