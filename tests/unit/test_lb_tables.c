// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: looking a VIP up. Which of the two tables is live, collisions, entries that name nothing.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "bpf/lib/hash.h"
#include "node_setup.h"

TestSuite(lb_tables);

#define IN_IFINDEX 1

/* Service 0 and member 0 of a family and protocol, under another tag for each table. */
static void add_service(struct lb_setup *lb, __u8 family, __u8 proto, __u32 index, __u16 vip_port)
{
	struct setup_member member = setup_member(family, proto, IN_IFINDEX);

	member.service = index;
	member.health = index;
	member.vip.port = vip_port;
	member.to.port = SETUP_TAG_FIRST + index;
	lb_setup_member(lb, index, &member);
	lb_setup_service(lb, index, (struct xdplb_bucket_ref){ index * 16, 1 });
	lb_setup_bucket(lb, index * 16, index);
}

/* The tag that a packet is sent to. */
static int served_tag(const char *row, struct lb_setup *lb, const struct packet_spec *spec)
{
	struct expected expected = { XDP_TX, NULL, NO_DROP, 0 };
	size_t port = packet_l4_offset(spec) + 2;
	struct test_packet packet, out;

	packet_build(spec, &packet);
	out = observe_run(row, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
	return out.data[port] << 8 | out.data[port + 1];
}

static void check_passed(const char *row, struct lb_setup *lb, const struct packet_spec *spec)
{
	struct test_packet packet;
	struct expected expected = { XDP_PASS, &packet, NO_DROP, 0 };

	packet_build(spec, &packet);
	check_run(row, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

/* The same VIP is service 0 in the first table, service 1 in the second, under another seed. */
Test(lb_tables, live_table)
{
	static const struct xdplb_table_ref first = { 0, 11 }, second = { SETUP_SLOTS, 0xfeed5eed };
	struct lb_setup lb;

	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct packet_spec spec = setup_spec(family, proto), only = spec;
		struct setup_endpoint vip = { spec.dest.addr, VIP_PORT, proto, family, 0 };
		int map;

		lb_setup_open(&lb);
		map = bpf_map__fd(lb.skel->maps.vips);
		add_service(&lb, family, proto, 0, VIP_PORT);
		add_service(&lb, family, proto, 1, VIP_PORT);
		setup_put_endpoint(map, first, &vip);
		vip.index = 1;
		setup_put_endpoint(map, second, &vip);
		only.dest.port = vip.port = 443;
		setup_put_endpoint(map, second, &vip);
		for (int round = 0; round < 3; round++) {
			lb_setup_live(&lb, first);
			cr_assert_eq(served_tag("first table", &lb, &spec), SETUP_TAG_FIRST);
			check_passed("only in the second table", &lb, &only);
			lb_setup_live(&lb, second);
			cr_assert_eq(served_tag("second table", &lb, &spec), SETUP_TAG_FIRST + 1);
		}
		lb_setup_close(&lb);
	}
}

/* The next port from `port` on whose search starts at a certain slot. */
static __u16 port_with_home(const struct packet_spec *spec, __u32 seed, __u32 home, __u16 port)
{
	while ((endpoint_hash(seed, &spec->dest.addr, htons(port), spec->proto, spec->family) &
		(SETUP_SLOTS - 1)) != home)
		port++;
	return port;
}

/* Eight ports of a VIP whose search starts at one slot, so that the last takes eight probes. */
static void check_probes(struct lb_setup *lb, __u8 family, __u8 proto, __u32 home)
{
	static const struct xdplb_table_ref live = { SETUP_SLOTS, 123 };
	struct packet_spec spec = setup_spec(family, proto);
	struct setup_endpoint vip = { spec.dest.addr, 1000, proto, family, 0 };
	__u16 ports[XDPLB_ENDPOINT_PROBES];
	char row[80];

	lb_setup_live(lb, live);
	for (int i = 0; i < XDPLB_ENDPOINT_PROBES; i++) {
		vip.port = ports[i] = port_with_home(&spec, live.seed, home, vip.port + 1);
		cr_assert_eq(setup_put_endpoint(bpf_map__fd(lb->skel->maps.vips), live, &vip),
			     i + 1);
	}
	for (int i = 0; i < XDPLB_ENDPOINT_PROBES; i++) {
		snprintf(row, sizeof(row), "%s, home %u, probe %d", setup_kind(family, proto), home,
			 i + 1);
		spec.dest.port = ports[i];
		add_service(lb, family, proto, 0, ports[i]);
		cr_assert_eq(served_tag(row, lb, &spec), SETUP_TAG_FIRST, "%s", row);
	}
	spec.dest.port = port_with_home(&spec, live.seed, home, vip.port + 1);
	check_passed("a ninth port, all eight slots taken by others", lb, &spec);
}

/* From the first slots of a table, the middle and over its end. */
Test(lb_tables, up_to_eight_probes)
{
	static const __u32 homes[] = { 0, 30, SETUP_SLOTS - 3, SETUP_SLOTS - 1 };
	struct lb_setup lb;

	for (int i = 0; i < 4; i++) {
		for (size_t h = 0; h < sizeof(homes) / sizeof(homes[0]); h++) {
			lb_setup_open(&lb);
			check_probes(&lb, setup_families[i / 2], setup_protos[i % 2], homes[h]);
			lb_setup_close(&lb);
		}
	}
}

/* What a slot must hold to be found: each field counts. The slots around are the other way filled. */
Test(lb_tables, every_part_of_the_key_counts)
{
	struct lb_setup lb;

	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct packet_spec spec = setup_spec(family, proto);
		struct xdplb_endpoint full = {
			.addr = spec.dest.addr,
			.port = htons(VIP_PORT),
			.proto = proto,
			.family = family,
		}, wrong[7];
		int map;

		for (int w = 0; w < 7; w++)
			wrong[w] = full;
		for (int w = 0; w < 4; w++)
			wrong[w].addr.word[w] ^= htonl(1);
		wrong[4].port ^= htons(1);
		wrong[5].proto = setup_protos[1 - i % 2];
		wrong[6].family = setup_families[1 - i / 2];
		lb_setup_open(&lb);
		map = bpf_map__fd(lb.skel->maps.vips);
		add_service(&lb, family, proto, 0, VIP_PORT);
		for (int w = 0; w < 7; w++) {
			for (__u32 slot = 0; slot < SETUP_SLOTS; slot++)
				cr_assert_eq(bpf_map_update_elem(map, &slot, &wrong[w], 0), 0);
			check_passed("a table of nearly right entries", &lb, &spec);
		}
		for (__u32 slot = 0; slot < SETUP_SLOTS; slot++)
			cr_assert_eq(bpf_map_update_elem(map, &slot, &full, 0), 0);
		cr_assert_eq(served_tag("a table of right entries", &lb, &spec), SETUP_TAG_FIRST);
		lb_setup_close(&lb);
	}
}

/* Port 0 of a VIP is a port like any other, not the address as such. */
Test(lb_tables, port_0_is_not_the_address_as_such)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	for (int i = 0; i < 4; i++) {
		struct packet_spec spec = setup_spec(setup_families[i / 2], setup_protos[i % 2]);

		spec.dest.port = 0;
		check_passed("to port 0", &lb, &spec);
	}
	lb_setup_close(&lb);
}

Test(lb_tables, service_that_is_not_there)
{
	static const __u32 indices[] = { SETUP_SERVICES, 1000000, XDPLB_INDEX_ADDRESS };
	struct expected expected = { XDP_DROP, NULL, XDPLB_DROP_BAD_TABLE, 0 };
	struct lb_setup lb;

	for (int i = 0; i < 4; i++) {
		struct packet_spec spec = setup_spec(setup_families[i / 2], setup_protos[i % 2]);
		struct setup_endpoint vip = { spec.dest.addr, 0, spec.proto, spec.family, 0 };

		lb_setup_open(&lb);
		for (int n = 0; n < 3; n++) {
			struct test_packet packet;

			spec.dest.port = vip.port = 100 + n;
			vip.index = indices[n];
			lb_setup_vip(&lb, &vip);
			packet_build(&spec, &packet);
			check_run("service beyond the map", lb.skel->progs.lb_xdp, lb.counters,
				  &packet, 0, &expected);
		}
		lb_setup_close(&lb);
	}
}
