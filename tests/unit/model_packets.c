// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Packets of every kind that reaches a path of its own, and faults.
 */
#include <arpa/inet.h>
#include <string.h>

#include "fragments.h"
#include "icmp_error.h"
#include "model_lab.h"

/* One of a few clients, so that lists have clients on either side; now and then nobody's own address. */
static struct xdplb_addr draw_client(struct model_lab *lab, __u8 family)
{
	static const char *const nobody[2][8] = {
		{ "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "224.0.0.1", "239.1.1.1",
		  "240.0.0.1", "255.255.255.255" },
		{ "::", "::1", "::2", "ff02::1", "ff0e::9", "::ffff:10.0.0.1", "fe80::1",
		  "fe00::1" },
	};
	struct xdplb_addr addr = setup_addrs(family)->client;

	if (!lab_draw(lab, 32))
		return packet_addr(nobody[family == XDPLB_IPV6][lab_draw(lab, 8)]);
	addr.word[family == XDPLB_IPV4 ? 0 : 3] ^= htonl(lab_draw(lab, 64));
	return addr;
}

/* Between a client and a VIP: what all kinds have in common. */
static struct packet_spec draw_spec(struct model_lab *lab, __u8 family, __u8 proto)
{
	static const __u8 headers[] = { EXT_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS };
	struct packet_spec spec = setup_spec(family, proto);

	spec.source.addr = draw_client(lab, family);
	spec.source.port = lab_draw(lab, 65536);
	spec.dest.port = VIP_PORT + (lab_draw(lab, 8) ? lab_draw(lab, 2) : 2);
	if (!lab_draw(lab, 32))
		spec.dest.addr = setup_addrs(family)->stranger;
	spec.ttl = lab_draw(lab, 16) ? 2 + lab_draw(lab, 254) : lab_draw(lab, 2);
	spec.tos = lab_draw(lab, 256);
	spec.id = lab_draw(lab, 65536);
	spec.flow_label = lab_draw(lab, 1 << 20);
	spec.frag_off = family == XDPLB_IPV4 && lab_draw(lab, 2) ? IP_FLAG_DF : 0;
	spec.ip_options = lab_draw(lab, 4) ? 0 : 4 * lab_draw(lab, 11);
	spec.vlan_tags = lab_draw(lab, 4) ? 0 : lab_draw(lab, 3);
	if (family == XDPLB_IPV6 && !lab_draw(lab, 4)) {
		spec.ext_header = headers[lab_draw(lab, sizeof(headers))];
		spec.ext_more = lab_draw(lab, 5);
	}
	spec.tcp_flags = lab_draw(lab, 256);
	spec.tcp_options = lab_draw(lab, 2) ? 0 : 4 * lab_draw(lab, 11);
	spec.no_checksum = !lab_draw(lab, 4);
	spec.payload_len = lab_draw(lab, 200);
	spec.seed = lab_draw(lab, ~0U);
	return spec;
}

static __u8 draw_family(struct model_lab *lab)
{
	return setup_families[lab_draw(lab, 2)];
}

static __u8 draw_proto(struct model_lab *lab)
{
	return setup_protos[lab_draw(lab, 2)];
}

static void draw_usual(struct model_lab *lab, struct test_packet *ret_packet)
{
	struct packet_spec spec = draw_spec(lab, draw_family(lab), draw_proto(lab));

	packet_build(&spec, ret_packet);
}

/* Other protocols, ICMP of any type. */
static void draw_other(struct model_lab *lab, struct test_packet *ret_packet)
{
	static const __u8 protos[] = { IPPROTO_ICMP, IPPROTO_ICMPV6, 132, 47, 0, 43, 44, 60 };
	struct packet_spec spec =
		draw_spec(lab, draw_family(lab), protos[lab_draw(lab, sizeof(protos))]);

	spec.icmp_type = lab_draw(lab, 256);
	spec.icmp_code = lab_draw(lab, 2) ? 0 : lab_draw(lab, 20);
	spec.icmp_rest = lab_draw(lab, ~0U);
	packet_build(&spec, ret_packet);
}

static void draw_echo(struct model_lab *lab, struct test_packet *ret_packet)
{
	__u8 family = draw_family(lab);
	struct packet_spec spec =
		draw_spec(lab, family, family == XDPLB_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	spec.icmp_type = family == XDPLB_IPV4 ? 8 : 128;
	spec.icmp_rest = lab_draw(lab, ~0U);
	if (lab_draw(lab, 4))
		spec.ip_options = spec.ext_header = 0;
	packet_build(&spec, ret_packet);
}

/* Pieces of a few datagrams, in any order; some longer than a way lets through. */
static void draw_fragment(struct model_lab *lab, struct test_packet *ret_packet)
{
	struct packet_spec spec = draw_spec(lab, draw_family(lab), draw_proto(lab));
	struct fragment_piece piece = { 0, 64 };

	spec.frag_off = 0;
	spec.id = lab_draw(lab, 4);
	spec.frag_id = spec.id * 0x10001;
	spec.source.addr = setup_addrs(spec.family)->client;
	spec.source.addr.word[spec.family == XDPLB_IPV4 ? 0 : 3] ^= htonl(lab_draw(lab, 4));
	spec.ext_more = 0;
	spec.payload_len = 150 + lab_draw(lab, 100);
	piece.from = 64 * lab_draw(lab, 3);
	fragment_build(&spec, piece, 0, ret_packet);
	/* With "don't fragment", as hosts send them that look for a path's MTU. */
	if (spec.family == XDPLB_IPV4 && lab_draw(lab, 2))
		ret_packet->data[packet_l3_offset(ret_packet) + 6] |= 0x40;
}

/* About a packet that a VIP has sent to a client, by whomever. */
static void draw_icmp_error(struct model_lab *lab, struct test_packet *ret_packet)
{
	const struct icmp_kind *kind = &icmp_kinds[lab_draw(lab, ICMP_KINDS)];
	struct packet_spec about = draw_spec(lab, kind->family, draw_proto(lab)), usual, spec;
	struct packet_end vip = about.dest;
	struct test_packet quote;
	struct icmp_error error = { .sender = setup_addrs(kind->family)->stranger,
				    .recipient = vip.addr,
				    .type = kind->type,
				    .code = kind->code,
				    .rest = kind->rest,
				    .about = &about };

	about.dest = about.source;
	about.source = vip;
	about.vlan_tags = 0;
	error.l4_bytes = lab_draw(lab, 2) ? lab_draw(lab, 40) : QUOTE_WHOLE;
	usual = draw_spec(lab, kind->family, IPPROTO_ICMP);
	if (lab_draw(lab, 4))
		usual.ip_options = usual.ext_header = 0;
	spec = icmp_error_spec(&error, &usual, &quote);
	packet_build(&spec, ret_packet);
}

/* One fault, mostly in the headers; the frame keeps its 14 bytes. */
static void spoil(struct model_lab *lab, struct test_packet *packet)
{
	size_t most = packet->len < 140 ? packet->len : 140, l3 = packet_l3_offset(packet);

	switch (lab_draw(lab, 7)) {
	case 0:
		packet->data[lab_draw(lab, most)] ^= 1 << lab_draw(lab, 8);
		break;
	case 1:
		packet->data[lab_draw(lab, most)] = lab_draw(lab, 256);
		break;
	case 2: /* its end is missing */
		packet->len = 14 + lab_draw(lab, packet->len - 13);
		break;
	case 3: /* padding */
		memset(packet->data + packet->len, lab_draw(lab, 256), 64);
		packet->len += lab_draw(lab, 64);
		break;
	case 4: /* lengths and version: where nearly all depends on a byte */
		packet->data[l3 % packet->len] = lab_draw(lab, 256);
		break;
	case 5: /* what follows the fixed header: options, or the first extension header */
		packet->data[(l3 + 40 + lab_draw(lab, 8)) % packet->len] = lab_draw(lab, 256);
		break;
	default:
		packet->data[(l3 + lab_draw(lab, 8)) % packet->len] = lab_draw(lab, 256);
	}
}

void lab_draw_packet(struct model_lab *lab, struct test_packet *ret_packet)
{
	typedef void draw_fn(struct model_lab * lab, struct test_packet * ret_packet);
	static draw_fn *const kinds[] = { draw_usual,    draw_usual,      draw_usual, draw_usual,
					  draw_fragment, draw_icmp_error, draw_echo,  draw_other };

	kinds[lab_draw(lab, sizeof(kinds) / sizeof(kinds[0]))](lab, ret_packet);
	for (uint32_t faults = lab_draw(lab, 2) * lab_draw(lab, 4); faults; faults--)
		spoil(lab, ret_packet);
}
