// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "icmp_error.h"

#include <netinet/in.h>

const struct icmp_kind icmp_kinds[ICMP_KINDS] = {
	{ XDPLB_IPV4, 3, 1, 0 },  { XDPLB_IPV4, 3, 3, 0 },  { XDPLB_IPV4, 3, 4, 1280 },
	{ XDPLB_IPV4, 11, 0, 0 }, { XDPLB_IPV4, 11, 1, 0 }, { XDPLB_IPV4, 12, 0, 20 << 24 },
	{ XDPLB_IPV6, 1, 0, 0 },  { XDPLB_IPV6, 1, 4, 0 },  { XDPLB_IPV6, 2, 0, 1280 },
	{ XDPLB_IPV6, 3, 0, 0 },  { XDPLB_IPV6, 3, 1, 0 },  { XDPLB_IPV6, 4, 1, 40 },
};

struct packet_spec icmp_error_spec(const struct icmp_error *error, const struct packet_spec *usual,
				   struct test_packet *ret_quoted)
{
	size_t len = packet_l4_offset(error->about) + error->l4_bytes, l3;
	struct packet_spec spec = *usual;

	packet_build(error->about, ret_quoted);
	l3 = packet_l3_offset(ret_quoted);
	spec.proto = spec.family == XDPLB_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	spec.source.addr = error->sender;
	spec.dest.addr = error->recipient;
	spec.icmp_type = error->type;
	spec.icmp_code = error->code;
	spec.icmp_rest = error->rest;
	spec.payload = ret_quoted->data + l3;
	spec.payload_len = (len < ret_quoted->len ? len : ret_quoted->len) - l3;
	return spec;
}
