// SPDX-License-Identifier: BSD-2-Clause
/*
 * MAC addresses of links, from the kernel to the label tables.
 */
#include "link_hops.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "host/netlink_device.h"
#include "log.h"
#include "neighbours.h"
#include "node/node_labels.h"
#include "tables/mpls_facts.h"

/* Seconds. A neighbour that the kernel holds for reachable is not asked, so this costs next to nothing. */
#define ASK_EVERY 1

struct link_hops {
	struct ev_loop *loop;
	struct neigh *neigh;
	const struct config *config;
	size_t node;
	struct mpls_view *view; /* NULL: nothing is followed */
	struct xdplb_node_info *info;
	bool is_incomplete; /* entries may be missing for want of a next hop */
	uint64_t changed;
	ev_timer ask;
};

static void tell(const char *link, const char *whose, const uint8_t mac[6])
{
	log_event(LOG_NOTICE, "link %s: the MAC address of %s is now %02x:%02x:%02x:%02x:%02x:%02x",
		  link, whose, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

/* This node's end of a link by that interface; NULL: there is none. */
static const struct config_link_end *find_link(const struct link_hops *hops, uint32_t ifindex,
					       const struct config_link **ret_link,
					       const struct config_link_end **ret_other)
{
	for (size_t i = 0; i < hops->config->link_count; i++) {
		const struct config_link *link = &hops->config->links[i];
		const struct config_link_end *own = mpls_own_end(link, hops->node, ret_other);

		if (!own || if_nametoindex(own->interface) != ifindex)
			continue;
		*ret_link = link;
		return own;
	}
	return NULL;
}

static bool is_of(const struct neighbour *neighbour, const struct config_link_end *end)
{
	return end->family &&
	       neighbour->family == (end->family == XDPLB_IPV4 ? AF_INET : AF_INET6) &&
	       !memcmp(&neighbour->addr, &end->addr, sizeof(end->addr));
}

static void ask_soon(struct link_hops *hops)
{
	ev_timer_stop(hops->loop, &hops->ask);
	ev_timer_set(&hops->ask, 0, ASK_EVERY);
	ev_timer_start(hops->loop, &hops->ask);
}

static void on_neighbour(void *context, const struct neighbour *neighbour)
{
	struct link_hops *hops = context;
	const struct config_link_end *other;
	const struct config_link *link;
	size_t count;

	if (!hops->view || !find_link(hops, neighbour->ifindex, &link, &other) || other->has_mac ||
	    !is_of(neighbour, other))
		return;
	/* Once for all that are heard of together. */
	if (hops->is_incomplete)
		ask_soon(hops);
	count = mpls_set_addresses(hops->view, neighbour->ifindex, neighbour->via.mac, NULL);
	hops->changed += count;
	if (count)
		tell(link->name, hops->config->nodes[other->node].name, neighbour->via.mac);
}

static void on_link(void *context, uint32_t ifindex, const uint8_t mac[6])
{
	struct link_hops *hops = context;
	const struct config_link_end *other;
	const struct config_link *link;
	size_t count;

	if (!hops->view || !find_link(hops, ifindex, &link, &other))
		return;
	count = mpls_set_addresses(hops->view, ifindex, NULL, mac);
	hops->changed += count;
	if (count)
		tell(link->name, "this node", mac);
}

/* What follows a new generation, such as watching its tunnels, is done as after an apply. */
static void fill(struct link_hops *hops)
{
	size_t missing = 0;
	int count = node_fill_labels(hops->config, hops->node, hops->view, hops->info, &missing);

	if (count == -EWOULDBLOCK)
		return;
	hops->is_incomplete = count >= 0 && missing;
	if (count < 0 && count != -ESTALE)
		log_line(LOG_WARNING, "labels that were left out can't be put in: %s",
			 strerror(-count));
	if (count > 0)
		log_line(LOG_NOTICE,
			 "%d changes to labels that were left out for want of a next hop, %zu are "
			 "still missing",
			 count, missing);
}

static void on_ask(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct link_hops *hops = timer->data;

	if (hops->is_incomplete)
		fill(hops);
	for (size_t i = 0; i < hops->config->link_count; i++) {
		const struct config_link_end *other,
			*own = mpls_own_end(&hops->config->links[i], hops->node, &other);

		if (own && !other->has_mac && other->family)
			netlink_neighbour_ask(if_nametoindex(own->interface), &other->addr,
					      other->family);
	}
}

int link_hops_set(struct link_hops *hops, const struct config *config, size_t node,
		  struct mpls_view *view, struct xdplb_node_info *info)
{
	const struct neigh_listener listener = { hops, on_neighbour, on_link };
	bool is_wanted = view && config->link_count;

	ev_timer_stop(hops->loop, &hops->ask);
	hops->config = config;
	hops->node = node;
	hops->view = is_wanted ? view : NULL;
	hops->info = info;
	hops->is_incomplete = is_wanted;
	if (!is_wanted)
		return neigh_listen(hops->neigh, NULL);
	ask_soon(hops);
	return neigh_listen(hops->neigh, &listener);
}

int link_hops_new(struct ev_loop *loop, struct neigh *neigh, struct link_hops **ret_hops)
{
	struct link_hops *hops = calloc(1, sizeof(*hops));

	if (!hops)
		return -ENOMEM;
	hops->loop = loop;
	hops->neigh = neigh;
	ev_init(&hops->ask, on_ask);
	hops->ask.data = hops;
	*ret_hops = hops;
	return 0;
}

void link_hops_free(struct link_hops *hops)
{
	if (!hops)
		return;
	ev_timer_stop(hops->loop, &hops->ask);
	neigh_listen(hops->neigh, NULL);
	free(hops);
}

uint64_t link_hops_changed(const struct link_hops *hops)
{
	return hops->changed;
}
