// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Edges that the programs once got wrong: lengths that contradict each other, notes whose mapping has
 * gone, quotes that end early.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <string.h>

#include "node_world.h"

TestSuite(bpf_edges);

/* A packet too short for its transport header by its IP length, in a frame that padding fills. */
Test(bpf_edges, truncated_by_its_ip_length)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, 1);
	for (int i = 0; i < 4; i++) {
		struct packet_spec spec = setup_spec(setup_families[i / 2], setup_protos[i % 2]);
		struct expected expected = { XDP_DROP, NULL, XDPLB_DROP_TRUNCATED, 0 };
		struct test_packet packet;
		__u8 *ip = packet.data + ETH_LEN;

		packet_build(&spec, &packet);
		ip[spec.family == XDPLB_IPV4 ? 2 : 4] = 0;
		ip[spec.family == XDPLB_IPV4 ? 3 : 5] = spec.family == XDPLB_IPV4 ? 24 : 4;
		check_run(setup_kind(spec.family, spec.proto), lb.skel->progs.lb_xdp, lb.counters,
			  &packet, 0, &expected);
	}
	lb_setup_close(&lb);
}

/* Opens the client's flow at VIP 1 first if it is to be remapped at VIP 0; returns the port given. */
static __u16 open_flow(struct world *world, bool remapped)
{
	struct run_result result;
	struct test_packet packet;
	struct packet_spec in;

	world_add(world, 0, XDPLB_RESTORE_SOURCE);
	world_add(world, 1, XDPLB_RESTORE_SOURCE);
	for (int vip = remapped ? 1 : 0; vip >= 0; vip--) {
		in = world_tagged(world, vip);
		in.tcp_flags = TCP_SYN;
		packet_build(&in, &packet);
		cr_assert_eq(prog_run(world_to_backend(world), &packet, 0, &result), 0);
	}
	return world_source_port(&in, &result.packet);
}

/* "All else passes": a reply of a flow whose mapping has gone is all else, remapped or not. */
Test(bpf_edges, dead_note_of_a_remapped_flow)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct xdplb_mapping mapping;
		struct packet_spec in;
		__u16 given;

		world_open(&world, n);
		given = open_flow(&world, true);
		mapping = world_mapping(&world, 0, XDPLB_RESTORE_SOURCE);
		mapping.epoch++;
		node_setup_change(&world.node, 0, &mapping);
		in = world_reply(&world, given);
		world_check_from_passes(&world, "reply of a dead, remapped flow", &in);
		world_close(&world);
	}
}

/* What the backend quotes and what the client has sent, as ICMP port unreachable. */
static void check_quote(struct world *world, const char *row, const struct packet_spec *got,
			const struct packet_spec *sent, size_t l4_bytes)
{
	const struct setup_addrs *addrs = setup_addrs(world->family);
	struct packet_spec error = world_reply(world, 0), restored;
	struct test_packet quoted, quoted_sent;

	packet_build(got, &quoted);
	packet_build(sent, &quoted_sent);
	error.proto = world->family == XDPLB_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	error.icmp_type = world->family == XDPLB_IPV4 ? 3 : 1;
	error.icmp_code = 3;
	error.payload_len = packet_l4_offset(got) + l4_bytes - ETH_LEN;
	restored = error;
	error.payload = quoted.data + ETH_LEN;
	restored.source.addr = addrs->vips[0];
	restored.payload = quoted_sent.data + ETH_LEN;
	world_check_from(world, row, &error, &restored, EVENT(ICMP_RESTORED));
}

static void packets_of_flow(const struct world *world, struct packet_spec *ret_got,
			    struct packet_spec *ret_sent)
{
	*ret_got = world_tagged(world, 0);
	ret_got->dest.port = BACKEND_PORT;
	*ret_sent = *ret_got;
	ret_sent->dest.addr = setup_addrs(world->family)->vips[0];
	ret_sent->dest.port = VIP_PORT;
}

/* A client that computes 0 sends 0xffff (RFC 768): so must the quote of that packet say. */
Test(bpf_edges, quoted_udp_checksum_that_becomes_zero)
{
	struct world world;
	__u8 payload[32];

	packet_fill(payload, sizeof(payload), 9);
	for (int n = 1; n < WORLDS; n += 2) {
		struct packet_spec got, sent;
		struct test_packet packet;

		world_open(&world, n);
		open_flow(&world, false);
		packets_of_flow(&world, &got, &sent);
		got.payload = sent.payload = payload;
		payload[0] = payload[1] = 0;
		packet_build(&sent, &packet);
		memcpy(payload, packet.data + packet_l4_offset(&sent) + 6, 2);
		check_quote(&world, "quoted checksum 0xffff", &got, &sent, 8 + 32);
		world_close(&world);
	}
}

/* 18 bytes of a TCP header hold its checksum. */
Test(bpf_edges, quote_that_ends_behind_the_tcp_checksum)
{
	struct world world;

	for (int n = 0; n < WORLDS; n += 2) {
		struct packet_spec got, sent;

		world_open(&world, n);
		open_flow(&world, false);
		packets_of_flow(&world, &got, &sent);
		check_quote(&world, "16 bytes", &got, &sent, 16);
		check_quote(&world, "18 bytes", &got, &sent, 18);
		world_close(&world);
	}
}
