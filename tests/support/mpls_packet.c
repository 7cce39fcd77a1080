// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Building labelled frames, byte by byte.
 */
#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "mpls_packet.h"

#define EVENT_PORT   319
#define GENERAL_PORT 320

const char *const ptp_over_names[PTP_OVER_COUNT] = { "UDP/IPv4", "UDP/IPv6", "Ethernet" };

static const __u8 sender_mac[6] = { 2, 0, 0, 0, 0x77, 1 };
static const __u8 ptp_mac[6] = { 0x01, 0x1b, 0x19, 0, 0, 0 };

static void put_be(__u8 *at, __u64 value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--, value >>= 8)
		at[i] = value;
}

static void put_message(const struct ptp_spec *spec, __u8 *message)
{
	packet_fill(message, PTP_LEN, spec->seed + 1);
	message[0] = 0x10 | spec->type;
	message[1] = 0x10 | spec->version;
	put_be(message + 2, PTP_LEN, 2);
	message[4] = spec->domain;
	put_be(message + 8, spec->correction, 8);
}

static void build_ethernet(const __u8 *message, size_t len, struct test_packet *ret_packet)
{
	memset(ret_packet, 0, sizeof(*ret_packet));
	memcpy(ret_packet->data, ptp_mac, 6);
	memcpy(ret_packet->data + 6, sender_mac, 6);
	put_be(ret_packet->data + 12, 0x88f7, 2);
	memcpy(ret_packet->data + ETH_LEN, message, len);
	ret_packet->len = ETH_LEN + len;
}

void ptp_build(const struct ptp_spec *spec, struct test_packet *ret_packet)
{
	bool v4 = spec->over == PTP_OVER_UDP4;
	__u8 message[PTP_LEN];
	struct packet_spec udp = {
		.family = v4 ? XDPLB_IPV4 : XDPLB_IPV6,
		.proto = IPPROTO_UDP,
		.source.addr = packet_addr(v4 ? "10.9.0.1" : "2001:db8:9::1"),
		.dest.addr = packet_addr(v4 ? "224.0.1.129" : "ff0e::181"),
		.ttl = 1,
		.tos = 0xb8,
		.id = 77,
		.no_checksum = spec->no_checksum,
		.ip_options = spec->ip_options,
		.payload = message,
		.payload_len = PTP_LEN - spec->cut,
	};

	put_message(spec, message);
	if (spec->over == PTP_OVER_ETHERNET) {
		build_ethernet(message, PTP_LEN - spec->cut, ret_packet);
		return;
	}
	udp.source.port = udp.dest.port = spec->port       ? spec->port
					  : spec->type < 8 ? EVENT_PORT
							   : GENERAL_PORT;
	memcpy(udp.source.mac, sender_mac, 6);
	memcpy(udp.dest.mac, "\x01\x00\x5e\x00\x01\x81", 6);
	packet_build(&udp, ret_packet);
}

static void put_labels(__u8 *at, const struct label *labels, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put_be(at + 4 * i,
		       labels[i].number << 12 | labels[i].tc << 9 | (i + 1 == count) << 8 |
			       labels[i].ttl,
		       4);
}

void mpls_label(const struct test_packet *in, const struct label *labels, size_t count,
		struct test_packet *ret_packet)
{
	struct test_packet out = { .len = in->len + 4 * count };

	memcpy(out.data, in->data, 12);
	put_be(out.data + 12, 0x8847, 2);
	put_labels(out.data + ETH_LEN, labels, count);
	memcpy(out.data + ETH_LEN + 4 * count, in->data + ETH_LEN, in->len - ETH_LEN);
	*ret_packet = out;
}

void mpls_wire(const struct test_packet *in, const struct label *labels, size_t count, __u32 word,
	       struct test_packet *ret_packet)
{
	size_t head = ETH_LEN + 4 * count + 4;
	struct test_packet out = { .len = head + in->len };

	memcpy(out.data, in->data, 12);
	put_be(out.data + 12, 0x8847, 2);
	put_labels(out.data + ETH_LEN, labels, count);
	put_be(out.data + head - 4, word, 4);
	memcpy(out.data + head, in->data, in->len);
	*ret_packet = out;
}

void mpls_labels(enum ptp_over over, const struct test_packet *in, const struct label *labels,
		 size_t count, struct test_packet *ret_packet)
{
	__u32 len = in->len + 4;

	if (over == PTP_OVER_ETHERNET)
		mpls_wire(in, labels, count, len < 64 ? len << 16 : 0, ret_packet);
	else
		mpls_label(in, labels, count, ret_packet);
}

void mpls_macs(struct test_packet *packet, const __u8 *dest, const __u8 *source)
{
	memcpy(packet->data, dest, 6);
	memcpy(packet->data + 6, source, 6);
}

void probe_build(const struct xdplb_ach *probe, const struct label *labels, size_t count,
		 const __u8 *key, struct test_packet *ret_packet)
{
	struct label stack[16];
	struct test_packet bare = { .len = ETH_LEN + sizeof(*probe) };
	struct xdplb_ach sealed = *probe;

	if (count >= 16 || sodium_init() < 0)
		abort();
	memcpy(stack, labels, count * sizeof(*labels));
	stack[count] = (struct label){ .number = 13, .ttl = 255 };
	crypto_shorthash((__u8 *)&sealed.mac, (const __u8 *)&sealed,
			 offsetof(struct xdplb_ach, mac), key);
	memcpy(bare.data + ETH_LEN, &sealed, sizeof(sealed));
	mpls_label(&bare, stack, count + 1, ret_packet);
}
