// SPDX-License-Identifier: BSD-2-Clause
/*
 * A packet of a flow, made up, through the running program: lb_xdp, or node_tc as an access node sends to it.
 */
#include "show/trace.h"
#include "show/trace_handover.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include <bpf/bpf.h>

#define FRAME_MAX  256
#define FRAME_LEN  96 /* padding behind what IP says is there: no frame is shorter than 60 bytes */
#define PACKET_TTL 64

#define QUIC_SHORT_HEADER 0x40 /* RFC 9000, section 17.3 */

static uint16_t ip_checksum(const void *header, size_t len)
{
	uint32_t sum = 0;
	uint16_t word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		memcpy(&word, (const char *)header + i, sizeof(word));
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* The transport header's checksum is left out: nobody looks at it on the way. Return: its length. */
static size_t put_transport(uint8_t *at, const struct trace_flow *flow)
{
	struct udphdr udp = { .source = flow->source_port,
			      .dest = flow->vip_port,
			      .len = htons(sizeof(udp)),
			      .check = 0xffff };
	struct tcphdr tcp = { .source = flow->source_port,
			      .dest = flow->vip_port,
			      .doff = sizeof(tcp) / 4,
			      .ack = 1 };

	if (flow->proto == IPPROTO_TCP) {
		memcpy(at, &tcp, sizeof(tcp));
		return sizeof(tcp);
	}
	if (flow->cid_len) {
		udp.len = htons((uint16_t)(sizeof(udp) + 1 + flow->cid_len));
		at[sizeof(udp)] = QUIC_SHORT_HEADER;
		memcpy(at + sizeof(udp) + 1, flow->cid, flow->cid_len);
	}
	memcpy(at, &udp, sizeof(udp));
	return ntohs(udp.len);
}

static void build_ipv4(uint8_t *frame, const struct trace_flow *flow, uint32_t mark)
{
	size_t len = put_transport(frame + ETH_HLEN + sizeof(struct iphdr), flow);
	struct iphdr ip = { .version = 4,
			    .ihl = sizeof(ip) / 4,
			    .tot_len = htons((uint16_t)(sizeof(ip) + len)),
			    .id = htons((uint16_t)mark),
			    .frag_off = htons(IP_DF),
			    .ttl = PACKET_TTL,
			    .protocol = flow->proto,
			    .saddr = flow->source.word[0],
			    .daddr = flow->vip.word[0] };

	ip.check = ip_checksum(&ip, sizeof(ip));
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
}

static void build_ipv6(uint8_t *frame, const struct trace_flow *flow, uint32_t mark)
{
	size_t len = put_transport(frame + ETH_HLEN + sizeof(struct ip6_hdr), flow);
	struct ip6_hdr ip = { .ip6_flow = htonl(6U << 28 | mark),
			      .ip6_plen = htons((uint16_t)len),
			      .ip6_nxt = flow->proto,
			      .ip6_hlim = PACKET_TTL };

	memcpy(&ip.ip6_src, &flow->source, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, &flow->vip, sizeof(ip.ip6_dst));
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
}

/* @mark: admission mark, or 0 */
static void build_frame(uint8_t *frame, const struct trace_flow *flow, uint32_t mark)
{
	struct ethhdr eth = { .h_dest = { 2, 0, 0, 0, 0, 1 },
			      .h_source = { 2, 0, 0, 0, 0, 2 },
			      .h_proto =
				      htons(flow->family == XDPLB_IPV4 ? ETH_P_IP : ETH_P_IPV6) };

	memset(frame, 0, FRAME_LEN);
	memcpy(frame, &eth, sizeof(eth));
	if (flow->family == XDPLB_IPV4)
		build_ipv4(frame, flow, mark);
	else
		build_ipv6(frame, flow, mark);
}

static struct trace_outcome read_frame(const uint8_t *frame, const struct trace_flow *flow)
{
	struct trace_outcome outcome = { .verdict = TRACE_PASSED };
	struct ip6_hdr ip6;
	struct iphdr ip4;

	if (flow->family == XDPLB_IPV4) {
		memcpy(&ip4, frame + ETH_HLEN, sizeof(ip4));
		outcome.addr.word[0] = ip4.daddr;
		outcome.mark = ntohs(ip4.id);
		memcpy(&outcome.port, frame + ETH_HLEN + sizeof(ip4) + 2, sizeof(outcome.port));
		return outcome;
	}
	memcpy(&ip6, frame + ETH_HLEN, sizeof(ip6));
	memcpy(&outcome.addr, &ip6.ip6_dst, sizeof(outcome.addr));
	outcome.mark = ntohl(ip6.ip6_flow) & 0xfffff;
	memcpy(&outcome.port, frame + ETH_HLEN + sizeof(ip6) + 2, sizeof(outcome.port));
	return outcome;
}

static bool is_to(const struct trace_outcome *outcome, const struct xdplb_addr *addr, __be16 port)
{
	return outcome->port == port && !memcmp(&outcome->addr, addr, sizeof(*addr));
}

int trace_run(int program, uint32_t ifindex, const struct trace_flow *flow,
	      struct trace_outcome *ret_outcome)
{
	uint8_t in[FRAME_MAX], out[FRAME_MAX];
	struct xdp_md context = { .data_end = FRAME_LEN, .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = FRAME_LEN,
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1);
	struct trace_outcome outcome;
	int err;

	build_frame(in, flow, 0);
	memcpy(out, in, FRAME_LEN);
	err = bpf_prog_test_run_opts(program, &run);
	if (err)
		return err;
	outcome = read_frame(out, flow);
	if (run.retval == XDP_DROP)
		outcome.verdict = TRACE_DROPPED;
	else if (run.retval == XDP_TX && is_to(&outcome, &flow->source, flow->source_port))
		outcome.verdict = TRACE_RESET;
	else if (run.retval == XDP_TX || run.retval == XDP_REDIRECT)
		outcome.verdict = TRACE_SENT;
	else if (run.retval != XDP_PASS)
		return -EPROTO;
	else if (!is_to(&outcome, &flow->vip, flow->vip_port))
		outcome.verdict = TRACE_LEFT;
	*ret_outcome = outcome;
	return 0;
}

int handover_run(int program, uint32_t ifindex, const struct trace_flow *flow,
		 const struct xdplb_mapping *mapping, uint32_t mark,
		 struct trace_outcome *ret_outcome)
{
	struct trace_flow sent = *flow; /* as it arrives: its VIP is the backend */
	uint8_t in[FRAME_MAX], out[FRAME_MAX];
	struct __sk_buff context = { .ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = FRAME_LEN,
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1);
	struct trace_outcome outcome;
	int err;

	sent.vip = mapping->backend;
	if (mapping->vport)
		sent.vip_port = mapping->tag;
	build_frame(in, &sent, mark);
	memcpy(out, in, FRAME_LEN);
	err = bpf_prog_test_run_opts(program, &run);
	if (err)
		return err;
	outcome = read_frame(out, &sent);
	if (run.retval == TC_ACT_SHOT)
		outcome.verdict = TRACE_DROPPED;
	else if (run.retval == TC_ACT_REDIRECT)
		outcome.verdict = TRACE_SENT;
	else if (run.retval != (uint32_t)TC_ACT_UNSPEC)
		return -EPROTO;
	else if (!is_to(&outcome, &sent.vip, sent.vip_port) || outcome.mark != mark)
		outcome.verdict = TRACE_LEFT;
	*ret_outcome = outcome;
	return 0;
}
