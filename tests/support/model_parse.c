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

unsigned int model_word(const struct test_packet *packet, size_t at)
{
	return packet->data[at] << 8 | packet->data[at + 1];
}

/* Behind the tags: the Ethertype, and where the network header begins. 0: there is none. */
static unsigned int read_ethernet(const struct test_packet *packet, struct model_parsed *parsed)
{
	size_t at = 12;

	while (at + 2 <= packet->len) {
		unsigned int type = model_word(packet, at);

		if ((type != 0x8100 && type != 0x88a8) || parsed->tags == TAGS_MOST) {
			parsed->l3 = at + 2;
			return type;
		}
		parsed->tags++;
		at += 4;
	}
	return 0;
}

static bool is_transport(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

static bool is_icmp(const struct model_parsed *parsed)
{
	return parsed->proto == (parsed->family == XDPLB_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* What follows the IP headers of a packet that is no later fragment; `l4_len`: how much of it must be there. */
static void read_payload(const struct test_packet *packet, size_t l4_len,
			 struct model_parsed *parsed)
{
	bool is_whole = parsed->end <= packet->len && parsed->l4 + l4_len <= parsed->end;

	if (is_transport(parsed->proto)) {
		parsed->kind = is_whole ? MODEL_TRANSPORT : MODEL_TRUNCATED;
		if (!is_whole)
			return;
		memcpy(&parsed->source.port, packet->data + parsed->l4, 2);
		memcpy(&parsed->dest.port, packet->data + parsed->l4 + 2, 2);
	} else if (!is_icmp(parsed) || parsed->l4 + 8 > packet->len ||
		   (parsed->is_first && !is_whole)) {
		parsed->kind = MODEL_FOREIGN;
	} else if (parsed->is_first) {
		parsed->kind = MODEL_ICMP_FIRST;
	} else {
		parsed->kind = is_whole ? MODEL_ICMP : MODEL_CUT_ICMP;
	}
}

static void read_later(const struct test_packet *packet, struct model_parsed *parsed)
{
	if (is_icmp(parsed))
		parsed->kind = MODEL_ICMP_LATER;
	else
		parsed->kind = is_transport(parsed->proto) ? MODEL_LATER : MODEL_FOREIGN;
}

static size_t l4_len_of(__u8 proto)
{
	return proto == IPPROTO_TCP ? 20 : 8;
}

static struct xdplb_fragment_key note_key(const struct model_parsed *parsed, const __u8 *id,
					  size_t id_len)
{
	struct xdplb_fragment_key key = { .source = parsed->source.addr,
					  .dest = parsed->dest.addr,
					  .proto = parsed->proto,
					  .family = parsed->family };

	memcpy(&key.id, id, id_len);
	return key;
}

/* False: not even the header is there. */
static bool read_ipv4_header(const struct test_packet *packet, struct model_parsed *parsed)
{
	const __u8 *ip = packet->data + parsed->l3;

	if (parsed->l3 + 20 > packet->len || ip[0] >> 4 != 4 || (ip[0] & 0xf) < 5)
		return false;
	parsed->family = XDPLB_IPV4;
	parsed->ttl = ip[8];
	parsed->proto = ip[9];
	parsed->may_fragment = !(ip[6] & 0x40);
	parsed->l4 = parsed->l3 + 4 * (ip[0] & 0xf);
	parsed->end = parsed->l3 + model_word(packet, parsed->l3 + 2);
	memcpy(&parsed->source.addr, ip + 12, 4);
	memcpy(&parsed->dest.addr, ip + 16, 4);
	parsed->key = note_key(parsed, ip + 4, 2);
	return true;
}

static void read_ipv4(const struct test_packet *packet, struct model_parsed *parsed)
{
	unsigned int fragment;

	if (!read_ipv4_header(packet, parsed))
		return;
	fragment = model_word(packet, parsed->l3 + 6);
	parsed->is_first = (fragment & 0x3fff) == 0x2000;
	if (fragment & 0x1fff)
		read_later(packet, parsed);
	else
		read_payload(packet, l4_len_of(parsed->proto), parsed);
}

/*
 * Steps over extension headers from parsed->l4 on, as far as the frame goes; false: parsed->kind says what is
 * wrong, or that it is a later fragment.
 */
static bool skip_extensions(const struct test_packet *packet, struct model_parsed *parsed)
{
	size_t first = parsed->l4;

	for (int n = 0;; n++) {
		const __u8 *at = packet->data + parsed->l4;
		bool is_fragment = parsed->proto == IPPROTO_FRAGMENT;
		size_t len;

		if (!is_fragment && parsed->proto != IPPROTO_HOPOPTS &&
		    parsed->proto != IPPROTO_ROUTING && parsed->proto != IPPROTO_DSTOPTS)
			return true;
		parsed->kind = MODEL_TOO_MANY;
		if (!is_fragment && n == EXTENSIONS_MOST)
			return false;
		if (parsed->l4 + (is_fragment ? 8 : 4) > packet->len) {
			parsed->kind = MODEL_TRUNCATED;
			return false;
		}
		len = is_fragment ? 8 : 8 * (at[1] + 1);
		if (!is_fragment && (parsed->l4 + len - first > EXTENSIONS_BYTES_MOST ||
				     (parsed->proto == IPPROTO_ROUTING && at[3])))
			return false;
		parsed->proto = at[0];
		parsed->l4 += len;
		if (!is_fragment)
			continue;
		parsed->key = note_key(parsed, at + 4, 4);
		if (model_word(packet, parsed->l4 - 6) & 0xfff8) {
			read_later(packet, parsed);
			return false;
		}
		parsed->is_first = true;
		return true;
	}
}

static bool read_ipv6_header(const struct test_packet *packet, struct model_parsed *parsed)
{
	const __u8 *ip = packet->data + parsed->l3;

	if (parsed->l3 + 40 > packet->len || ip[0] >> 4 != 6)
		return false;
	parsed->family = XDPLB_IPV6;
	parsed->proto = ip[6];
	parsed->ttl = ip[7];
	parsed->l4 = parsed->l3 + 40;
	parsed->end = parsed->l4 + model_word(packet, parsed->l3 + 4);
	memcpy(&parsed->source.addr, ip + 8, 16);
	memcpy(&parsed->dest.addr, ip + 24, 16);
	return true;
}

static void read_ipv6(const struct test_packet *packet, struct model_parsed *parsed)
{
	if (read_ipv6_header(packet, parsed) && skip_extensions(packet, parsed))
		read_payload(packet, l4_len_of(parsed->proto), parsed);
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

bool model_parse_quote(const struct test_packet *packet, size_t at, size_t end,
		       struct model_parsed *ret_parsed)
{
	struct model_parsed parsed = { .kind = MODEL_FOREIGN, .l3 = at };
	struct test_packet quote = *packet;
	bool is_ipv4 = packet->data[at] >> 4 == 4;

	/* Most quotes are cut: what counts is what is there. */
	quote.len = end;
	if (is_ipv4 ? !read_ipv4_header(&quote, &parsed) : !read_ipv6_header(&quote, &parsed))
		return false;
	if (is_ipv4 && model_word(packet, at + 6) & 0x1fff)
		return false;
	parsed.end = end;
	read_payload(&quote, 8, &parsed);
	*ret_parsed = parsed;
	return parsed.kind == MODEL_TRANSPORT;
}
