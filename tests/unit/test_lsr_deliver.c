// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lsr_xdp: what comes out where an LSP ends.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "mpls_world.h"

TestSuite(lsr_deliver);

#define TRANSPORT 99 /* popped above the others */
#define FIRST     100 /* by carrier, primary LSP; + 3: backup LSP */
#define TUNNEL    2

static const __u8 payloads[PTP_OVER_COUNT] = { XDPLB_PAYLOAD_IPV4, XDPLB_PAYLOAD_IPV6,
					       XDPLB_PAYLOAD_ETHERNET };

static void open_world(struct mpls_world *world, __u32 ifindex, bool backup)
{
	struct xdplb_nhlfe nhlfe = { .op = XDPLB_OP_POP };
	struct xdplb_tunnel_control control = { 1, XDPLB_TUNNEL_UP, backup, 0 };

	mpls_world_open(world, XDPLB_RESIDENCE_KERNEL);
	mpls_world_label(world, TRANSPORT, &nhlfe);
	nhlfe.op = XDPLB_OP_DELIVER;
	nhlfe.tunnel = TUNNEL;
	for (int i = 0; i < 2 * PTP_OVER_COUNT; i++) {
		nhlfe.payload = payloads[i % PTP_OVER_COUNT];
		nhlfe.flags = i >= PTP_OVER_COUNT ? XDPLB_NHLFE_BACKUP : 0;
		mpls_world_label(world, FIRST + i, &nhlfe);
	}
	mpls_world_tunnel(world, TUNNEL, control, ifindex);
}

/* A test run gives metadata out in front of the frame. */
static void put_meta(struct test_packet *packet, __u32 ifindex)
{
	struct xdplb_delivery meta = { ifindex, XDPLB_DELIVERY_MAGIC };

	memmove(packet->data + sizeof(meta), packet->data, packet->len);
	memcpy(packet->data, &meta, sizeof(meta));
	packet->len += sizeof(meta);
}

struct stack {
	const char *name;
	struct label labels[3];
	size_t count;
};

/* The last label's number is put in. */
static const struct stack stacks[] = {
	{ "one label", { { 0, 5, 60 } }, 1 },
	{ "TTL 1", { { 0, 5, 1 } }, 1 },
	{ "a popped label above", { { TRANSPORT, 5, 60 }, { 0, 5, 60 } }, 2 },
	{ "explicit null above", { { 0, 5, 60 }, { 0, 5, 60 } }, 2 },
	{ "two above", { { TRANSPORT, 5, 1 }, { TRANSPORT, 5, 60 }, { 0, 5, 60 } }, 3 },
};

static void check_stack(struct mpls_world *world, const struct stack *stack, __u32 number,
			const struct ptp_spec *ptp, __u32 ifindex)
{
	struct label labels[3];
	struct test_packet message, packet, want;
	struct expected expected = { XDP_PASS, &want, NO_DROP, EVENT(PTP_POPPED) };
	char name[100];

	memcpy(labels, stack->labels, sizeof(labels));
	labels[stack->count - 1].number = number;
	ptp_build(ptp, &message);
	mpls_labels(ptp->over, &message, labels, stack->count, &packet);
	want = message;
	if (ptp->over != PTP_OVER_ETHERNET && ifindex)
		memcpy(want.data, mpls_tunnel_mac, 6);
	if (ifindex)
		put_meta(&want, ifindex);
	snprintf(name, sizeof(name), "%s, %s, %s", ptp_over_names[ptp->over], stack->name,
		 ifindex ? "tunnel interface" : "stack");
	check_run(name, world->prog, world->counters, &packet, 0, &expected);
}

Test(lsr_deliver, comes_out_as_it_was_sent)
{
	for (int n = 0; n < 4; n++) {
		__u32 ifindex = n & 1 ? MPLS_TUNNEL_IF : 0;
		bool backup = n & 2;
		struct mpls_world world;
		size_t stack_count = sizeof(stacks) / sizeof(stacks[0]);

		open_world(&world, ifindex, backup);
		for (int i = 0; i < PTP_OVER_COUNT; i++) {
			struct ptp_spec ptp = { .over = i, .version = 2, .seed = n };
			__u32 number = FIRST + i + (backup ? PTP_OVER_COUNT : 0);

			for (size_t s = 0; s < stack_count; s++)
				check_stack(&world, &stacks[s], number, &ptp, ifindex);
		}
		cr_assert_eq(mpls_tunnel_count(world.skel->maps.tunnel_counters, TUNNEL, popped),
			     PTP_OVER_COUNT * stack_count);
		mpls_world_close(&world);
	}
}

/* A pseudowire's frame has been padded on its way: the control word's length says how long it was. */
Test(lsr_deliver, padding_is_taken_away)
{
	struct ptp_spec ptp = { .over = PTP_OVER_ETHERNET, .version = 2 };
	struct label label = { FIRST + PTP_OVER_ETHERNET, 0, 9 };
	struct test_packet message, packet, want;
	struct expected expected = { XDP_PASS, &want, NO_DROP, EVENT(PTP_POPPED) };
	struct mpls_world world;

	open_world(&world, 0, false);
	ptp_build(&ptp, &message);
	mpls_wire(&message, &label, 1, (message.len + 4) << 16, &packet);
	packet.len += 11;
	want = message;
	check_run("padded", world.prog, world.counters, &packet, 0, &expected);
	mpls_wire(&message, &label, 1, 0, &packet);
	packet.len += 11;
	want.len += 11;
	check_run("no length", world.prog, world.counters, &packet, 0, &expected);
	expected = (struct expected){ XDP_DROP, NULL, XDPLB_DROP_MPLS_MALFORMED, 0 };
	mpls_wire(&message, &label, 1, 1U << 28, &packet);
	check_run("a channel's word", world.prog, world.counters, &packet, 0, &expected);
	mpls_wire(&message, &label, 1, 4U << 28, &packet);
	check_run("an IP version", world.prog, world.counters, &packet, 0, &expected);
	mpls_wire(&message, &label, 1, 1U << 22, &packet);
	check_run("a fragment", world.prog, world.counters, &packet, 0, &expected);
	mpls_wire(&message, &label, 1, 17U << 16, &packet);
	check_run("shorter than Ethernet", world.prog, world.counters, &packet, 0, &expected);
	mpls_world_close(&world);
}

Test(lsr_deliver, explicit_null_is_for_the_stack)
{
	struct mpls_world world;

	open_world(&world, MPLS_TUNNEL_IF, false);
	for (int i = 0; i < 4; i++) {
		struct ptp_spec ptp = { .over = i % 2, .version = 2 };
		struct label labels[2] = { { TRANSPORT, 0, 9 }, { ptp.over ? 2 : 0, 0, 9 } };
		struct test_packet message, packet;
		struct expected expected = { XDP_PASS, &message, NO_DROP, 0 };

		ptp_build(&ptp, &message);
		mpls_label(&message, i < 2 ? labels + 1 : labels, i < 2 ? 1 : 2, &packet);
		check_run(ptp_over_names[ptp.over], world.prog, world.counters, &packet, 0,
			  &expected);
	}
	mpls_world_close(&world);
}

/* One store of the control word: the other LSP is live, or none. */
Test(lsr_deliver, obeys_the_control_word)
{
	struct label primary = { FIRST, 0, 9 }, backup = { FIRST + PTP_OVER_COUNT, 0, 9 };
	struct ptp_spec ptp = { .version = 2 };
	struct test_packet message, packets[2];
	struct expected pops = { XDP_PASS, &message, NO_DROP, EVENT(PTP_POPPED) };
	struct expected idle = { XDP_DROP, NULL, XDPLB_DROP_LSP_NOT_LIVE, 0 };
	struct expected down = { XDP_DROP, NULL, XDPLB_DROP_TUNNEL_DOWN, 0 };
	struct mpls_world world;

	open_world(&world, 0, false);
	ptp_build(&ptp, &message);
	mpls_label(&message, &primary, 1, &packets[0]);
	mpls_label(&message, &backup, 1, &packets[1]);
	for (int live = 0; live < 4; live++) {
		struct xdplb_tunnel_control control = { 1, live >> 1, live & 1, live };

		mpls_world_tunnel(&world, TUNNEL, control, 0);
		for (int by = 0; by < 2; by++)
			check_run(by ? "by the backup" : "by the primary", world.prog,
				  world.counters, &packets[by], 0,
				  live < 2           ? &down
				  : by == (live & 1) ? &pops
						     : &idle);
	}
	cr_assert_eq(mpls_tunnel_count(world.skel->maps.tunnel_counters, TUNNEL, pop_dropped), 6);
	mpls_world_close(&world);
}
