// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: services by QUIC connection id. Whatever the client's address and port, a packet whose id names a
 * backend goes there; all others go by their flow.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>

#include "lb_world.h"
#include "tables/access_limit.h"
#include "xdplb/quic.h"
#include "xdplb/source_limit.h"

TestSuite(lb_quic);

#define MEMBERS 8
#define BUCKETS 13
#define CONFIG  5
#define BY_FLOW (-9) /* where a packet of its flow goes that is not QUIC */

/* A server id that has a zero, and is not the member's number. */
static __be32 server_id(__u32 member)
{
	return htonl(0xa9007700 + member * 0x01000101);
}

static void open_world(struct lb_world *world, __u8 family)
{
	lb_world_open(world, family, IPPROTO_UDP, &(struct lb_setup_options){ .cache_lines = 64 });
	lb_world_serve(world, BUCKETS, XDPLB_SERVICE_QUIC | CONFIG << XDPLB_SERVICE_QUIC_CONFIG);
	lb_world_deal(world, NULL, BUCKETS, MEMBERS);
	for (__u32 i = 0; i < MEMBERS; i++) {
		struct setup_endpoint entry = { .addr = { { LB_SERVICE, server_id(i) } },
						.proto = XDPLB_QUIC_ENTRY,
						.family = XDPLB_IPV6,
						.index = i };

		lb_setup_vip(&world->lb, &entry);
	}
}

/* What stands in a datagram. */
struct quic_row {
	const char *name;
	__u8 first; /* octet of the packet */
	__u8 cid_len; /* long headers: as they say */
	__u8 config;
	__s8 member; /* whose id it has; -1: nobody's */
	__u16 len; /* bytes of payload; 0: 40 */
	int goes_to; /* the member, or BY_FLOW */
	__u32 event;
};

#define ROUTED  EVENT(QUIC_ROUTED)
#define UNKNOWN EVENT(QUIC_UNKNOWN)

static const struct quic_row rows[] = {
	{ "short", 0x40, 0, CONFIG, 3, 0, 3, ROUTED },
	{ "short, all other bits set", 0x7f, 0, CONFIG, 7, 0, 7, ROUTED },
	{ "short, nothing behind the server id", 0x40, 0, CONFIG, 3, 6, 3, ROUTED },
	{ "short, a byte of the server id is missing", 0x40, 0, CONFIG, 3, 5, BY_FLOW, 0 },
	{ "short, another config", 0x40, 0, CONFIG + 1, 3, 0, BY_FLOW, UNKNOWN },
	{ "short, config 7", 0x40, 0, 7, 3, 0, BY_FLOW, UNKNOWN },
	{ "short, nobody's id", 0x40, 0, CONFIG, -1, 0, BY_FLOW, UNKNOWN },
	{ "one byte", 0x40, 0, CONFIG, 3, 1, BY_FLOW, 0 },
	{ "Initial, the server's id", 0xc0, 8, CONFIG, 2, 0, 2, ROUTED },
	{ "Initial, the client's id", 0xc0, 8, CONFIG, -1, 0, BY_FLOW, 0 },
	{ "Handshake", 0xe0, 20, CONFIG, 4, 0, 4, ROUTED },
	{ "Handshake, the shortest id", 0xe0, 6, CONFIG, 4, 0, 4, ROUTED },
	{ "Handshake, an id too short", 0xe0, 5, CONFIG, 4, 0, BY_FLOW, 0 },
	{ "Handshake, an id too long", 0xe0, 21, CONFIG, 4, 0, BY_FLOW, 0 },
	{ "Handshake, cut off", 0xe0, 8, CONFIG, 4, 10, BY_FLOW, 0 },
	{ "Handshake, another config", 0xe0, 8, 0, 4, 0, BY_FLOW, 0 },
};

/* A datagram of a flow; its payload lies in `bytes`. */
static struct packet_spec datagram(const struct lb_world *world, const struct quic_row *row,
				   __u32 flow, __u8 *bytes)
{
	struct packet_spec spec = lb_world_flow(world, flow);
	__u8 *id = bytes + (row->first & 0x80 ? 6 : 1);
	__be32 server = row->member < 0 ? htonl(0x12345678) : server_id(row->member);

	packet_fill(bytes, 64, flow);
	bytes[0] = row->first;
	if (row->first & 0x80) {
		memcpy(bytes + 1, "\0\0\0\1", 4);
		bytes[5] = row->cid_len;
	}
	id[0] = row->config << 5 | (flow & 31);
	memcpy(id + 1, &server, 4);
	spec.payload = bytes;
	spec.payload_len = row->len ?: 40;
	return spec;
}

/* Of a service whose bucket i names member i % dealt. */
static void check_table_row(struct lb_world *world, const struct quic_row *row, __u32 dealt)
{
	__u8 bytes[64];

	for (__u32 flow = 0; flow < 32; flow++) {
		struct packet_spec spec = datagram(world, row, flow, bytes);
		int by_flow = lb_world_bucket(&spec, BUCKETS) % dealt, member;

		spec.vlan_tags = flow % 3;
		member = lb_world_check(row->name, world, &spec, NO_DROP, row->event);
		cr_assert_eq(member, row->goes_to == BY_FLOW ? by_flow : row->goes_to,
			     "%s, flow %u: member %d", row->name, flow, member);
	}
}

static void check_row(struct lb_world *world, const struct quic_row *row)
{
	check_table_row(world, row, MEMBERS);
}

Test(lb_quic, rows)
{
	for (int f = 0; f < 2; f++) {
		struct lb_world world;

		open_world(&world, setup_families[f]);
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
			check_row(&world, &rows[r]);
		lb_world_close(&world);
	}
}

/* Down: to another, and counted. Draining: an id that is known is no new connection. */
Test(lb_quic, health)
{
	const struct quic_row row = { "health", 0x40, 0, CONFIG, 3, 0, 3, ROUTED };

	for (int f = 0; f < 2; f++) {
		struct lb_world world;
		struct packet_spec spec;
		__u8 bytes[64];
		__u32 flow = 0;

		open_world(&world, setup_families[f]);
		lb_setup_health(&world.lb, 3, XDPLB_HEALTH_DRAINING);
		check_row(&world, &row);
		lb_setup_health(&world.lb, 3, XDPLB_HEALTH_DOWN);
		/* one whose first owner is another, so that only the id is in question */
		do
			spec = datagram(&world, &row, ++flow, bytes);
		while (lb_world_bucket(&spec, BUCKETS) % MEMBERS == 3);
		cr_assert_eq(lb_world_check("down", &world, &spec, NO_DROP, UNKNOWN),
			     (int)(lb_world_bucket(&spec, BUCKETS) % MEMBERS));
		lb_setup_health(&world.lb, 3, XDPLB_HEALTH_UP);
		check_row(&world, &row);
		lb_setup_confirm(&world.lb, 3, false);
		cr_assert_eq(lb_world_check("not confirmed", &world, &spec, NO_DROP, UNKNOWN),
			     (int)(lb_world_bucket(&spec, BUCKETS) % MEMBERS));
		lb_world_close(&world);
	}
}

/* An entry whose index another service's member has got by now names nobody. */
Test(lb_quic, member_of_another_service)
{
	const struct quic_row short_row = { "short", 0x40, 0, CONFIG, 3, 0, BY_FLOW, UNKNOWN };
	const struct quic_row long_row = { "long", 0xc0, 8, CONFIG, 3, 0, BY_FLOW, 0 };

	for (int f = 0; f < 2; f++) {
		struct lb_world world;
		struct xdplb_member member;
		__u32 index = 3;

		open_world(&world, setup_families[f]);
		/* No bucket names it: what goes there has been routed by its id. */
		lb_world_deal(&world, NULL, BUCKETS, 3);
		member = lb_setup_read(&world.lb, index);
		member.service = LB_SERVICE + 1;
		cr_assert_eq(bpf_map_update_elem(bpf_map__fd(world.lb.skel->maps.members), &index,
						 &member, BPF_ANY),
			     0);
		check_table_row(&world, &short_row, 3);
		check_table_row(&world, &long_row, 3);
		lb_world_close(&world);
	}
}

/* Sets the service's source limit: one flow an hour, so nothing comes back while a test runs. */
static void limit_flows(struct lb_world *world)
{
	const struct config_limit limit = { .connections = 1,
					    .seconds = 3600,
					    .burst = 1,
					    .prefix = world->family == XDPLB_IPV4 ? 32 : 64 };
	struct xdplb_source_limit element = access_limit_make(world->family, &limit);

	lb_world_serve(world, BUCKETS,
		       XDPLB_SERVICE_QUIC | CONFIG << XDPLB_SERVICE_QUIC_CONFIG |
			       XDPLB_SERVICE_LIMIT | XDPLB_SERVICE_CACHE);
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(world->lb.skel->maps.source_limits),
					 &(__u32){ LB_SERVICE }, &element, BPF_ANY),
		     0);
}

/* What an id routes is no new connection: it takes nothing, and goes on where nothing is left. */
Test(lb_quic, source_limit)
{
	const struct quic_row routed = { "routed", 0x40, 0, CONFIG, 3, 0, 3, ROUTED };
	const struct quic_row routed_long = { "Handshake", 0xe0, 8, CONFIG, 4, 0, 4, ROUTED };
	const struct quic_row unknown = { "unknown", 0x40, 0, CONFIG, -1, 0, BY_FLOW, UNKNOWN };
	const struct quic_row initial = { "Initial", 0xc0, 8, CONFIG, -1, 0, BY_FLOW, 0 };

	for (int f = 0; f < 2; f++) {
		struct lb_world world;
		struct packet_spec spec;
		__u8 bytes[64];

		open_world(&world, setup_families[f]);
		limit_flows(&world);
		check_row(&world, &routed); /* 32 flows of one source */
		check_row(&world, &routed_long);
		spec = datagram(&world, &initial, 100, bytes);
		cr_assert_geq(lb_world_check("the first", &world, &spec, NO_DROP, 0), 0);
		spec = datagram(&world, &unknown, 101, bytes);
		lb_world_check("nobody's id", &world, &spec, XDPLB_DROP_SOURCE_LIMIT, UNKNOWN);
		spec = datagram(&world, &initial, 102, bytes);
		lb_world_check("another", &world, &spec, XDPLB_DROP_SOURCE_LIMIT, 0);
		check_row(&world, &routed);
		check_row(&world, &routed_long);
		lb_setup_health(&world.lb, 3, XDPLB_HEALTH_DOWN);
		spec = datagram(&world, &routed, 1, bytes);
		lb_world_check("down", &world, &spec, XDPLB_DROP_SOURCE_LIMIT, UNKNOWN);
		spec = datagram(&world, &unknown, 100, bytes);
		cr_assert_geq(lb_world_check("remembered", &world, &spec, NO_DROP, UNKNOWN), 0);
		lb_world_close(&world);
	}
}

/* A service that does not say so is not looked at so. */
Test(lb_quic, only_where_the_service_says_so)
{
	struct lb_world world;

	open_world(&world, XDPLB_IPV4);
	lb_world_serve(&world, BUCKETS, 0);
	check_row(&world, &(struct quic_row){ "no quic", 0x40, 0, CONFIG, 3, 0, BY_FLOW, 0 });
	lb_world_close(&world);
}
