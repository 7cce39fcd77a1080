// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "workloads.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>

#include "sizes.h"
#include "subjects.h"

/* clang-format off */
#define CLIENT	{ NODE_NOTED_CLIENT, NODE_NOTED_PORT }
#define VIP	{ LB_VIP, LB_VPORT }
#define LARGE	{ LB_VIP, LB_LARGE_VPORT } /* the service with many members */
#define HALF	{ LB_VIP, LB_HALF_VPORT } /* half of its members are down */
#define DOWN	{ LB_VIP, LB_DOWN_VPORT } /* all are */
#define ACL	{ LB_VIP, LB_ACL_VPORT } /* it allows 10,000 prefixes */
#define QUIC	{ LB_VIP, LB_QUIC_VPORT } /* by connection id */
#define NAMED	{ LB_BACKEND + 3, LB_TAG } /* whom the id names */
#define CACHED	{ LB_VIP, LB_CACHE_VPORT } /* it remembers flows */
#define TAGGED	{ 0, LB_TAG }
#define NOTED	{ LB_BACKEND, LB_VPORT } /* a later fragment has no ports to rewrite */
#define OTHER	{ 0xc0000263, 80 } /* 192.0.2.99, no VIP */
#define LOCAL	{ NODE_LOCAL, NODE_TAG }
#define SOURCE	{ NODE_SOURCE, NODE_TAG }
#define SOCKET	{ NODE_SOCKET, NODE_TAG } /* hands over; the connection is there */
#define HANDING	{ NODE_HANDING, NODE_TAG } /* hands over; no socket */
#define HANDED	{ LB_VIP, NODE_HANDING_VPORT } /* the VIP and port of that */
#define NEXT	{ NODE_PEER, NODE_TAG }
#define SERVER	{ NODE_SOURCE, NODE_SOURCE_PORT }
#define SSH	{ NODE_SOURCE, 22 } /* nothing of ours */

#define TCP4 .family = XDPLB_IPV4, .proto = IPPROTO_TCP
#define UDP4 .family = XDPLB_IPV4, .proto = IPPROTO_UDP
#define TCP6 .family = XDPLB_IPV6, .proto = IPPROTO_TCP

#define CLOCK	{ 0x0a090001, 319 }
#define PEER	{ 0x0a090002, 319 }
#define SYNC	UDP4, .ptp = true, .source = CLOCK, .dest = PEER

/* What a target of ours puts before a packet: nothing. Katran: an IPv4 header. */
#define IPIP	20

/* A million flows at random over all services of a size. */
#define SIZED(key, target, number, to, before, ...)                             \
	{ key, target, DRIVER_XDP4_SERVICES, 1000000,                            \
	  { TCP4, .dest = { SIZE_VIP(number), LB_VPORT } },                      \
	  XDP_TX, true, {}, to, .size = number, .encap = before, ##__VA_ARGS__ }

/* So many flows at random, and the reference with as many. */
#define FLOWS(name, count)                                                      \
	{ "lb_flows_" name, TARGET_LB, DRIVER_XDP4_FLOWS, count,                 \
	  { TCP4, .dest = VIP },                                                 \
	  XDP_TX, true, {}, TAGGED, .usual = PLOTTED },                          \
	{ "lru_flows_" name, TARGET_LRU, DRIVER_XDP4_FLOWS, count,               \
	  { TCP4, .dest = VIP },                                                 \
	  XDP_TX, false, {}, VIP, .usual = PLOTTED }

/* key, whose time, driver, flows, frame in; what comes out: verdict, counted, source, dest */
const struct workload workloads[] = {
	{ "lb_floor_ns", TARGET_NONE, DRIVER_XDP4, 0,
	  { TCP4, .source = CLIENT, .dest = VIP },
	  XDP_TX, false, CLIENT, VIP },
	{ "lru_ref_ns", TARGET_LRU, DRIVER_XDP4_FLOWS, LRU_FLOWS,
	  { TCP4, .dest = VIP },
	  XDP_TX, false, {}, VIP },
	{ "lb_tcp4_1flow", TARGET_LB, DRIVER_XDP4, 0,
	  { TCP4, .source = CLIENT, .dest = VIP },
	  XDP_TX, true, CLIENT, TAGGED },
	{ "lb_tcp4_64k", TARGET_LB, DRIVER_XDP4_FLOWS, 65536,
	  { TCP4, .dest = VIP },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_tcp4_1m", TARGET_LB, DRIVER_XDP4_FLOWS, 1000000,
	  { TCP4, .dest = VIP },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_tcp4_1m_large", TARGET_LB, DRIVER_XDP4_FLOWS, 1000000,
	  { TCP4, .dest = LARGE },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_syn4_new", TARGET_LB, DRIVER_XDP4_FLOWS, FLOWS_NEW,
	  { TCP4, .dest = VIP, .syn = true },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_udp4_new", TARGET_LB, DRIVER_XDP4_FLOWS, FLOWS_NEW,
	  { UDP4, .dest = VIP },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_udp4_1m", TARGET_LB, DRIVER_XDP4_FLOWS, 1000000,
	  { UDP4, .dest = VIP },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_quic_1m", TARGET_LB, DRIVER_XDP4_FLOWS, 1000000,
	  { UDP4, .dest = QUIC, .quic_id = LB_QUIC_ID + 3 },
	  XDP_TX, true, {}, NAMED },
	{ "lb_frag4", TARGET_LB, DRIVER_XDP4_FLOWS, LB_FRAGMENTS,
	  { UDP4, .dest = VIP, .later = true },
	  XDP_TX, true, {}, NOTED },
	{ "lb_tcp6_1m", TARGET_LB, DRIVER_XDP6_FLOWS, 1000000,
	  { TCP6, .dest = VIP },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_acl_tcp4_1m", TARGET_LB, DRIVER_XDP4_FLOWS, 1000000,
	  { TCP4, .dest = ACL },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_cache_tcp4_1m", TARGET_LB, DRIVER_XDP4_FLOWS, LB_CACHED_FLOWS,
	  { TCP4, .dest = CACHED },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_half_down_1m", TARGET_LB, DRIVER_XDP4_FLOWS, 1000000,
	  { TCP4, .dest = HALF },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_all_down_1m", TARGET_LB, DRIVER_XDP4_FLOWS, 1000000,
	  { TCP4, .dest = DOWN },
	  XDP_DROP, false, {}, DOWN },
	{ "lb_pass_novip", TARGET_LB, DRIVER_XDP4, 0,
	  { TCP4, .source = CLIENT, .dest = OTHER },
	  XDP_PASS, false, CLIENT, OTHER },
	{ "node_local_ns", TARGET_NODE_INGRESS, DRIVER_TC4, 0,
	  { TCP4, .source = CLIENT, .dest = LOCAL, .marked_for = VIP },
	  TC_ACT_UNSPEC, false, CLIENT, VIP },
	{ "node_source_ns", TARGET_NODE_INGRESS, DRIVER_TC4, 0,
	  { TCP4, .source = CLIENT, .dest = SOURCE, .marked_for = VIP },
	  TC_ACT_UNSPEC, false, CLIENT, SERVER },
	{ "node_socket_ns", TARGET_NODE_INGRESS, DRIVER_TC4, 0,
	  { TCP4, .source = CLIENT, .dest = SOCKET, .marked_for = VIP },
	  TC_ACT_UNSPEC, false, CLIENT, VIP },
	{ "node_handover_ns", TARGET_NODE_INGRESS, DRIVER_TC4, 0,
	  { TCP4, .source = CLIENT, .dest = HANDING, .marked_for = HANDED },
	  TC_ACT_REDIRECT, false, CLIENT, NEXT },
	{ "node_pass_ns", TARGET_NODE_INGRESS, DRIVER_TC4, 0,
	  { TCP4, .source = CLIENT, .dest = SSH },
	  TC_ACT_UNSPEC, false, CLIENT, SSH },
	{ "node_reply_ns", TARGET_NODE_EGRESS, DRIVER_TC4, 0,
	  { TCP4, .source = SERVER, .dest = CLIENT },
	  TC_ACT_UNSPEC, false, VIP, CLIENT },
	{ "node_reply_pass_ns", TARGET_NODE_EGRESS, DRIVER_TC4, 0,
	  { TCP4, .source = SSH, .dest = CLIENT },
	  TC_ACT_UNSPEC, false, SSH, CLIENT },
	{ "ptp_push_ns", TARGET_PUSH, DRIVER_PUSH, 0,
	  { SYNC },
	  TC_ACT_REDIRECT, false, CLOCK, PEER, MPLS_PUSHED },
	{ "lsr_swap_ns", TARGET_LSR, DRIVER_MPLS, 0,
	  { SYNC, .labels = { MPLS_SWAP, MPLS_LAST } },
	  XDP_REDIRECT, false, CLOCK, PEER, MPLS_SWAPPED },
	{ "lsr_swap_tc_ns", TARGET_LSR, DRIVER_MPLS, 0,
	  { SYNC, .labels = { MPLS_SWAP_PTP, MPLS_LAST } },
	  XDP_REDIRECT, false, CLOCK, PEER, MPLS_SWAPPED },
	{ "lsr_correct_ns", TARGET_LSR_EGRESS, DRIVER_EGRESS, 0,
	  { SYNC, .labels = { MPLS_SWAPPED, MPLS_LAST } },
	  XDP_PASS, false, CLOCK, PEER, MPLS_SWAPPED },
	{ "ptp_pop_ns", TARGET_LSR, DRIVER_MPLS, 0,
	  { SYNC, .labels = { MPLS_POP, MPLS_LAST } },
	  XDP_PASS, false, CLOCK, PEER },
	SIZED("lb_size_1x10", TARGET_LB_SIZED, SIZE_1X10, TAGGED, 0, .usual = PLOTTED),
	SIZED("lb_size_10x10", TARGET_LB_SIZED, SIZE_10X10, TAGGED, 0),
	SIZED("lb_size_100x10", TARGET_LB_SIZED, SIZE_100X10, TAGGED, 0, .usual = PLOTTED),
	SIZED("lb_size_1000x10", TARGET_LB_SIZED, SIZE_1000X10, TAGGED, 0, .usual = PLOTTED),
	SIZED("lb_size_10000x10", TARGET_LB_SIZED, SIZE_10000X10, TAGGED, 0),
	SIZED("lb_size_10x100", TARGET_LB_SIZED, SIZE_10X100, TAGGED, 0, .usual = PLOTTED),
	SIZED("lb_size_10x1000", TARGET_LB_SIZED, SIZE_10X1000, TAGGED, 0, .usual = PLOTTED),
	SIZED("lb_size_10x10000", TARGET_LB_SIZED, SIZE_10X10000, TAGGED, 0),
	SIZED("lb_size_400x10", TARGET_LB_SIZED, SIZE_400X10, TAGGED, 0),
	SIZED("lb_size_10x400", TARGET_LB_SIZED, SIZE_10X400, TAGGED, 0),
	FLOWS("10", 10), FLOWS("100", 100), FLOWS("1k", 1000), FLOWS("10k", 10000),
	FLOWS("100k", 100000), FLOWS("1m", 1000000),
	{ "lb_flows_10m", TARGET_LB, DRIVER_XDP4_FLOWS, 10000000,
	  { TCP4, .dest = VIP },
	  XDP_TX, true, {}, TAGGED, .usual = PLOTTED },
	{ "katran_tcp4_1flow", TARGET_KATRAN, DRIVER_XDP4_FLOWS, 1,
	  { TCP4, .dest = VIP },
	  XDP_TX, true, {}, VIP, .encap = IPIP },
	{ "katran_tcp4_1m", TARGET_KATRAN, DRIVER_XDP4_FLOWS, 1000000,
	  { TCP4, .dest = VIP },
	  XDP_TX, true, {}, VIP, .encap = IPIP },
	{ "katran_syn4_new", TARGET_KATRAN_NEW, DRIVER_XDP4_FLOWS, FLOWS_NEW,
	  { TCP4, .dest = VIP, .syn = true },
	  XDP_TX, true, {}, VIP, .encap = IPIP },
	{ "katran_udp4_new", TARGET_KATRAN_NEW, DRIVER_XDP4_FLOWS, FLOWS_NEW,
	  { UDP4, .dest = VIP },
	  XDP_TX, true, {}, VIP, .encap = IPIP },
	{ "katran_pass_novip", TARGET_KATRAN, DRIVER_XDP4, 0,
	  { TCP4, .source = CLIENT, .dest = OTHER },
	  XDP_PASS, false, CLIENT, OTHER },
	SIZED("katran_size_10x10", TARGET_KATRAN_SIZED, SIZE_10X10, {}, IPIP),
	SIZED("katran_size_400x10", TARGET_KATRAN_SHIPPED, SIZE_400X10, {}, IPIP),
	SIZED("katran_size_10x400", TARGET_KATRAN_SHIPPED, SIZE_10X400, {}, IPIP),
	SIZED("katran_size_10000x10", TARGET_KATRAN_SIZED, SIZE_10000X10, {}, IPIP),
	SIZED("katran_size_10x10000", TARGET_KATRAN_SIZED, SIZE_10X10000, {}, IPIP),
};
/* clang-format on */

const size_t workload_count = sizeof(workloads) / sizeof(workloads[0]);
