// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "frames.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <string.h>

#include "bpf/lib/hash.h"

#define TCP_OPTIONS_LEN 12

/* What the fragments before the last one hold of a datagram. */
#define LATER_OFFSET 1480

static const __u8 time_stamps[TCP_OPTIONS_LEN] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2 };

struct xdplb_addr frame_addr(__u8 family, __u32 addr)
{
	struct xdplb_addr words = { .word = { htonl(addr) } };

	if (family == XDPLB_IPV6)
		words = (struct xdplb_addr){ .word = { htonl(0x20010db8), 0, 0, htonl(addr) } };
	return words;
}

/* Sum of the 16-bit words of an even number of bytes. */
static __u32 sum_words(const void *data, size_t len, __u32 sum)
{
	const __u8 *bytes = data;

	for (size_t i = 0; i < len; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	return sum;
}

static __be16 fold_sum(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* What an access node would write: from the flow as the client sent it. */
static __u64 mark_of(const struct frame_spec *spec)
{
	struct xdplb_addr client = frame_addr(spec->family, spec->source.addr);
	struct xdplb_addr vip = frame_addr(spec->family, spec->marked_for.addr);
	__u64 word = flow_word(htons(spec->source.port), htons(spec->marked_for.port), spec->proto,
			       spec->family);
	__u64 key[FLOW_KEY_WORDS];

	if (!spec->marked_for.addr)
		return 0;
	flow_key_expand(BENCH_KEY0, BENCH_KEY1, key);
	if (spec->family == XDPLB_IPV4)
		return flow_hash4(key, client.word[0], vip.word[0], word);
	return flow_hash6(key, client.word, vip.word, word);
}

static void fill_tcp(struct tcphdr *tcp, const struct frame_spec *spec, __u32 sum)
{
	tcp->source = htons(spec->source.port);
	tcp->dest = htons(spec->dest.port);
	tcp->seq = htonl(1);
	tcp->doff = (sizeof(*tcp) + TCP_OPTIONS_LEN) / 4;
	tcp->syn = spec->syn;
	tcp->ack = !spec->syn;
	tcp->window = htons(1024);
	memcpy(tcp + 1, time_stamps, TCP_OPTIONS_LEN);
	tcp->check = fold_sum(sum_words(tcp, sizeof(*tcp) + TCP_OPTIONS_LEN, sum));
}

static void fill_udp(struct udphdr *udp, const struct frame_spec *spec, __u16 len, __u32 sum)
{
	udp->source = htons(spec->source.port);
	udp->dest = htons(spec->dest.port);
	udp->len = htons(len);
	udp->check = fold_sum(sum_words(udp, len, sum));
}

static void fill_ipv4(struct iphdr *ip, const struct frame_spec *spec, __u16 l4_len)
{
	struct xdplb_addr source = frame_addr(XDPLB_IPV4, spec->source.addr);
	struct xdplb_addr dest = frame_addr(XDPLB_IPV4, spec->dest.addr);

	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tot_len = htons(sizeof(*ip) + l4_len);
	ip->id = htons(mark_ipv4(mark_of(spec)));
	ip->frag_off = htons(spec->later ? LATER_OFFSET / 8 : 0);
	ip->ttl = 64;
	ip->protocol = spec->proto;
	ip->saddr = source.word[0];
	ip->daddr = dest.word[0];
	ip->check = fold_sum(sum_words(ip, sizeof(*ip), 0));
}

static void fill_ipv6(struct ipv6hdr *ip, const struct frame_spec *spec, __u16 l4_len)
{
	struct xdplb_addr source = frame_addr(XDPLB_IPV6, spec->source.addr);
	struct xdplb_addr dest = frame_addr(XDPLB_IPV6, spec->dest.addr);
	__be32 first = htonl(6 << 28 | mark_ipv6(mark_of(spec)));

	memcpy(ip, &first, sizeof(first));
	ip->payload_len = htons(l4_len);
	ip->nexthdr = spec->proto;
	ip->hop_limit = 64;
	memcpy(&ip->saddr, &source, sizeof(source));
	memcpy(&ip->daddr, &dest, sizeof(dest));
}

/* A Sync as it is sent by a clock of domain 0: all that a program looks at. */
static void fill_ptp(__u8 *message)
{
	message[1] = 2;
	message[3] = BENCH_PTP_LEN - sizeof(struct ethhdr) - sizeof(struct iphdr) -
		     sizeof(struct udphdr);
}

static void fill_quic(__u8 *packet, __u32 server)
{
	__be32 id = htonl(server);

	packet[0] = 0x40;
	packet[1] = sizeof(id) + 4; /* config 0; four octets of the server's own */
	memcpy(packet + 2, &id, sizeof(id));
}

static size_t frame_len(const struct frame_spec *spec)
{
	if (spec->ptp)
		return BENCH_PTP_LEN;
	return spec->family == XDPLB_IPV4 ? BENCH_FRAME4_LEN : BENCH_FRAME6_LEN;
}

/* Moves what lies behind the Ethernet header to make room for the labels. */
static size_t put_labels(struct bench_frame *frame, const __u32 *labels, size_t len)
{
	__be32 *lse = (void *)(frame->bytes + sizeof(struct ethhdr));
	struct ethhdr *eth = (void *)frame->bytes;

	if (!labels[0])
		return len;
	memmove(lse + BENCH_PTP_LABELS, lse, len - sizeof(*eth));
	for (size_t i = 0; i < BENCH_PTP_LABELS; i++)
		lse[i] = htonl(labels[i] << 12 | (i + 1 == BENCH_PTP_LABELS) << 8 | 64);
	eth->h_proto = htons(ETH_P_MPLS_UC);
	return len + BENCH_PTP_LABELS * sizeof(*lse);
}

size_t frame_build(const struct frame_spec *spec, struct bench_frame *ret_frame)
{
	struct ethhdr *eth = (void *)ret_frame->bytes;
	bool v4 = spec->family == XDPLB_IPV4;
	size_t ip_len = v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	size_t len = frame_len(spec);
	__u16 l4_len = len - sizeof(*eth) - ip_len;
	__u8 *ip = (__u8 *)(eth + 1);
	size_t addrs = v4 ? offsetof(struct iphdr, saddr) : offsetof(struct ipv6hdr, saddr);
	__u32 sum;

	memset(ret_frame, 0, sizeof(*ret_frame));
	memcpy(eth->h_dest, "\x02\x00\x00\x00\x00\x01", ETH_ALEN);
	memcpy(eth->h_source, "\x02\x00\x00\x00\x00\x02", ETH_ALEN);
	eth->h_proto = htons(v4 ? ETH_P_IP : ETH_P_IPV6);
	if (v4)
		fill_ipv4((void *)ip, spec, l4_len);
	else
		fill_ipv6((void *)ip, spec, l4_len);
	if (spec->ptp)
		fill_ptp(ip + ip_len + sizeof(struct udphdr));
	if (spec->quic_id)
		fill_quic(ip + ip_len + sizeof(struct udphdr), spec->quic_id);
	sum = sum_words(ip + addrs, ip_len - addrs, spec->proto + l4_len); /* pseudo-header */
	if (spec->proto == IPPROTO_TCP)
		fill_tcp((void *)(ip + ip_len), spec, sum);
	else
		fill_udp((void *)(ip + ip_len), spec, l4_len, sum);
	return put_labels(ret_frame, spec->labels, len);
}

static __u32 lse_of(const __u8 *at)
{
	__be32 lse;

	memcpy(&lse, at, sizeof(lse));
	return ntohl(lse);
}

__u32 frame_label(const __u8 *bytes)
{
	const struct ethhdr *eth = (const void *)bytes;

	return eth->h_proto == htons(ETH_P_MPLS_UC) ? lse_of((const __u8 *)(eth + 1)) >> 12 : 0;
}

/* Where IP starts. */
static const __u8 *find_ip(const __u8 *bytes)
{
	const struct ethhdr *eth = (const void *)bytes;
	const __u8 *ip = (const __u8 *)(eth + 1);

	if (eth->h_proto != htons(ETH_P_MPLS_UC))
		return ip;
	while (!(lse_of(ip) & 0x100))
		ip += sizeof(__be32);
	return ip + sizeof(__be32);
}

void frame_read(const __u8 *bytes, __u32 encap, struct frame_end *ret_source,
		struct frame_end *ret_dest)
{
	const __u8 *ip = encap ? bytes + encap + sizeof(struct ethhdr) : find_ip(bytes);
	bool v4 = *ip >> 4 == 4;
	__be32 source, dest;
	__be16 ports[2];

	memcpy(&source, ip + (v4 ? offsetof(struct iphdr, saddr) : 20), sizeof(source));
	memcpy(&dest, ip + (v4 ? offsetof(struct iphdr, daddr) : 36), sizeof(dest));
	memcpy(ports, ip + (v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)), sizeof(ports));
	*ret_source = (struct frame_end){ .addr = ntohl(source), .port = ntohs(ports[0]) };
	*ret_dest = (struct frame_end){ .addr = ntohl(dest), .port = ntohs(ports[1]) };
}
