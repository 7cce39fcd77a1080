// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * "node_tc: and back again" of bpf/README.md: from a backend, and ICMP errors both ways.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "model_node_steps.h"

/* ---- ICMP errors ---- */

static bool read_error(const struct test_packet *in, const struct model_parsed *parsed,
		       struct model_parsed *ret_quote)
{
	__u8 type = in->data[parsed->l4];

	if (parsed->family == XDPLB_IPV4 ? type != 3 && type != 11 && type != 12
					 : type < 1 || type > 4)
		return false;
	/* What follows the message is padding. */
	return model_parse_quote(in, parsed->l4 + 8, parsed->end < in->len ? parsed->end : in->len,
				 ret_quote) &&
	       ret_quote->family == parsed->family;
}

/* An end of the quote becomes another, and the message's own checksum follows. */
static void put_quoted(struct test_packet *packet, const struct model_parsed *parsed,
		       const struct model_parsed *quote, bool is_dest, const struct model_end *end)
{
	struct test_packet before = *packet;

	node_put_end(packet, quote, is_dest, end);
	model_change_sum(packet, parsed->l4 + 2, before.data + quote->l3, packet->data + quote->l3,
			 (packet->len - quote->l3) & ~1UL);
}

/* The message's own source or destination. */
static void put_outer(struct test_packet *packet, const struct model_parsed *parsed, bool is_dest,
		      const struct xdplb_addr *addr)
{
	bool is_ipv4 = parsed->family == XDPLB_IPV4;
	size_t at = parsed->l3 + (is_ipv4 ? is_dest ? 16 : 12 : is_dest ? 24 : 8);

	model_put_addr(packet, parsed, at, addr, is_ipv4 ? 0 : parsed->l4 + 2);
}

/* The flow of a mapping's packets, by what the backend or an access node sends. */
static const struct node_flow *flow_at_tag(struct node_model_world *world,
					   const struct model_parsed *quote,
					   const struct xdplb_mapping *mapping)
{
	struct node_flow like = { .mapping = mapping,
				  .backend = quote->source,
				  .client = quote->dest,
				  .proto = quote->proto,
				  .family = quote->family };

	return node_find_flow(world, &like);
}

/* Whose packet an error is about, which a mapping's tag or an address of many ports has sent. */
static const struct xdplb_mapping *find_sender(const struct node_model_world *world,
					       const struct model_parsed *quote)
{
	const struct xdplb_mapping *mapping = NULL;

	if (node_is_tag(world, quote->source.port))
		mapping = node_find_tag(world, quote->family, &quote->source);
	if (mapping && mapping->vport)
		return mapping;
	return node_find_kept(world, quote->family, quote->proto, &quote->source.addr);
}

static void deliver(struct node_model_world *world, const struct model_parsed *parsed,
		    const struct model_parsed *quote, const struct xdplb_mapping *mapping,
		    struct node_result *result)
{
	struct model_end client = quote->dest, source = node_vip_of(mapping, quote->source.port);

	if (mapping->restore == XDPLB_RESTORE_SOURCE) {
		const struct node_flow *flow = flow_at_tag(world, quote, mapping);

		if (!flow) {
			node_refuse(XDPLB_DROP_UNKNOWN_FLOW, result);
			return;
		}
		client.port = flow->seen_port;
		source = (struct model_end){ mapping->backend, flow->own_port };
	}
	result->paths |= 1U << (mapping->vport ? NODE_PATH_DELIVERED : NODE_PATH_DELIVERED_KEPT);
	result->events |= 1U << XDPLB_EVENT_ICMP_DELIVERED;
	put_quoted(&result->packet, parsed, quote, false, &source);
	put_quoted(&result->packet, parsed, quote, true, &client);
	put_outer(&result->packet, parsed, true, &source.addr);
}

void node_deliver(struct node_model_world *world, const struct model_parsed *parsed,
		  const struct test_packet *in, struct node_result *result)
{
	const struct xdplb_mapping *mapping = NULL;
	struct node_marked flow;
	struct model_parsed quote;

	if (read_error(in, parsed, &quote) &&
	    !memcmp(&quote.source.addr, &parsed->dest.addr, sizeof(quote.source.addr)))
		mapping = find_sender(world, &quote);
	if (!mapping || mapping->ifindex != world->ifindex) {
		node_pass(in, NODE_PATH_OTHER, result);
		return;
	}
	flow = (struct node_marked){ .client = &quote.dest,
				     .vip = node_vip_of(mapping, quote.source.port),
				     .proto = quote.proto,
				     .family = quote.family };
	result->packet = *in;
	if (node_admits(world, parsed, &flow, in) || node_is_handed(world, parsed, &flow, in)) {
		if (quote.proto != mapping->proto)
			node_refuse(XDPLB_DROP_WRONG_PROTOCOL, result);
		else
			deliver(world, parsed, &quote, mapping, result);
	} else if (mapping->vport) {
		node_refuse(XDPLB_DROP_NOT_ADMITTED, result);
	} else {
		node_pass(in, NODE_PATH_OTHER, result);
	}
}

/* ---- from a backend ---- */

/* The flow that a backend's end and a client's end belong to, as the backend sees them. */
static const struct node_flow *flow_seen(struct node_model_world *world, __u8 family, __u8 proto,
					 const struct model_end *backend,
					 const struct model_end *client)
{
	const struct xdplb_mapping *endpoint =
		node_find_endpoint(world, family, proto, backend)
			?: node_find_kept(world, family, proto, &backend->addr);
	struct node_flow like = { .backend = *backend,
				  .client = *client,
				  .own_port = backend->port,
				  .seen_port = client->port,
				  .proto = proto,
				  .family = family };

	return endpoint && endpoint->ifindex == world->ifindex ? node_find_seen(world, &like)
							       : NULL;
}

static void meet_reply(struct node_model_world *world, const struct model_parsed *parsed,
		       const struct test_packet *in, struct node_result *result)
{
	const struct node_flow *flow =
		flow_seen(world, parsed->family, parsed->proto, &parsed->source, &parsed->dest);
	struct model_end source = parsed->source;

	if (!flow) {
		node_pass(in, NODE_PATH_OTHER, result);
		return;
	}
	result->packet = *in;
	result->paths |= 1U << (!flow->mapping         ? NODE_PATH_REPLY_PORT
				: flow->mapping->vport ? NODE_PATH_REPLY
						       : NODE_PATH_REPLY_KEPT);
	if (flow->mapping)
		source = node_vip_of(flow->mapping, parsed->source.port);
	node_put_end(&result->packet, parsed, false, &source);
	node_put_end(&result->packet, parsed, true, &flow->client);
	if (!parsed->is_first || !flow->mapping)
		return;
	node_note_face(world, &parsed->key, &source.addr);
	result->events |= 1U << XDPLB_EVENT_FRAGMENT_NOTED;
	result->paths |= 1U << NODE_PATH_FIRST_FRAGMENT;
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
	node_put_end(&result->packet, parsed, false, &vip);
}

static void meet_error(struct node_model_world *world, const struct model_parsed *parsed,
		       const struct test_packet *in, struct node_result *result)
{
	const struct node_flow *flow = NULL;
	struct model_parsed quote;
	struct model_end vip;

	if (read_error(in, parsed, &quote) && !quote.is_first &&
	    !memcmp(&quote.dest.addr, &parsed->source.addr, sizeof(quote.dest.addr)))
		flow = flow_seen(world, quote.family, quote.proto, &quote.dest, &quote.source);
	if (!flow) {
		node_pass(in, NODE_PATH_OTHER, result);
		return;
	}
	result->packet = *in;
	put_quoted(&result->packet, parsed, &quote, false, &flow->client);
	if (!flow->mapping)
		return;
	vip = node_vip_of(flow->mapping, quote.dest.port);
	result->paths |= 1U << NODE_PATH_ICMP_RESTORED;
	result->events |= 1U << XDPLB_EVENT_ICMP_RESTORED;
	put_quoted(&result->packet, parsed, &quote, true, &vip);
	put_outer(&result->packet, parsed, false, &vip.addr);
}

void node_model_from(struct node_model_world *world, const struct test_packet *in,
		     struct node_result *ret_result)
{
	struct model_parsed parsed;

	*ret_result = (struct node_result){ .verdict = TC_UNSPEC, .drop = -1 };
	model_parse(in, &parsed);
	if (parsed.tags)
		parsed.kind = MODEL_FOREIGN;
	parsed.key.from_backend = 1;
	switch (parsed.kind) {
	case MODEL_TRANSPORT:
		meet_reply(world, &parsed, in, ret_result);
		break;
	case MODEL_LATER:
		meet_later(world, &parsed, in, ret_result);
		break;
	case MODEL_ICMP:
	case MODEL_CUT_ICMP:
		meet_error(world, &parsed, in, ret_result);
		break;
	default:
		node_pass(in, NODE_PATH_FOREIGN, ret_result);
	}
}
