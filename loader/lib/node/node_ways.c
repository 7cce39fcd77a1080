// SPDX-License-Identifier: BSD-2-Clause
/*
 * Next hops that lb_xdp has learned, where its interfaces change.
 */
#include "node/node_work.h"

void work_forget_ways(struct work *work)
{
	uint32_t known = 0;

	for (uint32_t i = 0; i < work->access.members.count; i++) {
		struct xdplb_nexthop *nexthop = &access_member(&work->access, i)->nexthop;

		if (!nexthop->expires || nexthop->ifindex == known)
			continue;
		if (hooks_have_xdp(&work->hooks, nexthop->ifindex))
			known = nexthop->ifindex;
		else
			__atomic_store_n(&nexthop->expires, 0, __ATOMIC_RELAXED);
	}
}
