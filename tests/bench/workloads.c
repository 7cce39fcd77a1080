// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "workloads.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>

#include "subjects.h"

/* clang-format off */
#define CLIENT	{ NODE_NOTED_CLIENT, NODE_NOTED_PORT }
#define VIP	{ LB_VIP, LB_VPORT }
#define LARGE	{ LB_VIP, LB_LARGE_VPORT } /* the service with many members */
#define HALF	{ LB_VIP, LB_HALF_VPORT } /* half of its members are down */
#define DOWN	{ LB_VIP, LB_DOWN_VPORT } /* all are */
#define ACL	{ LB_VIP, LB_ACL_VPORT } /* it allows 10,000 prefixes */
#define TAGGED	{ 0, LB_TAG }
#define OTHER	{ 0xc0000263, 80 } /* 192.0.2.99, no VIP */
#define LOCAL	{ NODE_LOCAL, NODE_TAG }
#define SOURCE	{ NODE_SOURCE, NODE_TAG }
#define SERVER	{ NODE_SOURCE, NODE_SOURCE_PORT }
#define SSH	{ NODE_SOURCE, 22 } /* nothing of ours */

#define TCP4 .family = XDPLB_IPV4, .proto = IPPROTO_TCP
#define UDP4 .family = XDPLB_IPV4, .proto = IPPROTO_UDP
#define TCP6 .family = XDPLB_IPV6, .proto = IPPROTO_TCP

#define CLOCK	{ 0x0a090001, 319 }
#define PEER	{ 0x0a090002, 319 }
#define SYNC	UDP4, .ptp = true, .source = CLOCK, .dest = PEER

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
	{ "lb_tcp6_1m", TARGET_LB, DRIVER_XDP6_FLOWS, 1000000,
	  { TCP6, .dest = VIP },
	  XDP_TX, true, {}, TAGGED },
	{ "lb_acl_tcp4_1m", TARGET_LB, DRIVER_XDP4_FLOWS, 1000000,
	  { TCP4, .dest = ACL },
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
};
/* clang-format on */

const size_t workload_count = sizeof(workloads) / sizeof(workloads[0]);
