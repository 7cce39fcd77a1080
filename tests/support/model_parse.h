/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What a frame is to the reference model.
 */
#ifndef TEST_MODEL_PARSE_H
#define TEST_MODEL_PARSE_H

#include "packet.h"

enum model_kind {
	MODEL_FOREIGN, /* nothing that lb_xdp looks at: passes, whatever its address */
	MODEL_TRUNCATED,
	MODEL_EXTENSIONS, /* IPv6: more than is looked through */
	MODEL_CUT, /* IPv6: within its extension headers, or longer than its frame and with too many */
	MODEL_FRAGMENT,
	MODEL_ICMP,
	MODEL_TRANSPORT, /* TCP or UDP */
};

struct model_parsed {
	enum model_kind kind;
	__u8 family;
	__u8 proto;
	__u8 ttl;
	int tags;
	size_t l3, l4; /* offsets in the frame */
	struct xdplb_addr source, dest;
	__be16 source_port, dest_port; /* MODEL_TRANSPORT */
};

void model_parse(const struct test_packet *packet, struct model_parsed *ret_parsed);

#endif
