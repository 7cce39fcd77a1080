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
