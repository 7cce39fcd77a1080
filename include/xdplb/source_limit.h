/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * How many new connections a source may open, for services that limit it (XDPLB_SERVICE_LIMIT). A token
 * bucket for each source as its "theoretical arrival time" (the generic cell rate algorithm, ITU-T I.371):
 * when the bucket will be full again.
 *
 * Who takes from a bucket: of a service with the flag whose element has an interval other than 0 (0: no limit), a
 * TCP packet with SYN and without ACK, whether its flow is remembered or not; a UDP packet whose flow is not
 * remembered, that is, has no word in its set nor in its newcomer place (flow_cache.h; what member the word names
 * does not matter, nor whether the service has the flag CACHE). First fragments alike. Not: ICMP errors, pings,
 * later fragments, and what a QUIC id has routed to a member (quic.h). It is done after clients (`allow`, `deny`), TTL
 * and QUIC ids; what is refused is not noted in the cache, and what is dropped later (no member, no route, MTU) has
 * taken its one.
 *
 * The bucket's hash is the flow hash of a flow whose client is the source address & mask (IPv4: the first word, the
 * others 0), whose VIP is the words { index of the service, 0, 0, 0 } (the index as a number), whose ports and
 * protocol are 0, and whose family is the packet's.
 *
 * Its bucket, in its set, is the lowest way whose word is not 0 and has its tag. None: the word of the way nearest
 * to full is replaced by { tag, now }, a full bucket. How far one is from full: (time - now) modulo 2^40; what is
 * more than XDPLB_SOURCE_AHEAD_MAX lies in the past and counts as 0, as does a word of 0; of equals the lowest way.
 * Then, ahead being xdplb_source_ahead(): it may open if ahead <= tolerance, and { tag, now + ahead + interval },
 * times modulo 2^40, is stored. Else drop `source_limit`, and nothing is stored (a new bucket never refuses).
 */
#ifndef XDPLB_SOURCE_LIMIT_H
#define XDPLB_SOURCE_LIMIT_H

#include "types.h"

/* Times are counted in 2^XDPLB_LIMIT_TICK_BITS nanoseconds of CLOCK_MONOTONIC. */
#define XDPLB_LIMIT_TICK_BITS 10

/* Of a service, by its index: element of `source_limits`. */
struct xdplb_source_limit {
	__u32 interval; /* ticks between new connections at the limit */
	__u32 tolerance; /* how far the bucket may be from full: (burst - 1) * interval */
	struct xdplb_addr mask; /* the bits of an address that make a source */
} __attribute__((aligned(8))); /* interval and tolerance are written in one store */
XDPLB_ASSERT_SIZE(struct xdplb_source_limit, 24);

/*
 * Sets of eight buckets, `source_budgets`, shared by all services and CPUs: the set by the lowest 14 bits of
 * its hash, told apart by its upper 24 bits. A bucket is one word, from the lowest bit on 40 bits of
 * time, 24 bits of hash.
 */
#define XDPLB_SOURCES_PER_LINE     8
#define XDPLB_SOURCE_LINES         16384
#define XDPLB_SOURCE_TIME_BITS     40
#define XDPLB_SOURCE_TIME_MASK     ((1ULL << XDPLB_SOURCE_TIME_BITS) - 1)
#define XDPLB_SOURCE_TAG(hash)     ((hash) >> XDPLB_SOURCE_TIME_BITS)
#define XDPLB_SOURCE_LINE_OF(hash) ((__u32)(hash) & (XDPLB_SOURCE_LINES - 1))

/* An empty bucket takes no longer to fill: an hour. */
#define XDPLB_SOURCE_FILL_SECONDS 3600
#define XDPLB_SOURCE_AHEAD_MAX    0xffffffffULL

struct xdplb_source_line {
	__u64 source[XDPLB_SOURCES_PER_LINE];
};
XDPLB_ASSERT_SIZE(struct xdplb_source_line, 64);

/**
 * xdplb_source_ahead() - How far a bucket is from full.
 * @now:    in ticks
 * @bucket: as it lies in the map
 *
 * What can't be of this limit (it has been another's since, or has lain there for weeks) counts as full.
 */
static inline __attribute__((always_inline)) __u64
xdplb_source_ahead(const struct xdplb_source_limit *limit, __u64 now, __u64 bucket)
{
	__u64 ahead = (bucket - now) & XDPLB_SOURCE_TIME_MASK;

	return ahead > (__u64)limit->tolerance + limit->interval ? 0 : ahead;
}

#endif
