// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Packets of every kind that reaches a path of its own, and faults.
 */
#include "packet_fuzz.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "fragments.h"
#include "icmp_error.h"

/* xorshift64* */
__u32 fuzz_draw(struct packet_fuzz *fuzz, __u32 below)
{
	fuzz->random ^= fuzz->random >> 12;
	fuzz->random ^= fuzz->random << 25;
	fuzz->random ^= fuzz->random >> 27;
	return (fuzz->random * 0x2545f4914f6cdd1dULL >> 32) * below >> 32;
}

void fuzz_seed(struct packet_fuzz *fuzz, __u64 seed)
{
	fuzz->random = (seed ?: 1) * 0x9e3779b97f4a7c15ULL;
}

static const struct fuzz_cast *cast_of(const struct packet_fuzz *fuzz, __u8 family)
{
	return &fuzz->casts[family == XDPLB_IPV6];
}

/* One of a few clients, so that lists have clients on either side; now and then nobody's own address. */
static struct xdplb_addr draw_client(struct packet_fuzz *fuzz, __u8 family)
{
	static const char *const nobody[2][8] = {
		{ "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "224.0.0.1", "239.1.1.1",
		  "240.0.0.1", "255.255.255.255" },
		{ "::", "::1", "::2", "ff02::1", "ff0e::9", "::ffff:10.0.0.1", "fe80::1",
		  "fe00::1" },
	};
	struct xdplb_addr addr = cast_of(fuzz, family)->client.addr;

	if (!fuzz_draw(fuzz, 32))
		return packet_addr(nobody[family == XDPLB_IPV6][fuzz_draw(fuzz, 8)]);
	addr.word[family == XDPLB_IPV4 ? 0 : 3] ^=
		htonl(fuzz_draw(fuzz, fuzz_draw(fuzz, 2) ? 4 : 64));
	return addr;
}

void fuzz_draw_shape(struct packet_fuzz *fuzz, struct packet_spec *spec)
{
	static const __u8 headers[] = { EXT_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS };

	spec->ttl = fuzz_draw(fuzz, 16) ? 2 + fuzz_draw(fuzz, 254) : fuzz_draw(fuzz, 2);
	spec->tos = fuzz_draw(fuzz, 256);
	spec->id = fuzz_draw(fuzz, 65536);
	spec->flow_label = fuzz_draw(fuzz, 1 << 20);
	spec->frag_off = spec->family == XDPLB_IPV4 && fuzz_draw(fuzz, 2) ? IP_FLAG_DF : 0;
	spec->ip_options = fuzz_draw(fuzz, 4) ? 0 : 4 * fuzz_draw(fuzz, 11);
	if (spec->family == XDPLB_IPV6 && !fuzz_draw(fuzz, 4)) {
		spec->ext_header = headers[fuzz_draw(fuzz, sizeof(headers))];
		spec->ext_more = fuzz_draw(fuzz, 5);
	}
	spec->tcp_flags = fuzz_draw(fuzz, 256);
	spec->tcp_options = fuzz_draw(fuzz, 2) ? 0 : 4 * fuzz_draw(fuzz, 11);
	spec->no_checksum = !fuzz_draw(fuzz, 4);
	spec->payload_len = fuzz_draw(fuzz, 200);
	spec->seed = fuzz_draw(fuzz, ~0U);
}

/* One of a few, so that flows come again, or any. */
static __u16 draw_client_port(struct packet_fuzz *fuzz)
{
	return fuzz_draw(fuzz, fuzz_draw(fuzz, 4) ? 8 : 65536);
}

/* Mostly one that is served; else one near them, where ranges begin and end, or any. */
static __u16 draw_vip_port(struct packet_fuzz *fuzz, __u16 port)
{
	static const __u16 others[] = { 0, 1, 999, 1000, 1003, 1004, 40000, 40001, 65535 };

	switch (fuzz_draw(fuzz, 16)) {
	case 0:
		return fuzz_draw(fuzz, 65536);
	case 1:
		return others[fuzz_draw(fuzz, sizeof(others) / sizeof(others[0]))];
	case 2:
	case 3:
		return port - 4 + fuzz_draw(fuzz, 16);
	default:
		return port + fuzz_draw(fuzz, 2);
	}
}

/* Between a client and a VIP: what all kinds have in common. */
static struct packet_spec draw_spec(struct packet_fuzz *fuzz, __u8 family, __u8 proto)
{
	const struct fuzz_cast *cast = cast_of(fuzz, family);
	struct packet_spec spec = {
		.family = family, .proto = proto, .source = cast->client, .dest = cast->vip
	};

	spec.source.addr = draw_client(fuzz, family);
	spec.source.port = draw_client_port(fuzz);
	spec.dest.port = draw_vip_port(fuzz, cast->vip.port);
	if (!fuzz_draw(fuzz, 32))
		spec.dest.addr = cast_of(fuzz, family)->stranger;
	spec.vlan_tags = fuzz_draw(fuzz, 4) ? 0 : fuzz_draw(fuzz, 3);
	fuzz_draw_shape(fuzz, &spec);
	return spec;
}

static __u8 draw_family(struct packet_fuzz *fuzz)
{
	return fuzz_draw(fuzz, 2) ? XDPLB_IPV6 : XDPLB_IPV4;
}

static __u8 draw_proto(struct packet_fuzz *fuzz)
{
	return fuzz_draw(fuzz, 2) ? IPPROTO_UDP : IPPROTO_TCP;
}

/* A header of QUIC, long or short, whose connection id has one of the server ids; of any length. */
static void draw_quic(struct packet_fuzz *fuzz, struct packet_spec *spec, __u8 bytes[64])
{
	__be32 id = htonl(fuzz->first_id + fuzz_draw(fuzz, FUZZ_IDS));
	__u8 config = fuzz_draw(fuzz, 4) ? fuzz->quic_config : fuzz_draw(fuzz, 8), *at;

	packet_fill(bytes, 64, fuzz_draw(fuzz, ~0U));
	if (fuzz_draw(fuzz, 8))
		bytes[5] = fuzz_draw(fuzz, 24);
	at = bytes + (bytes[0] & 0x80 ? 6 : 1);
	at[0] = config << 5 | at[0] >> 3;
	memcpy(at + 1, &id, sizeof(id));
	spec->payload = bytes;
	spec->payload_len = fuzz_draw(fuzz, fuzz_draw(fuzz, 4) ? 64 : 14);
}

static struct fuzz_flow *find_recent(struct packet_fuzz *fuzz, __u8 family, __u8 proto)
{
	__u32 first = fuzz_draw(fuzz, FUZZ_RECENT);

	for (__u32 i = 0; i < FUZZ_RECENT; i++) {
		struct fuzz_flow *flow = &fuzz->recent[(first + i) % FUZZ_RECENT];

		if (flow->family == family && flow->proto == proto)
			return flow;
	}
	return NULL;
}

/* Of a flow that was there a short while ago, or of another. */
static struct packet_spec draw_again(struct packet_fuzz *fuzz, __u8 family, __u8 proto)
{
	struct packet_spec spec = draw_spec(fuzz, family, proto);
	const struct fuzz_flow *flow = find_recent(fuzz, family, proto);

	if (!flow || !fuzz_draw(fuzz, 4)) {
		fuzz->recent[fuzz_draw(fuzz, FUZZ_RECENT)] =
			(struct fuzz_flow){ family, proto, spec.source, spec.dest };
	} else {
		spec.source = flow->client;
		spec.dest = flow->vip;
	}
	return spec;
}

static void draw_usual(struct packet_fuzz *fuzz, struct test_packet *ret_packet)
{
	struct packet_spec spec = draw_again(fuzz, draw_family(fuzz), draw_proto(fuzz));
	__u8 bytes[64];

	if (spec.proto == IPPROTO_UDP && fuzz->first_id && fuzz_draw(fuzz, 4))
		draw_quic(fuzz, &spec, bytes);
	packet_build(&spec, ret_packet);
}

/* Other protocols, ICMP of any type. */
static void draw_other(struct packet_fuzz *fuzz, struct test_packet *ret_packet)
{
	static const __u8 protos[] = { IPPROTO_ICMP, IPPROTO_ICMPV6, 132, 47, 0, 43, 44, 60 };
	struct packet_spec spec =
		draw_spec(fuzz, draw_family(fuzz), protos[fuzz_draw(fuzz, sizeof(protos))]);

	spec.icmp_type = fuzz_draw(fuzz, 256);
	spec.icmp_code = fuzz_draw(fuzz, 2) ? 0 : fuzz_draw(fuzz, 20);
	spec.icmp_rest = fuzz_draw(fuzz, ~0U);
	packet_build(&spec, ret_packet);
}

static void draw_echo(struct packet_fuzz *fuzz, struct test_packet *ret_packet)
{
	__u8 family = draw_family(fuzz);
	struct packet_spec spec =
		draw_spec(fuzz, family, family == XDPLB_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	spec.icmp_type = family == XDPLB_IPV4 ? 8 : 128;
	spec.icmp_rest = fuzz_draw(fuzz, ~0U);
	if (fuzz_draw(fuzz, 4))
		spec.ip_options = spec.ext_header = 0;
	packet_build(&spec, ret_packet);
}

/* TCP or UDP, or now and then a ping. */
static struct packet_spec draw_datagram(struct packet_fuzz *fuzz)
{
	__u8 family = draw_family(fuzz), proto = draw_proto(fuzz);
	struct packet_spec spec;

	if (fuzz_draw(fuzz, 4))
		return draw_spec(fuzz, family, proto);
	spec = draw_spec(fuzz, family, family == XDPLB_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	spec.icmp_type = family == XDPLB_IPV4 ? 8 : 128;
	spec.icmp_rest = fuzz_draw(fuzz, ~0U);
	if (fuzz_draw(fuzz, 4))
		spec.ip_options = 0;
	return spec;
}

/* Pieces of a few datagrams, in any order; some longer than a way lets through. */
static void draw_fragment(struct packet_fuzz *fuzz, struct test_packet *ret_packet)
{
	struct packet_spec spec = draw_datagram(fuzz);
	struct fragment_piece piece = { 0, 64 };

	spec.frag_off = 0;
	spec.id = fuzz_draw(fuzz, 4);
	spec.frag_id = spec.id * 0x10001;
	spec.source.addr = cast_of(fuzz, spec.family)->client.addr;
	spec.source.addr.word[spec.family == XDPLB_IPV4 ? 0 : 3] ^= htonl(fuzz_draw(fuzz, 4));
	spec.ext_more = 0;
	spec.payload_len = 150 + fuzz_draw(fuzz, 100);
	piece.from = 64 * fuzz_draw(fuzz, 3);
	fragment_build(&spec, piece, 0, ret_packet);
	/* With "don't fragment", as hosts send them that look for a path's MTU. */
	if (spec.family == XDPLB_IPV4 && fuzz_draw(fuzz, 2))
		ret_packet->data[packet_l3_offset(ret_packet) + 6] |= 0x40;
}

/* About a packet that a VIP has sent to a client, by whomever. */
static void draw_icmp_error(struct packet_fuzz *fuzz, struct test_packet *ret_packet)
{
	const struct icmp_kind *kind = &icmp_kinds[fuzz_draw(fuzz, ICMP_KINDS)];
	struct packet_spec about = draw_again(fuzz, kind->family, draw_proto(fuzz)), usual, spec;
	struct packet_end vip = about.dest;
	struct test_packet quote;
	struct icmp_error error = { .sender = cast_of(fuzz, kind->family)->stranger,
				    .recipient = vip.addr,
				    .type = kind->type,
				    .code = kind->code,
				    .rest = kind->rest,
				    .about = &about };

	about.dest = about.source;
	about.source = vip;
	about.vlan_tags = 0;
	error.l4_bytes = fuzz_draw(fuzz, 2) ? fuzz_draw(fuzz, 40) : QUOTE_WHOLE;
	usual = draw_spec(fuzz, kind->family, IPPROTO_ICMP);
	if (fuzz_draw(fuzz, 4))
		usual.ip_options = usual.ext_header = 0;
	spec = icmp_error_spec(&error, &usual, &quote);
	packet_build(&spec, ret_packet);
}

/* One fault, mostly in the headers; the frame keeps its 14 bytes. */
static void spoil_once(struct packet_fuzz *fuzz, struct test_packet *packet)
{
	size_t most = packet->len < 140 ? packet->len : 140, l3 = packet_l3_offset(packet);

	switch (fuzz_draw(fuzz, 7)) {
	case 0:
		packet->data[fuzz_draw(fuzz, most)] ^= 1 << fuzz_draw(fuzz, 8);
		break;
	case 1:
		packet->data[fuzz_draw(fuzz, most)] = fuzz_draw(fuzz, 256);
		break;
	case 2: /* its end is missing */
		packet->len = 14 + fuzz_draw(fuzz, packet->len - 13);
		break;
	case 3: /* padding */
		memset(packet->data + packet->len, fuzz_draw(fuzz, 256), 64);
		packet->len += fuzz_draw(fuzz, 64);
		break;
	case 4: /* lengths and version: where nearly all depends on a byte */
		packet->data[l3 % packet->len] = fuzz_draw(fuzz, 256);
		break;
	case 5: /* what follows the fixed header: options, or the first extension header */
		packet->data[(l3 + 40 + fuzz_draw(fuzz, 8)) % packet->len] = fuzz_draw(fuzz, 256);
		break;
	default:
		packet->data[(l3 + fuzz_draw(fuzz, 8)) % packet->len] = fuzz_draw(fuzz, 256);
	}
}

void fuzz_spoil(struct packet_fuzz *fuzz, struct test_packet *packet)
{
	for (__u32 faults = fuzz_draw(fuzz, 2) * fuzz_draw(fuzz, 4); faults; faults--)
		spoil_once(fuzz, packet);
}

void fuzz_draw_packet(struct packet_fuzz *fuzz, struct test_packet *ret_packet)
{
	typedef void draw_fn(struct packet_fuzz * fuzz, struct test_packet * ret_packet);
	static draw_fn *const kinds[] = { draw_usual,    draw_usual,      draw_usual, draw_usual,
					  draw_fragment, draw_icmp_error, draw_echo,  draw_other };

	kinds[fuzz_draw(fuzz, sizeof(kinds) / sizeof(kinds[0]))](fuzz, ret_packet);
	fuzz_spoil(fuzz, ret_packet);
}
