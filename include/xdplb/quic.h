/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * QUIC connection ids that say which backend has given them out, so that its packets find it whatever address
 * their client has by now. After the idea of draft-ietf-quic-load-balancers, unencrypted:
 *
 *   octet 0      the upper three bits: the service's `quic` (0 to 6; 7: an id that says nothing); the lower
 *                five: how many octets follow, which only other readers of the id need
 *   octets 1-4   the server id of the backend in this service (`xdplb-load quic-id`)
 *   octets 5-    the backend's own, at least one, so that its ids differ; 20 octets in all at most
 *
 * Every id that a backend issues, the source connection id of its first flight included, must be so made.
 *
 * Which packets: whole UDP packets of a service with the flag QUIC, after clients and TTL, before `source_limit`,
 * cache and bucket: what an id routes is taken for an established connection's, whatever address its client has by
 * now, and no limit counts it. (Ids lie open: who has seen one can make packets of no connection that pass the limit
 * as well.) First fragments and ICMP errors go without; so does TCP, should its service have the flag.
 *
 * Where the id is: UDP payload, of which as much counts as the frame has, whatever the IP or UDP length says
 * (padding too). Fewer than 6 bytes: no id. Upper bit of the first byte 0, a short header: the id starts at byte 1.
 * 1, a long one: its length is byte 5, 6 to 20 (else no id), it starts at byte 6, and 11 bytes of payload must be
 * there (else no id). Only the first five octets of an id are looked at, the rest need not be there; neither is the
 * fixed bit (0x40) looked at, nor the version.
 *
 * The id names a member if its upper three bits are bits 17 to 19 of the service's flags, its entry is in `vips`
 * (see below), the index of that lies in `members`, and the member there is of this service (the index may be
 * another's by now). It is taken if it is CONFIRMED and its target's health lets it: a draining one is; a weight is
 * not looked at. Event `quic_routed`, before the next hop is looked for. Limit and cache are then neither asked nor
 * written, affinity does not count, and the packet is no new flow for `member_flows`. In all other cases the packet
 * goes on as one of a service without the flag: limit, cache, bucket, counted as those say. Event `quic_unknown` if
 * there was an id behind a short header: other upper bits, no entry, no such member of the service, or one that is not
 * taken; also where the limit then drops the packet. No event where there was no id, and behind a long header, where
 * it may be the client's own.
 */
#ifndef XDPLB_QUIC_H
#define XDPLB_QUIC_H

#include "endpoint.h"

#define XDPLB_QUIC_CONFIGS 7 /* what the upper three bits may say */
#define XDPLB_QUIC_ID_LEN  4
#define XDPLB_QUIC_CID_MIN (1 + XDPLB_QUIC_ID_LEN + 1)
#define XDPLB_QUIC_CID_MAX 20

/*
 * In the map `vips` a server id is an entry with this protocol, of family XDPLB_IPV6 whatever the service's,
 * and port 0, whose address is { index of the service, the id as it lies in the packet, 0, 0 }; its index is
 * that of the member.
 */
#define XDPLB_QUIC_ENTRY 0x40

#endif
