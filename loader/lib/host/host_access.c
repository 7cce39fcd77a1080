// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an access node needs of its network: forwarding on the interfaces that lb_xdp is attached to, and
 * VIPs that lead nowhere else.
 */
#include <errno.h>
#include <stdio.h>

#include "host/host_builder.h"

/* Of the calling thread's network namespace. One line a route, the last fields flags and device. */
#define ROUTES       "/proc/thread-self/net/ipv6_route"
#define ROUTE_FORMAT "%*s %*s %*s %*s %*s %*s %*s %*s %x %15s"

/* Learned from a router advertisement (the kernel's linux/ipv6_route.h). */
#define RTF_ADDRCONF 0x00040000

/* bpf_fib_lookup() and the kernel both look at the interface a packet came in by. */
static const struct host_setting forward_ipv4 = { XDPLB_IPV4, "forwarding", "1", HOST_EXACTLY };
static const struct host_setting forward_ipv6 = { XDPLB_IPV6, "forwarding", "1", HOST_EXACTLY };
/* A forwarding interface takes router advertisements at 2 only. */
static const struct host_setting keep_ra = { XDPLB_IPV6, "accept_ra", "2", HOST_NOT_ONE };

static bool has_services(const struct config *config, __u8 family)
{
	for (size_t i = 0; i < config->service_count; i++) {
		if (config->services[i].family == family)
			return true;
	}
	return false;
}

/*
 * Turning IPv6 forwarding on anywhere makes the kernel drop what it learned from routers on all
 * interfaces whose accept_ra is not 2 (rt6_purge_dflt_routers()): the node would lose its way out.
 */
static int keep_routers(struct host_builder *builder)
{
	char line[256], interface[IF_NAMESIZE];
	FILE *routes = fopen(ROUTES, "re");
	unsigned int flags;
	int err = 0;

	/* No IPv6 here: setting forwarding will say so. */
	if (!routes)
		return 0;
	while (!err && fgets(line, sizeof(line), routes)) {
		if (sscanf(line, ROUTE_FORMAT, &flags, interface) != 2 || !(flags & RTF_ADDRCONF))
			continue;
		err = host_want_setting(builder, "", interface, &keep_ra);
	}
	fclose(routes);
	return err;
}

static int add_ipv6_forwarding(struct host_builder *builder, const char *interface)
{
	long general = 0, forced = 0;
	char path[SYSCTL_PATH_LEN];
	int err;

	err = host_want_setting(builder, "", interface, &keep_ra);
	if (!err)
		err = host_want_setting(builder, "", interface, &forward_ipv6);
	if (err)
		return err;
	sysctl_effective("ipv6/conf/all/forwarding", &general);
	/* Linux 6.17 and newer; where it is missing it is 0. */
	sysctl_effective(sysctl_interface_path(XDPLB_IPV6, interface, "force_forwarding", path),
			 &forced);
	if (!general && !forced)
		note(&builder->wanted.notes,
		     "%s: net/ipv6/conf/all/forwarding is 0, the kernel forwards no IPv6: a packet "
		     "for a backend whose neighbour is not resolved yet is lost",
		     interface);
	return 0;
}

/*
 * What is sent to a VIP and is no service (another port, a ping) passes lb_xdp. The kernel would send
 * it back to the router, and the router here again, until its TTL ends.
 */
static int block_vips(struct host_builder *builder)
{
	const struct config *config = builder->config;
	int err = 0;

	for (size_t i = 0; !err && i < config->service_count; i++) {
		const struct host_address vip = {
			.family = config->services[i].family,
			.addr = config->services[i].vip,
		};

		err = host_want_route(builder, &vip);
	}
	return err;
}

int host_want_access(struct host_builder *builder)
{
	bool ipv4 = has_services(builder->config, XDPLB_IPV4);
	bool ipv6 = has_services(builder->config, XDPLB_IPV6);
	const struct config_node *node = builder->node;
	struct netlink_link link;
	int err = 0;

	if (ipv6 && node->access_interface_count)
		err = keep_routers(builder);
	for (size_t i = 0; !err && i < node->access_interface_count; i++) {
		err = host_find_link(builder, node->access_interfaces[i], &link);
		if (!err && ipv4)
			err = host_want_setting(builder, "", node->access_interfaces[i],
						&forward_ipv4);
		if (!err && ipv6)
			err = add_ipv6_forwarding(builder, node->access_interfaces[i]);
	}
	return err ? err : block_vips(builder);
}
