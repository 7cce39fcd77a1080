/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Hand-over: what a service node needs to find the backend that has a TCP connection, when a packet of
 * it came to one that has not. Access nodes keep nothing of a flow; a change of tables or of health sends
 * packets of established connections to other backends. There no socket expects them, and they are
 * handed on to the owners that may have had the flow, by the tables of now and of before.
 *
 *   mappings -> successions -> owners (keyed flow hash, as on access nodes) -> peers
 *
 * The packet goes on as if an access node had chosen the peer: to its address and tag port, with an
 * admission mark that also says how often it was handed on (handover_mark() in bpf/lib/hash.h).
 */
#ifndef XDPLB_HANDOVER_H
#define XDPLB_HANDOVER_H

#include "access.h"

/* A packet is handed on so many times at most; the last one's stack answers it. */
#define XDPLB_HANDOVERS_MAX 2

/* What the mark of a packet says: how often it was handed on, and once by whom. */
enum xdplb_handed {
	XDPLB_HANDED_NEVER,
	XDPLB_HANDED_BY_FIRST, /* the flow's first owner by its own newest table */
	XDPLB_HANDED_TWICE,
	XDPLB_HANDED_BY_OTHER, /* to the first owner, by the sender's newest table */
};

/* Tables kept of a service: the present one and those before it. */
#define XDPLB_GENERATIONS 3

/* A peer that does not live on this node. */
#define XDPLB_ELSEWHERE 0xffffffffU

/* A member of a service, wherever it lives: element of `peers`. */
struct xdplb_peer {
	struct xdplb_addr addr;
	__be16 tag; /* network byte order */
	__u16 reserved;
	__u32 mapping; /* index into `mappings`, or XDPLB_ELSEWHERE */
	__u64 reserved2;
};
XDPLB_ASSERT_SIZE(struct xdplb_peer, 32);

/*
 * The tables of a service, the newest first: element of `successions`, of which number 0 means "none".
 * A table lies in `owners`, which is laid out as the map `buckets` of an access node but holds indices
 * of peers; count 0: there is none. The half that `live` does not name is free to be written.
 */
struct xdplb_succession {
	struct xdplb_bucket_ref tables[2][XDPLB_GENERATIONS];
	__u32 live;
	__u32 by_source
		[2]; /* of each half, a bit a table: its owners follow client and VIP alone */
	__u32 reserved;
};
XDPLB_ASSERT_SIZE(struct xdplb_succession, 64);

/*
 * Where the sockets of a mapping's backend are: the number of its network namespace, as the node's own
 * knows it (RTM_GETNSID), or:
 */
enum xdplb_netns {
	XDPLB_NETNS_OWN = -1, /* the node's own; also BPF_F_CURRENT_NETNS */
	XDPLB_NETNS_UNSEEN = -2, /* a VM's: flow notes tell, if there are any */
};

#endif
