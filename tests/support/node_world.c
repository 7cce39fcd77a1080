// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Worlds, their packets and the checks of what becomes of them.
 */
#include <stdio.h>

#include "node_world.h"

static struct node_setup loaded;

void world_open(struct world *ret_world, int number)
{
	ret_world->hook = number & 4 ? WORLD_AT_VNIC : WORLD_AT_UPLINK;
	ret_world->family = setup_families[number >> 1 & 1];
	ret_world->proto = setup_protos[number & 1];
	snprintf(ret_world->name, sizeof(ret_world->name), "%s %s",
		 ret_world->hook == WORLD_AT_UPLINK ? "uplink" : "virtual NIC",
		 setup_kind(ret_world->family, ret_world->proto));
	/* Loading is slow: one node serves all worlds of a test, which is a process of its own. */
	if (!loaded.skel)
		node_setup_open(&loaded);
	ret_world->node = loaded;
}

void world_close(struct world *world)
{
	node_setup_clear(&world->node);
}

struct xdplb_mapping world_mapping(const struct world *world, __u32 number,
				   enum xdplb_restore restore)
{
	struct xdplb_mapping mapping = setup_mapping(world->family, world->proto, number, restore);

	mapping.ifindex = world->hook == WORLD_AT_VNIC ? WORLD_VNIC : 0;
	return mapping;
}

void world_add(struct world *world, __u32 number, enum xdplb_restore restore)
{
	struct xdplb_mapping mapping = world_mapping(world, number, restore);

	node_setup_mapping(&world->node, number, &mapping);
}

struct packet_spec world_tagged(const struct world *world, __u32 number)
{
	struct packet_spec spec = setup_spec(world->family, world->proto);
	const struct setup_addrs *addrs = setup_addrs(world->family);
	struct packet_end vip = { addrs->vips[number], VIP_PORT };

	spec.ttl = 63;
	spec.dest.addr = addrs->backends[0];
	spec.dest.port = SETUP_TAG_FIRST + number;
	setup_mark(&spec, &vip);
	return spec;
}

struct packet_spec world_direct(const struct world *world)
{
	struct packet_spec spec = world_tagged(world, 0);

	spec.dest.port = BACKEND_PORT;
	spec.id = 0xbeef;
	spec.flow_label = 0xbeef;
	return spec;
}

static void swap_ends(struct packet_spec *spec)
{
	struct packet_end source = spec->source;

	spec->source = spec->dest;
	spec->dest = source;
}

struct packet_spec world_reply(const struct world *world, __u16 client_port)
{
	struct packet_spec spec = world_direct(world);

	swap_ends(&spec);
	spec.ttl = 64;
	spec.tcp_flags = TCP_SYN | TCP_ACK;
	spec.dest.port = client_port;
	spec.seed = 2;
	return spec;
}

struct xdplb_mapping world_kept_mapping(const struct world *world, enum xdplb_restore restore)
{
	struct xdplb_mapping mapping = world_mapping(world, 0, restore);

	mapping.vport = 0;
	mapping.port = 0;
	return mapping;
}

void world_open_kept(struct world *ret_world, int number, enum xdplb_restore restore)
{
	struct xdplb_mapping mapping;

	world_open(ret_world, number);
	mapping = world_kept_mapping(ret_world, restore);
	node_setup_mapping(&ret_world->node, 0, &mapping);
}

struct packet_spec world_balanced(const struct world *world, __u16 port)
{
	struct packet_spec spec = world_tagged(world, 0);
	struct packet_end vip = { setup_addrs(world->family)->vips[0], port };

	spec.dest.port = port;
	setup_mark(&spec, &vip);
	return spec;
}

struct packet_spec world_port_reply(const struct world *world, __u16 port, __u16 client_port)
{
	struct packet_spec spec = world_reply(world, client_port);

	spec.source.port = port;
	return spec;
}

struct packet_spec world_restored(const struct world *world, __u32 number, __u16 client_port)
{
	struct packet_spec spec = world_reply(world, client_port);

	spec.source.addr = setup_addrs(world->family)->vips[number];
	spec.source.port = VIP_PORT;
	return spec;
}

__u16 world_source_port(const struct packet_spec *spec, const struct test_packet *packet)
{
	const __u8 *l4 = packet->data + packet_l4_offset(spec);

	return l4[0] << 8 | l4[1];
}

const struct bpf_program *world_to_backend(const struct world *world)
{
	if (world->hook == WORLD_AT_UPLINK)
		return world->node.skel->progs.uplink_ingress;
	return world->node.skel->progs.vnic_egress;
}

const struct bpf_program *world_from_backend(const struct world *world)
{
	if (world->hook == WORLD_AT_UPLINK)
		return world->node.skel->progs.uplink_egress;
	return world->node.skel->progs.vnic_ingress;
}

static void check(struct world *world, const char *row, const struct bpf_program *prog,
		  const struct test_packet *in, const struct expected *expected)
{
	char name[160];

	snprintf(name, sizeof(name), "%s, %s", world->name, row);
	check_run(name, prog, world->node.counters, in, 0, expected);
}

static void check_specs(struct world *world, const char *row, const struct bpf_program *prog,
			const struct packet_spec *specs[2], __u64 events)
{
	struct test_packet in, out;
	struct expected expected = { TC_UNSPEC, &out, NO_DROP, events };

	packet_build(specs[0], &in);
	packet_build(specs[1], &out);
	check(world, row, prog, &in, &expected);
}

void world_check_to(struct world *world, const char *row, const struct packet_spec *in,
		    const struct packet_spec *out, __u64 events)
{
	check_specs(world, row, world_to_backend(world), (const struct packet_spec *[]){ in, out },
		    events);
}

void world_check_to_passes(struct world *world, const char *row, const struct packet_spec *in)
{
	world_check_to(world, row, in, in, 0);
}

void world_check_to_refused(struct world *world, const char *row, const struct packet_spec *in,
			    int drop)
{
	struct expected expected = { TC_SHOT, NULL, drop, 0 };
	struct test_packet packet;

	packet_build(in, &packet);
	check(world, row, world_to_backend(world), &packet, &expected);
}

void world_check_from(struct world *world, const char *row, const struct packet_spec *in,
		      const struct packet_spec *out, __u64 events)
{
	check_specs(world, row, world_from_backend(world),
		    (const struct packet_spec *[]){ in, out }, events);
}

void world_check_from_passes(struct world *world, const char *row, const struct packet_spec *in)
{
	world_check_from(world, row, in, in, 0);
}

void world_check_untouched(struct world *world, const char *row, const struct bpf_program *prog,
			   const struct test_packet *packet)
{
	struct expected expected = { TC_UNSPEC, packet, NO_DROP, 0 };

	check(world, row, prog, packet, &expected);
}
