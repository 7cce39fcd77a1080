// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * ptp_tc: what PTP messages look like when they have been put into a tunnel; what passes untouched.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <stdio.h>

#include "push_world.h"

TestSuite(ptp_push);

/* One to eight labels, every kind of message, by another interface and by its own. */
Test(ptp_push, labels)
{
	static const __u8 types[] = { 0, 1, 2, 3, 8, 9, 10, 11, 12, 13 };
	struct push_world world;
	char name[60];

	push_world_open(&world);
	for (int n = 0; n < 8 * PTP_OVER_COUNT * 2; n++) {
		__u32 depth = n % 8, ifindex = n & 8 ? PUSH_LO : PUSH_UPLINK;

		push_put_lsp(&world, 0, depth, ifindex);
		for (size_t t = 0; t < sizeof(types); t++) {
			struct ptp_spec ptp = { .over = n / 16, .type = types[t], .version = 2 };
			struct test_packet want;
			struct expected expected = { ifindex == PUSH_LO ? TC_UNSPEC : TC_REDIRECT,
						     &want, NO_DROP, EVENT(PTP_PUSHED) };

			push_want(&ptp, 0, depth, &want);
			snprintf(name, sizeof(name), "message %u, %u labels", ptp.type, depth + 1);
			push_check(&world, name, &ptp, &expected);
		}
	}
	cr_assert_eq(push_counted(&world, PUSH_UP, pushed_event), 8 * PTP_OVER_COUNT * 2 * 4);
	cr_assert_eq(push_counted(&world, PUSH_UP, pushed_general), 8 * PTP_OVER_COUNT * 2 * 6);
	push_world_close(&world);
}

/* The control word's length is there below 64 bytes alone. */
Test(ptp_push, control_word_length)
{
	struct ptp_spec ptp = { .over = PTP_OVER_ETHERNET, .version = 2 };
	struct label labels[] = { push_label(0, 0), push_label(0, 103) };
	struct push_world world;

	push_world_open(&world);
	for (size_t len = 48; len < 80; len++) {
		struct test_packet packet, want;
		struct expected expected = { TC_REDIRECT, &want, NO_DROP, EVENT(PTP_PUSHED) };

		ptp_build(&ptp, &packet);
		packet.len = len;
		mpls_wire(&packet, labels, 2, len < 60 ? (len + 4) << 16 : 0, &want);
		mpls_macs(&want, push_next_mac, push_own_mac);
		check_run("length", world.skel->progs.ptp_push, world.counters, &packet, PUSH_LO,
			  &expected);
	}
	push_world_close(&world);
}

/* Not PTP, or not whole: untouched. */
Test(ptp_push, others_pass)
{
	static const struct {
		const char *name;
		struct ptp_spec ptp;
		__u16 len;
	} frames[] = {
		{ "DNS", { .port = 53, .version = 2 } },
		{ "port 318", { .port = 318, .version = 2 } },
		{ "port 321", { .port = 321, .version = 2, .over = PTP_OVER_UDP6 } },
		{ "too short for PTP", { .version = 2, .cut = 11 } },
		{ "too short for PTP, IPv6", { .version = 2, .cut = 11, .over = PTP_OVER_UDP6 } },
		{ "too short for PTP, Ethernet",
		  { .version = 2, .cut = 11, .over = PTP_OVER_ETHERNET } },
		{ "cut off", { .version = 2 }, 60 },
		{ "an Ethernet header", { .version = 2, .over = PTP_OVER_ETHERNET }, 14 },
	};
	struct packet_spec tcp = {
		.family = XDPLB_IPV4, .proto = 6, .dest.port = 319, .payload_len = 60, .ttl = 9
	};
	struct packet_spec fragment = tcp;
	struct test_packet packet;
	struct expected expected = { TC_UNSPEC, &packet, NO_DROP, 0 };
	struct push_world world;

	push_world_open(&world);
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		ptp_build(&frames[i].ptp, &packet);
		if (frames[i].len)
			packet.len = frames[i].len;
		check_run(frames[i].name, world.skel->progs.ptp_push, world.counters, &packet,
			  PUSH_LO, &expected);
	}
	packet_build(&tcp, &packet);
	check_run("TCP", world.skel->progs.ptp_push, world.counters, &packet, PUSH_LO, &expected);
	fragment.proto = 17;
	fragment.frag_off = IP_FLAG_MF;
	packet_build(&fragment, &packet);
	check_run("a fragment", world.skel->progs.ptp_push, world.counters, &packet, PUSH_LO,
		  &expected);
	push_world_close(&world);
}

/* Puts a VLAN tag behind a frame's addresses. */
static void put_vlan(struct test_packet *packet, __u16 type)
{
	const __u8 tag[4] = { (__u8)(type >> 8), (__u8)type, 0, 5 };

	memmove(packet->data + 16, packet->data + 12, packet->len - 12);
	memcpy(packet->data + 12, tag, sizeof(tag));
	packet->len += sizeof(tag);
}

/* PTP of a VLAN is another network's, be it tagged once or twice: untouched, whatever it is carried by. */
Test(ptp_push, vlans_pass)
{
	static const enum ptp_over overs[] = { PTP_OVER_UDP4, PTP_OVER_UDP6, PTP_OVER_ETHERNET };
	struct test_packet packet;
	struct expected expected = { TC_UNSPEC, &packet, NO_DROP, 0 };
	struct push_world world;

	push_world_open(&world);
	for (size_t i = 0; i < sizeof(overs) / sizeof(overs[0]); i++) {
		struct ptp_spec ptp = { .version = 2, .over = overs[i] };

		ptp_build(&ptp, &packet);
		put_vlan(&packet, 0x8100);
		check_run("a tag", world.skel->progs.ptp_push, world.counters, &packet, PUSH_LO,
			  &expected);
		put_vlan(&packet, 0x88a8);
		check_run("two tags", world.skel->progs.ptp_push, world.counters, &packet, PUSH_LO,
			  &expected);
	}
	push_world_close(&world);
}

/* Whether the sending socket wants a stamp: a test run's packet has no socket. */
Test(ptp_push, stamp_hints)
{
	struct ptp_spec ptp = { .version = 2 };
	struct test_packet packet;
	struct run_result result;
	struct push_world world;

	push_world_open(&world);
	ptp_build(&ptp, &packet);
	cr_assert_eq(prog_run(world.skel->progs.ptp_push, &packet, PUSH_LO, &result), 0);
	cr_assert_eq(push_counted(&world, PUSH_UP, stamp_none) +
			     push_counted(&world, PUSH_UP, stamp_unknown),
		     1);
	cr_assert_eq(push_counted(&world, PUSH_UP, stamp_hardware) +
			     push_counted(&world, PUSH_UP, stamp_software),
		     0);
	cr_assert_eq(push_counted(&world, PUSH_UP, pushed_bytes), result.packet.len);
	push_world_close(&world);
}

/* Without metadata of ours a packet at an uplink is nobody's. (With it: tests/net.) */
Test(ptp_push, deliver_passes_others)
{
	struct ptp_spec ptp = { .version = 2 };
	struct test_packet packet;
	struct expected expected = { TC_UNSPEC, &packet, NO_DROP, 0 };
	struct push_world world;

	push_world_open(&world);
	ptp_build(&ptp, &packet);
	check_run("no metadata", world.skel->progs.ptp_deliver, world.counters, &packet, PUSH_LO,
		  &expected);
	push_world_close(&world);
}
