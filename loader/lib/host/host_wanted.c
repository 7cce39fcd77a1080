// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the file wants of this node's network. Looks up interfaces and namespaces, changes nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "host/host_builder.h"
#include "host/netns.h"

/*
 * A VIP on lo must not be answered for on the segment: the access node does that. IPv6 needs
 * nothing: a neighbour solicitation is answered only for addresses of the interface it came in by
 * (ndisc_recv_ns() asks ipv6_get_ifaddr() with the device), which lo never is.
 */
static const struct host_setting arp_settings[] = {
	{ XDPLB_IPV4, "arp_ignore", "1", HOST_AT_LEAST },
	{ XDPLB_IPV4, "arp_announce", "2", HOST_AT_LEAST },
};

/* Replies come in by a virtual NIC with a VIP as source, which is routed elsewhere. */
static const struct host_setting loose_rp_filter = { XDPLB_IPV4, "rp_filter", "2", HOST_NOT_ONE };
/* And which may be an address of this very host. */
static const struct host_setting accept_local = { XDPLB_IPV4, "accept_local", "1", HOST_AT_LEAST };

/* What the services want of a backend of this node. */
struct need {
	bool local_ipv4, local_ipv6; /* a VIP is to be local to it */
	bool vnic_ipv4; /* replies of an IPv4 service come in by its virtual NIC */
};

/* For all interfaces of the namespace: any of them might be asked for the VIP. */
static int want_quiet_arp(struct host_builder *builder, const char *netns)
{
	int err = host_want_setting(builder, netns, "all", &arp_settings[0]);

	return err ? err : host_want_setting(builder, netns, "all", &arp_settings[1]);
}

static int add_member(struct host_builder *builder, const struct config_service *service,
		      const struct config_member *member, struct need *needs)
{
	const struct config_backend *backend = &builder->config->backends[member->backend];
	struct need *need = &needs[member->backend];
	struct host_address address = { .family = service->family, .addr = service->vip };
	char text[ADDRESS_TEXT_LEN];

	if (backend->node != builder->node_index)
		return 0;
	if (backend->vnic[0] && service->family == XDPLB_IPV4)
		need->vnic_ipv4 = true;
	if (service->restore != XDPLB_RESTORE_INTERFACE)
		return 0;
	if (backend->vnic[0] && !backend->netns[0]) {
		note(&builder->wanted.notes,
		     "service %s, backend %s: it has a vnic and no netns, so make VIP %s local in "
		     "the guest",
		     service->name, backend->name,
		     address_print(&service->vip, service->family, text));
		return 0;
	}
	if (service->family == XDPLB_IPV4)
		need->local_ipv4 = true;
	else
		need->local_ipv6 = true;
	strcpy(address.netns, backend->netns);
	return host_want_address(builder, &address);
}

static int add_members(struct host_builder *builder, struct need *needs)
{
	const struct config *config = builder->config;
	const struct config_service *service;
	int err = 0;

	for (size_t i = 0; i < config->service_count; i++) {
		service = &config->services[i];
		for (size_t j = 0; !err && j < service->member_count; j++)
			err = add_member(builder, service, &service->members[j], needs);
	}
	return err;
}

/* What is to be known of a backend's network namespace. */
struct probe {
	const struct config_backend *backend;
	bool is_up; /* lo is */
	int found; /* 0, or why there is no holder */
	char holder[IF_NAMESIZE]; /* of the backend's IPv4 address */
};

static int probe_home(void *arg)
{
	struct probe *probe = arg;
	struct netlink_link lo;
	int err = netlink_link_get("lo", &lo);

	if (err)
		return err;
	probe->is_up = lo.flags & IFF_UP;
	probe->found = -EADDRNOTAVAIL;
	if (probe->backend->has_ipv4)
		probe->found =
			netlink_address_find(&probe->backend->ipv4, XDPLB_IPV4, probe->holder);
	return probe->found == -EADDRNOTAVAIL ? 0 : probe->found;
}

/* The ARP settings where a VIP is local. */
static int add_home(struct host_builder *builder, const struct config_backend *backend,
		    const struct need *need)
{
	struct probe probe = { .backend = backend };
	int err = netns_run(backend->netns, probe_home, &probe);
	char text[ADDRESS_TEXT_LEN];

	if (err == -ENONET)
		return fail(builder->error, err, "%s: backend %s: no network namespace %s",
			    builder->node->name, backend->name, backend->netns);
	if (err)
		return fail_errno(builder->error, err, "%s: backend %s: its network",
				  builder->node->name, backend->name);
	if (need->local_ipv6 && !probe.is_up)
		note(&builder->wanted.notes,
		     "backend %s: lo is down where its VIPs are to be local: the kernel takes no "
		     "IPv6 packet for them",
		     backend->name);
	if (!need->local_ipv4)
		return 0;
	/* A container without the backend's address is another's; the node has it somewhere else. */
	if (!probe.found || !backend->netns[0])
		return want_quiet_arp(builder, backend->netns);
	return fail(builder->error, probe.found, "%s: backend %s: no interface in %s has %s",
		    builder->node->name, backend->name, backend->netns,
		    address_print(&backend->ipv4, XDPLB_IPV4, text));
}

static int add_homes(struct host_builder *builder, const struct need *needs, bool *ret_own_ipv4)
{
	const struct config_backend *backend;
	int err = 0;

	*ret_own_ipv4 = false;
	for (size_t i = 0; !err && i < builder->config->backend_count; i++) {
		backend = &builder->config->backends[i];
		if (needs[i].local_ipv4 && !backend->netns[0])
			*ret_own_ipv4 = true;
		if (needs[i].local_ipv4 || needs[i].local_ipv6)
			err = add_home(builder, backend, &needs[i]);
	}
	for (size_t i = 0; !err && *ret_own_ipv4 && i < builder->node->uplink_count; i++) {
		struct netlink_link link;

		err = host_find_link(builder, builder->node->uplinks[i], &link);
	}
	return err;
}

static int add_vnic(struct host_builder *builder, const char *name, bool own_ipv4)
{
	int err = host_want_setting(builder, "", name, &loose_rp_filter);

	if (!err && own_ipv4)
		err = host_want_setting(builder, "", name, &accept_local);
	return err;
}

static int add_vnics(struct host_builder *builder, const struct need *needs, bool own_ipv4)
{
	struct netlink_link link;
	const char *vnic;
	int err = 0;

	for (size_t i = 0; !err && i < builder->config->backend_count; i++) {
		if (!needs[i].vnic_ipv4)
			continue;
		vnic = builder->config->backends[i].vnic;
		err = host_find_link(builder, vnic, &link);
		if (!err)
			err = add_vnic(builder, vnic, own_ipv4);
		/* Of a bridge's port, IP sees only the bridge. */
		if (!err && link.master[0])
			err = add_vnic(builder, link.master, own_ipv4);
	}
	return err;
}

static int keep_resting(struct host_builder *builder, const struct host_address *extra,
			size_t count)
{
	if (!count)
		return 0;
	builder->wanted.resting = calloc(count, sizeof(*extra));
	if (!builder->wanted.resting)
		return fail_errno(builder->error, -ENOMEM, "resting VIPs");
	memcpy(builder->wanted.resting, extra, count * sizeof(*extra));
	builder->wanted.resting_count = count;
	return 0;
}

static int add_backends(struct host_builder *builder)
{
	struct need *needs = calloc(builder->config->backend_count + 1, sizeof(*needs));
	bool own_ipv4 = false;
	int err;

	if (!needs)
		return fail_errno(builder->error, -ENOMEM, "backends");
	err = add_members(builder, needs);
	if (!err)
		err = add_homes(builder, needs, &own_ipv4);
	if (!err)
		err = add_vnics(builder, needs, own_ipv4);
	free(needs);
	return err;
}

int host_wanted_build(const struct config *config, size_t node, const struct host_address *extra,
		      size_t extra_count, struct host_wanted *ret, struct error *error)
{
	struct host_builder builder = {
		.config = config,
		.node = &config->nodes[node],
		.node_index = node,
		.error = error,
	};
	int err;

	err = keep_resting(&builder, extra, extra_count);
	if (!err && builder.node->is_service)
		err = add_backends(&builder);
	if (!err && builder.node->is_access)
		err = host_want_access(&builder);
	host_sort_addresses(builder.wanted.addresses, &builder.wanted.address_count);
	host_sort_addresses(builder.wanted.routes, &builder.wanted.route_count);
	if (err)
		host_wanted_free(&builder.wanted);
	else
		*ret = builder.wanted;
	return err;
}

void host_wanted_free(struct host_wanted *wanted)
{
	free(wanted->addresses);
	free(wanted->routes);
	free(wanted->sysctls);
	free(wanted->resting);
	notes_free(&wanted->notes);
	memset(wanted, 0, sizeof(*wanted));
}
