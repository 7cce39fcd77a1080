// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "handover_world.h"

#include "bpf/lib/hash.h"

/* The mark of a flow to VIP `number`. */
static __u32 mark_of(const struct packet_spec *spec, __u32 number, __u32 times)
{
	struct packet_end vip = setup_spec(spec->family, IPPROTO_TCP).dest;

	vip.addr = setup_addrs(spec->family)->vips[number];
	return handover_mark(spec->family,
			     setup_flow_hash(&spec->source, &vip, spec->proto, spec->family),
			     times);
}

struct packet_spec handover_arriving_of(__u8 family, __u32 number, __u32 times)
{
	struct packet_spec spec = setup_spec(family, IPPROTO_TCP);
	__u32 mark = mark_of(&spec, number, times);

	spec.id = mark;
	spec.flow_label = mark;
	spec.dest.addr = setup_addrs(family)->backends[0];
	spec.dest.port = SETUP_TAG_FIRST + number;
	return spec;
}

struct packet_spec handover_arriving(__u8 family, __u32 times)
{
	return handover_arriving_of(family, 0, times);
}

struct packet_spec handover_handed(const struct packet_spec *arrived, int peer, __u32 mark_says)
{
	struct packet_spec spec = *arrived;
	__u32 mark = mark_of(arrived, arrived->dest.port - SETUP_TAG_FIRST, mark_says);

	spec.id = mark;
	spec.flow_label = mark;
	spec.ttl--;
	spec.dest.addr = setup_addrs(spec.family)->backends[peer];
	spec.dest.port = SETUP_TAG_FIRST + 100 * peer;
	return spec;
}

struct xdplb_mapping handover_mapping(__u8 family, __u8 proto, enum xdplb_restore restore)
{
	struct xdplb_mapping mapping = setup_mapping(family, proto, 0, restore);

	mapping.succession = 1;
	mapping.netns = XDPLB_NETNS_OWN;
	return mapping;
}

void handover_open(struct node_setup *node, const struct xdplb_mapping *mapping,
		   const char *const *tables)
{
	node_setup_open(node);
	node_setup_mapping(node, 0, mapping);
	node_setup_peers(node, mapping->family);
	node_setup_owners(node, tables);
}
