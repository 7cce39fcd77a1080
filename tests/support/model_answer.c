// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * What bpf/README.md says that lb_xdp sends of its own, made from nothing: headers with full checksums.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "model_send.h"

#define ANSWER_TTL 64

/* The two ends of a frame, and its tags, for what goes back. */
static struct packet_spec turned_round(const struct test_packet *in,
				       const struct model_parsed *parsed, __u8 proto)
{
	struct packet_spec spec = {
		.family = parsed->family,
		.proto = proto,
		.ttl = ANSWER_TTL,
		.frag_off = parsed->family == XDPLB_IPV4 ? IP_FLAG_DF : 0,
		.source = { parsed->dest.addr, ntohs(parsed->dest.port) },
		.dest = { parsed->source.addr, ntohs(parsed->source.port) },
	};

	memcpy(spec.source.mac, in->data, 6);
	memcpy(spec.dest.mac, in->data + 6, 6);
	return spec;
}

/* Tags as they came in. */
static void put_tags(const struct test_packet *in, const struct model_parsed *parsed,
		     struct test_packet *out)
{
	size_t len = 4 * parsed->tags;

	memmove(out->data + 12 + len, out->data + 12, out->len - 12);
	memcpy(out->data + 12, in->data + 12, len);
	out->len += len;
}

void model_report(const struct test_packet *in, const struct model_parsed *parsed, __u8 type,
		  __u8 code, __u32 rest, struct test_packet *ret_out)
{
	__u8 proto = parsed->family == XDPLB_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	struct packet_spec spec = turned_round(in, parsed, proto);

	spec.icmp_type = type;
	spec.icmp_code = code;
	spec.icmp_rest = rest;
	spec.payload = in->data + parsed->l3;
	spec.payload_len = parsed->l4 + 8 - parsed->l3;
	packet_build(&spec, ret_out);
	put_tags(in, parsed, ret_out);
}

static __u32 read32(const __u8 *at)
{
	return (__u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static void put32(struct test_packet *packet, size_t at, __u32 value, size_t sum_at)
{
	model_put_word(packet, at, htons(value >> 16), sum_at);
	model_put_word(packet, at + 2, htons(value & 0xffff), sum_at);
}

bool model_reset(const struct test_packet *in, const struct model_parsed *parsed,
		 struct test_packet *ret_out)
{
	const __u8 *tcp = in->data + parsed->l4;
	size_t header = (tcp[12] >> 4) * 4, segment = parsed->end - parsed->l4, out = parsed->l4;
	struct packet_spec spec = turned_round(in, parsed, IPPROTO_TCP);
	__u8 flags = tcp[13];
	__u32 len;

	if (flags & TCP_RST || header < 20 || header > segment)
		return false;
	len = segment - header + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
	spec.tcp_flags = TCP_RST | (flags & TCP_ACK ? 0 : TCP_ACK);
	packet_build(&spec, ret_out);
	out = packet_l4_offset(&spec);
	put32(ret_out, out + 4, flags & TCP_ACK ? read32(tcp + 8) : 0, out + 16);
	put32(ret_out, out + 8, flags & TCP_ACK ? 0 : read32(tcp + 4) + len, out + 16);
	model_put_word(ret_out, out + 14, 0, out + 16);
	put_tags(in, parsed, ret_out);
	return true;
}

void model_turn_round(const struct test_packet *in, const struct model_parsed *parsed,
		      struct test_packet *ret_out)
{
	size_t addrs = parsed->l3 + (parsed->family == XDPLB_IPV4 ? 12 : 8);
	size_t len = parsed->family == XDPLB_IPV4 ? 4 : 16;
	__u8 *ip = ret_out->data + parsed->l3;
	__u8 word[2] = { ANSWER_TTL, in->data[parsed->l3 + 9] };

	*ret_out = *in;
	memcpy(ret_out->data, in->data + 6, 6);
	memcpy(ret_out->data + 6, in->data, 6);
	memcpy(ret_out->data + addrs, in->data + addrs + len, len);
	memcpy(ret_out->data + addrs + len, in->data + addrs, len);
	if (parsed->family == XDPLB_IPV4) {
		model_change_sum(ret_out, parsed->l3 + 10, ip + 8, word, 2);
		ip[8] = ANSWER_TTL;
	} else {
		ip[7] = ANSWER_TTL;
	}
}

void model_echo_reply(const struct test_packet *in, const struct model_parsed *parsed,
		      struct test_packet *ret_out)
{
	__u8 type = parsed->family == XDPLB_IPV4 ? 0 : 129;
	__u8 word[2] = { type, in->data[parsed->l4 + 1] };

	model_turn_round(in, parsed, ret_out);
	model_change_sum(ret_out, parsed->l4 + 2, in->data + parsed->l4, word, 2);
	ret_out->data[parsed->l4] = type;
}
