// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: the reset that answers TCP for a service without a usable member, to the last byte. What it
 * must be is written down here from RFC 9293, section 3.10.7.1 ("CLOSED state").
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "lb_world.h"

TestSuite(lb_reset);

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* What packet_build() puts into each TCP header. */
#define SEG_SEQ 0x01020304U
#define SEG_ACK 0x0a0b0c0dU

#define TCP_PSH 0x08
#define TCP_URG 0x20

struct reset_row {
	const char *name;
	__u8 flags;
	__u16 data; /* bytes */
	bool answered;
	__u32 seq, ack; /* of the reset; ack 0: it has no ACK */
};

static const struct reset_row rows[] = {
	{ "SYN", TCP_SYN, 0, true, 0, SEG_SEQ + 1 },
	{ "SYN with data", TCP_SYN, 7, true, 0, SEG_SEQ + 8 },
	{ "SYN and FIN", TCP_SYN | TCP_FIN, 0, true, 0, SEG_SEQ + 2 },
	{ "FIN without ACK", TCP_FIN, 3, true, 0, SEG_SEQ + 4 },
	{ "data without ACK", TCP_PSH, 100, true, 0, SEG_SEQ + 100 },
	{ "no flag, no data", 0, 0, true, 0, SEG_SEQ },
	{ "ACK", TCP_ACK, 0, true, SEG_ACK, 0 },
	{ "ACK with data", TCP_ACK | TCP_PSH, 1400, true, SEG_ACK, 0 },
	{ "one byte of data", TCP_ACK, 1, true, SEG_ACK, 0 },
	{ "urgent data", TCP_ACK | TCP_URG, 20, true, SEG_ACK, 0 },
	{ "SYN and ACK", TCP_SYN | TCP_ACK, 0, true, SEG_ACK, 0 },
	{ "FIN and ACK", TCP_FIN | TCP_ACK, 0, true, SEG_ACK, 0 },
	{ "FIN and ACK with data", TCP_FIN | TCP_ACK, 33, true, SEG_ACK, 0 },
	{ "RST", TCP_RST, 0, false, 0, 0 },
	{ "RST and ACK", TCP_RST | TCP_ACK, 0, false, 0, 0 },
	{ "RST and SYN", TCP_RST | TCP_SYN, 9, false, 0, 0 },
	{ "all flags", 0x3f, 0, false, 0, 0 },
};

static void put32(__u8 *at, __u32 value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

/* The checksum of TCP, in full, behind an IP header without options. */
static void put_checksum(struct test_packet *packet, size_t tcp, size_t addrs)
{
	size_t first = tcp - addrs;
	__u32 sum = IPPROTO_TCP + (packet->len - tcp);
	__u8 *bytes = packet->data;

	bytes[tcp + 16] = bytes[tcp + 17] = 0;
	for (size_t i = first; i < packet->len; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	bytes[tcp + 16] = (__u8)(~sum >> 8);
	bytes[tcp + 17] = (__u8)~sum;
}

/* The frame that answers a packet: 20 bytes of TCP from who was asked to who asked. */
static void build_reset(const struct packet_spec *spec, const struct reset_row *row,
			struct test_packet *ret_packet)
{
	struct packet_spec reset = {
		.family = spec->family,
		.proto = IPPROTO_TCP,
		.source = spec->dest,
		.dest = spec->source,
		.ttl = 64,
		.frag_off = spec->family == XDPLB_IPV4 ? IP_FLAG_DF : 0,
		.tcp_flags = TCP_RST | (row->ack ? TCP_ACK : 0),
	};
	size_t tcp = packet_l4_offset(&reset);

	packet_build(&reset, ret_packet);
	put32(ret_packet->data + tcp + 4, row->seq);
	put32(ret_packet->data + tcp + 8, row->ack);
	memset(ret_packet->data + tcp + 14, 0, 2); /* window */
	put_checksum(ret_packet, tcp, spec->family == XDPLB_IPV4 ? 8 : 32);
}

/* A service that resets, with one member that is down. */
static void open_dead(struct lb_world *world, __u8 family, const struct lb_setup_options *options)
{
	lb_world_open(world, family, IPPROTO_TCP, options);
	lb_world_deal(world, NULL, 7, 1);
	lb_world_serve(world, 7, XDPLB_SERVICE_RESET_IF_DOWN);
	for (__u32 m = 0; m < world->members; m++)
		lb_setup_health(&world->lb, m, XDPLB_HEALTH_DOWN);
}

static void check_answer(const char *name, struct lb_world *world, const struct packet_spec *spec,
			 const struct reset_row *row)
{
	struct expected expected = { XDP_DROP, NULL, XDPLB_DROP_NO_USABLE_MEMBER, 0 };
	struct test_packet packet, answer;

	packet_build(spec, &packet);
	if (row->answered) {
		build_reset(spec, row, &answer);
		cr_assert_null(packet_fault(&answer), "%s", packet_fault(&answer));
		expected = (struct expected){ XDP_TX, &answer, NO_DROP, EVENT(RESET_SENT) };
	}
	check_run(name, world->lb.skel->progs.lb_xdp, world->lb.counters, &packet, 0, &expected);
}

Test(lb_reset, bytes)
{
	struct lb_world world;
	char name[100];

	for (int f = 0; f < 2; f++) {
		open_dead(&world, setup_families[f], &(struct lb_setup_options){ .members = 1 });
		for (size_t r = 0; r < COUNT(rows) * 3; r++) {
			const struct reset_row *row = &rows[r / 3];
			struct packet_spec spec = lb_world_flow(&world, r);

			spec.tcp_flags = row->flags;
			spec.payload_len = row->data;
			spec.tcp_options = r % 3 * 20;
			spec.ip_options = spec.family == XDPLB_IPV4 ? r % 3 * 12 : 0;
			snprintf(name, sizeof(name), "%s: %s, %u bytes of TCP options",
				 setup_kind(spec.family, spec.proto), row->name, spec.tcp_options);
			check_answer(name, &world, &spec, row);
		}
		lb_world_close(&world);
	}
}

/* A short frame is padded by Ethernet: that is no data of TCP's. */
Test(lb_reset, padding_is_no_data)
{
	static const struct reset_row syn = { "SYN", TCP_SYN, 0, true, 0, SEG_SEQ + 1 };
	struct lb_world world;

	for (int f = 0; f < 2; f++) {
		struct test_packet packet, answer;
		struct expected expected = { XDP_TX, &answer, NO_DROP, EVENT(RESET_SENT) };
		struct packet_spec spec;

		open_dead(&world, setup_families[f], &(struct lb_setup_options){ .members = 1 });
		spec = lb_world_flow(&world, 1);
		spec.tcp_flags = TCP_SYN;
		spec.payload_len = 0;
		packet_build(&spec, &packet);
		memset(packet.data + packet.len, 0xa5, 22);
		packet.len += 22;
		build_reset(&spec, &syn, &answer);
		check_run("padded SYN", world.lb.skel->progs.lb_xdp, world.lb.counters, &packet, 0,
			  &expected);
		lb_world_close(&world);
	}
}

/* A header that says it is longer than its segment, or shorter than a header, is not answered. */
Test(lb_reset, wrong_data_offset)
{
	static const __u8 offsets[] = {
		0, 1, 4, 6, 14, 15
	}; /* words; 5 are there, and 1 of data */
	struct lb_world world;

	for (int f = 0; f < 2; f++) {
		open_dead(&world, setup_families[f], &(struct lb_setup_options){ .members = 1 });
		for (size_t i = 0; i < COUNT(offsets); i++) {
			struct expected expected = { XDP_DROP, NULL, XDPLB_DROP_NO_USABLE_MEMBER,
						     0 };
			struct packet_spec spec = lb_world_flow(&world, i);
			struct test_packet packet;
			char name[60];

			spec.payload_len = 3;
			packet_build(&spec, &packet);
			packet.data[packet_l4_offset(&spec) + 12] = offsets[i] << 4;
			snprintf(name, sizeof(name), "data offset of %u words", offsets[i]);
			check_run(name, world.lb.skel->progs.lb_xdp, world.lb.counters, &packet, 0,
				  &expected);
		}
		lb_world_close(&world);
	}
}

/* Its time to live is used up here: dropped for that, as everything else, if the client can't be told. */
Test(lb_reset, ttl_used_up)
{
	const struct lb_setup_options options = {
		.members = 1,
		.answers_at_once = 1,
		.no_refill = true,
	};
	struct lb_world world;

	for (int f = 0; f < 2; f++) {
		struct packet_spec spec;

		open_dead(&world, setup_families[f], &options);
		spec = lb_world_flow(&world, 1);
		spec.ttl = 1;
		lb_world_check("TTL 1", &world, &spec, XDPLB_DROP_TTL_EXPIRED, 0);
		lb_world_close(&world);
	}
}

/* ---- the budget ---- */

#define AT_ONCE  6
#define PER_TICK 2

struct burst {
	__u64 tick; /* in which all of it fell */
	int resets, drops;
};

/* So many packets in one tick, or false: it ended meanwhile. */
static bool send_burst(struct lb_world *world, int packets, struct burst *ret_burst)
{
	struct packet_spec spec = lb_world_flow(world, 1);
	struct burst burst = { .tick = lb_world_tick(world) };

	for (int n = 0; n < packets; n++) {
		if (lb_world_run(world, &spec) == LB_RESET)
			burst.resets++;
		else
			burst.drops++;
	}
	*ret_burst = burst;
	return lb_world_tick(world) == burst.tick;
}

/* A burst that takes all there is, a pause of some ticks, and another: what had come together. */
static bool refill(struct lb_world *world, __u64 pause, struct burst *ret_burst, __u64 *ret_ticks)
{
	struct burst first;

	if (!send_burst(world, 2 * AT_ONCE, &first))
		return false;
	while (lb_world_tick(world) < first.tick + pause)
		;
	if (!send_burst(world, 2 * AT_ONCE, ret_burst))
		return false;
	*ret_ticks = ret_burst->tick - first.tick;
	return true;
}

static __u64 counted(int map, __u32 counter)
{
	return sum_counter(map, 0, XDPLB_COUNTERS_CAPACITY, counter);
}

/*
 * At most resets_at_once together, resets_per_tick more with each tick; what gets none is dropped and
 * counted. Each CPU has its own budget, so this stays on one.
 */
Test(lb_reset, budget)
{
	const struct lb_setup_options options = { .members = 1,
						  .resets_at_once = AT_ONCE,
						  .resets_per_tick = PER_TICK };
	struct lb_world world;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	cr_assert_eq(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
	open_dead(&world, XDPLB_IPV4, &options);
	for (__u64 pause = 1; pause <= 5; pause++) {
		__u64 drops = 0, resets = 0, ticks = 0;
		struct burst burst;
		int want, tries = 0;

		do {
			cr_assert_lt(tries++, 1000, "no tick is long enough for a burst");
		} while (!refill(&world, pause, &burst, &ticks));
		want = ticks * PER_TICK < AT_ONCE ? ticks * PER_TICK : AT_ONCE;
		cr_assert_eq(burst.resets, want, "%d resets after %llu ticks, want %d",
			     burst.resets, (unsigned long long)ticks, want);

		drops = counted(world.lb.counters.drops, XDPLB_DROP_NO_USABLE_MEMBER);
		resets = counted(world.lb.counters.events, XDPLB_EVENT_RESET_SENT);
		send_burst(&world, 50, &burst);
		resets = counted(world.lb.counters.events, XDPLB_EVENT_RESET_SENT) - resets;
		drops = counted(world.lb.counters.drops, XDPLB_DROP_NO_USABLE_MEMBER) - drops;
		cr_assert_eq(resets, (__u64)burst.resets);
		/* Two more are of the service that tells the tick. */
		cr_assert_eq(drops, (__u64)burst.drops + 2);
	}
	lb_world_close(&world);
}

/* No single host has such an address, or none that could be reached: dropped. */
Test(lb_reset, to_nobody)
{
	static const char *const nobody[2][6] = {
		{ "0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255" },
		{ "::", "ff02::1", "ff0e::9", "ff00::", "ff02::fb", "ffff::1" },
	};
	struct reset_row none = { .name = "from nobody" };

	for (int f = 0; f < 2; f++) {
		struct packet_spec in;
		struct lb_world world;

		open_dead(&world, setup_families[f], &(struct lb_setup_options){ .members = 1 });
		in = lb_world_flow(&world, 1);
		in.tcp_flags = TCP_SYN;
		for (int i = 0; i < 6; i++) {
			in.source.addr = packet_addr(nobody[f][i]);
			check_answer(nobody[f][i], &world, &in, &none);
		}
		in = lb_world_flow(&world, 1);
		in.tcp_flags = TCP_SYN;
		in.payload_len = 0;
		check_answer("from somebody", &world, &in, &rows[0]);
		lb_world_close(&world);
	}
}
