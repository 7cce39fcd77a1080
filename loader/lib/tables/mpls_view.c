// SPDX-License-Identifier: BSD-2-Clause
/*
 * The pinned maps of a node that switches labels, and what is changed in them between two applies.
 */
#include "tables/mpls_tables.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int open_arrays(const struct paths *paths, struct mpls_view *view, struct error *error)
{
	const struct {
		const char *name;
		struct map_array *array;
		size_t value_size;
	} maps[] = {
		{ "ilm", &view->ilm, sizeof(struct xdplb_ilm) },
		{ "nhlfes", &view->nhlfes, sizeof(struct xdplb_nhlfe) },
		{ "lsr_links", &view->links, sizeof(struct xdplb_lsr_link) },
		{ "tunnels", &view->tunnels, sizeof(struct xdplb_tunnel) },
		{ "lsps", &view->lsps, sizeof(struct xdplb_lsp) },
		{ "push_rules", &view->rules, sizeof(struct xdplb_push_rule) },
		{ "push_control", &view->push_control, sizeof(struct xdplb_push_control) },
		{ "tunnel_infos", &view->infos, sizeof(struct xdplb_tunnel_info) },
	};
	char path[PATH_LEN];

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		int err = map_array_open(path_of_map(paths, maps[i].name, path), maps[i].value_size,
					 maps[i].array);

		if (err)
			return fail_errno(error, err, "cannot open %s", path);
	}
	return 0;
}

int mpls_view_open(const struct paths *paths, struct mpls_view *ret_view, struct error *error)
{
	struct mpls_view view = MPLS_VIEW_CLOSED;
	const struct {
		const char *name;
		int *fd;
	} maps[] = {
		{ "lsr_ports", &view.ports_fd },
		{ "lsr_ingress", &view.ingress_fd },
		{ "nhlfe_traffic", &view.traffic_fd },
		{ "tunnel_counters", &view.counters_fd },
	};
	char path[PATH_LEN];
	int err = open_arrays(paths, &view, error);

	for (size_t i = 0; !err && i < sizeof(maps) / sizeof(maps[0]); i++) {
		*maps[i].fd = map_open(path_of_map(paths, maps[i].name, path));
		if (*maps[i].fd < 0)
			err = fail_errno(error, *maps[i].fd, "cannot open %s", path);
	}
	if (err)
		mpls_view_close(&view);
	else
		*ret_view = view;
	return err;
}

void mpls_view_close(struct mpls_view *view)
{
	int *fds[] = { &view->ports_fd, &view->ingress_fd, &view->traffic_fd, &view->counters_fd };

	map_array_close(&view->ilm);
	map_array_close(&view->nhlfes);
	map_array_close(&view->links);
	map_array_close(&view->tunnels);
	map_array_close(&view->lsps);
	map_array_close(&view->rules);
	map_array_close(&view->push_control);
	map_array_close(&view->infos);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

uint32_t mpls_find_tunnel(const struct mpls_view *view, uint32_t number)
{
	for (uint32_t i = 0; i < view->infos.count; i++)
		if (mpls_tunnel_info(view, i)->id == number)
			return i;
	return UINT32_MAX;
}

bool mpls_set_tunnel(const struct mpls_view *view, uint32_t index, unsigned int state,
		     unsigned int backup, unsigned int cause)
{
	struct xdplb_tunnel_info *info = mpls_tunnel_info(view, index);
	struct xdplb_tunnel *tunnel = mpls_tunnel(view, index);
	struct xdplb_tunnel_control before = tunnel->control, after = before;
	struct timespec now;
	uint64_t word;

	after.lsp = info->lsps[backup];
	after.state = after.lsp == XDPLB_NO_LSP ? XDPLB_TUNNEL_DOWN : (__u8)state;
	after.backup = (__u8)backup;
	if (after.lsp == XDPLB_NO_LSP)
		after.lsp = 0;
	info->cause = (__u8)cause;
	if (!memcmp(&before, &after, sizeof(before)))
		return false;
	after.generation++;
	memcpy(&word, &after, sizeof(word));
	__atomic_store_n((uint64_t *)&tunnel->control, word, __ATOMIC_RELEASE);
	clock_gettime(CLOCK_REALTIME, &now);
	info->changed = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	info->switches += before.backup != after.backup;
	return true;
}

static bool set_address(uint8_t *address, const uint8_t *wanted)
{
	if (!wanted || !memcmp(address, wanted, 6))
		return false;
	memcpy(address, wanted, 6);
	return true;
}

bool mpls_leaves_by(const struct mpls_view *view, const struct xdplb_nhlfe *nhlfe, uint32_t ifindex)
{
	const struct xdplb_lsr_link *port;

	if ((nhlfe->op != XDPLB_OP_SWAP && nhlfe->op != XDPLB_OP_PHP) ||
	    nhlfe->port >= view->links.count)
		return false;
	port = map_at(&view->links, nhlfe->port);
	return port->ifindex == ifindex;
}

size_t mpls_set_addresses(const struct mpls_view *view, uint32_t ifindex, const uint8_t *dmac,
			  const uint8_t *smac)
{
	size_t count = 0;

	for (uint32_t i = 0; i < view->nhlfes.count; i++) {
		struct xdplb_nhlfe *nhlfe = mpls_nhlfe(view, i);

		if (mpls_leaves_by(view, nhlfe, ifindex))
			count += (size_t)(set_address(nhlfe->dmac, dmac) |
					  set_address(nhlfe->smac, smac));
	}
	for (uint32_t i = 0; i < view->lsps.count; i++) {
		struct xdplb_lsp *lsp = map_at(&view->lsps, i);

		if (lsp->ifindex == ifindex)
			count += (size_t)(set_address(lsp->dmac, dmac) |
					  set_address(lsp->smac, smac));
	}
	return count;
}
