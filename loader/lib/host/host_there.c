// SPDX-License-Identifier: BSD-2-Clause
/*
 * Records and routes as they are before an apply.
 */
#include "host/host_there.h"

#include <stdlib.h>
#include <string.h>

#include "host/host_act.h"

static uint32_t hash_key(const struct xdplb_undo_key *key)
{
	return lookup_hash(0, key, sizeof(*key));
}

static uint32_t hash_route(__u8 family, const struct xdplb_addr *addr)
{
	return lookup_hash(family, addr, sizeof(*addr));
}

static int look_at_records(int undo_fd, struct host_there *there)
{
	int err = undo_snapshot_begin(undo_fd, NULL, &there->undos);

	err = err ?: lookup_open(&there->recorded, there->undos.count);
	for (size_t i = 0; i < there->undos.count && !err; i++)
		lookup_add(&there->recorded, hash_key(&there->undos.records[i].key), i);
	return err;
}

/* Asked for once: there may be thousands. */
static int look_at_routes(struct host_there *there)
{
	int err = netlink_routes_list(&there->routes);

	err = err ?: lookup_open(&there->settled, there->routes.count);
	for (size_t i = 0; i < there->routes.count && !err; i++) {
		const struct netlink_route *route = &there->routes.routes[i];
		const struct host_address address = { .family = route->family,
						      .addr = route->addr };
		struct xdplb_undo_key key;

		host_route_key(&address, &key);
		if (host_recorded(there, &key))
			lookup_add(&there->settled, hash_route(route->family, &route->addr), i);
	}
	return err;
}

int host_look(int undo_fd, bool has_routes, struct host_there *ret)
{
	struct host_there there = { 0 };
	int err = look_at_records(undo_fd, &there);

	if (!err && has_routes)
		err = look_at_routes(&there);
	if (err)
		host_there_free(&there);
	else
		*ret = there;
	return err;
}

void host_there_free(struct host_there *there)
{
	undo_snapshot_end(NULL, &there->undos);
	lookup_close(&there->recorded);
	free(there->routes.routes);
	lookup_close(&there->settled);
	memset(there, 0, sizeof(*there));
}

const struct undo_record *host_recorded(const struct host_there *there,
					const struct xdplb_undo_key *key)
{
	uint32_t i = lookup_first(&there->recorded, hash_key(key));

	while (i != LOOKUP_NONE && memcmp(&there->undos.records[i].key, key, sizeof(*key)))
		i = lookup_next(&there->recorded, i);
	return i == LOOKUP_NONE ? NULL : &there->undos.records[i];
}

bool host_is_settled(const struct host_there *there, const struct host_address *route)
{
	const struct netlink_route *routes = there->routes.routes;
	uint32_t i;

	if (!there->routes.count)
		return false;
	i = lookup_first(&there->settled, hash_route(route->family, &route->addr));
	while (i != LOOKUP_NONE && (routes[i].family != route->family ||
				    memcmp(&routes[i].addr, &route->addr, sizeof(route->addr))))
		i = lookup_next(&there->settled, i);
	return i != LOOKUP_NONE;
}
