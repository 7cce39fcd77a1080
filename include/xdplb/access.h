/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What an access node holds. The way of a packet through the maps of lb_xdp:
 *
 *   vips (VIP, port, protocol) -> services -> buckets (keyed flow hash) -> members -> health
 *
 * Each step is a line of memory that is known only when the one before has come. Two are left out where it can be: the
 * entry in `vips` says itself where the buckets of a service without particulars lie, and a target that has the
 * index of its member in `health` is read together with it.
 *
 * All are arrays that the loader writes through mmap; nothing is resized under traffic.
 */
#ifndef XDPLB_ACCESS_H
#define XDPLB_ACCESS_H

#include "endpoint.h"

/* Owners of a bucket that are looked at before all members of the service are. */
#define XDPLB_OWNERS_MAX 256

/* Members of one service that the search over all of them sees. */
#define XDPLB_CHAIN_MAX 16384

/* Interfaces that lb_xdp may stand on at most: elements of the map `interfaces`. */
#define XDPLB_INTERFACES_MAX 64

/* An entry of a bucket table that names no member. */
#define XDPLB_NO_MEMBER 0xffffffffU

/* What holds for the node as a whole; the only element of the map `lb_control`. */
struct xdplb_lb_control {
	struct xdplb_table_ref vips;
	__u32 generation; /* counts applied changes */
	__u32 has_ranges; /* 1: a port that is nobody's own may be in a range of some service */
	__u32 no_echo; /* 1: pings of VIPs are the kernel's */
	__u32 reserved[11];
};
XDPLB_ASSERT_SIZE(struct xdplb_lb_control, 64);

enum xdplb_service_flag {
	/* A target that nobody vouches for (state unknown, or its lease is over) is not used. */
	XDPLB_SERVICE_UNKNOWN_IS_DOWN = 1 << 0,
	/* With no usable member: TCP is answered by a reset ... */
	XDPLB_SERVICE_RESET_IF_DOWN = 1 << 1,
	/* ... or all confirmed members are used, whatever their health. Neither: drop. */
	XDPLB_SERVICE_ALL_IF_DOWN = 1 << 2,
	/* The client's address alone picks the bucket, whatever its port. */
	XDPLB_SERVICE_BY_SOURCE = 1 << 3,
	/* Only clients that `sources` holds for the service are served, or only the others. */
	XDPLB_SERVICE_SOURCES_ALLOWED = 1 << 4,
	XDPLB_SERVICE_SOURCES_DENIED = 1 << 5,
	/* Which version of the list in `sources` is live: set, 1; else 0. */
	XDPLB_SERVICE_SOURCES_B = 1 << 6,
	/* Connection ids say whose a packet is: see quic.h. Bits 17 to 19 are what they begin with. */
	XDPLB_SERVICE_QUIC = 1 << 16,
	/* Flows are remembered: see flow_cache.h. */
	XDPLB_SERVICE_CACHE = 1 << 20,
	/* A source may open so many flows alone: see source_limit.h. */
	XDPLB_SERVICE_LIMIT = 1 << 21,
};

/* A service without particulars has none but these: they count only where its member can't be used. */
#define XDPLB_PLAIN_FLAGS \
	(XDPLB_SERVICE_UNKNOWN_IS_DOWN | XDPLB_SERVICE_RESET_IF_DOWN | XDPLB_SERVICE_ALL_IF_DOWN)

/* Flags that the reference in a slot of `vips` has, too; below XDPLB_BUCKETS_PER_LINE. */
#define XDPLB_REF_FLAGS XDPLB_SERVICE_UNKNOWN_IS_DOWN

/* Where in the flags the upper three bits of a connection id's first octet are. */
#define XDPLB_SERVICE_QUIC_CONFIG 17

/* Either of them: the service has a list. */
#define XDPLB_SERVICE_SOURCES (XDPLB_SERVICE_SOURCES_ALLOWED | XDPLB_SERVICE_SOURCES_DENIED)

/* Prefixes of all services; `sources` has room for as many again, since a list that changes is written
 * beside the live one. */
#define XDPLB_SOURCES_MAX 10000

/*
 * Key of the map `sources`, a trie; the value counts for nothing. One store to a service's flags makes
 * another version of its list live.
 */
struct xdplb_source_key {
	__u32 prefix_len; /* XDPLB_SOURCE_KEY_BITS and the bits of addr that count */
	__u32 service; /* index into `services` */
	__u8 version; /* 0 or 1 */
	__u8 family;
	__u8 zero[2];
	struct xdplb_addr addr;
};
XDPLB_ASSERT_SIZE(struct xdplb_source_key, 28);

/* What stands before the address. */
#define XDPLB_SOURCE_KEY_BITS 64

/* A service: one VIP and protocol, one port or many. */
struct xdplb_service {
	struct xdplb_bucket_ref buckets;
	__u32 flags; /* enum xdplb_service_flag */
	__u32 generation;
	/* Head of the chain of all members (member.next), by which the last search goes;
	 * XDPLB_NO_MEMBER: empty. */
	__u32 first_member;
	__u32 reserved;
	/* Written by lb_xdp: until this jiffies64 no member is usable, as a search has found. */
	__u64 down_until;
};
XDPLB_ASSERT_SIZE(struct xdplb_service, 32);

/* One cache line of a bucket table: indices into `members`. */
struct xdplb_bucket_line {
	__u32 member[XDPLB_BUCKETS_PER_LINE];
};
XDPLB_ASSERT_SIZE(struct xdplb_bucket_line, 64);

/*
 * The way to a member's address. lb_xdp itself learns it from the kernel's routes and neighbours
 * (bpf_fib_lookup) and keeps it until `expires`. A writer clears `expires` first and sets it last.
 */
struct xdplb_nexthop {
	__u8 dmac[6];
	__u8 smac[6];
	__u32 ifindex;
	__u64 expires; /* jiffies64; 0: absent */
};
XDPLB_ASSERT_SIZE(struct xdplb_nexthop, 24);

enum xdplb_member_flag {
	/* The service node has answered that it holds the mapping: packets may be sent. */
	XDPLB_MEMBER_CONFIRMED = 1 << 0,
	/* Of a service of many ports: packets keep theirs. The tag port is there for mapping queries
	 * alone, and in neither delta. */
	XDPLB_MEMBER_KEEPS_PORT = 1 << 1,
};

/*
 * A member: a backend's address as one service sees it. One cache line; everything a packet's
 * rewriting needs. The checksum deltas are precomputed, since VIP:port -> address:tag is the same
 * for every packet: each is the ones' complement sum of (new + ~old) over the 16-bit words that
 * change, folded to 16 bits, in network order as loaded (RFC 1624, equation 3).
 */
struct xdplb_member {
	struct xdplb_addr addr;
	__be16 tag; /* the tag port, network byte order */
	__u16 l4_delta; /* VIP -> addr and port -> tag */
	__u16 ip_delta; /* VIP -> addr alone: the IPv4 header's checksum; 0 for IPv6 */
	__u16 flags; /* enum xdplb_member_flag */
	__u32 health; /* index into `health` and `backend_infos`; one store changes it */
	__u32 service; /* index into `services` */
	struct xdplb_nexthop nexthop;
	__u16 mtu; /* of the way to addr, bytes, IP header and on; as nexthop is; 0: not known */
	__u16 weight; /* from the file, 0 .. 1000 */
	__u32 next; /* the service's next member, or XDPLB_NO_MEMBER; see first_member */
};
XDPLB_ASSERT_SIZE(struct xdplb_member, 64);

/* Packets and bytes (from the Ethernet header on) sent to a member, per CPU. */
struct xdplb_traffic {
	__u64 packets;
	__u64 bytes;
};
XDPLB_ASSERT_SIZE(struct xdplb_traffic, 16);

#endif
