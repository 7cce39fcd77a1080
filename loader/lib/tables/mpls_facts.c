// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a node's host tells of its links and tunnel interfaces.
 */
#include "tables/mpls_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "host/netlink_device.h"

/* Between two looks at the neighbour table. */
#define LOOK_MS 20

const struct config_link_end *mpls_own_end(const struct config_link *link, size_t node,
					   const struct config_link_end **ret_other)
{
	for (int end = 0; end < 2; end++) {
		if (link->ends[end].node != node)
			continue;
		*ret_other = &link->ends[!end];
		return &link->ends[end];
	}
	return NULL;
}

static int find_interface(const struct config *config, const struct mpls_facts *facts,
			  const char *interface, uint32_t *ret_ifindex, uint8_t *ret_mac,
			  struct error *error)
{
	int err;

	*ret_ifindex = if_nametoindex(interface);
	if (!*ret_ifindex)
		return fail(error, -ENODEV, "%s: no such interface: %s",
			    config->nodes[facts->node].name, interface);
	err = netlink_link_mac(interface, ret_mac);
	return err ? fail_errno(error, err, "%s: cannot read the MAC address of %s",
				config->nodes[facts->node].name, interface)
		   : 0;
}

static int find_links(const struct config *config, struct mpls_facts *facts, struct error *error)
{
	int err = 0;

	for (size_t i = 0; !err && i < config->link_count; i++) {
		struct mpls_link_fact *fact = &facts->links[i];
		const struct config_link_end *other,
			*own = mpls_own_end(&config->links[i], facts->node, &other);

		if (!own)
			continue;
		err = find_interface(config, facts, own->interface, &fact->ifindex, fact->mac,
				     error);
		fact->has_next_hop = other->has_mac;
		memcpy(fact->next_hop, other->mac, sizeof(fact->next_hop));
	}
	return err;
}

static int find_tunnels(const struct config *config, struct mpls_facts *facts, struct error *error)
{
	int err = 0;

	for (size_t i = 0; !err && i < config->tunnel_count; i++) {
		const struct config_tunnel *tunnel = &config->tunnels[i];
		struct mpls_tunnel_fact *fact = &facts->tunnels[i];

		for (int end = 0; !err && end < 2; end++)
			if (tunnel->ends[end].node == facts->node &&
			    tunnel->kind != CONFIG_TUNNEL_SPARE)
				err = find_interface(config, facts, tunnel->ends[end].interface,
						     &fact->ifindex, fact->mac, error);
	}
	return err;
}

/* Looks at what is not known yet; returns how many of those there are still. */
static size_t look(const struct config *config, struct mpls_facts *facts, bool ask)
{
	size_t unknown = 0;

	for (size_t i = 0; i < config->link_count; i++) {
		struct mpls_link_fact *fact = &facts->links[i];
		const struct config_link_end *other;

		if (!mpls_own_end(&config->links[i], facts->node, &other) || fact->has_next_hop)
			continue;
		if (other->family)
			fact->has_next_hop = !netlink_neighbour_get(fact->ifindex, &other->addr,
								    other->family, fact->next_hop);
		if (fact->has_next_hop)
			continue;
		if (ask && other->family)
			netlink_neighbour_ask(fact->ifindex, &other->addr, other->family);
		unknown++;
	}
	return unknown;
}

static void tell_unknown(const struct config *config, const struct mpls_facts *facts,
			 struct notes *notes)
{
	char text[ADDRESS_TEXT_LEN];

	for (size_t i = 0; i < config->link_count; i++) {
		const struct config_link_end *other,
			*own = mpls_own_end(&config->links[i], facts->node, &other);

		if (!own || facts->links[i].has_next_hop)
			continue;
		note(notes,
		     "link %s: the MAC address of node %s is not known (%s does not answer at %s): "
		     "nothing is sent there until it is and xdplb-agent runs, or apply is run "
		     "again; "
		     "or set `mac:`",
		     config->links[i].name, config->nodes[other->node].name,
		     other->family ? address_print(&other->addr, other->family, text)
				   : "it has no address and",
		     own->interface);
	}
}

int mpls_facts_find(const struct config *config, size_t node, unsigned int wait_ms,
		    struct mpls_facts *ret, struct notes *notes, struct error *error)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	struct mpls_facts facts = { .node = node };
	unsigned int waited = 0;
	size_t unknown;
	int err;

	facts.links = calloc(config->link_count + 1, sizeof(*facts.links));
	facts.tunnels = calloc(config->tunnel_count + 1, sizeof(*facts.tunnels));
	if (!facts.links || !facts.tunnels) {
		mpls_facts_free(&facts);
		return fail_errno(error, -ENOMEM, "links");
	}
	err = find_links(config, &facts, error);
	if (!err)
		err = find_tunnels(config, &facts, error);
	if (err) {
		mpls_facts_free(&facts);
		return err;
	}
	unknown = look(config, &facts, true);
	for (; unknown && waited < wait_ms; waited += LOOK_MS) {
		nanosleep(&pause, NULL);
		unknown = look(config, &facts, false);
	}
	if (unknown)
		tell_unknown(config, &facts, notes);
	*ret = facts;
	return 0;
}

void mpls_facts_free(struct mpls_facts *facts)
{
	free(facts->links);
	free(facts->tunnels);
	memset(facts, 0, sizeof(*facts));
}
