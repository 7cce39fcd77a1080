// SPDX-License-Identifier: BSD-2-Clause
/*
 * Putting struct host_wanted together.
 */
#include "host/host_builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one more: the room doubles whenever the count is a power of two. */
static void *grow(void *items, size_t count, size_t size)
{
	if (count & (count - 1))
		return items;
	return reallocarray(items, count ? 2 * count : 1, size);
}

static int by_address(const void *a, const void *b)
{
	const struct host_address *x = a, *y = b;
	int order = x->family - y->family;

	if (!order)
		order = memcmp(&x->addr, &y->addr, sizeof(x->addr));
	return order ? order : strcmp(x->netns, y->netns);
}

void host_sort_addresses(struct host_address *addresses, size_t *count)
{
	size_t unique = 0;

	if (*count)
		qsort(addresses, *count, sizeof(*addresses), by_address);
	for (size_t i = 0; i < *count; i++)
		if (!i || by_address(&addresses[unique - 1], &addresses[i]))
			addresses[unique++] = addresses[i];
	*count = unique;
}

int host_want_address(struct host_builder *builder, const struct host_address *address)
{
	struct host_wanted *wanted = &builder->wanted;
	struct host_address *room;

	room = grow(wanted->addresses, wanted->address_count, sizeof(*room));
	if (!room)
		return fail_errno(builder->error, -ENOMEM, "addresses");
	wanted->addresses = room;
	room[wanted->address_count++] = *address;
	return 0;
}

int host_want_route(struct host_builder *builder, const struct host_address *route)
{
	struct host_wanted *wanted = &builder->wanted;
	struct host_address *room;

	room = grow(wanted->routes, wanted->route_count, sizeof(*room));
	if (!room)
		return fail_errno(builder->error, -ENOMEM, "routes");
	wanted->routes = room;
	room[wanted->route_count++] = *route;
	return 0;
}

int host_want_setting(struct host_builder *builder, const char *netns, const char *interface,
		      const struct host_setting *setting)
{
	struct host_wanted *wanted = &builder->wanted;
	struct host_sysctl sysctl = { .rule = setting->rule };
	struct host_sysctl *room;

	sysctl_interface_path(setting->family, interface, setting->name, sysctl.path);
	strcpy(sysctl.netns, netns);
	strcpy(sysctl.value, setting->value);
	for (size_t i = 0; i < wanted->sysctl_count; i++) {
		if (!strcmp(wanted->sysctls[i].path, sysctl.path) &&
		    !strcmp(wanted->sysctls[i].netns, netns))
			return 0;
	}
	room = grow(wanted->sysctls, wanted->sysctl_count, sizeof(*room));
	if (!room)
		return fail_errno(builder->error, -ENOMEM, "network settings");
	wanted->sysctls = room;
	room[wanted->sysctl_count++] = sysctl;
	return 0;
}

int host_find_link(struct host_builder *builder, const char *name, struct netlink_link *ret_link)
{
	int err = netlink_link_get(name, ret_link);

	if (err == -ENODEV)
		return fail(builder->error, err, "%s: no interface %s", builder->node->name, name);
	if (err)
		return fail_errno(builder->error, err, "%s: interface %s", builder->node->name,
				  name);
	return 0;
}
