// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tunnel interfaces and checksum offload on a node's host.
 */
#include "host/tunnel_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/netlink_device.h"
#include "host/sysctl.h"
#include "host/undo.h"

/* ---- what is wanted ---- */

/* The end of a tunnel at this node; NULL: none, or it has no interface of its own. */
static const struct config_tunnel_end *own_end(const struct config_tunnel *tunnel, size_t node,
					       const struct config_tunnel_end **ret_other)
{
	for (int end = 0; end < 2; end++) {
		if (tunnel->ends[end].node != node || tunnel->kind != CONFIG_TUNNEL_INTERFACE)
			continue;
		*ret_other = &tunnel->ends[!end];
		return &tunnel->ends[end];
	}
	return NULL;
}

static bool device_wanted(const struct config *config, size_t node, const char *name)
{
	const struct config_tunnel_end *end, *other;

	for (size_t i = 0; config && i < config->tunnel_count; i++) {
		end = own_end(&config->tunnels[i], node, &other);
		if (end && !strcmp(end->interface, name))
			return true;
	}
	return false;
}

/* Frames are redirected out of link interfaces by XDP and out of tunnels by TC. */
static bool offload_unwanted(const struct config *config, size_t node, const char *name)
{
	for (size_t i = 0; config && i < config->link_count; i++)
		for (int end = 0; end < 2; end++) {
			const struct config_link_end *link = &config->links[i].ends[end];

			if (link->node == node && !strcmp(link->interface, name))
				return true;
		}
	for (size_t i = 0; config && i < config->tunnel_count; i++)
		for (int end = 0; end < 2; end++) {
			const struct config_tunnel_end *tunnel = &config->tunnels[i].ends[end];

			if (tunnel->node == node && !strcmp(tunnel->interface, name))
				return true;
		}
	return false;
}

/* ---- doing it ---- */

static int record(int undo_fd, char kind, const char *name, const char *value, uint64_t generation)
{
	struct xdplb_undo_key key;
	int err = undo_key(kind, "", name, &key);

	return err ? err : undo_put(undo_fd, &key, value, generation);
}

static bool is_recorded(int undo_fd, char kind, const char *name)
{
	struct xdplb_undo_key key;
	struct xdplb_undo undo;

	return !undo_key(kind, "", name, &key) && !undo_get(undo_fd, &key, &undo);
}

static void forget(int undo_fd, char kind, const char *name)
{
	struct xdplb_undo_key key;

	if (!undo_key(kind, "", name, &key))
		undo_forget(undo_fd, &key);
}

static void add_step(struct tunnel_host *done, char kind, const char *name)
{
	done->steps[done->count].kind = kind;
	snprintf(done->steps[done->count++].interface, IF_NAMESIZE, "%s", name);
}

/* The other end speaks to nobody. */
static void silence(const char *peer)
{
	char path[SYSCTL_PATH_LEN];

	sysctl_write(sysctl_interface_path(XDPLB_IPV6, peer, "disable_ipv6", path), "1");
	sysctl_write(sysctl_interface_path(XDPLB_IPV4, peer, "arp_ignore", path), "8");
}

static int make_device(const struct config_tunnel *tunnel, const char *name, int undo_fd,
		       uint64_t generation, struct tunnel_host *done, struct error *error)
{
	char peer[IF_NAMESIZE];
	int err;

	if (if_nametoindex(name) && is_recorded(undo_fd, UNDO_DEVICE, name))
		return 0;
	if (if_nametoindex(name))
		return fail(error, -EEXIST,
			    "tunnel %s: there is an interface %s already that attach has not made: "
			    "choose another name, or `tag` it",
			    tunnel->name, name);
	snprintf(peer, sizeof(peer), "xt-%08x", tunnel->number);
	err = record(undo_fd, UNDO_DEVICE, name, peer, generation);
	if (err)
		return fail_errno(error, err, "cannot record how to undo interface %s", name);
	add_step(done, UNDO_DEVICE, name);
	err = netlink_veth_make(name, peer);
	if (err)
		return fail_errno(error, err, "tunnel %s: cannot make interface %s", tunnel->name,
				  name);
	silence(peer);
	return 0;
}

/* A veth would hand a checksum on that nobody fills in. A real NIC fills it in, and keeps its offload. */
static int turn_offload_off(const char *name, int undo_fd, uint64_t generation,
			    struct tunnel_host *done, struct error *error)
{
	bool is_on;
	int err;

	if (!netlink_is_veth(name) || netlink_tx_offload(name, &is_on) || !is_on)
		return 0;
	err = record(undo_fd, UNDO_OFFLOAD, name, "", generation);
	if (err)
		return fail_errno(error, err, "cannot record how to undo the offload of %s", name);
	add_step(done, UNDO_OFFLOAD, name);
	err = netlink_tx_offload_set(name, false);
	return err ? fail_errno(error, err, "%s: cannot turn off checksum offload", name) : 0;
}

static int prepare_links(const struct config *config, size_t node, int undo_fd, uint64_t generation,
			 struct tunnel_host *done, struct error *error)
{
	int err = 0;

	for (size_t i = 0; !err && i < config->link_count; i++)
		for (int end = 0; !err && end < 2; end++) {
			const struct config_link_end *link = &config->links[i].ends[end];

			if (link->node == node && done->count == TUNNEL_HOST_STEPS)
				err = fail(error, -ENOSPC, "%s: too many links and tunnels",
					   config->nodes[node].name);
			else if (link->node == node)
				err = turn_offload_off(link->interface, undo_fd, generation, done,
						       error);
		}
	return err;
}

int tunnel_host_prepare(const struct config *config, size_t node, int undo_fd, uint64_t generation,
			struct tunnel_host *ret, struct error *error)
{
	int err = 0;

	ret->count = 0;
	for (size_t i = 0; !err && i < config->tunnel_count; i++) {
		const struct config_tunnel *tunnel = &config->tunnels[i];

		for (int end = 0; !err && end < 2; end++) {
			const char *name = tunnel->ends[end].interface;

			if (tunnel->ends[end].node != node || !name[0])
				continue;
			if (ret->count + 2 > TUNNEL_HOST_STEPS)
				return fail(error, -ENOSPC, "%s: too many tunnels",
					    config->nodes[node].name);
			if (tunnel->kind == CONFIG_TUNNEL_INTERFACE)
				err = make_device(tunnel, name, undo_fd, generation, ret, error);
			if (!err)
				err = turn_offload_off(name, undo_fd, generation, ret, error);
		}
	}
	return err ? err : prepare_links(config, node, undo_fd, generation, ret, error);
}

/* What is gone already is no error. */
static int undo_step(char kind, const char *name)
{
	int err = kind == UNDO_DEVICE ? netlink_link_delete(name)
				      : netlink_tx_offload_set(name, true);

	return err == -ENODEV ? 0 : err;
}

void tunnel_host_take_back(struct tunnel_host *done, int undo_fd)
{
	while (done->count) {
		done->count--;
		if (!undo_step(done->steps[done->count].kind, done->steps[done->count].interface))
			forget(undo_fd, done->steps[done->count].kind,
			       done->steps[done->count].interface);
	}
}

/* ---- addresses ---- */

static size_t list_prefixes(const struct config_tunnel_end *end, struct netlink_prefix *ret)
{
	const struct config_prefix *both[] = { &end->ipv4, &end->ipv6 };
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		if (both[i]->family)
			ret[count++] = (struct netlink_prefix){ both[i]->family, both[i]->length,
								both[i]->addr };
	return count;
}

/* The tunnel carries no ARP: the far end has a MAC address that means nothing. */
static int set_far_end(const struct config_tunnel *tunnel, const char *name,
		       const struct config_tunnel_end *far)
{
	const uint8_t mac[6] = { 2,
				 0,
				 (uint8_t)(tunnel->number >> 24),
				 (uint8_t)(tunnel->number >> 16),
				 (uint8_t)(tunnel->number >> 8),
				 (uint8_t)tunnel->number };
	const struct config_prefix *both[] = { &far->ipv4, &far->ipv6 };
	int err = 0;

	for (size_t i = 0; !err && i < 2; i++)
		if (both[i]->family)
			err = netlink_neighbour_put(name, &both[i]->addr, both[i]->family, mac);
	return err;
}

static int finish_device(const struct config_tunnel *tunnel, const struct config_tunnel_end *end,
			 const struct config_tunnel_end *far, struct notes *notes)
{
	struct netlink_prefix prefixes[2];
	size_t count = list_prefixes(end, prefixes);
	int err = netlink_prefixes_keep(end->interface, prefixes, count);

	for (size_t i = 0; !err && i < count; i++) {
		err = netlink_prefix_add(end->interface, &prefixes[i]);
		if (err == -EEXIST)
			err = 0;
	}
	if (!err)
		err = set_far_end(tunnel, end->interface, far);
	if (err)
		note(notes, "tunnel %s: cannot set the addresses of %s: %s", tunnel->name,
		     end->interface, strerror(-err));
	return err;
}

/* ---- undoing ---- */

/* What is to be gone through for records that are not wanted. */
struct undoing {
	const struct config *config;
	size_t node;
	int undo_fd;
	const struct undo_snapshot *known; /* the caller's, or NULL */
	struct undo_snapshot all;
	struct notes *notes;
};

static int undo_unwanted(const struct undoing *undoing, char kind)
{
	int first = 0, err;

	for (size_t i = 0; i < undoing->all.count; i++) {
		const struct xdplb_undo_key *key = &undoing->all.records[i].key;
		char name[UNDO_WHAT_LEN];

		if (key->kind != kind)
			continue;
		undo_key_what(key, name);
		if (kind == UNDO_DEVICE ? device_wanted(undoing->config, undoing->node, name)
					: offload_unwanted(undoing->config, undoing->node, name))
			continue;
		err = undo_step(kind, name);
		if (!err)
			err = undo_forget(undoing->undo_fd, key);
		if (err)
			note(undoing->notes, "cannot take back %s %s: %s",
			     kind == UNDO_DEVICE ? "interface" : "the offload of", name,
			     strerror(-err));
		first = first ? first : err;
	}
	return first;
}

/* Devices first. */
static int undo_all_unwanted(struct undoing *undoing)
{
	int first = undo_snapshot_begin(undoing->undo_fd, undoing->known, &undoing->all), err;

	if (first)
		return first;
	first = undo_unwanted(undoing, UNDO_DEVICE);
	err = undo_unwanted(undoing, UNDO_OFFLOAD);
	undo_snapshot_end(undoing->known, &undoing->all);
	return first ? first : err;
}

int tunnel_host_finish(const struct config *config, size_t node, int undo_fd,
		       const struct undo_snapshot *known, struct notes *notes)
{
	struct undoing undoing = {
		.config = config, .node = node, .undo_fd = undo_fd, .known = known, .notes = notes
	};
	int first = 0, err;

	for (size_t i = 0; config && i < config->tunnel_count; i++) {
		const struct config_tunnel_end *other,
			*end = own_end(&config->tunnels[i], node, &other);

		err = end ? finish_device(&config->tunnels[i], end, other, notes) : 0;
		first = first ? first : err;
	}
	err = undo_all_unwanted(&undoing);
	return first ? first : err;
}
