/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A TCP segment turned into the reset that answers it (RFC 9293, section 3.10.7.1), in place.
 */
#ifndef XDPLB_BPF_RESET_H
#define XDPLB_BPF_RESET_H

#include "budget.h"
#include "csum.h"

/* What one CPU may send; the loader sets the first from the kernel's tick. */
const volatile __u64 resets_per_tick = 4;
const volatile __u64 resets_at_once = 1000;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct budget);
} reset_budgets SEC(".maps");

/* In the fourth word of a TCP header, host byte order. */
#define TCP_FLAG_RESET (1U << 18)
#define TCP_FLAG_ACKED (1U << 20)

#define RESET_TTL        64
#define RESET_L2_MAX     22 /* Ethernet and two VLAN tags */
#define RESET_OFFSET_MAX 512 /* of the TCP header */

/* The segment that is answered, read before its place is written. */
struct segment {
	struct xdplb_addr source, dest;
	__be16 sport, dport;
	__u32 seq, ack;
	__u32 len; /* of its data, SYN and FIN: SEG.LEN */
	bool has_ack;
};

INLINE bool take_reset(void)
{
	__u32 zero = 0;
	struct budget *budget = bpf_map_lookup_elem(&reset_budgets, &zero);

	return budget && take_token(budget, resets_per_tick, resets_at_once);
}

/* False: a reset itself, or no whole segment by its own account. */
INLINE bool read_tcp(const struct tcphdr *tcp, __s32 len, struct segment *ret_segment)
{
	len -= tcp->doff * 4;
	if (tcp->rst || tcp->doff < 5 || len < 0)
		return false;
	ret_segment->sport = tcp->source;
	ret_segment->dport = tcp->dest;
	ret_segment->seq = bpf_ntohl(tcp->seq);
	ret_segment->ack = bpf_ntohl(tcp->ack_seq);
	ret_segment->len = len + tcp->syn + tcp->fin;
	ret_segment->has_ack = tcp->ack;
	return true;
}

/* Addresses; returns the length of the packet, or 0 for a fragment. */
INLINE __s32 read_ip(void *ip, __u8 family, struct segment *ret_segment)
{
	struct iphdr *ip4 = ip;
	struct ipv6hdr *ip6 = ip;

	if (family == XDPLB_IPV4) {
		ret_segment->source = (struct xdplb_addr){ .word = { ip4->saddr } };
		ret_segment->dest = (struct xdplb_addr){ .word = { ip4->daddr } };
		/* MF and offset: with more to come its length is not known */
		return ip4->frag_off & bpf_htons(0x3fff) ? 0 : bpf_ntohs(ip4->tot_len);
	}
	ret_segment->source = *(struct xdplb_addr *)&ip6->saddr;
	ret_segment->dest = *(struct xdplb_addr *)&ip6->daddr;
	return bpf_ntohs(ip6->payload_len) + sizeof(*ip6);
}

INLINE __u16 fold_sum(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/*
 * By words: the bit fields of struct tcphdr differ between kernels, and the compiler would ask for each
 * by its name.
 */
INLINE void write_tcp(struct tcphdr *tcp, const struct segment *segment)
{
	__be32 words[5] = { segment->dport | (__u32)segment->sport << 16 };
	__u64 sum = bpf_htons(IPPROTO_TCP + sizeof(words)); /* of the pseudo header */
	__u32 flags = TCP_FLAG_RESET;

	if (segment->has_ack) {
		words[1] = bpf_htonl(segment->ack);
	} else {
		flags |= TCP_FLAG_ACKED;
		words[2] = bpf_htonl(segment->seq + segment->len);
	}
	words[3] = bpf_htonl((sizeof(words) / 4) << 28 | flags);
	for (int i = 0; i < 4; i++)
		sum += (__u64)segment->source.word[i] + segment->dest.word[i];
	for (int i = 0; i < 5; i++)
		sum += words[i];
	words[4] = (__u16)~fold_sum(sum);
	__builtin_memcpy(tcp, words, sizeof(words));
}

INLINE void write_ipv4(struct iphdr *ip, const struct segment *segment)
{
	struct iphdr reply = {
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(*ip) + sizeof(struct tcphdr)),
		.frag_off = bpf_htons(0x4000), /* DF */
		.ttl = RESET_TTL,
		.protocol = IPPROTO_TCP,
		.saddr = segment->dest.word[0],
		.daddr = segment->source.word[0],
	};
	const __u32 *words = (const __u32 *)&reply;
	__u64 sum = 0;

	for (int i = 0; i < 5; i++)
		sum += words[i];
	reply.check = ~fold_sum(sum);
	*ip = reply;
}

INLINE void write_ipv6(struct ipv6hdr *ip, const struct segment *segment)
{
	struct ipv6hdr reply = {
		.version = 6,
		.payload_len = bpf_htons(sizeof(struct tcphdr)),
		.nexthdr = IPPROTO_TCP,
		.hop_limit = RESET_TTL,
	};

	*(struct xdplb_addr *)&reply.saddr = segment->dest;
	*(struct xdplb_addr *)&reply.daddr = segment->source;
	*ip = reply;
}

/* The frame back to who sent it, as long as the reset. */
INLINE bool write_reset(struct xdp_md *ctx, __u32 l2_len, __u8 family,
			const struct segment *segment)
{
	__u32 ip_len = family == XDPLB_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	__u32 len = l2_len + ip_len + sizeof(struct tcphdr);
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *ip;
	struct ethhdr *eth;
	__u8 mac[6];

	/* opaque(): the verifier takes differences of pointers in whole registers only */
	if (bpf_xdp_adjust_tail(ctx, len - (int)opaque(end - data)))
		return false;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	ip = data + l2_len;
	if ((void *)(eth + 1) > end)
		return false;
	__builtin_memcpy(mac, eth->h_dest, sizeof(mac));
	__builtin_memcpy(eth->h_dest, eth->h_source, sizeof(mac));
	__builtin_memcpy(eth->h_source, mac, sizeof(mac));
	if (family == XDPLB_IPV4) {
		if (ip + sizeof(struct iphdr) + sizeof(struct tcphdr) > end)
			return false;
		write_ipv4(ip, segment);
		write_tcp(ip + sizeof(struct iphdr), segment);
		return true;
	}
	if (ip + sizeof(struct ipv6hdr) + sizeof(struct tcphdr) > end)
		return false;
	write_ipv6(ip, segment);
	write_tcp(ip + sizeof(struct ipv6hdr), segment);
	return true;
}

/*
 * Turns a TCP packet round as a reset. VERDICT_TX: it goes back; VERDICT_NEXT: no reset answers it
 * (it is one, it is a fragment, its source is nobody's own, the rate is used up), and the caller drops it.
 * @l2_len, @l4_offset: where its IP and TCP headers start in the frame; TCP's is whole
 */
__attribute__((noinline)) int answer_reset(struct xdp_md *ctx, __u32 l2_len, __u32 l4_offset,
					   __u32 family)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct segment segment = {};
	__s32 len;

	if (l2_len > RESET_L2_MAX || l4_offset > RESET_OFFSET_MAX ||
	    data + l2_len + sizeof(struct ipv6hdr) > end ||
	    data + l4_offset + sizeof(struct tcphdr) > end)
		return VERDICT_NEXT;
	len = read_ip(data + l2_len, family, &segment) - (__s32)(l4_offset - l2_len);
	if (!addr_answerable(&segment.source, family) ||
	    !read_tcp(data + l4_offset, len, &segment) || !take_reset())
		return VERDICT_NEXT;
	if (!write_reset(ctx, l2_len, family, &segment))
		return VERDICT_NEXT;
	count_event(XDPLB_EVENT_RESET_SENT);
	return VERDICT_TX;
}

#endif
