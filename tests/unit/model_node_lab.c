// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The maps of node_tc and the model's tables with the same in both, and packets of few clients, so that their
 * flows clash.
 */
#include "model_node_lab.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "fragments.h"
#include "icmp_error.h"
#include "xdplb/handover.h"
#include "xdplb/query.h"

#define VNIC       1 /* lo: where TC programs stand in BPF_PROG_TEST_RUN */
#define OTHER_VNIC 99
#define CLIENTS    3
#define PORTS      6
#define DATAGRAMS  4
#define FIRST_KEPT 8 /* of the mappings of many ports */

static __u32 draw(struct node_lab *lab, __u32 below)
{
	return fuzz_draw(&lab->fuzz, below);
}

void node_lab_open(struct node_lab *lab, __u64 seed)
{
	memset(lab, 0, sizeof(*lab));
	fuzz_seed(&lab->fuzz, seed);
	/* As nodes do: notes are lost between worlds alone, so what is remembered for a tick is right. */
	node_setup_recalls = true;
	node_setup_open(&lab->node);
	node_setup_recalls = false;
	for (int i = 0; i < 16; i++)
		lab->model.key[i] = (i < 8 ? SETUP_KEY0 : SETUP_KEY1) >> 8 * (i % 8);
	lab->model.tag_first = SETUP_TAG_FIRST;
	lab->model.tag_last = SETUP_TAG_LAST;
	lab->model.mappings = lab->mappings;
}

void node_lab_close(struct node_lab *lab)
{
	node_setup_close(&lab->node);
}

/* Two VIPs of each kind share a backend's own port, and so a hook; the third has many ports, and a backend alone. */
static struct xdplb_mapping draw_a_mapping(struct node_lab *lab, __u32 number)
{
	__u32 kind = number % 4;
	struct xdplb_mapping mapping =
		setup_mapping(setup_families[kind & 1], setup_protos[kind >> 1], number / 4,
			      draw(lab, 3) ? XDPLB_RESTORE_SOURCE : XDPLB_RESTORE_INTERFACE);

	/* A tag is of one protocol. */
	mapping.tag = htons(SETUP_TAG_FIRST + number);
	if (number >= FIRST_KEPT) {
		mapping.backend = setup_addrs(mapping.family)->backends[1];
		mapping.vport = mapping.port = 0;
	}
	return mapping;
}

void node_lab_make_world(struct node_lab *lab)
{
	__u32 others = draw(lab, 8) ? 0 : 1 + draw(lab, 4);

	node_setup_clear(&lab->node);
	lab->model.flow_count = lab->model.face_count = 0;
	lab->model.ifindex = draw(lab, 2) ? VNIC : 0;
	/* Without those of many ports, or with all of one family or protocol: the other has none. */
	lab->model.mapping_count = draw(lab, 3) ? SETUP_MAPPINGS : FIRST_KEPT + draw(lab, 4);
	lab->model.keeps_ports = lab->model.mapping_count > FIRST_KEPT;
	for (__u32 i = 0; i < lab->model.mapping_count; i++) {
		lab->mappings[i] = draw_a_mapping(lab, i);
		lab->mappings[i].ifindex = i % 4 + 1 == others ? OTHER_VNIC : lab->model.ifindex;
		node_setup_mapping(&lab->node, i, &lab->mappings[i]);
	}
}

/* ---- packets ---- */

static const struct xdplb_mapping *draw_mapping(struct node_lab *lab)
{
	return &lab->mappings[draw(lab, lab->model.mapping_count)];
}

static struct packet_end draw_client(struct node_lab *lab, __u8 family)
{
	struct packet_end client = setup_spec(family, IPPROTO_TCP).source;

	client.addr.word[family == XDPLB_IPV4 ? 0 : 3] ^= htonl(draw(lab, CLIENTS));
	client.port = CLIENT_PORT + draw(lab, PORTS);
	return client;
}

/* Where packets of a mapping come in: at its tag, or at any port. */
static __u16 draw_port(struct node_lab *lab, const struct xdplb_mapping *mapping)
{
	static const __u16 others[] = { 0, 1, BACKEND_PORT, VIP_PORT, 65535 };

	if (mapping->vport)
		return ntohs(mapping->tag);
	if (draw(lab, 2))
		return SETUP_TAG_FIRST + draw(lab, SETUP_MAPPINGS + 4);
	return others[draw(lab, sizeof(others) / sizeof(others[0]))];
}

static struct packet_end vip_of(const struct xdplb_mapping *mapping, __u16 port)
{
	return (struct packet_end){ mapping->vip, mapping->vport ? ntohs(mapping->vport) : port };
}

/* From a client to a mapping's tag, as an access node sends it; now and then the mark is another. */
static struct packet_spec draw_tagged(struct node_lab *lab, const struct xdplb_mapping *mapping)
{
	struct packet_spec spec = setup_spec(mapping->family, mapping->proto);
	__u16 port = draw_port(lab, mapping);
	struct packet_end vip = vip_of(mapping, port);

	fuzz_draw_shape(&lab->fuzz, &spec);
	if (draw(lab, 2))
		spec.tcp_flags = draw(lab, 2) ? TCP_SYN : TCP_ACK;
	if (!draw(lab, 8))
		spec.proto = setup_protos[draw(lab, 2)];
	spec.source = draw_client(lab, spec.family);
	spec.dest.addr = mapping->backend;
	spec.dest.port = port + (draw(lab, 16) ? 0 : draw(lab, 20));
	if (draw(lab, 8))
		setup_mark(&spec, &vip);
	else if (draw(lab, 2))
		spec.id = spec.flow_label = handover_mark(
			spec.family, setup_flow_hash(&spec.source, &vip, spec.proto, spec.family),
			draw(lab, XDPLB_HANDED_BY_OTHER + 1));
	return spec;
}

static void draw_to(struct node_lab *lab, struct test_packet *ret_packet)
{
	struct packet_spec spec = draw_tagged(lab, draw_mapping(lab));

	packet_build(&spec, ret_packet);
}

static void draw_direct(struct node_lab *lab, struct test_packet *ret_packet)
{
	struct packet_spec spec = draw_tagged(lab, draw_mapping(lab));

	spec.dest.port = draw(lab, 8) ? BACKEND_PORT : VIP_PORT;
	packet_build(&spec, ret_packet);
}

static void build_piece(struct node_lab *lab, struct packet_spec *spec, __u16 add,
			struct test_packet *ret_packet)
{
	struct fragment_piece piece = { 64 * draw(lab, 3), 64 };

	spec->frag_off = 0;
	spec->id = spec->frag_id = draw(lab, DATAGRAMS);
	spec->ext_more = 0;
	spec->payload_len = 150 + draw(lab, 100);
	fragment_build(spec, piece, add, ret_packet);
}

static void draw_fragment(struct node_lab *lab, struct test_packet *ret_packet)
{
	const struct xdplb_mapping *mapping = draw_mapping(lab);
	struct packet_spec spec = draw_tagged(lab, mapping);
	struct packet_end vip = vip_of(mapping, spec.dest.port);
	__u64 hash = setup_flow_hash(&spec.source, &vip, spec.proto, spec.family);

	if (!draw(lab, 8))
		spec.dest.port = BACKEND_PORT;
	build_piece(lab, &spec, spec.family == XDPLB_IPV4 ? hash >> 16 & 0xffff : 0, ret_packet);
}

static void build_error(struct node_lab *lab, const struct packet_spec *about,
			const struct xdplb_addr *sender, const struct packet_spec *usual,
			struct test_packet *ret_packet)
{
	const struct icmp_kind *kind;
	struct packet_spec spec;
	struct test_packet quote;
	struct icmp_error error = { .sender = *sender,
				    .recipient = about->source.addr,
				    .about = about,
				    .l4_bytes = draw(lab, 2) ? draw(lab, 40) : QUOTE_WHOLE };

	do {
		kind = &icmp_kinds[draw(lab, ICMP_KINDS)];
	} while (kind->family != about->family);
	error.type = kind->type;
	error.code = kind->code;
	error.rest = kind->rest;
	spec = icmp_error_spec(&error, usual, &quote);
	packet_build(&spec, ret_packet);
}

static void swap_ends(struct packet_spec *spec)
{
	struct packet_end source = spec->source;

	spec->source = spec->dest;
	spec->dest = source;
}

/* What an access node relays: about a packet from the tag, with the mark of the client's flow. */
static void draw_relayed(struct node_lab *lab, struct test_packet *ret_packet)
{
	struct packet_spec about = draw_tagged(lab, draw_mapping(lab)), usual = about;

	swap_ends(&about);
	about.ext_header = draw(lab, 4) ? 0 : about.ext_header;
	usual.ext_header = draw(lab, 4) ? 0 : usual.ext_header;
	build_error(lab, &about, &usual.source.addr, &usual, ret_packet);
}

static void sign(struct node_lab *lab, struct xdplb_query *query)
{
	crypto_shorthash((void *)&query->mac, (void *)query, offsetof(struct xdplb_query, mac),
			 lab->model.key);
}

static void draw_query(struct node_lab *lab, struct test_packet *ret_packet)
{
	const struct xdplb_mapping *mapping = draw_mapping(lab);
	struct packet_spec spec = draw_tagged(lab, mapping);
	struct {
		struct xdplb_query query;
		__u8 more[8];
	} payload = { .query = { .magic = htonl(XDPLB_QUERY_MAGIC),
				 .version = XDPLB_QUERY_VERSION,
				 .type = XDPLB_QUERY_ASK,
				 .proto = mapping->proto,
				 .family = mapping->family,
				 .tag = mapping->tag,
				 .vport = mapping->vport,
				 .vip = mapping->vip,
				 .nonce = draw(lab, ~0U) } };

	if (!draw(lab, 3))
		((__u8 *)&payload.query)[draw(lab, offsetof(struct xdplb_query, mac))] ^=
			1 << draw(lab, 8);
	sign(lab, &payload.query);
	spec.proto = draw(lab, 16) ? IPPROTO_UDP : IPPROTO_TCP;
	spec.dest.port = draw(lab, 8) ? ntohs(mapping->tag) : spec.dest.port;
	spec.id = spec.flow_label = draw(lab, 65536);
	spec.payload = &payload;
	spec.payload_len = draw(lab, 16) ? sizeof(payload.query) + draw(lab, 9) : draw(lab, 48);
	packet_build(&spec, ret_packet);
}

/* From a backend to a client that it knows, or to any. */
static struct packet_spec draw_reply(struct node_lab *lab)
{
	struct packet_spec spec = draw_tagged(lab, draw_mapping(lab));

	spec.dest.port = draw(lab, 8) ? BACKEND_PORT : VIP_PORT;
	swap_ends(&spec);
	if (lab->model.flow_count && draw(lab, 8)) {
		const struct node_flow *flow = &lab->model.flows[draw(lab, lab->model.flow_count)];

		if (flow->family != spec.family)
			return spec;
		spec.source.addr = flow->backend.addr;
		spec.source.port = draw(lab, 8) ? ntohs(flow->own_port) : spec.source.port;
		spec.proto = flow->proto;
		spec.dest.addr = flow->client.addr;
		spec.dest.port = ntohs(flow->seen_port);
	}
	return spec;
}

static void draw_from(struct node_lab *lab, struct test_packet *ret_packet)
{
	struct packet_spec spec = draw_reply(lab);

	packet_build(&spec, ret_packet);
}

static void draw_from_fragment(struct node_lab *lab, struct test_packet *ret_packet)
{
	struct packet_spec spec = draw_reply(lab);

	build_piece(lab, &spec, 0, ret_packet);
}

static void draw_from_error(struct node_lab *lab, struct test_packet *ret_packet)
{
	struct packet_spec about = draw_reply(lab), usual = about;

	swap_ends(&about);
	about.ext_header = draw(lab, 4) ? 0 : about.ext_header;
	usual.ext_header = draw(lab, 4) ? 0 : usual.ext_header;
	build_error(lab, &about, draw(lab, 8) ? &about.dest.addr : &about.source.addr, &usual,
		    ret_packet);
}

bool node_lab_draw_packet(struct node_lab *lab, struct test_packet *ret_packet)
{
	typedef void draw_fn(struct node_lab * lab, struct test_packet * ret_packet);
	static draw_fn *const kinds[] = {
		draw_to,   draw_to,   draw_direct, draw_fragment,      draw_relayed,   draw_query,
		draw_from, draw_from, draw_from,   draw_from_fragment, draw_from_error
	};
	__u32 kind = draw(lab, sizeof(kinds) / sizeof(kinds[0]));
	bool is_to = kind < 6;

	/* BPF_PROG_TEST_RUN takes no skb whose IP header is not whole. */
	do {
		kinds[kind](lab, ret_packet);
		fuzz_spoil(&lab->fuzz, ret_packet);
	} while (ret_packet->len < ETH_LEN + 40);
	return draw(lab, 32) ? is_to : !is_to;
}
