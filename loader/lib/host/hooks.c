// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attaching, swapping and detaching programs.
 */
#include "host/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "base/maps.h"
#include "tables/mpls_facts.h"
#include "host/netlink_device.h"
#include "host/tc_filter.h"
#include "xdplb/infos.h"

/* TCX came after the libbpf that we build with. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47

/* ---- what the config asks for ---- */

static void add_hook(struct hooks *hooks, const char *interface, enum hook_kind kind,
		     enum program program)
{
	struct hook *hook = &hooks->hooks[hooks->count++];

	*hook = (struct hook){ .kind = kind, .program = program };
	snprintf(hook->interface, sizeof(hook->interface), "%s", interface);
}

static void add_once(struct hooks *hooks, const char *interface, enum hook_kind kind,
		     enum program program)
{
	for (size_t i = 0; i < hooks->count; i++)
		if (hooks->hooks[i].kind == kind && hooks->hooks[i].program == program &&
		    !strcmp(hooks->hooks[i].interface, interface))
			return;
	add_hook(hooks, interface, kind, program);
}

static void add_uplink(struct hooks *hooks, const char *interface)
{
	add_hook(hooks, interface, HOOK_TC_INGRESS, PROGRAM_UPLINK_INGRESS);
	add_hook(hooks, interface, HOOK_TC_EGRESS, PROGRAM_UPLINK_EGRESS);
}

static bool is_uplink(const struct config_node *node, const char *interface)
{
	for (size_t i = 0; i < node->uplink_count; i++)
		if (!strcmp(node->uplinks[i], interface))
			return true;
	return false;
}

/* lsr_xdp on every link, and what takes packets of tunnels that end here in and out. */
static void add_mpls(struct hooks *hooks, const struct config *config, size_t number)
{
	bool has_own = false;

	for (size_t i = 0; i < config->tunnel_count; i++) {
		const struct config_tunnel *tunnel = &config->tunnels[i];

		for (int end = 0; end < 2; end++) {
			if (tunnel->ends[end].node != number || tunnel->kind == CONFIG_TUNNEL_SPARE)
				continue;
			add_once(hooks, tunnel->ends[end].interface, HOOK_TC_EGRESS,
				 PROGRAM_PTP_PUSH);
			has_own |= tunnel->kind == CONFIG_TUNNEL_INTERFACE;
		}
	}
	for (size_t i = 0; i < config->link_count; i++) {
		const struct config_link_end *other,
			*own = mpls_own_end(&config->links[i], number, &other);

		if (own && has_own)
			add_hook(hooks, own->interface, HOOK_TC_INGRESS, PROGRAM_PTP_DELIVER);
		if (own)
			add_hook(hooks, own->interface, HOOK_XDP, PROGRAM_LSR_XDP);
	}
}

int hooks_of_config(const struct config *config, size_t number, struct hooks *ret)
{
	const struct config_node *node = &config->nodes[number];
	/* A node of access alone has none, and there may be 100,000 of others. */
	size_t backends = node->is_access && !node->is_service ? 0 : config->backend_count;
	struct hooks hooks = { 0 };

	hooks.hooks = calloc(5 * CONFIG_INTERFACES_MAX + 2 * backends + 2 * config->link_count +
				     config->tunnel_count,
			     sizeof(*hooks.hooks));
	if (!hooks.hooks)
		return -ENOMEM;
	for (size_t i = 0; node->is_access && i < node->access_interface_count; i++)
		add_hook(&hooks, node->access_interfaces[i], HOOK_XDP, PROGRAM_LB_XDP);
	for (size_t i = 0; node->is_service && i < node->uplink_count; i++)
		add_uplink(&hooks, node->uplinks[i]);
	/* Packets for the node's own backends are passed up where lb_xdp stands. */
	for (size_t i = 0; node->is_access && node->is_service && i < node->access_interface_count;
	     i++)
		if (!is_uplink(node, node->access_interfaces[i]))
			add_uplink(&hooks, node->access_interfaces[i]);
	for (size_t i = 0; i < backends; i++) {
		const struct config_backend *backend = &config->backends[i];

		if (backend->node != number || !backend->vnic[0] || !config_in_service(config, i))
			continue;
		add_hook(&hooks, backend->vnic, HOOK_TC_INGRESS, PROGRAM_VNIC_INGRESS);
		add_hook(&hooks, backend->vnic, HOOK_TC_EGRESS, PROGRAM_VNIC_EGRESS);
	}
	if (config_can_switch(&node->mpls))
		add_mpls(&hooks, config, number);
	*ret = hooks;
	return 0;
}

int hooks_want_vnic(struct hooks *hooks, const char *interface)
{
	struct hook *more = reallocarray(hooks->hooks, hooks->count + 2, sizeof(*more));

	if (!more)
		return -ENOMEM;
	hooks->hooks = more;
	add_once(hooks, interface, HOOK_TC_INGRESS, PROGRAM_VNIC_INGRESS);
	add_once(hooks, interface, HOOK_TC_EGRESS, PROGRAM_VNIC_EGRESS);
	return 0;
}

/* ---- links ---- */

/* A pinned link's interface and program; both 0 if the link is dead. */
static int read_link(const char *path, struct bpf_link_info *ret_info)
{
	__u32 len = sizeof(*ret_info);
	int fd = bpf_obj_get(path), err;

	if (fd < 0)
		return -errno;
	memset(ret_info, 0, sizeof(*ret_info));
	err = bpf_obj_get_info_by_fd(fd, ret_info, &len) ? -errno : 0;
	close(fd);
	return err;
}

/* The interface's number stands first in what the kernel tells of an XDP and of a TCX link. */
static unsigned int link_ifindex(const struct bpf_link_info *info)
{
	return info->xdp.ifindex;
}

static int create_xdp(const struct hook *hook, int prog_fd, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int fd = bpf_link_create(prog_fd, if_nametoindex(hook->interface), BPF_XDP, &opts);

	return fd < 0 ? -errno : fd;
}

static int attach_xdp(const struct hook *hook, int prog_fd, enum config_xdp_mode mode,
		      struct notes *notes, struct error *error)
{
	int fd;

	if (mode == CONFIG_XDP_GENERIC) {
		fd = create_xdp(hook, prog_fd, XDP_FLAGS_SKB_MODE);
	} else {
		fd = create_xdp(hook, prog_fd, XDP_FLAGS_DRV_MODE);
		if (fd == -EOPNOTSUPP && mode == CONFIG_XDP_AUTO) {
			note(notes,
			     "%s: the driver has no XDP: generic mode is used, which is slower",
			     hook->interface);
			fd = create_xdp(hook, prog_fd, XDP_FLAGS_SKB_MODE);
		}
	}
	if (fd == -EBUSY || fd == -EEXIST)
		return fail(error, fd,
			    "%s: cannot attach %s: another XDP program is there and is left alone",
			    hook->interface, program_names[hook->program]);
	if (fd == -EOPNOTSUPP)
		return fail(error, fd,
			    "%s: cannot attach %s: the driver has no XDP (--xdp generic would do)",
			    hook->interface, program_names[hook->program]);
	if (fd < 0)
		return fail_errno(error, fd, "%s: cannot attach %s", hook->interface,
				  program_names[hook->program]);
	if (mode != CONFIG_XDP_GENERIC && hook->program == PROGRAM_LB_XDP &&
	    netlink_is_veth(hook->interface))
		note(notes,
		     "%s: a veth: its other end needs an XDP program of its own and tx checksum "
		     "offload off, or what lb_xdp sends is lost (README: virtual interfaces)",
		     hook->interface);
	return fd;
}

static int attach_tcx(const struct hook *hook, int prog_fd)
{
	int type = hook->kind == HOOK_TC_INGRESS ? ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS;
	int fd = bpf_link_create(prog_fd, if_nametoindex(hook->interface), type, NULL);

	return fd < 0 ? -errno : fd;
}

static int pin_link(int fd, const struct hook *hook, const struct hooks_options *options,
		    struct error *error)
{
	char path[PATH_LEN];
	int err;

	path_of_link(options->paths, program_names[hook->program], hook->interface, path);
	unlink(path); /* of an interface that was deleted since */
	err = bpf_obj_pin(fd, path) ? -errno : 0;
	close(fd);
	return err ? fail_errno(error, err, "cannot pin %s", path) : 0;
}

/* ---- attaching ---- */

static bool is_attached(const struct hook *hook, const struct hooks_options *options)
{
	unsigned int ifindex = if_nametoindex(hook->interface);
	struct bpf_link_info info;
	char path[PATH_LEN];

	path_of_link(options->paths, program_names[hook->program], hook->interface, path);
	if (!read_link(path, &info) && link_ifindex(&info) == ifindex)
		return true;
	return hook->kind != HOOK_XDP &&
	       tc_filter_program(hook->interface, hook->kind == HOOK_TC_INGRESS, options->undo_fd);
}

static int attach_tc(const struct hook *hook, int prog_fd, const struct hooks_options *options,
		     struct error *error)
{
	int fd = -EINVAL;

	if (options->tc != HOOKS_TC_CLSACT) {
		fd = attach_tcx(hook, prog_fd);
		if (fd >= 0)
			return pin_link(fd, hook, options, error);
	}
	/* A kernel without TCX does not know the attach type: EINVAL. */
	if (options->tc == HOOKS_TC_TCX || fd != -EINVAL)
		return fail_errno(error, fd, "%s: cannot attach %s%s", hook->interface,
				  program_names[hook->program],
				  fd == -EINVAL ? " (TCX needs Linux 6.6)" : "");
	return tc_filter_attach(hook->interface, hook->kind == HOOK_TC_INGRESS, prog_fd,
				options->undo_fd, error);
}

static int attach_hook(struct hook *hook, const struct programs *programs,
		       const struct hooks_options *options, struct notes *notes,
		       struct error *error)
{
	int prog_fd = programs_for(programs, hook->program, hook->interface), err;

	if (!if_nametoindex(hook->interface))
		return fail(error, -ENODEV, "%s: no such interface", hook->interface);
	if (is_attached(hook, options))
		return 0;
	if (hook->kind == HOOK_XDP) {
		err = attach_xdp(hook, prog_fd, options->xdp, notes, error);
		if (err >= 0)
			err = pin_link(err, hook, options, error);
	} else {
		err = attach_tc(hook, prog_fd, options, error);
	}
	hook->attached_now = !err;
	return err;
}

void hooks_drop_link(const char *path)
{
	int fd = bpf_obj_get(path);

	if (fd >= 0) {
		bpf_link_detach(fd);
		close(fd);
	}
	unlink(path);
}

static void detach_hook(const struct hook *hook, const struct hooks_options *options)
{
	char path[PATH_LEN];

	hooks_drop_link(
		path_of_link(options->paths, program_names[hook->program], hook->interface, path));
	if (hook->kind != HOOK_XDP)
		tc_filter_detach(hook->interface, hook->kind == HOOK_TC_INGRESS, options->undo_fd);
}

/* Stamps that were asked for and can't be had. */
static void tell_unbound(const struct programs *programs, struct notes *notes)
{
	for (size_t i = 0; i < programs->bound_count; i++)
		if (programs->bound[i].fd < 0)
			note(notes,
			     "%s: `hardware_clock`: no program can be bound to it (%s): the "
			     "kernel's "
			     "clock is used for residence times",
			     programs->bound[i].interface, strerror(-programs->bound[i].fd));
}

int hooks_attach(struct hooks *hooks, const struct programs *programs,
		 const struct hooks_options *options, struct notes *notes, struct error *error)
{
	tell_unbound(programs, notes);
	for (size_t i = 0; i < hooks->count; i++) {
		int err = attach_hook(&hooks->hooks[i], programs, options, notes, error);

		if (err) {
			hooks_take_back(hooks, options);
			return err;
		}
	}
	return 0;
}

void hooks_take_back(struct hooks *hooks, const struct hooks_options *options)
{
	for (size_t i = 0; i < hooks->count; i++) {
		if (!hooks->hooks[i].attached_now)
			continue;
		detach_hook(&hooks->hooks[i], options);
		hooks->hooks[i].attached_now = false;
	}
}

static int swap_hook(const struct hook *hook, int prog_fd, const struct hooks_options *options,
		     struct error *error)
{
	char path[PATH_LEN];
	int fd, err;

	fd = bpf_obj_get(
		path_of_link(options->paths, program_names[hook->program], hook->interface, path));
	if (fd < 0 && hook->kind == HOOK_XDP)
		return fail_errno(error, -errno, "%s", path);
	if (fd < 0)
		return tc_filter_attach(hook->interface, hook->kind == HOOK_TC_INGRESS, prog_fd,
					options->undo_fd, error);
	err = bpf_link_update(fd, prog_fd, NULL) ? -errno : 0;
	close(fd);
	return err ? fail_errno(error, err, "%s: cannot swap %s", hook->interface,
				program_names[hook->program])
		   : 0;
}

int hooks_swap(const struct hooks *hooks, const struct programs *programs,
	       const struct hooks_options *options, struct error *error)
{
	for (size_t i = 0; i < hooks->count; i++) {
		const struct hook *hook = &hooks->hooks[i];
		int err;

		if (hook->attached_now)
			continue;
		err = swap_hook(hook, programs_for(programs, hook->program, hook->interface),
				options, error);
		if (err)
			return err;
	}
	return 0;
}
