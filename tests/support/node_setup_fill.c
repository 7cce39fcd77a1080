// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The test cluster's VIPs: a service of each family and protocol.
 */
#include <netinet/in.h>
#include <string.h>

#include "node_setup.h"

static const __u8 backend_mac[6] = { 0x02, 0xbe, 0, 0, 0, 1 };

__u32 setup_service(__u8 family, __u8 proto)
{
	return (family == XDPLB_IPV6) * 2 + (proto == IPPROTO_UDP);
}

struct setup_member setup_member(__u8 family, __u8 proto, __u32 ifindex)
{
	struct setup_member member = {
		.service = setup_service(family, proto),
		.family = family,
		.vip = { setup_addrs(family)->vips[0], VIP_PORT },
		.to = { setup_addrs(family)->backends[0], SETUP_TAG_FIRST + 5 },
		.ifindex = ifindex,
	};

	memcpy(member.to.mac, backend_mac, 6);
	return member;
}

void lb_setup_fill(struct lb_setup *lb, __u32 ifindex)
{
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		__u32 service = setup_service(family, proto);
		struct setup_member member = setup_member(family, proto, ifindex);
		struct setup_endpoint vip = { member.vip.addr, VIP_PORT, proto, family, service };
		struct setup_endpoint as_such = {
			member.vip.addr, 0, 0, family, XDPLB_INDEX_ADDRESS,
		};

		lb_setup_vip(lb, &vip);
		if (proto == IPPROTO_TCP)
			lb_setup_vip(lb, &as_such);
		member.health = service;
		lb_setup_member(lb, service, &member);
		lb_setup_service(lb, service, (struct xdplb_bucket_ref){ service * 16, 7 });
		for (__u32 bucket = 0; bucket < 16; bucket++)
			lb_setup_bucket(lb, service * 16 + bucket,
					bucket < 7 ? service : XDPLB_NO_MEMBER);
	}
}
