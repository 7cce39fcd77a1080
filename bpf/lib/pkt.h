/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A packet on its way through a program: where its headers lie, whose it is, what becomes of it.
 */
#ifndef XDPLB_BPF_PKT_H
#define XDPLB_BPF_PKT_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "xdplb/counters.h"
#include "xdplb/endpoint.h"

#define INLINE      static __always_inline
#define NOINLINE    __attribute__((noinline))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ETH_P_IP     0x0800
#define ETH_P_IPV6   0x86dd
#define ETH_P_8021Q  0x8100
#define ETH_P_8021AD 0x88a8
#define AF_INET      2
#define AF_INET6     10

#define IPPROTO_HOPOPTS  0
#define IPPROTO_ROUTING  43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_DSTOPTS  60
#define IPPROTO_ICMPV6   58

#define ETH_HLEN 14

#define IP_DF     0x4000
#define IP_MF     0x2000
#define IP_OFFSET 0x1fff

/* One address of either family is one type: struct in6_addr laid over four words. */
#define addr_words(in6) ((in6)->in6_u.u6_addr32)

/*
 * A constant that the compiler takes for unknown, and the verifier still knows. Else the compiler
 * tests the Ethertype again instead of the family, and before Linux 6.8 or so the verifier does not see
 * that the two hang together and that an IPv6 header was checked to be there. A full register wide:
 * only such a one keeps its bounds on the stack.
 */
INLINE __u64 opaque(__u64 value)
{
	asm volatile("" : "+r"(value));
	return value;
}

/* What a step says of the packet; the entry function translates it to XDP_* or TC_ACT_* once. */
enum verdict {
	VERDICT_NEXT, /* go on with the next step */
	VERDICT_DROP,
	VERDICT_PASS, /* leave it to the kernel */
	VERDICT_TX, /* out of the interface it came in by */
	VERDICT_REDIRECT, /* a redirect has been set up */
	VERDICT_REPORT, /* by an ICMP error; from bit 8 on: the MTU, or 0 for "time exceeded" */
};

struct ports {
	__be16 source;
	__be16 dest;
};

/*
 * The headers, valid until a helper changes the packet. l4 may be read and written for four bytes
 * (ports) and, in TCP and UDP, up to and including the checksum.
 */
struct packet {
	void *data;
	void *end;
	__u32 frame_len; /* may reach beyond end, at TC */
	__u32 l2_len; /* of Ethernet header and tags, before the IP header */
	union {
		struct iphdr *ip4;
		struct ipv6hdr *ip6;
	};
	void *l4;
	__u32 l4_offset; /* of l4 from the start of the frame */
	__u64 family; /* XDPLB_IPV4 or XDPLB_IPV6; see opaque() */
	__u64 proto; /* likewise, for TCP and UDP */
	bool admitted; /* node_tc: it is known to come from an access node */
	bool ours; /* from here on it is counted if it is dropped */
};

/* Which address of the packet is another's. */
enum side {
	SIDE_NONE,
	SIDE_SOURCE,
	SIDE_DEST
};

/* What is to stand in the packet; addr does not count where side is SIDE_NONE. */
struct rewriting {
	enum side side;
	struct xdplb_addr addr;
	struct ports ports;
};

INLINE struct ports *packet_ports(const struct packet *pkt)
{
	return pkt->l4;
}

/* Back to where the frame came from. */
INLINE void swap_macs(struct ethhdr *eth)
{
	__u8 mac[6];

	__builtin_memcpy(mac, eth->h_source, sizeof(mac));
	__builtin_memcpy(eth->h_source, eth->h_dest, sizeof(mac));
	__builtin_memcpy(eth->h_dest, mac, sizeof(mac));
}

/* Where the transport checksum lies behind the start of the TCP or UDP header. */
INLINE __u32 checksum_offset(__u8 proto)
{
	return proto == IPPROTO_TCP ? offsetof(struct tcphdr, check)
				    : offsetof(struct udphdr, check);
}

INLINE __sum16 *transport_check(const struct packet *pkt)
{
	if (pkt->proto == IPPROTO_TCP)
		return &((struct tcphdr *)pkt->l4)->check;
	return &((struct udphdr *)pkt->l4)->check;
}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_drops);
} drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_events);
} events SEC(".maps");

/* The only road to a drop: what is not surely ours passes, what is ours is counted. */
INLINE enum verdict refuse(const struct packet *pkt, enum xdplb_drop reason)
{
	__u32 zero = 0;
	__u64 *counts;

	if (!pkt->ours)
		return VERDICT_PASS;
	counts = bpf_map_lookup_elem(&drops, &zero);
	if (counts && reason < XDPLB_COUNTERS_CAPACITY)
		counts[reason]++;
	return VERDICT_DROP;
}

INLINE void count_event(enum xdplb_event event)
{
	__u32 zero = 0;
	__u64 *counts = bpf_map_lookup_elem(&events, &zero);

	if (counts)
		counts[event]++;
}

#endif
