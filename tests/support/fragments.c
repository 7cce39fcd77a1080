// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "fragments.h"

#include <netinet/in.h>

/* In bytes, big-endian: nothing here resembles what the programs do. */
static void add_to_checksum(__u8 *check, __u16 add, __u8 proto)
{
	__u32 sum = (__u16) ~(check[0] << 8 | check[1]) + add;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (__u16)~sum;
	if (!sum && proto == IPPROTO_UDP)
		sum = 0xffff;
	check[0] = sum >> 8;
	check[1] = sum;
}

void fragment_build(const struct packet_spec *spec, struct fragment_piece piece, __u16 check_add,
		    struct test_packet *ret_packet)
{
	struct packet_spec whole = *spec, part = *spec;
	struct test_packet datagram;
	size_t l4, len;

	whole.ext_header = 0;
	whole.frag_off = 0;
	packet_build(&whole, &datagram);
	l4 = packet_l4_offset(&whole);
	len = datagram.len - l4;
	if (check_add)
		add_to_checksum(datagram.data + l4 + (spec->proto == IPPROTO_TCP ? 16 : 6),
				check_add, spec->proto);
	part.raw = true;
	part.payload = datagram.data + l4 + piece.from;
	part.payload_len = len - piece.from < piece.len ? len - piece.from : piece.len;
	if (spec->family == XDPLB_IPV4) {
		part.frag_off = piece.from / 8;
		if (piece.from + part.payload_len < len)
			part.frag_off |= IP_FLAG_MF;
	} else {
		part.ext_header = IPPROTO_FRAGMENT;
		part.frag_off = piece.from | (piece.from + part.payload_len < len);
	}
	packet_build(&part, ret_packet);
}
