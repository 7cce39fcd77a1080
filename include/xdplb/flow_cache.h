/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What an access node remembers of flows, for services that ask for it (XDPLB_SERVICE_CACHE): the map `flow_cache`,
 * shared by all CPUs. Its first lines are sets of eight flows each, found by the lower half of the flow hash and
 * told apart by the upper one. Behind them lie newcomers, of which one packet has been seen, each in the one place
 * that its hash has: however many come, they push out nothing but each other.
 *
 * Places. The hash is the flow's own, ports and protocol in it, also where affinity picks the bucket by another.
 * Its set is line (lower 32 bits & cache_mask), of cache_mask + 1 lines. Its newcomer place has number (lower 32
 * bits & newcomer_mask): line cache_mask + 1 + number / 8, way number % 8. Both masks are read-only data of lb_xdp.
 * A word is the flow's if it is set and its upper half is that of the hash, however old: nothing expires. The eight
 * ways are looked at from the lowest on, the first counts; then the newcomer place.
 *
 * Who looks. TCP, UDP and first fragments of a service with the flag, after clients, TTL, QUIC id and `source_limit`, and
 * before the bucket, so that a service without buckets or whose other members are all down serves what is
 * remembered; ICMP errors, by the quoted flow. Not: a packet that its QUIC id has routed (it notes nothing,
 * either), pings and later fragments. SYN+ACK, FIN, reset are packets as any others; nothing ends a flow. "A SYN"
 * is here a TCP packet with SYN and without ACK, whatever other flags it has.
 *
 * The remembered member, of a newcomer too, is taken if its index lies in `members`, its entry is of this service
 * and CONFIRMED, and its target's health lets it, as for an owner of a flow's second packets: a draining one is,
 * but not by a SYN; a weight is not looked at (neither draw nor percentage: who is remembered stays). Else the
 * member is that which a service without the flag would take, with the packet's own question (a SYN, and any UDP
 * packet, opens; others and ICMP errors do not).
 *
 * What is noted, of each packet but ICMP errors, of whichever member it goes to, the remembered or a picked one, is
 * a word with the present age: jiffies64 >> cache_shift, modulo 2^11. No member: nothing is noted or changed. It
 * goes
 *   - of a flow in its set: in its own place, also with another member, and by a SYN too;
 *   - of a newcomer, by a SYN: in its newcomer place;
 *   - of a newcomer, by any other packet: in its set, the newcomer place becomes 0 (all of it);
 *   - of a flow not known, by any packet: in its newcomer place, whoever lies there.
 * In the set a flow goes where there is no flow (bit "set" clear), the lowest such way; else to the way that has
 * not been seen for longest, (age now - its age) modulo 2^11, of equals the lowest. Members and their health do not
 * matter. Event `flow_pushed_out` if the one pushed out had been seen less than 32 units ago; newcomers pushed out
 * are not counted. Event `flow_moved`: the flow was known, in its set or as newcomer, the remembered member was not
 * taken, the bucket or a search has given one of another index (with `all_down: use_all` it may be the same, which is
 * no event, but noted), and the packet is neither a SYN nor an ICMP error. All this, events and new flows included,
 * is done before the next hop is looked for: what is dropped later or answered by an error (MTU, no route) has been
 * noted all the same.
 */
#ifndef XDPLB_FLOW_CACHE_H
#define XDPLB_FLOW_CACHE_H

#include "types.h"

#define XDPLB_FLOWS_PER_LINE 8

/*
 * A flow is one word, read and written whole. From the lowest bit on:
 *   20 bits: index into `members`
 *    1 bit:  set
 *   11 bits: when it was last seen, in units of 2^cache_shift jiffies
 *   32 bits: upper half of its hash
 */
struct xdplb_flow_line {
	__u64 flow[XDPLB_FLOWS_PER_LINE];
};
XDPLB_ASSERT_SIZE(struct xdplb_flow_line, 64);

#define XDPLB_FLOW_MEMBER   0xfffffULL
#define XDPLB_FLOW_SET      (1ULL << 20)
#define XDPLB_FLOW_AGE_BIT  21
#define XDPLB_FLOW_AGE_MASK 0x7ffU

#endif
