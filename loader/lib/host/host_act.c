// SPDX-License-Identifier: BSD-2-Clause
/*
 * Single acts on a host's network: one address or setting, in its own network namespace.
 */
#include "host/host_act.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "host/netlink.h"
#include "host/netns.h"

struct address_job {
	const struct host_address *address;
	char *ret_name;
};

struct sysctl_job {
	const struct host_sysctl *sysctl;
	char *ret_value;
	long number; /* the one that counts */
};

struct write_job {
	const char *path, *value;
};

static int find_address(void *arg)
{
	struct address_job *job = arg;

	return netlink_address_find(&job->address->addr, job->address->family, job->ret_name);
}

static int add_address(void *arg)
{
	const struct address_job *job = arg;

	return netlink_address_add(&job->address->addr, job->address->family);
}

static int delete_address(void *arg)
{
	const struct address_job *job = arg;

	return netlink_address_delete(&job->address->addr, job->address->family);
}

static int add_route(void *arg)
{
	const struct address_job *job = arg;

	return netlink_route_block(&job->address->addr, job->address->family);
}

static int delete_route(void *arg)
{
	const struct address_job *job = arg;

	return netlink_route_unblock(&job->address->addr, job->address->family);
}

static int read_setting(void *arg)
{
	struct sysctl_job *job = arg;
	int err = sysctl_read(job->sysctl->path, job->ret_value);

	if (err || job->sysctl->rule == HOST_EXACTLY)
		return err;
	return sysctl_effective(job->sysctl->path, &job->number);
}

static int write_setting(void *arg)
{
	const struct write_job *job = arg;

	return sysctl_write(job->path, job->value);
}

int host_address_holder(const struct host_address *address, char ret_name[IF_NAMESIZE])
{
	struct address_job job = { .address = address, .ret_name = ret_name };

	return netns_run(address->netns, find_address, &job);
}

int host_address_add(const struct host_address *address)
{
	struct address_job job = { .address = address };

	return netns_run(address->netns, add_address, &job);
}

int host_route_add(const struct host_address *address)
{
	struct address_job job = { .address = address };

	return netns_run(address->netns, add_route, &job);
}

int host_sysctl_check(const struct host_sysctl *sysctl, char ret_value[SYSCTL_VALUE_LEN])
{
	struct sysctl_job job = { .sysctl = sysctl, .ret_value = ret_value };
	int err = netns_run(sysctl->netns, read_setting, &job);

	if (err)
		return err;
	switch (sysctl->rule) {
	case HOST_EXACTLY:
		return !strcmp(ret_value, sysctl->value);
	case HOST_AT_LEAST:
		return job.number >= strtol(sysctl->value, NULL, 10);
	case HOST_NOT_ONE:
		return job.number != 1;
	}
	return -EINVAL;
}

int host_sysctl_write(const struct host_sysctl *sysctl)
{
	struct write_job job = { .path = sysctl->path, .value = sysctl->value };

	return netns_run(sysctl->netns, write_setting, &job);
}

void host_address_key(const struct host_address *address, struct xdplb_undo_key *ret_key)
{
	char text[ADDRESS_TEXT_LEN];

	undo_key(UNDO_ADDRESS, address->netns, address_print(&address->addr, address->family, text),
		 ret_key);
}

void host_route_key(const struct host_address *address, struct xdplb_undo_key *ret_key)
{
	char text[ADDRESS_TEXT_LEN];

	undo_key(UNDO_ROUTE, address->netns, address_print(&address->addr, address->family, text),
		 ret_key);
}

void host_sysctl_key(const struct host_sysctl *sysctl, struct xdplb_undo_key *ret_key)
{
	undo_key(UNDO_SYSCTL, sysctl->netns, sysctl->path, ret_key);
}

int host_address_from_key(const struct xdplb_undo_key *key, struct host_address *ret_address)
{
	struct host_address address = { 0 };
	char what[UNDO_WHAT_LEN];

	undo_key_what(key, what);
	if (key->kind == UNDO_SYSCTL || address_parse(what, &address.addr, &address.family))
		return -EINVAL;
	undo_key_netns(key, address.netns);
	*ret_address = address;
	return 0;
}

static int undo_address(const struct undo_record *record)
{
	struct host_address address;
	struct address_job job = { .address = &address };
	int err = host_address_from_key(&record->key, &address);

	if (err)
		return err;
	err = netns_run(address.netns, delete_address, &job);
	return err == -EADDRNOTAVAIL || err == -ENODEV ? 0 : err;
}

static int undo_route(const struct undo_record *record)
{
	struct host_address address;
	struct address_job job = { .address = &address };
	int err = host_address_from_key(&record->key, &address);

	if (err)
		return err;
	err = netns_run(address.netns, delete_route, &job);
	return err == -ESRCH ? 0 : err;
}

static int undo_sysctl(const struct undo_record *record)
{
	char netns[UNDO_NETNS_LEN], path[UNDO_WHAT_LEN];
	struct write_job job = { .path = path, .value = record->undo.value };
	int err;

	undo_key_netns(&record->key, netns);
	undo_key_what(&record->key, path);
	err = netns_run(netns, write_setting, &job);
	return err == -ENOENT ? 0 : err;
}

int host_undo(const struct undo_record *record)
{
	int err = -EINVAL;

	if (record->key.kind == UNDO_ADDRESS)
		err = undo_address(record);
	else if (record->key.kind == UNDO_ROUTE)
		err = undo_route(record);
	else if (record->key.kind == UNDO_SYSCTL)
		err = undo_sysctl(record);
	return err == -ENONET ? 0 : err;
}

char *host_print(const struct xdplb_undo_key *key, char ret_text[HOST_TEXT_LEN])
{
	char netns[UNDO_NETNS_LEN], what[UNDO_WHAT_LEN];

	undo_key_netns(key, netns);
	undo_key_what(key, what);
	snprintf(ret_text, HOST_TEXT_LEN, "%s%s%s%s%s",
		 key->kind == UNDO_SYSCTL  ? "net/"
		 : key->kind == UNDO_ROUTE ? "unreachable route to "
					   : "",
		 what, key->kind == UNDO_ADDRESS ? " on lo" : "", netns[0] ? " in " : "", netns);
	return ret_text;
}
