// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: ICMP errors that a backend sends about a packet of a balanced flow. What the client must get
 * quotes the packet the client sent, so the expected quote is built from that, with full checksums.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "icmp_error.h"
#include "node_world.h"

TestSuite(node_icmp);

#define WHOLE QUOTE_WHOLE

static void build_error(const struct icmp_error *error, struct test_packet *ret_packet)
{
	struct packet_spec usual = setup_spec(error->about->family, IPPROTO_ICMP), spec;
	struct packet_end client = usual.source;
	struct icmp_error to_client = *error;
	struct test_packet quoted;

	usual.source = usual.dest;
	usual.dest = client;
	to_client.recipient = client.addr;
	spec = icmp_error_spec(&to_client, &usual, &quoted);
	packet_build(&spec, ret_packet);
}

/* The packet of VIP 0 as the backend got it (client port `seen`) and as the client sent it. */
struct flow_packets {
	struct packet_spec got;
	struct packet_spec sent;
};

static struct flow_packets flow_packets(const struct world *world, __u16 seen)
{
	struct flow_packets flow = { .got = world_tagged(world, 0) };

	flow.got.dest.port = BACKEND_PORT;
	flow.got.source.port = seen;
	flow.sent = flow.got;
	flow.sent.dest.addr = setup_addrs(world->family)->vips[0];
	flow.sent.dest.port = VIP_PORT;
	flow.sent.source.port = CLIENT_PORT;
	return flow;
}

/* A noted flow of VIP 0; remapped if another VIP has the client's port already. */
static struct flow_packets open_flow(struct world *world, int number, bool remapped)
{
	struct packet_spec in;
	struct run_result result;
	struct test_packet packet;

	world_open(world, number);
	world_add(world, 0, XDPLB_RESTORE_SOURCE);
	world_add(world, 1, XDPLB_RESTORE_SOURCE);
	for (int vip = remapped ? 1 : 0; vip >= 0; vip--) {
		in = world_tagged(world, vip);
		in.tcp_flags = TCP_SYN;
		packet_build(&in, &packet);
		cr_assert_eq(prog_run(world_to_backend(world), &packet, 0, &result), 0);
		cr_assert_eq(result.verdict, TC_UNSPEC);
	}
	cr_assert_eq(world_source_port(&in, &result.packet) != CLIENT_PORT, remapped);
	return flow_packets(world, world_source_port(&in, &result.packet));
}

/* The error as the backend sends it becomes an error of the VIP about what the client sent. */
static void check_restored(struct world *world, const char *row, const struct flow_packets *flow,
			   struct icmp_error error)
{
	const struct setup_addrs *addrs = setup_addrs(world->family);
	struct test_packet in, want;
	struct expected expected = { TC_UNSPEC, &want, NO_DROP, EVENT(ICMP_RESTORED) };
	char name[120];

	snprintf(name, sizeof(name), "%s, %s", world->name, row);
	error.sender = addrs->backends[0];
	error.about = &flow->got;
	build_error(&error, &in);
	error.sender = addrs->vips[0];
	error.about = &flow->sent;
	build_error(&error, &want);
	check_run(name, world_from_backend(world), world->node.counters, &in, 0, &expected);
}

static void check_untouched(struct world *world, const char *row, const struct icmp_error *error)
{
	struct test_packet packet;

	build_error(error, &packet);
	world_check_untouched(world, row, world_from_backend(world), &packet);
}

/* The types that are errors, of either family. */
static const struct icmp_error errors[] = {
	{ .type = 3, .code = 3 },  { .type = 3, .code = 4, .rest = 1400 },
	{ .type = 3, .code = 13 }, { .type = 11, .code = 0 },
	{ .type = 11, .code = 1 }, { .type = 12, .code = 0, .rest = 0x14000000 },
	{ .type = 1, .code = 4 },  { .type = 2, .code = 0, .rest = 1280 },
	{ .type = 3, .code = 0 },  { .type = 4, .code = 1, .rest = 40 },
};

static bool is_error_of(const struct icmp_error *error, __u8 family)
{
	size_t index = error - errors;

	return family == XDPLB_IPV4 ? index < 6 : index >= 6;
}

static const size_t quote_lengths[] = { 8, 12, 20, 21, 24, 28, 47, WHOLE };

Test(node_icmp, restored)
{
	struct world world;
	char row[64];

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct flow_packets flow = open_flow(&world, n / 2, n & 1);

		for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
			struct icmp_error error = errors[e];

			if (!is_error_of(&errors[e], world.family))
				continue;
			for (size_t q = 0; q < sizeof(quote_lengths) / sizeof(size_t); q++) {
				error.l4_bytes = quote_lengths[q];
				snprintf(row, sizeof(row), "type %u code %u, quotes %zu bytes%s",
					 error.type, error.code, error.l4_bytes,
					 n & 1 ? ", remapped" : "");
				check_restored(&world, row, &flow, error);
			}
		}
		world_close(&world);
	}
}

/* The quoted packet may be of any shape. */
Test(node_icmp, quotes)
{
	struct world world;
	char row[64];

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct flow_packets flow = open_flow(&world, n / 2, n & 1);
		struct icmp_error error = { .type = 3, .code = 3 };

		for (int i = 0; i < 200; i++) {
			struct packet_spec *both[2] = { &flow.got, &flow.sent };

			for (int p = 0; p < 2; p++) {
				both[p]->payload_len = i;
				both[p]->seed = i;
				both[p]->ttl = i;
				if (world.family == XDPLB_IPV4) {
					both[p]->ip_options = i % 11 * 4;
					both[p]->no_checksum = i % 3 == 1;
					both[p]->frag_off = i % 2 ? IP_FLAG_DF : 0;
				}
			}
			error.l4_bytes = i % 4 ? WHOLE : 8;
			snprintf(row, sizeof(row), "quote %d", i);
			check_restored(&world, row, &flow, error);
		}
		world_close(&world);
	}
}

/* Messages that are no errors, though what they carry looks like a quote. */
Test(node_icmp, other_types_untouched)
{
	struct world world;
	char row[64];

	for (int n = 0; n < WORLDS; n++) {
		struct flow_packets flow = open_flow(&world, n, false);
		struct icmp_error error = {
			.sender = setup_addrs(world.family)->backends[0],
			.about = &flow.got,
			.l4_bytes = WHOLE,
		};

		for (int type = 0; type < 256; type++) {
			if (world.family == XDPLB_IPV4 && (type == 3 || type == 11 || type == 12))
				continue;
			if (world.family == XDPLB_IPV6 && type >= 1 && type <= 4)
				continue;
			error.type = type;
			snprintf(row, sizeof(row), "type %d", type);
			check_untouched(&world, row, &error);
		}
		world_close(&world);
	}
}

/* One thing at a time that makes it no error of the backend about a noted flow. */
Test(node_icmp, not_of_a_noted_flow)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct flow_packets flow = open_flow(&world, n, false);
		const struct setup_addrs *addrs = setup_addrs(world.family);
		struct packet_spec other = flow.got;
		struct icmp_error error = {
			.sender = addrs->stranger,
			.type = 3,
			.code = 3,
			.about = &flow.got,
			.l4_bytes = WHOLE,
		};

		check_untouched(&world, "a router's error", &error);
		error.sender = addrs->backends[1];
		check_untouched(&world, "another backend's error", &error);
		error.sender = addrs->backends[0];
		error.about = &other;
		other.source.port++;
		check_untouched(&world, "of another client port", &error);
		other = flow.got;
		other.source.addr = addrs->stranger;
		check_untouched(&world, "of another client", &error);
		other = flow.got;
		other.dest.port++;
		check_untouched(&world, "of another port", &error);
		other = flow.got;
		other.proto = setup_protos[world.proto == IPPROTO_TCP];
		check_untouched(&world, "of the other protocol", &error);
		other.proto = IPPROTO_SCTP;
		check_untouched(&world, "of SCTP", &error);
		other = flow.got;
		other.dest.addr = addrs->vips[0];
		check_untouched(&world, "of a packet to the VIP", &error);
		world_close(&world);
	}
}

/* Messages and quotes that are cut off or malformed. */
Test(node_icmp, malformed)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct flow_packets flow = open_flow(&world, n, false);
		struct packet_spec fragment = flow.got;
		struct icmp_error error = {
			.sender = setup_addrs(world.family)->backends[0],
			.type = 3,
			.code = 3,
			.about = &flow.got,
			.l4_bytes = WHOLE,
		};
		size_t inner = ETH_LEN + (world.family == XDPLB_IPV4 ? 20 : 40) + 8;
		struct test_packet packet;

		for (error.l4_bytes = 0; error.l4_bytes < 8; error.l4_bytes++)
			check_untouched(&world, "quote of less than 8 bytes", &error);
		error.l4_bytes = WHOLE;
		build_error(&error, &packet);
		for (packet.len = inner - 8; packet.len < inner + 20; packet.len++)
			world_check_untouched(&world, "message cut off", world_from_backend(&world),
					      &packet);
		build_error(&error, &packet);
		packet.data[inner] ^= 0x80;
		world_check_untouched(&world, "quoted version", world_from_backend(&world),
				      &packet);
		if (world.family == XDPLB_IPV4) {
			packet.data[inner] = 0x44;
			world_check_untouched(&world, "quoted ihl", world_from_backend(&world),
					      &packet);
			fragment.frag_off = 1;
		} else {
			fragment.ext_header = IPPROTO_FRAGMENT;
		}
		error.about = &fragment;
		check_untouched(&world, "quoted fragment", &error);
		world_close(&world);
	}
}

/* A direct flow's errors are the backend's own; of a remapped one the client gets its port back. */
Test(node_icmp, direct)
{
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct icmp_error error = { .type = 3, .code = 3, .l4_bytes = WHOLE };
		struct packet_spec direct, got;
		struct test_packet packet, want;
		struct expected expected = { TC_UNSPEC, &want, NO_DROP, 0 };
		struct run_result result;

		world_open(&world, n / 2);
		world_add(&world, 0, XDPLB_RESTORE_SOURCE);
		for (int step = n & 1 ? 0 : 1; step < 2; step++) {
			direct = step ? world_direct(&world) : world_tagged(&world, 0);
			direct.tcp_flags = TCP_SYN;
			packet_build(&direct, &packet);
			cr_assert_eq(prog_run(world_to_backend(&world), &packet, 0, &result), 0);
		}
		got = direct;
		got.source.port = world_source_port(&direct, &result.packet);
		cr_assert_eq(got.source.port != CLIENT_PORT, n & 1);
		error.sender = setup_addrs(world.family)->backends[0];
		error.about = &got;
		build_error(&error, &packet);
		error.about = &direct;
		build_error(&error, &want);
		check_run(world.name, world_from_backend(&world), world.node.counters, &packet, 0,
			  &expected);
		world_close(&world);
	}
}
