// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "echo_spec.h"

#include <netinet/in.h>

#include "node_setup.h"

struct packet_spec echo_request(__u8 family)
{
	struct packet_spec spec = setup_spec(family, IPPROTO_ICMP);

	spec.proto = family == XDPLB_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	spec.icmp_type = family == XDPLB_IPV4 ? 8 : 128;
	spec.icmp_rest = 0x12340001;
	spec.payload_len = 56;
	return spec;
}

struct packet_spec echo_reply(const struct packet_spec *request)
{
	struct packet_spec reply = *request;

	reply.source = request->dest;
	reply.dest = request->source;
	reply.ttl = 64;
	reply.icmp_type = request->family == XDPLB_IPV4 ? 0 : 129;
	return reply;
}
