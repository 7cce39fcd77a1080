// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * What the reference model looks up: VIPs, services by their port or range, lists of clients.
 */
#include <arpa/inet.h>
#include <string.h>

#include "model_steps.h"

static bool same_addr(const struct xdplb_addr *a, const struct xdplb_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool model_is_vip(const struct model_world *world, const struct model_parsed *parsed)
{
	for (size_t i = 0; i < world->service_count; i++)
		if (world->services[i].family == parsed->family &&
		    same_addr(&world->services[i].vip, &parsed->dest.addr))
			return true;
	return false;
}

static bool is_of_many(const struct model_service *service)
{
	return service->last_port;
}

/* How many ports beside this one the service has; -1: the port is none of its own. */
static int width_at(const struct model_world *world, const struct model_service *service,
		    __be16 port)
{
	if (!is_of_many(service))
		return service->port == port ? 0 : -1;
	if (!world->has_ranges || ntohs(port) < service->first_port ||
	    ntohs(port) > service->last_port)
		return -1;
	/* A range of one port comes behind the port as such. */
	return 1 + service->last_port - service->first_port;
}

const struct model_service *model_find_service(const struct model_world *world, __u8 family,
					       __u8 proto, const struct model_end *vip)
{
	const struct model_service *found = NULL;
	int least = 0;

	for (size_t i = 0; i < world->service_count; i++) {
		const struct model_service *service = &world->services[i];
		int width = width_at(world, service, vip->port);

		if (service->family != family || service->proto != proto || width < 0 ||
		    !same_addr(&service->vip, &vip->addr) || (found && width >= least))
			continue;
		found = service;
		least = width;
	}
	return found;
}

const struct model_member *model_member_at(const struct model_service *service, __u32 index)
{
	for (__u32 i = 0; i < service->member_count; i++)
		if (service->members[i].index == index)
			return &service->members[i];
	return NULL;
}

static bool is_in_prefix(const struct model_prefix *prefix, const struct xdplb_addr *addr)
{
	const __u8 *a = (const __u8 *)&prefix->addr, *b = (const __u8 *)addr;

	for (__u32 bit = 0; bit < prefix->bits; bit++)
		if ((a[bit / 8] ^ b[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

bool model_is_denied(const struct model_service *service, const struct xdplb_addr *source)
{
	bool is_listed = false;

	for (__u32 i = 0; i < service->prefix_count; i++)
		is_listed |= is_in_prefix(&service->prefixes[i], source);
	if (service->flags & XDPLB_SERVICE_SOURCES_ALLOWED)
		return !is_listed;
	return service->flags & XDPLB_SERVICE_SOURCES_DENIED && is_listed;
}

__u64 model_bucket_hash(const struct model_world *world, const struct model_service *service,
			const struct model_end *client, __u64 flow_hash)
{
	if (!(service->flags & XDPLB_SERVICE_BY_SOURCE))
		return flow_hash;
	return model_source_hash(world->key, &client->addr, &service->vip, service->family);
}
