// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is attached: from the pinned links and from the records of clsact filters.
 */
#include "host/hooks.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "base/maps.h"
#include "host/tc_filter.h"
#include "host/undo.h"
#include "xdplb/infos.h"

/* Splits "PROGRAM@INTERFACE", as links are pinned; false: not such a name. */
static bool split_pin(const char *pin, struct hook_state *ret, const char **ret_interface)
{
	const char *at = strchr(pin, '@');

	if (!at || (size_t)(at - pin) >= sizeof(ret->program))
		return false;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->program, pin, at - pin);
	*ret_interface = at + 1;
	return true;
}

static const char *xdp_mode(unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query(ifindex, 0, &query))
		return "xdp";
	return query.attach_mode == XDP_ATTACHED_SKB ? "xdp generic" : "xdp native";
}

static void describe_link(const char *path, struct hook_state *state)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);

	state->how = "gone";
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len)) {
		state->program_id = info.prog_id;
		if_indextoname(info.xdp.ifindex, state->interface);
		if (state->interface[0])
			state->how =
				info.type == BPF_LINK_TYPE_XDP ? xdp_mode(info.xdp.ifindex) : "tcx";
	}
	close(fd);
}

static size_t list_links(const struct paths *paths, struct hook_state *ret, size_t max)
{
	char folder[PATH_LEN], path[2 * PATH_LEN];
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/links", paths->dir);
	dir = opendir(folder);
	while (dir && n < max && (entry = readdir(dir))) {
		const char *interface;

		if (!split_pin(entry->d_name, &ret[n], &interface))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		describe_link(path, &ret[n]);
		if (!ret[n].interface[0]) /* it is gone: as it was pinned */
			snprintf(ret[n].interface, sizeof(ret[n].interface), "%s", interface);
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

/* "DEVICE/ingress" or "DEVICE/egress", as filters are recorded. */
static bool split_filter(const char *what, char *ret_interface, bool *ret_ingress)
{
	const char *slash = strrchr(what, '/');

	if (!slash || slash - what >= IF_NAMESIZE)
		return false;
	memcpy(ret_interface, what, slash - what);
	ret_interface[slash - what] = 0;
	*ret_ingress = !strcmp(slash, "/ingress");
	return true;
}

/* A filter's record does not say which program it runs: the kernel does. */
static void name_program(struct hook_state *state)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(state->program_id);

	snprintf(state->program, sizeof(state->program), "?");
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		snprintf(state->program, sizeof(state->program), "%s", info.name);
	close(fd);
}

static size_t list_filters(int undo_fd, struct hook_state *ret, size_t max)
{
	struct xdplb_undo_key key, *previous = NULL;
	size_t n = 0;

	while (n < max && !map_next(undo_fd, previous, &key)) {
		struct hook_state state = { .how = "clsact" };
		bool ingress;

		previous = &key;
		if (key.kind != 'f' || !split_filter(key.what, state.interface, &ingress))
			continue;
		state.program_id = tc_filter_program(state.interface, ingress, undo_fd);
		if (!state.program_id)
			state.how = "gone";
		name_program(&state);
		ret[n++] = state;
	}
	return n;
}

size_t hooks_list(const struct paths *paths, int undo_fd, struct hook_state *ret, size_t max)
{
	size_t n = list_links(paths, ret, max);

	return n + (undo_fd < 0 ? 0 : list_filters(undo_fd, ret + n, max - n));
}

/* ---- pruning ---- */

static bool link_wanted(const struct hooks *wanted, const struct hook_state *state)
{
	for (size_t i = 0; wanted && i < wanted->count; i++)
		if (!strcmp(wanted->hooks[i].interface, state->interface) &&
		    !strcmp(program_names[wanted->hooks[i].program], state->program))
			return true;
	return false;
}

static bool filter_wanted(const struct hooks *wanted, const char *interface, bool ingress)
{
	enum hook_kind kind = ingress ? HOOK_TC_INGRESS : HOOK_TC_EGRESS;

	for (size_t i = 0; wanted && i < wanted->count; i++)
		if (!strcmp(wanted->hooks[i].interface, interface) && wanted->hooks[i].kind == kind)
			return true;
	return false;
}

static int prune_links(const struct hooks *wanted, const struct hooks_options *options,
		       struct notes *notes)
{
	char folder[PATH_LEN], path[2 * PATH_LEN];
	struct dirent *entry;
	int detached = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/links", options->paths->dir);
	dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		struct hook_state state;
		const char *interface;

		if (!split_pin(entry->d_name, &state, &interface))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		describe_link(path, &state);
		if (state.interface[0] && link_wanted(wanted, &state))
			continue;
		hooks_drop_link(path);
		note(notes, "%s: %s detached", interface, state.program);
		detached++;
	}
	if (dir)
		closedir(dir);
	return detached;
}

static int prune_filters(const struct hooks *wanted, const struct hooks_options *options,
			 struct notes *notes)
{
	int detached = 0, undo_fd = options->undo_fd;
	struct undo_snapshot all;

	if (undo_snapshot_begin(undo_fd, options->known, &all))
		return 0;
	for (size_t i = 0; i < all.count; i++) {
		const struct xdplb_undo_key *key = &all.records[i].key;
		char interface[IF_NAMESIZE];
		bool ingress;

		if (key->kind != UNDO_FILTER || !split_filter(key->what, interface, &ingress) ||
		    filter_wanted(wanted, interface, ingress) ||
		    tc_filter_detach(interface, ingress, undo_fd))
			continue;
		note(notes, "%s: filter at %s detached", interface, ingress ? "ingress" : "egress");
		detached++;
	}
	undo_snapshot_end(options->known, &all);
	return detached;
}

int hooks_prune(const struct hooks *wanted, const struct hooks_options *options,
		struct notes *notes)
{
	int detached = prune_links(wanted, options, notes);

	return detached + (options->undo_fd < 0 ? 0 : prune_filters(wanted, options, notes));
}

/* ---- where frames may be redirected to ---- */

bool hooks_have_xdp(const struct hooks *hooks, unsigned int ifindex)
{
	for (size_t i = 0; i < hooks->count; i++)
		if (hooks->hooks[i].program == PROGRAM_LB_XDP &&
		    if_nametoindex(hooks->hooks[i].interface) == ifindex)
			return true;
	return false;
}

/* Takes out the first interface that lb_xdp no longer stands on; false: there is none. */
static bool forget_interface(int map, const struct hooks *hooks)
{
	__u32 ifindex, *previous = NULL;

	while (!map_next(map, previous, &ifindex)) {
		if (!hooks_have_xdp(hooks, ifindex))
			return !map_delete(map, &ifindex);
		previous = &ifindex;
	}
	return false;
}

int hooks_publish(const struct hooks *hooks, const struct hooks_options *options,
		  struct error *error)
{
	char path[PATH_LEN];
	int map = map_open(path_of_map(options->paths, "interfaces", path)), err = 0;
	__u32 one = 1;

	if (map < 0)
		return fail_errno(error, map, "cannot open %s", path);
	for (size_t i = 0; i < hooks->count && !err; i++) {
		__u32 ifindex = if_nametoindex(hooks->hooks[i].interface);

		if (hooks->hooks[i].program == PROGRAM_LB_XDP)
			err = map_put(map, &ifindex, &one);
	}
	while (!err && forget_interface(map, hooks))
		;
	close(map);
	return err ? fail_errno(error, err, "cannot note the interfaces of lb_xdp") : 0;
}
