// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * node_tc: the mapping query. Macs are computed by libsodium.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "node_world.h"
#include "xdplb/query.h"

TestSuite(node_query);

#define PAYLOAD_MAX 100

/* What a query lies in: UDP from an access node to a tag port of backend 0. */
struct query_packet {
	struct packet_spec spec;
	__u8 payload[PAYLOAD_MAX]; /* the query, then what a row adds */
};

static void sign(struct xdplb_query *query)
{
	unsigned char key[16];

	for (int i = 0; i < 16; i++)
		key[i] = i; /* SETUP_KEY0, SETUP_KEY1 */
	crypto_shorthash((void *)&query->mac, (void *)query, offsetof(struct xdplb_query, mac),
			 key);
}

static struct xdplb_query right_query(const struct world *world)
{
	struct xdplb_query query = {
		.magic = htonl(XDPLB_QUERY_MAGIC),
		.version = XDPLB_QUERY_VERSION,
		.type = XDPLB_QUERY_ASK,
		.proto = world->proto,
		.family = world->family,
		.tag = htons(SETUP_TAG_FIRST),
		.vport = htons(VIP_PORT),
		.vip = setup_addrs(world->family)->vips[0],
		.nonce = 0x1122334455667788,
	};

	sign(&query);
	return query;
}

static void query_packet(const struct world *world, const struct xdplb_query *query,
			 struct query_packet *ret_packet)
{
	struct packet_spec *spec = &ret_packet->spec;

	*spec = setup_spec(world->family, IPPROTO_UDP);
	spec->source.addr = packet_addr(world->family == XDPLB_IPV4 ? "10.1.0.254" : "fd00:1::254");
	spec->source.port = 50001;
	spec->dest.addr = setup_addrs(world->family)->backends[0];
	spec->dest.port = SETUP_TAG_FIRST;
	spec->payload = ret_packet->payload;
	spec->payload_len = sizeof(*query);
	packet_fill(ret_packet->payload, PAYLOAD_MAX, 3);
	memcpy(ret_packet->payload, query, sizeof(*query));
}

static void check_answered(struct world *world, const char *row, const struct query_packet *asked,
			   __u8 type)
{
	struct packet_spec answer = asked->spec;
	__u8 payload[PAYLOAD_MAX];
	struct xdplb_query query;
	struct test_packet in, want;
	struct expected expected = { TC_REDIRECT, &want, NO_DROP, EVENT(QUERY_ANSWERED) };
	char name[120];

	snprintf(name, sizeof(name), "%s, %s", world->name, row);
	packet_build(&asked->spec, &in);
	answer.source = asked->spec.dest;
	answer.dest = asked->spec.source;
	memcpy(payload, asked->payload, PAYLOAD_MAX);
	memcpy(&query, payload, sizeof(query));
	query.type = type;
	sign(&query);
	memcpy(payload, &query, sizeof(query));
	answer.payload = payload;
	packet_build(&answer, &want);
	check_run(name, world_to_backend(world), world->node.counters, &in, 0, &expected);
}

static void check_refused(struct world *world, const char *row, const struct query_packet *asked)
{
	world_check_to_refused(world, row, &asked->spec, XDPLB_DROP_NOT_ADMITTED);
}

static void open_with_mapping(struct world *world, int number)
{
	world_open(world, number / 2);
	world_add(world, 0, number & 1 ? XDPLB_RESTORE_SOURCE : XDPLB_RESTORE_INTERFACE);
}

static void other_vip(struct xdplb_query *query)
{
	query->vip.word[query->family == XDPLB_IPV4 ? 0 : 3] ^= htonl(1);
}

static void other_vip_high(struct xdplb_query *query)
{
	query->vip.word[0] ^= htonl(1u << 31);
}

static void other_port(struct xdplb_query *query)
{
	query->vport ^= htons(1);
}

static void other_proto(struct xdplb_query *query)
{
	query->proto = setup_protos[query->proto == IPPROTO_TCP];
}

static void other_family(struct xdplb_query *query)
{
	query->family = setup_families[query->family == XDPLB_IPV4];
}

static void other_tag(struct xdplb_query *query)
{
	query->tag ^= htons(1);
}

static void wrong_magic(struct xdplb_query *query)
{
	query->magic = XDPLB_QUERY_MAGIC;
}

static void wrong_version(struct xdplb_query *query)
{
	query->version++;
}

static void type_zero(struct xdplb_query *query)
{
	query->type = 0;
}

static void type_yes(struct xdplb_query *query)
{
	query->type = XDPLB_QUERY_YES;
}

static void type_other(struct xdplb_query *query)
{
	query->type = XDPLB_QUERY_OTHER;
}

static void other_nonce(struct xdplb_query *query)
{
	query->nonce = 0;
}

struct query_row {
	const char *name;
	void (*edit)(struct xdplb_query *query);
	__u8 answer; /* 0: refused */
};

static const struct query_row rows[] = {
	{ "right", NULL, XDPLB_QUERY_YES },
	{ "another nonce", other_nonce, XDPLB_QUERY_YES },
	{ "another VIP", other_vip, XDPLB_QUERY_OTHER },
	{ "another VIP, first bit", other_vip_high, XDPLB_QUERY_OTHER },
	{ "another port of the VIP", other_port, XDPLB_QUERY_OTHER },
	{ "the other protocol", other_proto, XDPLB_QUERY_OTHER },
	{ "the other family", other_family, XDPLB_QUERY_OTHER },
	{ "another tag than it was sent to", other_tag, XDPLB_QUERY_OTHER },
	{ "wrong magic", wrong_magic, 0 },
	{ "wrong version", wrong_version, 0 },
	{ "type 0", type_zero, 0 },
	{ "an answer: yes", type_yes, 0 },
	{ "an answer: other", type_other, 0 },
};

Test(node_query, rows)
{
	struct query_packet asked;
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		open_with_mapping(&world, n);
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
			struct xdplb_query query = right_query(&world);

			if (rows[r].edit)
				rows[r].edit(&query);
			sign(&query);
			query_packet(&world, &query, &asked);
			if (rows[r].answer)
				check_answered(&world, rows[r].name, &asked, rows[r].answer);
			else
				check_refused(&world, rows[r].name, &asked);
		}
		cr_assert_eq(node_setup_notes(&world.node), 0, "a query was noted as a flow");
		world_close(&world);
	}
}

/* The mac covers every byte, and is compared to its last. */
Test(node_query, mac)
{
	struct query_packet asked;
	struct world world;
	char row[40];

	for (int n = 0; n < 2 * WORLDS; n++) {
		open_with_mapping(&world, n);
		for (size_t i = 0; i < sizeof(struct xdplb_query); i++) {
			struct xdplb_query query = right_query(&world);

			((__u8 *)&query)[i] ^= 0x10;
			query_packet(&world, &query, &asked);
			snprintf(row, sizeof(row), "byte %zu changed", i);
			check_refused(&world, row, &asked);
		}
		world_close(&world);
	}
}

/* What surrounds the query. */
Test(node_query, packets)
{
	struct query_packet asked;
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct xdplb_query query;

		open_with_mapping(&world, n);
		query = right_query(&world);
		for (int more = 0; more < 8; more++) {
			query_packet(&world, &query, &asked);
			asked.spec.payload_len += more;
			check_answered(&world, "more bytes than a query", &asked, XDPLB_QUERY_YES);
		}
		for (int less = 1; less <= 48; less++) {
			query_packet(&world, &query, &asked);
			asked.spec.payload_len -= less;
			check_refused(&world, "fewer bytes than a query", &asked);
		}
		for (int options = 0; options <= 40 && world.family == XDPLB_IPV4; options += 4) {
			query_packet(&world, &query, &asked);
			asked.spec.ip_options = options;
			check_answered(&world, "with options", &asked, XDPLB_QUERY_YES);
			asked.spec.no_checksum = true;
			check_answered(&world, "without checksum", &asked, XDPLB_QUERY_YES);
		}
		query_packet(&world, &query, &asked);
		asked.spec.proto = IPPROTO_TCP;
		check_refused(&world, "in TCP", &asked);
		world_close(&world);
	}
}

/* The two bytes behind the query are chosen so that the checksum of the answer must become 0xffff. */
Test(node_query, checksum_becomes_zero)
{
	struct query_packet asked, answer;
	struct test_packet packet;
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct xdplb_query query;
		size_t check;

		open_with_mapping(&world, n);
		query = right_query(&world);
		query_packet(&world, &query, &asked);
		query.type = XDPLB_QUERY_YES;
		sign(&query);
		query_packet(&world, &query, &answer); /* its ends swapped sum up to the same */
		memset(answer.payload + sizeof(query), 0, 2);
		answer.spec.payload_len += 2;
		asked.spec.payload_len += 2;
		packet_build(&answer.spec, &packet);
		check = packet_l4_offset(&answer.spec) + 6;
		memcpy(asked.payload + sizeof(query), packet.data + check, 2);
		check_answered(&world, "checksum becomes zero", &asked, XDPLB_QUERY_YES);
		world_close(&world);
	}
}

/* Where no mapping of the hook is, nobody answers and nothing is dropped. */
Test(node_query, nothing_here)
{
	struct query_packet asked;
	struct world world;

	for (int n = 0; n < 2 * WORLDS; n++) {
		struct xdplb_mapping mapping;
		struct xdplb_query query;

		open_with_mapping(&world, n);
		query = right_query(&world);
		query_packet(&world, &query, &asked);
		asked.spec.dest.port++;
		world_check_to_passes(&world, "another tag", &asked.spec);
		asked.spec.dest.port = BACKEND_PORT + 1;
		world_check_to_passes(&world, "no tag", &asked.spec);
		mapping = world_mapping(&world, 0, XDPLB_RESTORE_SOURCE);
		query_packet(&world, &query, &asked);
		mapping.ifindex = world.hook == WORLD_AT_VNIC ? 0 : WORLD_VNIC;
		node_setup_change(&world.node, 0, &mapping);
		world_check_to_passes(&world, "another hook's mapping", &asked.spec);
		world_close(&world);
	}
}

Test(node_query, resting_mapping)
{
	struct query_packet asked;
	struct world world;

	for (int n = 0; n < WORLDS; n++) {
		struct xdplb_mapping mapping;
		struct xdplb_query query;

		world_open(&world, n);
		mapping = world_mapping(&world, 0, XDPLB_RESTORE_SOURCE);
		mapping.state = XDPLB_MAPPING_RESTING;
		node_setup_mapping(&world.node, 0, &mapping);
		query = right_query(&world);
		query_packet(&world, &query, &asked);
		check_answered(&world, "resting", &asked, XDPLB_QUERY_YES);
		world_close(&world);
	}
}
