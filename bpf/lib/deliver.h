/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * An ICMP error that an access node has sent on: somebody on the way to a client complains of a packet
 * that a backend has sent from a VIP. The backend must know it for its own.
 */
#ifndef XDPLB_BPF_DELIVER_H
#define XDPLB_BPF_DELIVER_H

#include "handover.h"
#include "icmp.h"
#include "mapping.h"
#include "skb.h"

/* The hash of the flow whose packet is quoted: there the client is the destination. */
INLINE __u64 hash_quoted_flow(const struct packet *inner, const struct xdplb_mapping *mapping)
{
	const struct ports *ports = packet_ports(inner);
	__u64 word = flow_word(ports->dest, vip_port(mapping, ports->source), inner->proto,
			       inner->family);

	if (inner->family == XDPLB_IPV4)
		return flow_hash4(flow_key, inner->ip4->daddr, mapping->vip.word[0], word);
	return flow_hash6(flow_key, addr_words(&inner->ip6->daddr), mapping->vip.word, word);
}

/* What the quoted packet was when it left the backend; false: a flow that nobody has noted. */
INLINE bool sent_packet(const struct packet *inner, const struct xdplb_mapping *mapping,
			__u32 index, struct rewriting *ret_to)
{
	__be16 port = packet_ports(inner)->source;
	struct flow_owner owner = {
		.mapping = index,
		.epoch = mapping->epoch,
		.port = own_port(mapping, port),
		.entry_port = entry_port(mapping, port),
	};
	struct xdplb_flow_key key = {
		.port = owner.port,
		.client_port = packet_ports(inner)->dest,
		.proto = inner->proto,
		.family = inner->family,
	};

	ret_to->ports.dest = packet_ports(inner)->dest;
	if (mapping->restore == XDPLB_RESTORE_INTERFACE) {
		ret_to->side = SIDE_DEST;
		ret_to->addr = mapping->vip;
		ret_to->ports.source = vip_port(mapping, port);
		return true;
	}
	ret_to->ports.source = owner.port;
	read_source(inner, &key.backend);
	read_dest(inner, &key.client);
	return find_flow(&key, &owner, &ret_to->ports.dest);
}

/* The mapping that a quoted packet's source stands for, by its tag port or by the address alone, at this
 * hook, or NULL. */
INLINE const struct xdplb_mapping *find_quoted(const struct packet *pkt, const struct packet *inner,
					       const struct hook *hook, __u32 *ret_index)
{
	struct endpoint_key key = { .port = packet_ports(inner)->source, .family = pkt->family };
	const struct xdplb_node_control *control;
	const struct xdplb_mapping *mapping;
	const struct xdplb_endpoint *found;
	struct xdplb_addr dest;
	__u32 zero = 0;

	control = bpf_map_lookup_elem(&node_control, &zero);
	read_source(inner, &key.addr);
	read_dest(pkt, &dest);
	if (!control || !same_addr(&key.addr, &dest))
		return NULL;
	if (in_tag_range(bpf_ntohs(key.port))) {
		found = find_tag(control, &key);
		mapping = mapping_of(found, hook);
		if (mapping && mapping->state != XDPLB_MAPPING_FREE && !keeps_port(mapping)) {
			*ret_index = found->index;
			return mapping;
		}
	}
	key.proto = inner->proto;
	return find_kept(control, &key, hook, ret_index);
}

/*
 * To a backend's address, about a packet that has come from its tag port: no packet ever does, but the
 * access node has written it so. All else passes. VERDICT_NEXT: it is about a connection that is not here.
 * @last: nobody else is asked for it
 */
NOINLINE int deliver_error(struct __sk_buff *skb, __u64 shape, __u32 hook_ifindex, bool last)
{
	struct hook hook = { .ifindex = hook_ifindex };
	const struct xdplb_mapping *mapping;
	struct rewriting to = {};
	struct packet pkt;
	struct quote quote;
	__u32 index = 0;
	bool noted;

	if (!open_shape(skb, &pkt, shape) || !read_quote(&pkt, &quote))
		return VERDICT_PASS;
	mapping = find_quoted(&pkt, &quote.inner, &hook, &index);
	if (!mapping)
		return VERDICT_PASS;
	/* Where ports are kept, what has no mark is about the backend's own packets. */
	pkt.ours = !keeps_port(mapping);
	if (read_handed(&pkt, hash_quoted_flow(&quote.inner, mapping),
			quote.inner.proto != IPPROTO_TCP) == NOT_ADMITTED)
		return refuse(&pkt, XDPLB_DROP_NOT_ADMITTED);
	pkt.ours = true;
	if (quote.inner.proto != mapping->proto)
		return refuse(&pkt, XDPLB_DROP_WRONG_PROTOCOL);
	noted = sent_packet(&quote.inner, mapping, index, &to);
	if (!last && mapping->succession && mapping->proto == IPPROTO_TCP &&
	    !expects_error(skb, &quote.inner, mapping, noted, to.ports.dest))
		return VERDICT_NEXT;
	if (!noted)
		return refuse(&pkt, XDPLB_DROP_UNKNOWN_FLOW);
	rewrite_quote(&pkt, &quote, &to);
	count_event(XDPLB_EVENT_ICMP_DELIVERED);
	return VERDICT_PASS;
}

#endif
