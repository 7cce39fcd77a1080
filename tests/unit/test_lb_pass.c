// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: what is not ours passes untouched and uncounted; what is ours and can't be served is dropped
 * and counted.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "node_setup.h"

TestSuite(lb_pass);

#define ANY      0
#define STRANGER true

/* Changes a packet that is built. */
typedef void edit_fn(struct test_packet *packet);

struct pass_row {
	const char *name;
	__u8 family; /* ANY: both */
	__u8 proto; /* ANY: TCP and UDP */
	bool stranger; /* to an address that is no VIP */
	__u16 port; /* destination port, or 0: VIP_PORT */
	__u16 frag_off;
	__u8 ext_header, ext_more;
	int cut; /* bytes of the transport header that are left; -1: all */
	edit_fn *edit;
	int drop;
};

static bool is_ipv4(const struct test_packet *packet)
{
	return packet->data[ETH_LEN] >> 4 == 4;
}

static void to_arp(struct test_packet *packet)
{
	packet->data[12] = 0x08;
	packet->data[13] = 0x06;
}

static void to_ptp(struct test_packet *packet)
{
	packet->data[12] = 0x88;
	packet->data[13] = 0xf7;
}

static void to_other_family(struct test_packet *packet)
{
	bool ipv4 = is_ipv4(packet);

	packet->data[12] = ipv4 ? 0x86 : 0x08;
	packet->data[13] = ipv4 ? 0xdd : 0x00;
}

static void add_tags(struct test_packet *packet, int tags)
{
	static const __u8 tag[] = { 0x81, 0, 0, 100 };

	for (int i = 0; i < tags; i++) {
		memmove(packet->data + 16, packet->data + 12, packet->len - 12);
		memcpy(packet->data + 12, tag, 4);
		packet->len += 4;
	}
}

static void add_three_tags(struct test_packet *packet)
{
	add_tags(packet, 3);
}

/* A tag of which half is missing, and one with nothing behind it. */
static void cut_tag(struct test_packet *packet)
{
	add_tags(packet, 1);
	packet->len = 16;
}

static void cut_behind_tag(struct test_packet *packet)
{
	add_tags(packet, 2);
	packet->len = 22;
}

/* The destination of a routing header with a segment left is not where the packet ends. */
static void leave_segment(struct test_packet *packet)
{
	packet->data[ETH_LEN + 40 + 3] = 1;
}

static void lengthen_extension(struct test_packet *packet)
{
	packet->data[ETH_LEN + 40 + 1] = 16; /* 136 bytes */
}

static void cut_extension(struct test_packet *packet)
{
	packet->len = ETH_LEN + 40 + 3;
}

static void set_version(struct test_packet *packet)
{
	packet->data[ETH_LEN] = (packet->data[ETH_LEN] & 15) | 5 << 4;
}

static void set_ihl4(struct test_packet *packet)
{
	packet->data[ETH_LEN] = 0x44;
}

static void set_ihl0(struct test_packet *packet)
{
	packet->data[ETH_LEN] = 0x40;
}

static void cut_ip(struct test_packet *packet)
{
	packet->len = ETH_LEN + (is_ipv4(packet) ? 19 : 39);
}

static void cut_all_ip(struct test_packet *packet)
{
	packet->len = ETH_LEN;
}

/* Options that the packet has no room for. */
static void set_ihl15_and_cut(struct test_packet *packet)
{
	packet->data[ETH_LEN] = 0x4f;
	packet->len = ETH_LEN + 60 + 7;
}

/* The next lower address: no VIP, though all but a bit is alike. */
static void to_neighbour(struct test_packet *packet)
{
	packet->data[ETH_LEN + (is_ipv4(packet) ? 19 : 39)] ^= 1;
}

static void to_neighbour_high(struct test_packet *packet)
{
	packet->data[ETH_LEN + (is_ipv4(packet) ? 16 : 24)] ^= 1;
}

static const struct pass_row pass_rows[] = {
	{ "ARP", ANY, ANY, .cut = -1, .edit = to_arp, .drop = NO_DROP },
	{ "Ethertype 88f7", ANY, ANY, .cut = -1, .edit = to_ptp, .drop = NO_DROP },
	{ "Ethertype of the other family", ANY, ANY, .cut = -1, .edit = to_other_family,
	  .drop = NO_DROP },
	{ "three tags", ANY, ANY, .cut = -1, .edit = add_three_tags, .drop = NO_DROP },
	{ "half a tag", ANY, ANY, .cut = -1, .edit = cut_tag, .drop = NO_DROP },
	{ "tags alone", ANY, ANY, .cut = -1, .edit = cut_behind_tag, .drop = NO_DROP },
	{ "version 5", ANY, ANY, .cut = -1, .edit = set_version, .drop = NO_DROP },
	{ "ihl 4", XDPLB_IPV4, ANY, .cut = -1, .edit = set_ihl4, .drop = NO_DROP },
	{ "ihl 0", XDPLB_IPV4, ANY, .cut = -1, .edit = set_ihl0, .drop = NO_DROP },
	{ "IP header cut off", ANY, ANY, .cut = -1, .edit = cut_ip, .drop = NO_DROP },
	{ "Ethernet header alone", ANY, ANY, .cut = -1, .edit = cut_all_ip, .drop = NO_DROP },
	{ "unknown address", ANY, ANY, STRANGER, .cut = -1, .drop = NO_DROP },
	{ "address with the last bit changed", ANY, ANY, .cut = -1, .edit = to_neighbour,
	  .drop = NO_DROP },
	{ "address with the first byte changed", ANY, ANY, .cut = -1, .edit = to_neighbour_high,
	  .drop = NO_DROP },
	{ "other port of a VIP", ANY, ANY, .port = 81, .cut = -1, .drop = NO_DROP },
	{ "port 80 in the other byte order", ANY, ANY, .port = 80 << 8, .cut = -1,
	  .drop = NO_DROP },
	{ "SCTP", ANY, IPPROTO_SCTP, .cut = -1, .drop = NO_DROP },
	{ "GRE", ANY, IPPROTO_GRE, .cut = -1, .drop = NO_DROP },
	{ "UDP-Lite", ANY, IPPROTO_UDPLITE, .cut = -1, .drop = NO_DROP },
	{ "ping", XDPLB_IPV4, IPPROTO_ICMP, STRANGER, .cut = -1, .drop = NO_DROP },
	{ "ping", XDPLB_IPV6, IPPROTO_ICMPV6, STRANGER, .cut = -1, .drop = NO_DROP },
	{ "7 bytes of a ping", XDPLB_IPV4, IPPROTO_ICMP, .cut = 7, .drop = NO_DROP },
	{ "7 bytes of a ping", XDPLB_IPV6, IPPROTO_ICMPV6, .cut = 7, .drop = NO_DROP },
	{ "ICMP of the other family", XDPLB_IPV6, IPPROTO_ICMP, .cut = -1, .drop = NO_DROP },
	{ "destination options to a stranger", XDPLB_IPV6, ANY, STRANGER,
	  .ext_header = IPPROTO_DSTOPTS, .cut = -1, .drop = NO_DROP },
	{ "five extension headers to a stranger", XDPLB_IPV6, ANY, STRANGER,
	  .ext_header = IPPROTO_DSTOPTS, .ext_more = 4, .cut = -1, .drop = NO_DROP },
	{ "authentication header", XDPLB_IPV6, ANY, .ext_header = IPPROTO_AH, .cut = -1,
	  .drop = NO_DROP },

	{ "five extension headers", XDPLB_IPV6, ANY, .ext_header = IPPROTO_DSTOPTS, .ext_more = 4,
	  .cut = -1, .drop = XDPLB_DROP_EXTENSIONS },
	{ "routing header with a segment left", XDPLB_IPV6, ANY, .ext_header = IPPROTO_ROUTING,
	  .cut = -1, .edit = leave_segment, .drop = XDPLB_DROP_EXTENSIONS },
	{ "extension header of 136 bytes", XDPLB_IPV6, ANY, .ext_header = IPPROTO_DSTOPTS,
	  .cut = -1, .edit = lengthen_extension, .drop = XDPLB_DROP_EXTENSIONS },
	{ "extension header cut off", XDPLB_IPV6, ANY, .ext_header = IPPROTO_DSTOPTS, .cut = -1,
	  .edit = cut_extension, .drop = XDPLB_DROP_TRUNCATED },
	{ "7 bytes behind an extension header", XDPLB_IPV6, ANY, .ext_header = IPPROTO_DSTOPTS,
	  .cut = 7, .drop = XDPLB_DROP_TRUNCATED },

	{ "middle fragment", XDPLB_IPV4, ANY, .frag_off = IP_FLAG_MF | 100, .cut = -1,
	  .drop = XDPLB_DROP_FRAGMENT_UNKNOWN },
	{ "last fragment", XDPLB_IPV4, ANY, .frag_off = 1, .cut = -1,
	  .drop = XDPLB_DROP_FRAGMENT_UNKNOWN },
	{ "last fragment, 1 byte", XDPLB_IPV4, ANY, .frag_off = 0x1fff, .cut = 1,
	  .drop = XDPLB_DROP_FRAGMENT_UNKNOWN },
	{ "first fragment, other port", XDPLB_IPV4, ANY, .port = 81, .frag_off = IP_FLAG_MF,
	  .cut = -1, .drop = XDPLB_DROP_FRAGMENT },
	{ "first fragment, other port", XDPLB_IPV6, ANY, .port = 81, .ext_header = IPPROTO_FRAGMENT,
	  .frag_off = 1, .cut = -1, .drop = XDPLB_DROP_FRAGMENT },
	{ "first fragment, 7 bytes", XDPLB_IPV4, ANY, .frag_off = IP_FLAG_MF, .cut = 7,
	  .drop = XDPLB_DROP_TRUNCATED },
	{ "first fragment, 7 bytes", XDPLB_IPV6, ANY, .ext_header = IPPROTO_FRAGMENT, .frag_off = 1,
	  .cut = 7, .drop = XDPLB_DROP_TRUNCATED },
	{ "half a fragment header", XDPLB_IPV6, ANY, .ext_header = IPPROTO_FRAGMENT, .cut = -1,
	  .edit = cut_extension, .drop = XDPLB_DROP_TRUNCATED },
	{ "later fragment", XDPLB_IPV6, ANY, .ext_header = IPPROTO_FRAGMENT, .frag_off = 0x100,
	  .cut = -1, .drop = XDPLB_DROP_FRAGMENT_UNKNOWN },
	{ "fragment of a ping", XDPLB_IPV4, IPPROTO_ICMP, STRANGER, .frag_off = IP_FLAG_MF,
	  .cut = -1, .drop = NO_DROP },
	{ "fragment to a stranger", XDPLB_IPV4, ANY, STRANGER, .frag_off = IP_FLAG_MF, .cut = -1,
	  .drop = NO_DROP },
	{ "last fragment to a stranger", XDPLB_IPV4, ANY, STRANGER, .frag_off = 7, .cut = -1,
	  .drop = NO_DROP },
	{ "fragment to a stranger", XDPLB_IPV6, ANY, STRANGER, .ext_header = IPPROTO_FRAGMENT,
	  .cut = -1, .drop = NO_DROP },

	{ "no byte of its header", ANY, ANY, .cut = 0, .drop = XDPLB_DROP_TRUNCATED },
	{ "ports alone", ANY, ANY, .cut = 4, .drop = XDPLB_DROP_TRUNCATED },
	{ "7 bytes", ANY, ANY, .cut = 7, .drop = XDPLB_DROP_TRUNCATED },
	{ "19 bytes", ANY, IPPROTO_TCP, .cut = 19, .drop = XDPLB_DROP_TRUNCATED },
	{ "ports alone, other port", ANY, ANY, .port = 81, .cut = 4, .drop = XDPLB_DROP_TRUNCATED },
	{ "options cut off", XDPLB_IPV4, ANY, .cut = -1, .edit = set_ihl15_and_cut,
	  .drop = XDPLB_DROP_TRUNCATED },
	{ "no byte of its header, to a stranger", ANY, ANY, STRANGER, .cut = 0, .drop = NO_DROP },
	{ "7 bytes to a stranger", ANY, ANY, STRANGER, .cut = 7, .drop = NO_DROP },
	{ "options cut off, to a stranger", XDPLB_IPV4, ANY, STRANGER, .cut = -1,
	  .edit = set_ihl15_and_cut, .drop = NO_DROP },
};

static void run_pass_row(struct lb_setup *lb, const struct pass_row *row, __u8 family, __u8 proto)
{
	struct packet_spec spec = setup_spec(family, proto);
	struct test_packet packet;
	struct expected expected = { XDP_PASS, &packet, row->drop, 0 };
	char name[96];
	size_t l4;

	if (row->stranger)
		spec.dest.addr = setup_addrs(family)->stranger;
	if (row->port)
		spec.dest.port = row->port;
	if (row->frag_off)
		spec.frag_off = row->frag_off;
	spec.ext_header = row->ext_header;
	spec.ext_more = row->ext_more;
	spec.icmp_type = family == XDPLB_IPV4 ? 8 : 128;
	l4 = packet_l4_offset(&spec);
	packet_build(&spec, &packet);
	if (row->edit)
		row->edit(&packet);
	if (row->cut >= 0)
		packet.len = l4 + row->cut;
	if (row->drop != NO_DROP)
		expected.verdict = XDP_DROP;
	snprintf(name, sizeof(name), "%s, %s", setup_kind(family, proto), row->name);
	check_run(name, lb->skel->progs.lb_xdp, lb->counters, &packet, 0, &expected);
}

Test(lb_pass, rows)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, 1);
	for (int f = 0; f < 2; f++) {
		for (size_t r = 0; r < sizeof(pass_rows) / sizeof(pass_rows[0]); r++) {
			const struct pass_row *row = &pass_rows[r];

			if (row->family && row->family != setup_families[f])
				continue;
			if (row->proto) {
				run_pass_row(&lb, row, setup_families[f], row->proto);
				continue;
			}
			run_pass_row(&lb, row, setup_families[f], IPPROTO_TCP);
			run_pass_row(&lb, row, setup_families[f], IPPROTO_UDP);
		}
	}
	for (__u32 i = 0; i < SETUP_MEMBERS; i++)
		cr_assert_eq(lb_setup_traffic(&lb, i).packets, 0, "member %u", i);
	lb_setup_close(&lb);
}

/* With ihl 0 .. 4, were it believed, the ports would be found in the IP header: a VIP's ports. */
Test(lb_pass, ihl_below_5_is_not_believed)
{
	struct lb_setup lb;

	for (int ihl = 0; ihl < 2 * 5; ihl++) {
		struct packet_spec spec = setup_spec(XDPLB_IPV4, setup_protos[ihl % 2]);
		struct test_packet packet;
		struct expected expected = { XDP_PASS, &packet, NO_DROP, 0 };
		__u8 *ip = packet.data + ETH_LEN, *port = ip + ihl / 2 * 4 + 2;
		struct setup_endpoint vip = {
			spec.dest.addr,
			0,
			spec.proto,
			XDPLB_IPV4,
			setup_service(XDPLB_IPV4, spec.proto),
		};

		lb_setup_open(&lb);
		lb_setup_fill(&lb, 1);
		packet_build(&spec, &packet);
		ip[0] = 4 << 4 | ihl / 2;
		vip.port = port[0] << 8 | port[1];
		lb_setup_vip(&lb, &vip);
		check_run(setup_kind(XDPLB_IPV4, spec.proto), lb.skel->progs.lb_xdp, lb.counters,
			  &packet, 0, &expected);
		lb_setup_close(&lb);
	}
}

/* A port of a VIP that is served for the other protocol only. */
Test(lb_pass, other_protocol_of_a_vip)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, 1);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct setup_endpoint vip = {
			setup_addrs(family)->vips[0], 4000 + i, proto, family,
			setup_service(family, proto),
		};
		struct packet_spec spec = setup_spec(family, setup_protos[1 - i % 2]);
		struct test_packet packet;
		struct expected expected = { XDP_PASS, &packet, NO_DROP, 0 };

		lb_setup_vip(&lb, &vip);
		spec.dest.port = 4000 + i;
		packet_build(&spec, &packet);
		check_run(setup_kind(family, spec.proto), lb.skel->progs.lb_xdp, lb.counters,
			  &packet, 0, &expected);
	}
	lb_setup_close(&lb);
}

Test(lb_pass, empty_maps)
{
	struct lb_setup lb;

	lb_setup_open(&lb);
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		struct packet_spec spec = setup_spec(family, proto);
		struct test_packet packet;
		struct expected expected = { XDP_PASS, &packet, NO_DROP, 0 };

		packet_build(&spec, &packet);
		check_run(setup_kind(family, proto), lb.skel->progs.lb_xdp, lb.counters, &packet, 0,
			  &expected);
	}
	lb_setup_close(&lb);
}
