// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: checksums of many packets and of those that are, or become, zero.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node_world.h"

TestSuite(node_checksum);

/* What a tagged packet of VIP 0 becomes. */
static struct packet_spec restored_dest(const struct world *world, const struct packet_spec *in,
					bool source)
{
	struct packet_spec out = *in;

	out.dest.port = source ? BACKEND_PORT : VIP_PORT;
	if (!source)
		out.dest.addr = setup_addrs(world->family)->vips[0];
	return out;
}

static struct packet_spec restored_source(const struct world *world, const struct packet_spec *in)
{
	struct packet_spec out = *in;

	out.source.addr = setup_addrs(world->family)->vips[0];
	out.source.port = VIP_PORT;
	return out;
}

/* Random flow, payload and header fields of a packet. */
static void randomise(struct packet_spec *spec, __u32 seed)
{
	__u16 random[6];

	packet_fill(random, sizeof(random), seed);
	spec->payload_len = random[0] % 300;
	spec->ttl = random[1];
	spec->tos = random[2];
	spec->tcp_flags = TCP_ACK | (random[3] & (TCP_FIN | TCP_RST));
	spec->seed = seed;
	if (spec->family == XDPLB_IPV4)
		spec->ip_options = random[4] % 11 * 4;
}

Test(node_checksum, random_packets)
{
	struct world world;
	char row[40];

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct packet_end vip;

		world_open(&world, n / 2);
		world_add(&world, 0, n & 1 ? XDPLB_RESTORE_SOURCE : XDPLB_RESTORE_INTERFACE);
		vip = (struct packet_end){ setup_addrs(world.family)->vips[0], VIP_PORT };
		for (__u32 i = 0; i < 500; i++) {
			struct packet_spec in = world_tagged(&world, 0), out;

			snprintf(row, sizeof(row), "random packet %u", i);
			in.source.port = 2000 + i;
			setup_mark(&in, &vip);
			randomise(&in, i);
			out = restored_dest(&world, &in, n & 1);
			world_check_to(&world, row, &in, &out, n & 1 ? EVENT(FLOW_NOTED) : 0);
			if (!(n & 1))
				continue;
			in = world_reply(&world, 2000 + i);
			randomise(&in, i + 1000);
			out = restored_source(&world, &in);
			world_check_from(&world, row, &in, &out, 0);
		}
		world_close(&world);
	}
}

static size_t check_offset(const struct packet_spec *seen)
{
	return packet_l4_offset(seen) + (seen->proto == IPPROTO_TCP ? 16 : 6);
}

static __u32 get16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

static __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return sum + (sum >> 16);
}

/* The sum of the pseudo header. */
static __u16 pseudo_sum(const struct packet_spec *seen, const struct test_packet *packet)
{
	size_t at = seen->family == XDPLB_IPV4 ? 26 : 22,
	       end = seen->family == XDPLB_IPV4 ? 34 : 54;
	__u32 sum = seen->proto + packet->len - packet_l4_offset(seen);

	for (; at < end; at += 2)
		sum += get16(packet->data + at);
	return fold(sum);
}

/* The payload's first word is chosen so that the checksum is 0 (TCP) or 0xffff (UDP). */
static void seek_zero_checksum(const struct packet_spec *seen, __u8 *payload)
{
	size_t check = check_offset(seen);
	struct test_packet packet;

	payload[0] = payload[1] = 0;
	packet_build(seen, &packet);
	memcpy(payload, packet.data + check, 2);
	packet_build(seen, &packet);
	cr_assert_eq(packet.data[check], seen->proto == IPPROTO_TCP ? 0 : 0xff);
}

/* So that the checksum is the sum of the pseudo header, which stands there where it is left to the NIC. */
static void seek_pseudo_sum(const struct packet_spec *seen, __u8 *payload)
{
	struct test_packet packet;
	__u16 word;

	payload[0] = payload[1] = 0;
	packet_build(seen, &packet);
	word = fold(get16(packet.data + check_offset(seen)) + (__u16)~pseudo_sum(seen, &packet));
	payload[0] = word >> 8;
	payload[1] = word & 0xff;
	packet_build(seen, &packet);
	cr_assert_eq(get16(packet.data + check_offset(seen)), pseudo_sum(seen, &packet));
}

/* What makes a packet's checksum a certain one, by its payload. */
typedef void seek_fn(const struct packet_spec *seen, __u8 *payload);

static void check_sought(struct world *world, bool source, __u8 *payload, size_t len, seek_fn *seek)
{
	struct packet_spec in = world_tagged(world, 0), out;

	in.payload = payload;
	in.payload_len = len;
	seek(&in, payload);
	out = restored_dest(world, &in, source);
	world_check_to(world, "is it, to the backend", &in, &out, source ? EVENT(FLOW_NOTED) : 0);
	seek(&out, payload);
	world_check_to(world, "becomes it, to the backend", &in, &out, 0);
	if (!source)
		return;
	in = world_reply(world, CLIENT_PORT);
	in.payload = payload;
	in.payload_len = len;
	seek(&in, payload);
	out = restored_source(world, &in);
	world_check_from(world, "is it, from the backend", &in, &out, 0);
	seek(&out, payload);
	world_check_from(world, "becomes it, from the backend", &in, &out, 0);
}

static void check_worlds(__u32 seed, seek_fn *seek)
{
	struct world world;
	__u8 payload[33];

	packet_fill(payload, sizeof(payload), seed);
	for (int n = 0; n < 2 * WORLDS; n++) {
		world_open(&world, n / 2);
		world_add(&world, 0, n & 1 ? XDPLB_RESTORE_SOURCE : XDPLB_RESTORE_INTERFACE);
		check_sought(&world, n & 1, payload, sizeof(payload), seek);
		world_close(&world);
	}
}

Test(node_checksum, that_is_or_becomes_zero)
{
	check_worlds(9, seek_zero_checksum);
}

/* A whole checksum that looks as if it were left to the NIC. */
Test(node_checksum, that_is_or_becomes_the_pseudo_sum)
{
	check_worlds(10, seek_pseudo_sum);
}
