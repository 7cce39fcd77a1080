// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * One service of many members.
 */
#include "lb_world.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <string.h>

#define IN_IFINDEX   1
#define TICK_SERVICE 4
#define TICK_PORT    81

/* A service whose only bucket, in the last line of the map, names nobody: a search finds none. */
static void open_tick_service(struct lb_world *world, __u32 buckets)
{
	struct setup_member member = setup_member(world->family, world->proto, IN_IFINDEX);
	struct setup_endpoint vip = { member.vip.addr, TICK_PORT, world->proto, world->family,
				      TICK_SERVICE };
	const struct xdplb_service service = {
		.buckets = { buckets - XDPLB_BUCKETS_PER_LINE, 1 },
		.first_member = XDPLB_NO_MEMBER,
	};

	lb_setup_vip(&world->lb, &vip);
	lb_setup_bucket(&world->lb, service.buckets.base, XDPLB_NO_MEMBER);
	lb_setup_service_as(&world->lb, TICK_SERVICE, &service);
}

void lb_world_open(struct lb_world *world, __u8 family, __u8 proto,
		   const struct lb_setup_options *options)
{
	struct setup_member member = setup_member(family, proto, IN_IFINDEX);
	struct setup_endpoint vip = { member.vip.addr, VIP_PORT, proto, family, LB_SERVICE };

	*world = (struct lb_world){ .family = family,
				    .proto = proto,
				    .members = options->members ?: SETUP_MEMBERS };
	lb_setup_open_as(&world->lb, options);
	lb_setup_vip(&world->lb, &vip);
	open_tick_service(world, options->buckets ?: SETUP_BUCKETS);
	member.service = LB_SERVICE;
	member.weight = 1;
	for (__u32 i = 0; i < world->members; i++) {
		member.to.port = SETUP_TAG_FIRST + i;
		member.health = i;
		lb_setup_member(&world->lb, i, &member);
	}
}

void lb_world_close(struct lb_world *world)
{
	lb_setup_close(&world->lb);
}

void lb_world_serve(struct lb_world *world, __u32 buckets, __u32 flags)
{
	const struct xdplb_service service = { .buckets = { 0, buckets },
					       .flags = flags,
					       .first_member = XDPLB_NO_MEMBER };

	lb_setup_service_as(&world->lb, LB_SERVICE, &service);
	lb_setup_chain(&world->lb, LB_SERVICE, 0, world->members);
}

void lb_world_deal(struct lb_world *world, const __u32 *table, __u32 count, __u32 members)
{
	int map = bpf_map__fd(world->lb.skel->maps.buckets);
	struct xdplb_bucket_line line;

	for (__u32 first = 0; first < count; first += XDPLB_BUCKETS_PER_LINE) {
		__u32 number = first / XDPLB_BUCKETS_PER_LINE;

		memset(&line, 0xff, sizeof(line));
		for (__u32 i = 0; i < XDPLB_BUCKETS_PER_LINE && first + i < count; i++)
			line.member[i] = table ? table[first + i] : (first + i) % members;
		cr_assert_eq(bpf_map_update_elem(map, &number, &line, BPF_ANY), 0);
	}
}

void lb_world_weigh(struct lb_world *world, __u32 member, __u16 weight)
{
	int map = bpf_map__fd(world->lb.skel->maps.members);
	struct xdplb_member entry = lb_setup_read(&world->lb, member);

	entry.weight = weight;
	cr_assert_eq(bpf_map_update_elem(map, &member, &entry, BPF_ANY), 0);
}

struct packet_spec lb_world_flow(const struct lb_world *world, __u32 number)
{
	struct packet_spec spec = setup_spec(world->family, world->proto);

	spec.source.port = 1024 + number % 60000;
	spec.source.addr.word[0] += htonl(number / 60000);
	return spec;
}

__u32 lb_world_bucket(const struct packet_spec *spec, __u32 count)
{
	__u64 hash = setup_flow_hash(&spec->source, &spec->dest, spec->proto, spec->family);

	return (hash >> 32) * count >> 32;
}

static int member_of(const struct packet_spec *spec, const struct test_packet *out)
{
	size_t port = packet_l4_offset(spec) + 2;

	return (out->data[port] << 8 | out->data[port + 1]) - SETUP_TAG_FIRST;
}

int lb_world_run(struct lb_world *world, const struct packet_spec *spec)
{
	size_t flags = packet_l4_offset(spec) + 13;
	struct test_packet packet;
	struct run_result result;

	packet_build(spec, &packet);
	cr_assert_eq(prog_run(world->lb.skel->progs.lb_xdp, &packet, 0, &result), 0);
	if (result.verdict == XDP_DROP)
		return LB_DROPPED;
	cr_assert_eq(result.verdict, XDP_TX);
	if (spec->proto == IPPROTO_TCP && result.packet.data[flags] & TCP_RST &&
	    !(spec->tcp_flags & TCP_RST))
		return LB_RESET;
	return member_of(spec, &result.packet);
}

int lb_world_check(const char *row, struct lb_world *world, const struct packet_spec *spec,
		   int drop, __u64 events)
{
	struct expected expected = { drop == NO_DROP ? XDP_TX : XDP_DROP, NULL, drop, events };
	struct test_packet packet, out;

	packet_build(spec, &packet);
	out = observe_run(row, world->lb.skel->progs.lb_xdp, world->lb.counters, &packet, 0,
			  &expected);
	return drop == NO_DROP ? member_of(spec, &out) : LB_DROPPED;
}

__u64 lb_world_tick(struct lb_world *world)
{
	struct packet_spec spec = lb_world_flow(world, 0);

	spec.dest.port = TICK_PORT;
	cr_assert_eq(lb_world_run(world, &spec), LB_DROPPED);
	return lb_setup_read_service(&world->lb, TICK_SERVICE).down_until - 1;
}
