// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * "node_tc: and back again" of bpf/README.md: to a backend.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "model_node_steps.h"
#include "model_query.h"
#include "xdplb/handover.h"

void node_pass(const struct test_packet *in, enum node_path path, struct node_result *result)
{
	result->verdict = TC_UNSPEC;
	result->paths |= 1U << path;
	result->packet = *in;
}

void node_refuse(enum xdplb_drop reason, struct node_result *result)
{
	result->verdict = TC_SHOT;
	result->drop = reason;
}

/* ---- flows ---- */

static void note_flow(struct node_model_world *world, const struct node_flow *flow)
{
	if (world->flow_count < NODE_MODEL_FLOWS)
		world->flows[world->flow_count++] = *flow;
}

bool node_opens(const struct model_parsed *parsed, const struct test_packet *in)
{
	__u8 flags = in->data[parsed->l4 + 13];

	return parsed->proto == IPPROTO_UDP || (flags & TCP_SYN && !(flags & TCP_ACK));
}

static struct node_flow flow_of(const struct model_parsed *parsed,
				const struct xdplb_mapping *mapping)
{
	return (struct node_flow){
		.mapping = mapping,
		.backend = parsed->dest,
		.client = parsed->source,
		.own_port = mapping && mapping->vport ? mapping->port : parsed->dest.port,
		.seen_port = parsed->source.port,
		.proto = parsed->proto,
		.family = parsed->family,
	};
}

/* ---- restoring ---- */

/* Ports and addresses of a packet; the transport checksum follows, and UDP's stays one. */
void node_put_end(struct test_packet *packet, const struct model_parsed *parsed, bool is_dest,
		  const struct model_end *end)
{
	bool is_ipv4 = parsed->family == XDPLB_IPV4;
	size_t addr = parsed->l3 + (is_ipv4 ? is_dest ? 16 : 12 : is_dest ? 24 : 8), sum = 0;

	if (parsed->kind == MODEL_TRANSPORT) {
		sum = model_l4_sum(packet, parsed, parsed->end);
		model_put_word(packet, parsed->l4 + 2 * is_dest, end->port, sum);
	}
	model_put_addr(packet, parsed, addr, &end->addr, sum);
	if (sum && parsed->proto == IPPROTO_UDP)
		model_settle_udp(packet, sum);
}

static void take_mark(const struct model_parsed *parsed, __u64 hash, struct test_packet *packet)
{
	__be16 mark = htons(hash >> 16 & 0xffff), none = 0;
	size_t sum = model_l4_sum(packet, parsed, parsed->end);

	model_change_sum(packet, sum, &mark, &none, 2);
	if (parsed->proto == IPPROTO_UDP)
		model_settle_udp(packet, sum);
}

static void restore_interface(const struct model_parsed *parsed,
			      const struct xdplb_mapping *mapping, struct node_result *result)
{
	struct model_end vip = node_vip_of(mapping, parsed->dest.port);

	result->paths |= 1U << NODE_PATH_INTERFACE;
	node_put_end(&result->packet, parsed, true, &vip);
}

/*
 * The flow of a packet to a backend's own port, or to the tag of a mapping. False: it is dropped, or its
 * port is still to be given.
 */
static bool settle_flow(struct node_model_world *world, const struct model_parsed *parsed,
			const struct test_packet *in, const struct xdplb_mapping *mapping,
			struct node_result *result, __be16 *ret_port)
{
	struct node_flow wanted = flow_of(parsed, mapping);
	const struct node_flow *flow = node_find_flow(world, &wanted);

	if (flow) {
		*ret_port = flow->seen_port;
		return true;
	}
	*ret_port = parsed->source.port;
	if (!node_find_seen(world, &wanted)) {
		if (!mapping && !node_opens(parsed, in))
			return true;
		note_flow(world, &wanted);
		result->events |= 1U << XDPLB_EVENT_FLOW_NOTED;
		return true;
	}
	if (node_opens(parsed, in)) {
		result->events |= 1U << XDPLB_EVENT_FLOW_REMAPPED;
		result->takes_port = true;
		result->mapping = mapping;
		return false;
	}
	node_refuse(mapping ? XDPLB_DROP_FLOW_CLASH : XDPLB_DROP_DIRECT_CLASH, result);
	return false;
}

static void restore_source(struct node_model_world *world, const struct model_parsed *parsed,
			   const struct test_packet *in, const struct xdplb_mapping *mapping,
			   struct node_result *result)
{
	struct model_end client = parsed->source, backend = parsed->dest;

	result->paths |= 1U << (mapping ? NODE_PATH_SOURCE : NODE_PATH_DIRECT);
	if (mapping && mapping->vport)
		backend.port = mapping->port;
	if (!settle_flow(world, parsed, in, mapping, result, &client.port)) {
		if (result->takes_port)
			node_put_end(&result->packet, parsed, true, &backend);
		return;
	}
	if (client.port != parsed->source.port)
		result->paths |= 1U << NODE_PATH_REMAPPED;
	node_put_end(&result->packet, parsed, true, &backend);
	node_put_end(&result->packet, parsed, false, &client);
}

bool node_model_take(struct node_model_world *world, const struct test_packet *in,
		     const struct test_packet *out, struct node_result *result)
{
	struct model_parsed parsed;
	struct node_flow flow;
	struct model_end client;

	model_parse(in, &parsed);
	client = parsed.source;
	memcpy(&client.port, out->data + parsed.l4, 2);
	flow = flow_of(&parsed, result->mapping);
	flow.seen_port = client.port;
	if (ntohs(client.port) < 1024 || node_find_seen(world, &flow))
		return false;
	note_flow(world, &flow);
	node_put_end(&result->packet, &parsed, false, &client);
	return true;
}

/* ---- the steps ---- */

static __u32 mark_of(const struct model_parsed *parsed, const struct test_packet *in)
{
	const __u8 *ip = in->data + parsed->l3;

	if (parsed->family == XDPLB_IPV4)
		return model_word(in, parsed->l3 + 4);
	return (ip[1] & 0xfU) << 16 | ip[2] << 8 | ip[3];
}

static __u64 hash_of(const struct node_model_world *world, const struct node_marked *flow)
{
	return model_flow_hash(world->key, flow->client, &flow->vip, flow->proto, flow->family);
}

bool node_admits(const struct node_model_world *world, const struct model_parsed *outer,
		 const struct node_marked *flow, const struct test_packet *in)
{
	return mark_of(outer, in) ==
	       (hash_of(world, flow) & (outer->family == XDPLB_IPV4 ? 0xffff : 0xfffff));
}

/* TCP, and what is said of it, may also come from another service node, which has handed it on. */
bool node_is_handed(const struct node_model_world *world, const struct model_parsed *outer,
		    const struct node_marked *flow, const struct test_packet *in)
{
	if (flow->proto != IPPROTO_TCP)
		return false;
	for (__u32 handed = XDPLB_HANDED_BY_FIRST; handed <= XDPLB_HANDED_BY_OTHER; handed++)
		if (mark_of(outer, in) ==
		    handover_mark(outer->family, hash_of(world, flow), handed))
			return true;
	return false;
}

/* Of which flow a packet is that came for a mapping. */
static struct node_marked marked_of(const struct model_parsed *parsed,
				    const struct xdplb_mapping *mapping)
{
	return (struct node_marked){ .client = &parsed->source,
				     .vip = node_vip_of(mapping, parsed->dest.port),
				     .proto = parsed->proto,
				     .family = parsed->family };
}

static bool is_admitted(const struct node_model_world *world, const struct model_parsed *parsed,
			const struct xdplb_mapping *mapping, const struct test_packet *in)
{
	struct node_marked flow = marked_of(parsed, mapping);

	/* The mark of an IPv4 fragment lies in its checksum, and the backend looks at it. */
	if (parsed->is_first && parsed->family == XDPLB_IPV4)
		return model_l4_sum(in, parsed, parsed->end);
	return node_admits(world, parsed, &flow, in) ||
	       (!node_opens(parsed, in) && !parsed->is_first &&
		node_is_handed(world, parsed, &flow, in));
}

/* What is admitted, and of the mapping's protocol. */
static void restore(struct node_model_world *world, const struct model_parsed *parsed,
		    const struct test_packet *in, const struct xdplb_mapping *mapping,
		    struct node_result *result)
{
	struct node_marked flow = marked_of(parsed, mapping);

	if (parsed->is_first && mapping->restore == XDPLB_RESTORE_INTERFACE) {
		node_note_face(world, &parsed->key, &mapping->vip);
		result->events |= 1U << XDPLB_EVENT_FRAGMENT_NOTED;
	}
	result->packet = *in;
	if (parsed->is_first)
		result->paths |= 1U << NODE_PATH_FIRST_FRAGMENT;
	if (!mapping->vport)
		result->paths |= 1U << NODE_PATH_KEPT;
	if (parsed->is_first && parsed->family == XDPLB_IPV4)
		take_mark(parsed, hash_of(world, &flow), &result->packet);
	if (mapping->restore == XDPLB_RESTORE_INTERFACE)
		restore_interface(parsed, mapping, result);
	else
		restore_source(world, parsed, in, mapping, result);
}

static void meet_tag(struct node_model_world *world, const struct model_parsed *parsed,
		     const struct test_packet *in, struct node_result *result)
{
	const struct xdplb_mapping *mapping = node_find_tag(world, parsed->family, &parsed->dest);

	if (!mapping || mapping->ifindex != world->ifindex) {
		node_pass(in, mapping ? NODE_PATH_OTHER_HOOK : NODE_PATH_OTHER, result);
		return;
	}
	/* The tag of one that keeps ports takes queries alone. */
	if (!mapping->vport || !is_admitted(world, parsed, mapping, in)) {
		if (!parsed->is_first &&
		    model_answer_query(world->key, in, parsed, mapping, result))
			return;
		if (mapping->vport)
			node_refuse(XDPLB_DROP_NOT_ADMITTED, result);
		else
			node_pass(in, NODE_PATH_OTHER, result);
		return;
	}
	if (parsed->proto != mapping->proto)
		node_refuse(XDPLB_DROP_WRONG_PROTOCOL, result);
	else
		restore(world, parsed, in, mapping, result);
}

/* The backend's own traffic. */
static void pass_direct(struct node_model_world *world, const struct model_parsed *parsed,
			const struct test_packet *in, const struct xdplb_mapping *mapping,
			struct node_result *result)
{
	if (!mapping || mapping->ifindex != world->ifindex || parsed->is_first ||
	    mapping->restore != XDPLB_RESTORE_SOURCE) {
		node_pass(in, NODE_PATH_OTHER, result);
		return;
	}
	result->packet = *in;
	restore_source(world, parsed, in, NULL, result);
}

/*
 * To an address whose ports are all a service's. Its tags take queries, whichever protocol's they are of.
 */
static void meet_kept(struct node_model_world *world, const struct model_parsed *parsed,
		      const struct test_packet *in, const struct xdplb_mapping *mapping,
		      struct node_result *result)
{
	const struct xdplb_mapping *tag = NULL;

	/* A query, which is signed, comes first: it may have the mark by chance. */
	if (node_is_tag(world, parsed->dest.port) && !parsed->is_first)
		tag = node_find_tag(world, parsed->family, &parsed->dest);
	if (tag && tag->ifindex == world->ifindex &&
	    model_answer_query(world->key, in, parsed, tag, result))
		return;
	if (is_admitted(world, parsed, mapping, in)) {
		restore(world, parsed, in, mapping, result);
		return;
	}
	result->paths |= 1U << NODE_PATH_KEPT_DIRECT;
	pass_direct(world, parsed, in, mapping, result);
}

static void meet_transport(struct node_model_world *world, const struct model_parsed *parsed,
			   const struct test_packet *in, struct node_result *result)
{
	const struct xdplb_mapping *kept =
		node_find_kept(world, parsed->family, parsed->proto, &parsed->dest.addr);
	const struct xdplb_mapping *tag = NULL;

	if (node_is_tag(world, parsed->dest.port))
		tag = node_find_tag(world, parsed->family, &parsed->dest);
	if (kept && kept->ifindex == world->ifindex && (!tag || !tag->vport))
		meet_kept(world, parsed, in, kept, result);
	else if (node_is_tag(world, parsed->dest.port))
		meet_tag(world, parsed, in, result);
	else
		pass_direct(world, parsed, in,
			    node_find_endpoint(world, parsed->family, parsed->proto, &parsed->dest),
			    result);
}

static void meet_later(struct node_model_world *world, const struct model_parsed *parsed,
		       const struct test_packet *in, struct node_result *result)
{
	const struct xdplb_addr *addr = node_find_face(world, &parsed->key);
	struct model_end vip = {};

	if (!addr) {
		node_pass(in, NODE_PATH_OTHER, result);
		return;
	}
	vip.addr = *addr;
	result->packet = *in;
	result->paths |= 1U << NODE_PATH_LATER_FRAGMENT;
	node_put_end(&result->packet, parsed, true, &vip);
}

void node_model_to(struct node_model_world *world, const struct test_packet *in,
		   struct node_result *ret_result)
{
	struct model_parsed parsed;

	*ret_result = (struct node_result){ .verdict = TC_UNSPEC, .drop = -1 };
	model_parse(in, &parsed);
	if (parsed.tags)
		parsed.kind = MODEL_FOREIGN;
	switch (parsed.kind) {
	case MODEL_TRANSPORT:
		meet_transport(world, &parsed, in, ret_result);
		break;
	case MODEL_LATER:
		meet_later(world, &parsed, in, ret_result);
		break;
	case MODEL_ICMP:
	case MODEL_CUT_ICMP:
		node_deliver(world, &parsed, in, ret_result);
		break;
	default:
		node_pass(in, NODE_PATH_FOREIGN, ret_result);
	}
}
