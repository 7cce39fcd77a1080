// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking back what was done to a node's network and is not wanted any more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "host/host_act.h"
#include "host/host_there.h"
#include "base/lookup.h"

static bool same_address(const struct host_address *a, const struct host_address *b)
{
	return a->family == b->family && !memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

/* What is wanted, by hash: there may be thousands of addresses, and as many records. */
struct wanted_index {
	const struct host_wanted *wanted;
	struct lookup addresses, routes;
};

static uint32_t hash_address(const struct host_address *address)
{
	return lookup_hash(address->family, &address->addr, sizeof(address->addr));
}

static int index_addresses(struct lookup *ret, const struct host_address *addresses, size_t count)
{
	int err = lookup_open(ret, count);

	for (size_t i = 0; i < count && !err; i++)
		lookup_add(ret, hash_address(&addresses[i]), i);
	return err;
}

static int index_wanted(const struct host_wanted *wanted, struct wanted_index *ret_index)
{
	struct wanted_index index = { .wanted = wanted };
	int err = index_addresses(&index.addresses, wanted->addresses, wanted->address_count);

	err = err ?: index_addresses(&index.routes, wanted->routes, wanted->route_count);
	if (err)
		lookup_close(&index.addresses);
	else
		*ret_index = index;
	return err;
}

static bool is_wanted_address(const struct wanted_index *index, const struct xdplb_undo_key *key)
{
	const struct host_wanted *wanted = index->wanted;
	struct host_address address;
	uint32_t i;

	if (host_address_from_key(key, &address))
		return false;
	for (i = 0; i < wanted->resting_count; i++) {
		if (same_address(&address, &wanted->resting[i]))
			return true;
	}
	i = lookup_first(&index->addresses, hash_address(&address));
	while (i != LOOKUP_NONE && (!same_address(&address, &wanted->addresses[i]) ||
				    strcmp(address.netns, wanted->addresses[i].netns)))
		i = lookup_next(&index->addresses, i);
	return i != LOOKUP_NONE;
}

static bool is_wanted_route(const struct wanted_index *index, const struct xdplb_undo_key *key)
{
	struct host_address address;
	uint32_t i;

	if (host_address_from_key(key, &address))
		return false;
	i = lookup_first(&index->routes, hash_address(&address));
	while (i != LOOKUP_NONE && !same_address(&address, &index->wanted->routes[i]))
		i = lookup_next(&index->routes, i);
	return i != LOOKUP_NONE;
}

static bool is_wanted_sysctl(const struct host_wanted *wanted, const struct xdplb_undo_key *key)
{
	char netns[UNDO_NETNS_LEN], path[UNDO_WHAT_LEN];

	/* Packets of resting mappings still come and go; which way can't be told from a VIP. */
	if (wanted->resting_count)
		return true;
	undo_key_netns(key, netns);
	undo_key_what(key, path);
	for (size_t i = 0; i < wanted->sysctl_count; i++) {
		if (!strcmp(path, wanted->sysctls[i].path) &&
		    !strcmp(netns, wanted->sysctls[i].netns))
			return true;
	}
	return false;
}

static int undo_and_forget(int undo_fd, const struct undo_record *record, struct notes *notes)
{
	char text[HOST_TEXT_LEN];
	int err = host_undo(record);

	if (!err)
		err = undo_forget(undo_fd, &record->key);
	if (err)
		note(notes, "cannot take back %s: %s", host_print(&record->key, text),
		     strerror(-err));
	return err;
}

/* All records, and what is wanted of them. */
struct cleaning {
	struct wanted_index index;
	struct undo_snapshot all;
	int undo_fd;
	struct notes *notes;
};

static bool is_wanted(const struct cleaning *cleaning, const struct xdplb_undo_key *key)
{
	switch (key->kind) {
	case UNDO_ADDRESS:
		return is_wanted_address(&cleaning->index, key);
	case UNDO_ROUTE:
		return is_wanted_route(&cleaning->index, key);
	default:
		return is_wanted_sysctl(cleaning->index.wanted, key);
	}
}

/* Undoes the records of a kind that are not wanted; goes on after a failure. */
static int undo_unwanted(const struct cleaning *cleaning, char kind)
{
	int first = 0, err;

	for (size_t i = 0; i < cleaning->all.count; i++) {
		const struct undo_record *record = &cleaning->all.records[i];

		if (record->key.kind != kind || is_wanted(cleaning, &record->key))
			continue;
		err = undo_and_forget(cleaning->undo_fd, record, cleaning->notes);
		if (!first)
			first = err;
	}
	return first;
}

int host_finish(const struct host_wanted *wanted, int undo_fd, struct notes *notes)
{
	const struct undo_snapshot *known = wanted->there ? &wanted->there->undos : NULL;
	struct cleaning cleaning = { .undo_fd = undo_fd, .notes = notes };
	int addresses, routes, sysctls, err;

	err = undo_snapshot_begin(undo_fd, known, &cleaning.all);
	if (err) {
		note(notes, "cannot read the undo records: %s", strerror(-err));
		return err;
	}
	err = index_wanted(wanted, &cleaning.index);
	if (err) {
		undo_snapshot_end(known, &cleaning.all);
		return err;
	}
	addresses = undo_unwanted(&cleaning, UNDO_ADDRESS);
	routes = undo_unwanted(&cleaning, UNDO_ROUTE);
	sysctls = undo_unwanted(&cleaning, UNDO_SYSCTL);
	lookup_close(&cleaning.index.addresses);
	lookup_close(&cleaning.index.routes);
	undo_snapshot_end(known, &cleaning.all);
	if (addresses)
		return addresses;
	return routes ? routes : sysctls;
}

int host_undo_all(int undo_fd, struct notes *notes)
{
	const struct host_wanted nothing = { 0 };

	return host_finish(&nothing, undo_fd, notes);
}
