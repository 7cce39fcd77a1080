// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: ICMP errors that an access node has sent on. What the backend must get quotes the packet that
 * it has sent itself, so the expected quote is built from that, with full checksums.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "icmp_error.h"
#include "node_world.h"

TestSuite(node_deliver);

/* A packet of VIP 0's backend: as the access node quotes it, and as the backend has sent it. */
struct sent {
	struct packet_spec relayed;
	struct packet_spec own;
	enum xdplb_restore restore;
};

/*
 * Opens the client's flow at VIP 0. Remapped: at VIP 1 first, so that the backend knows the client by
 * another port.
 */
static struct sent open_flow(struct world *world, int number, enum xdplb_restore restore,
			     bool remapped)
{
	struct packet_spec in, reply;
	struct run_result result;
	struct test_packet packet;
	struct sent sent;
	__u16 port;

	world_open(world, number);
	world_add(world, 0, restore);
	world_add(world, 1, restore);
	for (int vip = remapped ? 1 : 0; vip >= 0; vip--) {
		in = world_tagged(world, vip);
		in.tcp_flags = TCP_SYN;
		packet_build(&in, &packet);
		cr_assert_eq(prog_run(world_to_backend(world), &packet, 0, &result), 0);
		cr_assert_eq(result.verdict, TC_UNSPEC);
	}
	port = world_source_port(&in, &result.packet);
	cr_assert_eq(port != CLIENT_PORT, remapped);
	reply = world_reply(world, CLIENT_PORT);
	sent = (struct sent){ .relayed = reply, .own = reply, .restore = restore };
	sent.relayed.source.port = SETUP_TAG_FIRST;
	if (restore == XDPLB_RESTORE_SOURCE) {
		sent.own.dest.port = port;
	} else {
		sent.own.source.addr = setup_addrs(world->family)->vips[0];
		sent.own.source.port = VIP_PORT;
	}
	return sent;
}

/* The message as the access node sends it: to the backend, with the mark of the client's flow. */
static struct packet_spec relayed(const struct world *world, const struct sent *sent,
				  struct icmp_error error, struct test_packet *ret_quoted)
{
	const struct setup_addrs *addrs = setup_addrs(world->family);
	struct packet_spec usual = world_tagged(world, 0);

	error.sender = addrs->stranger;
	error.recipient = addrs->backends[0];
	error.about = &sent->relayed;
	return icmp_error_spec(&error, &usual, ret_quoted);
}

static void check_delivered(struct world *world, const char *row, const struct sent *sent,
			    struct icmp_error error)
{
	const struct setup_addrs *addrs = setup_addrs(world->family);
	struct test_packet quotes[2];
	struct packet_spec in = relayed(world, sent, error, &quotes[0]), out;

	error.sender = addrs->stranger;
	error.recipient = sent->own.source.addr;
	error.about = &sent->own;
	out = icmp_error_spec(&error, &in, &quotes[1]);
	world_check_to(world, row, &in, &out, EVENT(ICMP_DELIVERED));
}

static const enum xdplb_restore restores[] = { XDPLB_RESTORE_INTERFACE, XDPLB_RESTORE_SOURCE,
					       XDPLB_RESTORE_SOURCE };

/* Each way to restore; the third time remapped. */
Test(node_deliver, errors)
{
	static const size_t lengths[] = { 8, 16, 18, 28, QUOTE_WHOLE };
	struct world world;
	char row[80];

	for (int n = 0; n < 3 * WORLDS; n++) {
		struct sent sent = open_flow(&world, n / 3, restores[n % 3], n % 3 == 2);

		for (int i = 0; i < 5 * ICMP_KINDS; i++) {
			const struct icmp_kind *kind = &icmp_kinds[i / 5];
			struct icmp_error error = { .type = kind->type,
						    .code = kind->code,
						    .rest = kind->rest,
						    .l4_bytes = lengths[i % 5] };

			if (kind->family != world.family)
				continue;
			snprintf(row, sizeof(row), "way %d, type %u code %u, %zu bytes", n % 3,
				 kind->type, kind->code, lengths[i % 5]);
			check_delivered(&world, row, &sent, error);
		}
		world_close(&world);
	}
}

Test(node_deliver, quotes)
{
	struct world world;
	char row[40];

	for (int n = 0; n < 3 * WORLDS; n++) {
		struct sent sent = open_flow(&world, n / 3, restores[n % 3], n % 3 == 2);
		struct packet_spec *both[2] = { &sent.relayed, &sent.own };
		struct icmp_error error = { .type = 3 };

		for (int i = 0; i < 120; i++) {
			for (int p = 0; p < 2; p++) {
				both[p]->payload_len = i;
				both[p]->seed = i;
				if (world.family == XDPLB_IPV6)
					continue;
				both[p]->ip_options = i % 11 * 4;
				both[p]->no_checksum = i % 3 == 1;
			}
			error.l4_bytes = i % 4 ? QUOTE_WHOLE : 8;
			snprintf(row, sizeof(row), "quote %d", i);
			check_delivered(&world, row, &sent, error);
		}
		world_close(&world);
	}
}

/* One thing at a time that makes it no message of an access node, or one that is to be refused. */
static void check_strange(struct world *world, const struct sent *sent)
{
	const struct setup_addrs *addrs = setup_addrs(world->family);
	struct icmp_error error = { .type = 3, .l4_bytes = 20 };
	struct test_packet quote;
	struct packet_spec in = relayed(world, sent, error, &quote);
	struct sent other = *sent;

	in.id ^= 1;
	in.flow_label ^= 1;
	world_check_to_refused(world, "no mark", &in, XDPLB_DROP_NOT_ADMITTED);
	other.relayed.dest.port++;
	in = relayed(world, &other, error, &quote);
	world_check_to_refused(world, "mark of another client port", &in, XDPLB_DROP_NOT_ADMITTED);
	other = *sent;
	other.relayed.dest.addr = addrs->stranger;
	in = relayed(world, &other, error, &quote);
	world_check_to_refused(world, "mark of another client", &in, XDPLB_DROP_NOT_ADMITTED);
	other = *sent;
	other.relayed.source.port = BACKEND_PORT;
	in = relayed(world, &other, error, &quote);
	world_check_to_passes(world, "from the backend's own port", &in);
	other.relayed.source.port = SETUP_TAG_FIRST + 7;
	in = relayed(world, &other, error, &quote);
	world_check_to_passes(world, "tag of nobody", &in);
	in = relayed(world, sent, error, &quote);
	in.dest.addr = addrs->backends[1];
	world_check_to_passes(world, "to another address than the quoted source", &in);
	error.l4_bytes = 7;
	in = relayed(world, sent, error, &quote);
	world_check_to_passes(world, "7 bytes of the quoted header", &in);
	error.l4_bytes = 20;
	error.type = world->family == XDPLB_IPV4 ? 8 : 128;
	in = relayed(world, sent, error, &quote);
	world_check_to_passes(world, "a ping that carries a quote", &in);
}

Test(node_deliver, strange)
{
	struct world world;

	for (int n = 0; n < 3 * WORLDS; n++) {
		struct sent sent = open_flow(&world, n / 3, restores[n % 3], n % 3 == 2);

		check_strange(&world, &sent);
		world_close(&world);
	}
}

/* A flow that has no note: the backend knows nothing of it, or it is another VIP's by now. */
Test(node_deliver, flow_not_noted)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct sent sent = open_flow(&world, n, XDPLB_RESTORE_SOURCE, false);
		struct icmp_error error = { .type = 3, .l4_bytes = 20 };
		struct test_packet quote;
		struct packet_spec in;

		node_setup_evict(&world.node, XDPLB_NOTE_REPLY);
		in = relayed(&world, &sent, error, &quote);
		world_check_to_refused(&world, "no note", &in, XDPLB_DROP_UNKNOWN_FLOW);
		world_close(&world);
	}
}

/* The hook that does not restore the mapping leaves its errors alone, too. */
Test(node_deliver, other_hook)
{
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct sent sent = open_flow(&world, n, XDPLB_RESTORE_INTERFACE, false);
		struct icmp_error error = { .type = 3, .l4_bytes = 20 };
		struct xdplb_mapping mapping = world_mapping(&world, 0, XDPLB_RESTORE_INTERFACE);
		struct test_packet quote;
		struct packet_spec in = relayed(&world, &sent, error, &quote);

		mapping.ifindex += 7;
		node_setup_change(&world.node, 0, &mapping);
		world_check_to_passes(&world, "mapping of another hook", &in);
		world_close(&world);
	}
}
