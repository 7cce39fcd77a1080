// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Building, verifying and comparing packets. Sums are taken over bytes, big-endian, so that nothing
 * here resembles what the programs do.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

#define TAG_LEN  4
#define UDP_LEN  8
#define TCP_LEN  20
#define ICMP_LEN 8

static void put16(__u8 *at, __u32 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(__u8 *at, __u32 value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static __u32 get16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

/* The ones' complement sum of bytes, on top of `sum`; not folded. */
static __u64 sum_bytes(__u64 sum, const __u8 *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : bytes[i] << 8;
	return sum;
}

static __u16 fold(__u64 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

struct xdplb_addr packet_addr(const char *text)
{
	struct xdplb_addr addr = {};

	if (inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, &addr) != 1) {
		fprintf(stderr, "%s: not an address\n", text);
		abort();
	}
	return addr;
}

void packet_fill(void *bytes, size_t len, __u32 seed)
{
	__u64 x = seed * 0x9e3779b97f4a7c15ULL + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		((__u8 *)bytes)[i] = x >> 56;
	}
}

static size_t ip_header_len(const struct packet_spec *spec)
{
	if (spec->family == XDPLB_IPV4)
		return 20 + spec->ip_options;
	return 40 + (spec->ext_header ? 8 * (1 + spec->ext_more) : 0);
}

static size_t l4_header_len(const struct packet_spec *spec)
{
	if (spec->raw)
		return 0;
	switch (spec->proto) {
	case IPPROTO_TCP:
		return TCP_LEN + spec->tcp_options;
	case IPPROTO_UDP:
		return UDP_LEN;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return ICMP_LEN;
	default:
		return 0;
	}
}

size_t packet_l4_offset(const struct packet_spec *spec)
{
	return ETH_LEN + TAG_LEN * spec->vlan_tags + ip_header_len(spec);
}

size_t packet_l3_offset(const struct test_packet *packet)
{
	size_t at = ETH_LEN;

	while (get16(packet->data + at - 2) == 0x8100 || get16(packet->data + at - 2) == 0x88a8)
		at += TAG_LEN;
	return at;
}

static void put_ipv4(const struct packet_spec *spec, __u8 *ip, size_t l4_len)
{
	size_t len = ip_header_len(spec);

	ip[0] = 4 << 4 | len / 4;
	ip[1] = spec->tos;
	put16(ip + 2, len + l4_len);
	put16(ip + 4, spec->id);
	put16(ip + 6, spec->frag_off);
	ip[8] = spec->ttl;
	ip[9] = spec->proto;
	put16(ip + 10, 0);
	memcpy(ip + 12, spec->source.addr.word, 4);
	memcpy(ip + 16, spec->dest.addr.word, 4);
	packet_fill(ip + 20, spec->ip_options, 4711);
	put16(ip + 10, (__u16)~fold(sum_bytes(0, ip, len)));
}

static void put_ipv6(const struct packet_spec *spec, __u8 *ip, size_t l4_len)
{
	put32(ip, 6U << 28 | (__u32)spec->tos << 20 | (spec->flow_label & 0xfffff));
	put16(ip + 4, ip_header_len(spec) - 40 + l4_len);
	ip[6] = spec->ext_header ? spec->ext_header : spec->proto;
	if (spec->ext_header == EXT_HOPOPTS)
		ip[6] = IPPROTO_HOPOPTS;
	ip[7] = spec->ttl;
	memcpy(ip + 8, spec->source.addr.word, 16);
	memcpy(ip + 24, spec->dest.addr.word, 16);
	if (!spec->ext_header)
		return;
	for (int i = 0; i <= spec->ext_more; i++) {
		__u8 *ext = ip + 40 + 8 * i;

		memset(ext, 0, 8);
		ext[0] = i < spec->ext_more ? IPPROTO_DSTOPTS : spec->proto;
		if (i || spec->ext_header != IPPROTO_ROUTING)
			ext[2] = 1; /* PadN, 4 bytes; a routing header keeps type and segments 0 */
	}
	if (spec->ext_header != IPPROTO_FRAGMENT)
		return;
	put16(ip + 42, spec->frag_off);
	put32(ip + 44, spec->frag_id);
}

/* The sum of a pseudo header; addresses as they stand behind each other in the IP header. */
static __u64 pseudo_sum(const __u8 *addrs, size_t addrs_len, __u8 proto, size_t l4_len)
{
	return sum_bytes(proto + l4_len, addrs, addrs_len);
}

/* Where the checksum stands in the transport header; 0: it has none. */
static size_t check_offset(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

/* The right checksum of a transport packet whose own field counts as 0. */
static __u16 l4_checksum(__u8 family, __u8 proto, const __u8 *ip, const __u8 *l4, size_t len)
{
	size_t at = check_offset(proto);
	__u64 sum = 0;
	__u16 check;

	if (proto != IPPROTO_ICMP)
		sum = family == XDPLB_IPV4 ? pseudo_sum(ip + 12, 8, proto, len)
					   : pseudo_sum(ip + 8, 32, proto, len);
	sum = sum_bytes(sum, l4, at);
	sum = sum_bytes(sum, l4 + at + 2, len - at - 2);
	check = ~fold(sum);
	return proto == IPPROTO_UDP && !check ? 0xffff : check;
}

static void put_l4(const struct packet_spec *spec, const __u8 *ip, __u8 *l4, size_t len)
{
	size_t at = check_offset(spec->proto);

	if (spec->proto == IPPROTO_TCP || spec->proto == IPPROTO_UDP) {
		put16(l4, spec->source.port);
		put16(l4 + 2, spec->dest.port);
	}
	if (spec->proto == IPPROTO_UDP)
		put16(l4 + 4, len);
	if (spec->proto == IPPROTO_TCP) {
		put32(l4 + 4, 0x01020304);
		put32(l4 + 8, 0x0a0b0c0d);
		l4[12] = (TCP_LEN + spec->tcp_options) / 4 << 4;
		l4[13] = spec->tcp_flags;
		put16(l4 + 14, 0x7210);
		memset(l4 + TCP_LEN, 1, spec->tcp_options);
	}
	if (spec->proto == IPPROTO_ICMP || spec->proto == IPPROTO_ICMPV6) {
		l4[0] = spec->icmp_type;
		l4[1] = spec->icmp_code;
		put32(l4 + 4, spec->icmp_rest);
	}
	if (at && !(spec->no_checksum && spec->proto == IPPROTO_UDP))
		put16(l4 + at, l4_checksum(spec->family, spec->proto, ip, l4, len));
}

/* Makes room for tags in a frame that is `len` bytes long with them. */
static void put_tags(__u8 *eth, size_t len, __u8 tags)
{
	memmove(eth + 12 + TAG_LEN * tags, eth + 12, len - TAG_LEN * tags - 12);
	for (int i = 0; i < tags; i++) {
		put16(eth + 12 + TAG_LEN * i, i + 1 < tags ? 0x88a8 : 0x8100);
		put16(eth + 14 + TAG_LEN * i, 0x6064 + i); /* priority 3, VLAN 100 + i */
	}
}

void packet_build(const struct packet_spec *spec, struct test_packet *ret_packet)
{
	size_t header = l4_header_len(spec), l4_len = header + spec->payload_len;
	__u8 *eth = ret_packet->data, *ip = eth + ETH_LEN, *l4 = ip + ip_header_len(spec);

	if (packet_l4_offset(spec) + l4_len > PACKET_MAX)
		abort();
	memset(ret_packet, 0, sizeof(*ret_packet));
	ret_packet->len = packet_l4_offset(spec) + l4_len;
	memcpy(eth, spec->dest.mac, 6);
	memcpy(eth + 6, spec->source.mac, 6);
	put16(eth + 12, spec->family == XDPLB_IPV4 ? 0x0800 : 0x86dd);
	if (spec->payload)
		memcpy(l4 + header, spec->payload, spec->payload_len);
	else
		packet_fill(l4 + header, spec->payload_len, spec->seed);
	if (spec->family == XDPLB_IPV4)
		put_ipv4(spec, ip, l4_len);
	else
		put_ipv6(spec, ip, l4_len);
	if (!spec->raw)
		put_l4(spec, ip, l4, l4_len);
	put_tags(eth, packet_l4_offset(spec) + l4_len, spec->vlan_tags);
}

static const char *fault(const char *format, ...)
{
	static char text[160];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return text;
}

static const char *ip_fault(const __u8 *ip, size_t len, bool quoted);

/* The checksum of a whole transport packet. */
static const char *l4_fault(__u8 proto, const __u8 *ip, const __u8 *l4, size_t len, bool quoted)
{
	const char *of = quoted ? "quoted packet's" : "packet's";
	__u8 family = ip[0] >> 4;
	size_t at = check_offset(proto);
	__u32 right, there;

	if (!at)
		return NULL;
	if (len < at + 2)
		return fault("the %s protocol %u header is cut off", of, proto);
	right = l4_checksum(family, proto, ip, l4, len);
	there = get16(l4 + at);
	if (proto == IPPROTO_UDP && !there && family == XDPLB_IPV4)
		return NULL;
	if (right != there)
		return fault("the %s checksum of protocol %u is %04x, must be %04x", of, proto,
			     there, right);
	if (!quoted && ((proto == IPPROTO_ICMP && (l4[0] == 3 || l4[0] == 11 || l4[0] == 12)) ||
			(proto == IPPROTO_ICMPV6 && l4[0] < 128)))
		return ip_fault(l4 + ICMP_LEN, len - ICMP_LEN, true);
	return NULL;
}

static const char *ip_fault(const __u8 *ip, size_t len, bool quoted)
{
	const char *of = quoted ? "quoted packet's" : "packet's";
	size_t header = 40, total;
	__u8 proto = ip[6];

	if (len && ip[0] >> 4 == 4) {
		header = (ip[0] & 15) * 4;
		proto = ip[9];
		total = get16(ip + 2);
		if (fold(sum_bytes(0, ip, header)) != 0xffff)
			return fault("the %s IPv4 header checksum is %04x: wrong", of,
				     get16(ip + 10));
		if (get16(ip + 6) & 0x3fff)
			return NULL; /* a fragment: no whole transport packet */
	} else {
		total = header + get16(ip + 4);
		while (proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING ||
		       proto == IPPROTO_DSTOPTS) {
			proto = ip[header];
			header += 8 * (1 + ip[header + 1]);
		}
	}
	if (quoted && total > len)
		return NULL; /* cut off: only the sender could tell the checksum */
	if (total > len)
		return fault("the %s length is %zu, there are %zu", of, total, len);
	return l4_fault(proto, ip, ip + header, total - header, quoted);
}

/* What a label stack carries: IP, or a frame behind a control word; anything else has no checksum. */
static const char *labelled_fault(const __u8 *at, size_t len)
{
	while (len > 4 && !(at[2] & 1)) {
		at += 4;
		len -= 4;
	}
	if (len < 8)
		return NULL;
	at += 4;
	len -= 4;
	if (at[0] >> 4 == 4 || at[0] >> 4 == 6)
		return ip_fault(at, len, false);
	return NULL;
}

const char *packet_fault(const struct test_packet *packet)
{
	size_t l3 = packet_l3_offset(packet);
	const __u8 *at = packet->data + l3;
	size_t len = packet->len - l3;

	switch (get16(at - 2)) {
	case 0x0800:
	case 0x86dd:
		return ip_fault(at, len, false);
	case 0x8847:
		return labelled_fault(at, len);
	default:
		return NULL;
	}
}

bool packet_same(const struct test_packet *a, const struct test_packet *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static size_t put_row(char *text, size_t size, const char *name, const struct test_packet *packet,
		      size_t offset)
{
	size_t at = snprintf(text, size, "  %4zu %s", offset, name);

	for (size_t i = offset; i < offset + 16 && i < packet->len; i++)
		at += snprintf(text + at, size - at, " %02x", packet->data[i]);
	return at + snprintf(text + at, size - at, "\n");
}

const char *packet_diff(const struct test_packet *want, const struct test_packet *got)
{
	static char text[PACKET_MAX * 10];
	size_t at = snprintf(text, sizeof(text), "want %zu bytes, got %zu\n", want->len, got->len);
	size_t len = want->len > got->len ? want->len : got->len;

	for (size_t i = 0; i < len; i += 16) {
		size_t row = len - i < 16 ? len - i : 16;

		if (want->len == got->len && !memcmp(want->data + i, got->data + i, row))
			continue;
		at += put_row(text + at, sizeof(text) - at, "want", want, i);
		at += put_row(text + at, sizeof(text) - at, "got ", got, i);
	}
	return text;
}
