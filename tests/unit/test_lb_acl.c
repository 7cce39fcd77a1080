// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp, `allow` and `deny`: which clients a service serves, by its list, its version and its family.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "fragments.h"
#include "lb_world.h"

TestSuite(lb_acl);

#define ALLOW XDPLB_SERVICE_SOURCES_ALLOWED
#define DENY  XDPLB_SERVICE_SOURCES_DENIED
#define B     XDPLB_SERVICE_SOURCES_B

/* What is in the map, of either family: bits from the first that count; 0: nothing. */
struct entry {
	const char *prefix4, *prefix6;
	__u8 bits4, bits6;
	__u8 version;
	__u32 service;
};

struct row {
	const char *name;
	__u32 flags;
	const char *source4, *source6;
	bool served;
};

static const struct entry entries[] = {
	{ "10.1.0.0", "fd01::", 16, 16, 0, LB_SERVICE },
	{ "10.2.3.4", "fd02::4", 32, 128, 0, LB_SERVICE },
	{ "10.4.128.0", "fd04:8000::", 17, 17, 0, LB_SERVICE },
	{ "10.5.0.0", "fd05::", 16, 16, 1, LB_SERVICE },
	{ "10.6.0.0", "fd06::", 16, 16, 0, LB_SERVICE + 1 },
};

static const struct row rows[] = {
	{ "no list", 0, "10.1.0.1", "fd01::1", true },
	{ "no list, a version", B, "10.1.0.1", "fd01::1", true },
	{ "allowed", ALLOW, "10.1.0.1", "fd01::1", true },
	{ "allowed, last of a prefix", ALLOW, "10.1.255.255", "fd01:ffff::ffff", true },
	{ "allowed, host", ALLOW, "10.2.3.4", "fd02::4", true },
	{ "not allowed, beside a host", ALLOW, "10.2.3.5", "fd02::5", false },
	{ "allowed, odd length", ALLOW, "10.4.128.1", "fd04:8000::1", true },
	{ "not allowed, odd length", ALLOW, "10.4.127.1", "fd04:7fff::1", false },
	{ "not allowed", ALLOW, "10.3.0.1", "fd03::1", false },
	{ "not allowed, other version", ALLOW, "10.5.0.1", "fd05::1", false },
	{ "allowed, other version", ALLOW | B, "10.5.0.1", "fd05::1", true },
	{ "not allowed, first version", ALLOW | B, "10.1.0.1", "fd01::1", false },
	{ "not allowed, other service", ALLOW, "10.6.0.1", "fd06::1", false },
	{ "denied", DENY, "10.1.0.1", "fd01::1", false },
	{ "denied, host", DENY, "10.2.3.4", "fd02::4", false },
	{ "not denied", DENY, "10.2.3.5", "fd02::5", true },
	{ "denied, other version", DENY | B, "10.5.0.1", "fd05::1", false },
	{ "not denied, first version", DENY | B, "10.1.0.1", "fd01::1", true },
	{ "not denied, other service", DENY, "10.6.0.1", "fd06::1", true },
};

static void fill_sources(struct lb_world *world)
{
	int map = bpf_map__fd(world->lb.skel->maps.sources);
	bool is_ipv4 = world->family == XDPLB_IPV4;
	const __u32 value = 1;

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		const struct entry *entry = &entries[i];
		struct xdplb_source_key key = {
			.prefix_len =
				XDPLB_SOURCE_KEY_BITS + (is_ipv4 ? entry->bits4 : entry->bits6),
			.service = entry->service,
			.version = entry->version,
			.family = world->family,
			.addr = packet_addr(is_ipv4 ? entry->prefix4 : entry->prefix6),
		};

		cr_assert_eq(bpf_map_update_elem(map, &key, &value, BPF_ANY), 0);
	}
}

static void check_row(struct lb_world *world, const struct row *row, __u8 vlan_tags)
{
	struct packet_spec in = lb_world_flow(world, 1);
	char name[96];

	in.source.addr = packet_addr(world->family == XDPLB_IPV4 ? row->source4 : row->source6);
	in.vlan_tags = vlan_tags;
	snprintf(name, sizeof(name), "%s, %s, %u tags", row->name,
		 setup_kind(world->family, world->proto), vlan_tags);
	cr_expect_eq(lb_world_check(name, world, &in,
				    row->served ? NO_DROP : XDPLB_DROP_SOURCE_DENIED, 0),
		     row->served ? 0 : LB_DROPPED, "%s", name);
}

/* A client that is not served is not told that its TTL is used up, either. */
static void check_ttl(struct lb_world *world)
{
	struct packet_spec in = lb_world_flow(world, 1);

	in.source.addr =
		packet_addr(world->family == XDPLB_IPV4 ? entries[0].prefix4 : entries[0].prefix6);
	in.ttl = 1;
	lb_world_serve(world, 1, DENY);
	cr_expect_eq(lb_world_check("TTL 1", world, &in, XDPLB_DROP_SOURCE_DENIED, 0), LB_DROPPED);
}

Test(lb_acl, lists)
{
	struct lb_setup_options options = { .members = 1 };

	for (int i = 0; i < 4; i++) {
		struct lb_world world;

		lb_world_open(&world, setup_families[i / 2], setup_protos[i % 2], &options);
		fill_sources(&world);
		lb_world_deal(&world, NULL, 1, 1);
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
			lb_world_serve(&world, 1, rows[r].flags);
			for (__u8 tags = 0; tags < 3; tags++)
				check_row(&world, &rows[r], tags);
		}
		check_ttl(&world);
		lb_world_close(&world);
	}
}

/* The first fragment is refused, and so leaves no note for the later ones. */
Test(lb_acl, fragments)
{
	struct lb_setup_options options = { .members = 1 };

	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2];
		struct lb_world world;
		struct setup_endpoint as_such;
		struct packet_spec in;

		lb_world_open(&world, family, setup_protos[i % 2], &options);
		fill_sources(&world);
		lb_world_deal(&world, NULL, 1, 1);
		lb_world_serve(&world, 1, DENY);
		in = lb_world_flow(&world, 1);
		in.source.addr = packet_addr(family == XDPLB_IPV4 ? "10.1.0.1" : "fd01::1");
		as_such =
			(struct setup_endpoint){ in.dest.addr, 0, 0, family, XDPLB_INDEX_ADDRESS };
		lb_setup_vip(&world.lb, &as_such);
		in.frag_off = 0;
		in.payload_len = 1000;
		for (size_t from = 0; from < 1000; from += 504) {
			struct expected expected = { XDP_DROP, NULL,
						     from ? XDPLB_DROP_FRAGMENT_UNKNOWN
							  : XDPLB_DROP_SOURCE_DENIED,
						     0 };
			struct test_packet packet;

			fragment_build(&in, (struct fragment_piece){ from, 504 }, 0, &packet);
			observe_run("fragment", world.lb.skel->progs.lb_xdp, world.lb.counters,
				    &packet, 0, &expected);
		}
		lb_world_close(&world);
	}
}
