// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lsr_xdp: what is dropped and counted, and what passes untouched.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "mpls_world.h"

TestSuite(lsr_refuse);

enum {
	SWAP = 100,
	SWAP_NOWHERE, /* by a port that is free */
	SWAP_NONE, /* to no label */
	SWAP_MANY, /* to more than fit */
	POP,
	PHP_IP4,
	PHP_IP6,
	PHP_NONE,
	DELIVER, /* IPv4, tunnel 0: up, primary */
	DELIVER_DOWN, /* tunnel 1 */
	DELIVER_BACKUP, /* tunnel 0, by its backup */
	DELIVER_NOWHERE, /* a tunnel that is not there */
	DELIVER_ETHERNET, /* tunnel 0 */
	BAD_OP,
	STRANGER, /* not installed */
};

static void open_world(struct mpls_world *world)
{
	struct xdplb_nhlfe swap = { .op = XDPLB_OP_SWAP, .depth = 1, .out = { mpls_out(200) } };
	struct xdplb_nhlfe entries[] = {
		[SWAP - SWAP] = swap,
		[SWAP_NOWHERE - SWAP] = swap,
		[SWAP_NONE - SWAP] = { .op = XDPLB_OP_SWAP },
		[SWAP_MANY - SWAP] = { .op = XDPLB_OP_SWAP, .depth = 9 },
		[POP - SWAP] = { .op = XDPLB_OP_POP },
		[PHP_IP4 - SWAP] = { .op = XDPLB_OP_PHP, .payload = XDPLB_PAYLOAD_IPV4 },
		[PHP_IP6 - SWAP] = { .op = XDPLB_OP_PHP, .payload = XDPLB_PAYLOAD_IPV6 },
		[PHP_NONE - SWAP] = { .op = XDPLB_OP_PHP },
		[DELIVER - SWAP] = { .op = XDPLB_OP_DELIVER, .payload = XDPLB_PAYLOAD_IPV4 },
		[DELIVER_DOWN - SWAP] = { .op = XDPLB_OP_DELIVER,
					  .payload = XDPLB_PAYLOAD_IPV4,
					  .tunnel = 1 },
		[DELIVER_BACKUP - SWAP] = { .op = XDPLB_OP_DELIVER,
					    .payload = XDPLB_PAYLOAD_IPV4,
					    .flags = XDPLB_NHLFE_BACKUP },
		[DELIVER_NOWHERE - SWAP] = { .op = XDPLB_OP_DELIVER,
					     .payload = XDPLB_PAYLOAD_IPV4,
					     .tunnel = MPLS_TUNNELS },
		[DELIVER_ETHERNET -
			SWAP] = { .op = XDPLB_OP_DELIVER, .payload = XDPLB_PAYLOAD_ETHERNET },
		[BAD_OP - SWAP] = { .op = 99 },
	};
	struct xdplb_nhlfe nowhere = entries[SWAP_NOWHERE - SWAP];

	mpls_world_open(world, XDPLB_RESIDENCE_KERNEL);
	for (int i = 0; i < BAD_OP - SWAP + 1; i++)
		mpls_world_label(world, SWAP + i, &entries[i]);
	nowhere.port = 5;
	mpls_put(world->skel->maps.nhlfes, SWAP_NOWHERE - SWAP, &nowhere);
	mpls_world_tunnel(world, 0, (struct xdplb_tunnel_control){ .state = XDPLB_TUNNEL_UP }, 0);
	mpls_world_tunnel(world, 1, (struct xdplb_tunnel_control){}, 0);
}

/* `alone`: the row is run on a port whose labels are all ours; else on one where others may be. */
struct row {
	const char *name;
	struct label in[10];
	enum ptp_over over;
	__u16 len; /* the frame is cut to it; 0: it is whole */
	bool alone;
	int drop; /* NO_DROP: passes untouched */
	__u64 events;
};

#define DROP(NAME) .drop = XDPLB_DROP_##NAME
#define V6         .over = PTP_OVER_UDP6
#define L2         .over = PTP_OVER_ETHERNET

static const struct row rows[] = {
	{ "unknown label", { { STRANGER, 0, 9 } }, .alone = true, DROP(MPLS_UNKNOWN_LABEL) },
	{ "unknown label among others'", { { STRANGER, 0, 9 } }, .drop = NO_DROP },
	{ "unknown label, TTL 0, among others'", { { STRANGER, 0, 0 } }, .drop = NO_DROP },
	{ "a label in the element of another",
	  { { SWAP + MPLS_LABELS, 0, 9 } },
	  .alone = true,
	  DROP(MPLS_UNKNOWN_LABEL) },
	{ "a popped label is ours, what is under it not",
	  { { POP, 0, 9 }, { STRANGER, 0, 9 } },
	  DROP(MPLS_UNKNOWN_LABEL) },
	{ "the last label there is", { { 0xfffff, 0, 9 } }, .drop = NO_DROP },
	{ "TTL 1", { { SWAP, 0, 1 } }, DROP(MPLS_TTL_EXPIRED) },
	{ "TTL 0", { { SWAP, 0, 0 }, { 77, 0, 1 } }, DROP(MPLS_TTL_EXPIRED) },
	{ "TTL 1 at the penultimate hop", { { PHP_IP4, 0, 1 } }, DROP(MPLS_TTL_EXPIRED) },
	{ "TTL 0 at a pop", { { POP, 0, 0 }, { SWAP, 0, 9 } }, DROP(MPLS_TTL_EXPIRED) },
	{ "TTL 1 under a pop", { { POP, 0, 9 }, { SWAP, 0, 1 } }, DROP(MPLS_TTL_EXPIRED) },
	{ "TTL 0 at the end", { { DELIVER, 0, 0 }, { 77, 0, 1 } }, DROP(MPLS_TTL_EXPIRED) },
	{ "implicit null", { { 3, 0, 9 } }, .alone = true, DROP(MPLS_RESERVED_LABEL) },
	{ "implicit null among others'", { { 3, 0, 9 } }, .drop = NO_DROP },
	{ "implicit null under ours", { { POP, 0, 9 }, { 3, 0, 9 } }, DROP(MPLS_RESERVED_LABEL) },
	{ "entropy label indicator",
	  { { 7, 0, 9 }, { SWAP, 0, 9 } },
	  .alone = true,
	  DROP(MPLS_RESERVED_LABEL) },
	{ "label 15", { { 15, 0, 9 } }, .alone = true, DROP(MPLS_RESERVED_LABEL) },
	{ "router alert",
	  { { 1, 0, 9 }, { SWAP, 0, 9 } },
	  .alone = true,
	  .drop = NO_DROP,
	  .events = EVENT(ROUTER_ALERT) },
	{ "another's channel on the link", { { 13, 0, 9 } }, .alone = true, .drop = NO_DROP },
	{ "eight pops",
	  { { POP, 0, 9 },
	    { POP, 0, 9 },
	    { POP, 0, 9 },
	    { POP, 0, 9 },
	    { POP, 0, 9 },
	    { POP, 0, 9 },
	    { POP, 0, 9 },
	    { POP, 0, 9 },
	    { SWAP, 0, 9 } },
	  DROP(MPLS_TOO_DEEP) },
	{ "pop of the last label", { { POP, 0, 9 } }, DROP(MPLS_MALFORMED) },
	{ "the stack ends before its last label",
	  { { POP, 0, 9 }, { SWAP, 0, 9 } },
	  .len = 18,
	  DROP(MPLS_MALFORMED) },
	{ "half an entry", { { SWAP, 0, 9 } }, .len = 17, .alone = true, DROP(MPLS_MALFORMED) },
	{ "half an entry among others'", { { SWAP, 0, 9 } }, .len = 17, .drop = NO_DROP },
	{ "no entry", { { SWAP, 0, 9 } }, .len = 14, .alone = true, DROP(MPLS_MALFORMED) },
	{ "IPv6 where the label says IPv4", { { PHP_IP4, 0, 9 } }, V6, DROP(MPLS_MALFORMED) },
	{ "IPv4 where the label says IPv6", { { PHP_IP6, 0, 9 } }, DROP(MPLS_MALFORMED) },
	{ "IPv4 where the label says nothing", { { PHP_NONE, 0, 9 } }, DROP(MPLS_MALFORMED) },
	{ "penultimate pop, IPv4 cut off", { { PHP_IP4, 0, 9 } }, .len = 37, DROP(MPLS_MALFORMED) },
	{ "penultimate pop, IPv6 cut off",
	  { { PHP_IP6, 0, 9 } },
	  V6,
	  .len = 57,
	  DROP(MPLS_MALFORMED) },
	{ "penultimate pop, next label cut off",
	  { { PHP_NONE, 0, 9 }, { 77, 0, 9 } },
	  .len = 21,
	  DROP(MPLS_MALFORMED) },
	{ "by a port that is free", { { SWAP_NOWHERE, 0, 9 } }, DROP(BAD_TABLE) },
	{ "swapped for nothing", { { SWAP_NONE, 0, 9 } }, DROP(BAD_TABLE) },
	{ "swapped for nine", { { SWAP_MANY, 0, 9 } }, DROP(BAD_TABLE) },
	{ "no such operation", { { BAD_OP, 0, 9 } }, DROP(BAD_TABLE) },
	{ "no such tunnel", { { DELIVER_NOWHERE, 0, 9 } }, DROP(BAD_TABLE) },
	{ "tunnel is down", { { DELIVER_DOWN, 0, 9 } }, DROP(TUNNEL_DOWN) },
	{ "by the LSP that is not live", { { DELIVER_BACKUP, 0, 9 } }, DROP(LSP_NOT_LIVE) },
	{ "the end, but another label follows",
	  { { DELIVER, 0, 9 }, { 77, 0, 9 } },
	  DROP(MPLS_MALFORMED) },
	{ "the end, IPv6 where the label says IPv4",
	  { { DELIVER, 0, 9 } },
	  V6,
	  DROP(MPLS_MALFORMED) },
	{ "the end, IPv4 where the label says Ethernet",
	  { { DELIVER_ETHERNET, 0, 9 } },
	  DROP(MPLS_MALFORMED) },
	{ "the end, Ethernet cut off",
	  { { DELIVER_ETHERNET, 0, 9 } },
	  L2,
	  .len = 35,
	  DROP(MPLS_MALFORMED) },
	{ "the end, shorter than its control word says",
	  { { DELIVER_ETHERNET, 0, 9 } },
	  L2,
	  .len = 60,
	  DROP(MPLS_MALFORMED) },
	{ "IPv6 under an IPv4 explicit null", { { 0, 0, 9 } }, V6, DROP(MPLS_MALFORMED) },
	{ "IPv4 under an IPv6 explicit null", { { 2, 0, 9 } }, DROP(MPLS_MALFORMED) },
	{ "explicit null, cut off", { { 0, 0, 9 } }, .len = 30, DROP(MPLS_MALFORMED) },
};

static size_t count_labels(const struct label *labels)
{
	size_t count = 0;

	while (count < 10 && labels[count].number + labels[count].ttl)
		count++;
	return count;
}

Test(lsr_refuse, drops_or_passes)
{
	struct mpls_world world;

	open_world(&world);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		bool passes = row->drop == NO_DROP;
		struct ptp_spec ptp = { .over = row->over, .version = 2 };
		struct test_packet message, packet;
		struct expected expected = { passes ? XDP_PASS : XDP_DROP, passes ? &packet : NULL,
					     row->drop, row->events };

		ptp_build(&ptp, &message);
		mpls_labels(row->over, &message, row->in, count_labels(row->in), &packet);
		if (row->len)
			packet.len = row->len;
		mpls_world_ours_alone(&world, row->alone);
		check_run(row->name, world.prog, world.counters, &packet, 0, &expected);
	}
	mpls_world_close(&world);
}

/* What is not MPLS, or not in this form, passes whatever its bytes are; also where all labels are ours. */
Test(lsr_refuse, other_types_pass)
{
	static const struct {
		const char *name;
		__u8 type[2];
	} types[] = { { "IPv4", { 0x08, 0x00 } },    { "IPv6", { 0x86, 0xdd } },
		      { "ARP", { 0x08, 0x06 } },     { "PTP", { 0x88, 0xf7 } },
		      { "VLAN", { 0x81, 0x00 } },    { "multicast MPLS", { 0x88, 0x48 } },
		      { "a length", { 0x00, 0x30 } } };
	struct ptp_spec ptp = { .version = 2 };
	struct label in = { SWAP, 0, 9 };
	struct test_packet message, packet;
	struct expected expected = { XDP_PASS, &packet, NO_DROP, 0 };
	struct mpls_world world;

	open_world(&world);
	mpls_world_ours_alone(&world, true);
	ptp_build(&ptp, &message);
	mpls_label(&message, &in, 1, &packet);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		memcpy(packet.data + 12, types[i].type, 2);
		check_run(types[i].name, world.prog, world.counters, &packet, 0, &expected);
	}
	mpls_world_close(&world);
}

/* Random stacks of labels that are ours and that are not, random lengths: no packet is lost uncounted,
 * and none that passes has changed. */
Test(lsr_refuse, random_stacks)
{
	struct mpls_world world;

	open_world(&world);
	for (__u32 n = 0; n < 20000; n++) {
		struct ptp_spec ptp = { .over = n % PTP_OVER_COUNT, .version = 2, .seed = n };
		struct test_packet message, packet;
		struct label labels[9];
		struct run_result result;
		__u64 before, after;
		__u16 random[24];
		int drops = world.counters.drops;

		packet_fill(random, sizeof(random), n);
		for (int i = 0; i < 9; i++)
			labels[i] = (struct label){ random[i] % 2 ? SWAP + random[i] / 2 % 15
								  : random[i] / 2 % 20,
						    random[i + 9] % 8, random[i + 9] / 8 % 4 };
		ptp_build(&ptp, &message);
		mpls_labels(ptp.over, &message, labels, 1 + random[18] % 9, &packet);
		if (random[19] % 4 == 0)
			packet.len = 14 + random[20] % (packet.len - 13);
		mpls_world_ours_alone(&world, random[21] % 2);
		before = after = 0;
		for (int d = 0; d < XDPLB_DROP_COUNT; d++)
			before += sum_counter(drops, 0, XDPLB_COUNTERS_CAPACITY, d);
		cr_assert_eq(prog_run(world.prog, &packet, 0, &result), 0, "stack %u", n);
		for (int d = 0; d < XDPLB_DROP_COUNT; d++)
			after += sum_counter(drops, 0, XDPLB_COUNTERS_CAPACITY, d);
		cr_assert_eq(after - before, result.verdict == XDP_DROP, "stack %u: verdict %d", n,
			     result.verdict);
		cr_assert_neq(result.verdict, XDP_ABORTED, "stack %u", n);
	}
	mpls_world_close(&world);
}
