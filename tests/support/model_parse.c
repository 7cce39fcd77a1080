// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Step 1 of bpf/README.md, "lb_xdp".
 */
#include "model_parse.h"

#include <netinet/in.h>
#include <string.h>

#define TAGS_MOST             2
#define EXTENSIONS_MOST       4
#define EXTENSIONS_BYTES_MOST 128

static unsigned int word_at(const struct test_packet *packet, size_t at)
{
	return packet->data[at] << 8 | packet->data[at + 1];
}

/* Behind the tags: the Ethertype, and where the network header begins. 0: there is none. */
static unsigned int read_ethernet(const struct test_packet *packet, struct model_parsed *parsed)
{
	size_t at = 12;

	while (at + 2 <= packet->len) {
		unsigned int type = word_at(packet, at);

		if ((type != 0x8100 && type != 0x88a8) || parsed->tags == TAGS_MOST) {
			parsed->l3 = at + 2;
			return type;
		}
		parsed->tags++;
		at += 4;
	}
	return 0;
}

static size_t header_len(__u8 proto)
{
	return proto == IPPROTO_TCP ? 20 : 8;
}

static bool is_icmp(const struct model_parsed *parsed)
{
	return parsed->proto == (parsed->family == XDPLB_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* What follows the IP headers, up to `end` by the IP length, which lies within the frame. */
static void read_transport(const struct test_packet *packet, size_t end,
			   struct model_parsed *parsed)
{
	if (is_icmp(parsed)) {
		parsed->kind = parsed->l4 + 8 <= end ? MODEL_ICMP : MODEL_FOREIGN;
		return;
	}
	if (parsed->proto != IPPROTO_TCP && parsed->proto != IPPROTO_UDP)
		return;
	parsed->kind = MODEL_TRUNCATED;
	if (parsed->l4 + header_len(parsed->proto) > end)
		return;
	parsed->kind = MODEL_TRANSPORT;
	memcpy(&parsed->source_port, packet->data + parsed->l4, 2);
	memcpy(&parsed->dest_port, packet->data + parsed->l4 + 2, 2);
}

static void read_ipv4(const struct test_packet *packet, struct model_parsed *parsed)
{
	const __u8 *ip = packet->data + parsed->l3;
	size_t header, end;

	if (parsed->l3 + 20 > packet->len || ip[0] >> 4 != 4 || (ip[0] & 0xf) < 5)
		return;
	header = 4 * (ip[0] & 0xf);
	end = parsed->l3 + word_at(packet, parsed->l3 + 2);
	parsed->family = XDPLB_IPV4;
	parsed->proto = ip[9];
	parsed->ttl = ip[8];
	parsed->l4 = parsed->l3 + header;
	memcpy(&parsed->source, ip + 12, 4);
	memcpy(&parsed->dest, ip + 16, 4);
	if (word_at(packet, parsed->l3 + 6) & 0x3fff) {
		parsed->kind = MODEL_FRAGMENT;
		return;
	}
	if (end > packet->len || parsed->l4 > end)
		parsed->kind = parsed->proto == IPPROTO_TCP || parsed->proto == IPPROTO_UDP
				       ? MODEL_TRUNCATED
				       : MODEL_FOREIGN;
	else
		read_transport(packet, end, parsed);
}

/* Steps over extension headers from parsed->l4 on; false: parsed->kind says what is wrong. */
static bool skip_extensions(const struct test_packet *packet, size_t end,
			    struct model_parsed *parsed)
{
	size_t first = parsed->l4;

	for (int n = 0;; n++) {
		size_t len;

		if (parsed->proto == IPPROTO_FRAGMENT) {
			parsed->kind = MODEL_FRAGMENT;
			return false;
		}
		if (parsed->proto != IPPROTO_HOPOPTS && parsed->proto != IPPROTO_ROUTING &&
		    parsed->proto != IPPROTO_DSTOPTS)
			return true;
		parsed->kind = MODEL_EXTENSIONS;
		if (n == EXTENSIONS_MOST)
			return false;
		if (parsed->l4 + 8 > end) {
			parsed->kind = MODEL_CUT;
			return false;
		}
		len = 8 * (packet->data[parsed->l4 + 1] + 1);
		parsed->kind = MODEL_EXTENSIONS;
		if (parsed->l4 + len - first > EXTENSIONS_BYTES_MOST ||
		    (parsed->proto == IPPROTO_ROUTING && packet->data[parsed->l4 + 3]))
			return false;
		parsed->kind = MODEL_FOREIGN;
		parsed->proto = packet->data[parsed->l4];
		parsed->l4 += len;
	}
}

static void read_ipv6(const struct test_packet *packet, struct model_parsed *parsed)
{
	const __u8 *ip = packet->data + parsed->l3;
	size_t end;

	if (parsed->l3 + 40 > packet->len || ip[0] >> 4 != 6)
		return;
	end = parsed->l3 + 40 + word_at(packet, parsed->l3 + 4);
	parsed->family = XDPLB_IPV6;
	parsed->proto = ip[6];
	parsed->ttl = ip[7];
	parsed->l4 = parsed->l3 + 40;
	memcpy(&parsed->source, ip + 8, 16);
	memcpy(&parsed->dest, ip + 24, 16);
	if (!skip_extensions(packet, end > packet->len ? packet->len : end, parsed)) {
		if (parsed->kind == MODEL_EXTENSIONS && end > packet->len)
			parsed->kind = MODEL_CUT;
		return;
	}
	if (end > packet->len)
		parsed->kind = parsed->proto == IPPROTO_TCP || parsed->proto == IPPROTO_UDP
				       ? MODEL_TRUNCATED
				       : MODEL_FOREIGN;
	else
		read_transport(packet, end, parsed);
}

void model_parse(const struct test_packet *packet, struct model_parsed *ret_parsed)
{
	struct model_parsed parsed = { .kind = MODEL_FOREIGN };
	unsigned int type = read_ethernet(packet, &parsed);

	if (type == 0x0800)
		read_ipv4(packet, &parsed);
	else if (type == 0x86dd)
		read_ipv6(packet, &parsed);
	*ret_parsed = parsed;
}
