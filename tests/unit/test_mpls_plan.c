// SPDX-License-Identifier: BSD-2-Clause
/*
 * Label tables: packets that walk through the tables of all nodes come where the file says, by the
 * links it says; and what an apply changes.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config_tunnel_text.h"
#include "mpls_cluster.h"

/* Tunnels over every kind of way: one link, two, penultimate hop popping, a backup, not co-routed. */
#define PHP_NODE_B                                                                      \
	" b: {mpls: {labels: {first: 2000, last: 2999}, php: yes}, te: {links: {" LINK( \
		"p1", "eth1", "10.0.1.2",                                               \
		"") ", " LINK("p2", "eth2", "10.0.2.2",                                 \
			      ", srlg: [7]") "," LINK("bc", "eth3", "10.0.4.1", "") "}}}\n"
#define TUNNELS                                                                               \
	" t: {ends: [a, b], interface: ptp0, path: [ac, bc], protect_by: s}\n"                \
	" s: {ends: [a, b], path: [p1]}\n"                                                    \
	" u: {ends: [c, a], tag: {interface: eth9}, match: {transport: [ipv4], domain: 4}}\n" \
	" w: {ends: [b, a], interface: ptp2, corouted: no, path: [p2], reverse_path: [ac, bc]}\n"
#define PLAIN HEAD "nodes:\n" NODE_A NODE_B NODE_C "tunnels:\n" TUNNELS
#define PHP   HEAD "nodes:\n" NODE_A PHP_NODE_B NODE_C "tunnels:\n" TUNNELS

static bool goes_by(const struct config *config, const struct mpls_walk *walk,
		    const struct cspf_path *path, size_t count)
{
	if (walk->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (walk->links[i] != config->links[path->links[i]].number)
			return false;
	return true;
}

/* What carries the tunnel, and which of its LSPs that is. */
static const struct config_tunnel *
carried(const struct config *config, const struct config_tunnel *tunnel, unsigned int *ret_backup)
{
	*ret_backup = tunnel->kind == CONFIG_TUNNEL_SPARE;
	return *ret_backup ? &config->tunnels[config_protected_by(
				     config, (size_t)(tunnel - config->tunnels))]
			   : tunnel;
}

static void check_delivery(const struct mpls_cluster *world, const struct config_tunnel *tunnel,
			   unsigned int direction, const struct mpls_walk *walk,
			   unsigned int payload)
{
	unsigned int backup;
	const struct config_tunnel *of = carried(&world->loaded.config, tunnel, &backup);
	const struct xdplb_tunnel *there;

	cr_expect_eq(walk->end, XDPLB_OP_DELIVER, "%s: %d", tunnel->name, walk->end);
	cr_expect_eq(walk->node, tunnel->ends[!direction].node, "%s", tunnel->name);
	cr_expect(goes_by(&world->loaded.config, walk, &tunnel->lsps[direction].path,
			  tunnel->lsps[direction].path.count),
		  "%s: another way", tunnel->name);
	if (walk->end != XDPLB_OP_DELIVER)
		return;
	there = map_at(&world->views[walk->node].tunnels, walk->entry->tunnel);
	cr_expect_eq(there->id, of->number, "%s comes out of another tunnel", tunnel->name);
	cr_expect_eq(walk->entry->payload, payload, "%s", tunnel->name);
	cr_expect_eq(!!(walk->entry->flags & XDPLB_NHLFE_BACKUP), backup, "%s", tunnel->name);
}

/* An answer goes back from where a probe ended, and comes to the asker by the reverse way. */
static void check_answer(const struct mpls_cluster *world, const struct config_tunnel *tunnel,
			 unsigned int direction, const struct mpls_walk *walk)
{
	const struct config_lsp *reverse = &tunnel->lsps[!direction];
	uint32_t stack[2] = { walk->reverse_label, reverse->last[XDPLB_PAYLOAD_IPV4] };
	size_t skip = walk->reverse_label == XDPLB_LABEL_IMPLICIT_NULL;
	struct mpls_walk back;

	if (!tunnel->corouted)
		return;
	cr_assert_neq(walk->reverse_label, 0, "%s", tunnel->name);
	back = mpls_cluster_walk(world, walk->node, walk->last_link, stack + skip, 2 - skip, 255);
	cr_expect_eq(back.end, XDPLB_OP_DELIVER, "%s: %d", tunnel->name, back.end);
	cr_expect_eq(back.node, tunnel->ends[direction].node, "%s", tunnel->name);
	cr_expect_eq(back.count, walk->count, "%s", tunnel->name);
}

/* The probe that is turned round at the far end: it goes on by the LSP of the other direction. */
static void check_turn(const struct mpls_cluster *world, const struct config_tunnel *tunnel,
		       unsigned int direction, const uint32_t *push, size_t depth, uint32_t link)
{
	const struct config *config = &world->loaded.config;
	const struct config_lsp *there = &tunnel->lsps[direction];
	const struct config_lsp *back = &tunnel->lsps[!direction];
	uint32_t stack[3];
	struct mpls_walk walk;

	memcpy(stack, push, depth * sizeof(*push));
	stack[depth - 1] = there->turn;
	walk = mpls_cluster_walk(world, tunnel->ends[direction].node, link, stack, depth, 255);
	cr_expect_eq(walk.end, XDPLB_LABEL_GAL, "%s: %d", tunnel->name, walk.end);
	cr_expect_eq(walk.node, tunnel->ends[direction].node, "%s", tunnel->name);
	cr_assert_eq(walk.count, there->path.count + back->path.count, "%s", tunnel->name);
	for (size_t i = 0; i < back->path.count; i++)
		cr_expect_eq(walk.links[there->path.count + i],
			     config->links[back->path.links[i]].number, "%s", tunnel->name);
}

static void check_direction(const struct mpls_cluster *world, const struct config_tunnel *tunnel,
			    unsigned int direction)
{
	unsigned int backup;
	const char *name = carried(&world->loaded.config, tunnel, &backup)->name;
	const struct config_lsp *lsp = &tunnel->lsps[direction];
	size_t node = tunnel->ends[direction].node;
	uint32_t stack[XDPLB_LABELS_MAX], link = 0;
	struct mpls_walk walk;
	size_t depth = 0;

	for (unsigned int payload = 1; payload < XDPLB_PAYLOAD_COUNT; payload++) {
		if (!lsp->last[payload])
			continue;
		depth = mpls_cluster_push(world, node, name, backup, payload, stack, &link);
		cr_assert_eq(depth, config_stack_depth(lsp), "%s: %zu", tunnel->name, depth);
		walk = mpls_cluster_walk(world, node, link, stack, depth, 255);
		check_delivery(world, tunnel, direction, &walk, payload);
		check_answer(world, tunnel, direction, &walk);
	}
	for (int ttl = 1; ttl < (int)lsp->path.count; ttl++) {
		walk = mpls_cluster_walk(world, node, link, stack, depth, ttl);
		cr_expect_eq(walk.end, -2, "%s: the TTL expires", tunnel->name);
		cr_expect(goes_by(&world->loaded.config, &walk, &lsp->path, (size_t)ttl));
		check_answer(world, tunnel, direction, &walk);
	}
	check_turn(world, tunnel, direction, stack, depth, link);
}

Test(mpls_plan, packets_come_where_the_file_says)
{
	static const char *const texts[] = { PLAIN, PHP };

	for (size_t i = 0; i < 2; i++) {
		struct mpls_cluster world;

		mpls_cluster_open(&world, texts[i]);
		cr_assert_eq(mpls_cluster_apply(&world), 0);
		for (size_t t = 0; t < world.loaded.config.tunnel_count; t++)
			for (unsigned int direction = 0; direction < 2; direction++)
				check_direction(&world, &world.loaded.config.tunnels[t], direction);
		mpls_cluster_close(&world);
	}
}

Test(mpls_plan, applying_twice_changes_nothing)
{
	struct mpls_cluster world;

	mpls_cluster_open(&world, PLAIN);
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	cr_expect_gt(world.changes[0], 0);
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	for (size_t node = 0; node < 3; node++)
		cr_expect_eq(world.changes[node], 0, "node %zu: %zu", node, world.changes[node]);
	mpls_cluster_close(&world);
}

/* A node's interface of a link gets another MAC address, its own and the other end's tables with it. */
static size_t change_mac(struct mpls_cluster *world, size_t link, int end)
{
	const struct config_link *config = &world->loaded.config.links[link];
	struct mpls_link_fact *own = &world->facts[config->ends[end].node].links[link];
	struct mpls_link_fact *other = &world->facts[config->ends[!end].node].links[link];

	own->mac[5] ^= 0x80;
	own->mac[1] ^= 0x40;
	memcpy(other->next_hop, own->mac, 6);
	return mpls_set_addresses(&world->views[config->ends[end].node], own->ifindex, NULL,
				  own->mac) +
	       mpls_set_addresses(&world->views[config->ends[!end].node], other->ifindex, own->mac,
				  NULL);
}

/* What is changed in place is what apply would have written, and nothing else is touched. */
Test(mpls_plan, addresses_change)
{
	struct mpls_cluster world;
	size_t changed = 0;

	mpls_cluster_open(&world, PLAIN);
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	for (size_t link = 0; link < world.loaded.config.link_count; link++)
		for (int end = 0; end < 2; end++)
			changed += change_mac(&world, link, end);
	cr_expect_gt(changed, 0);
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	for (size_t node = 0; node < 3; node++)
		cr_expect_eq(world.changes[node], 0, "node %zu: %zu", node, world.changes[node]);
	mpls_cluster_close(&world);
}

static const struct xdplb_tunnel *tunnel_at(const struct mpls_cluster *world, size_t node,
					    const char *name)
{
	for (uint32_t i = 0; i < 8; i++)
		if (!strcmp(mpls_tunnel_info(&world->views[node], i)->name, name))
			return mpls_tunnel(&world->views[node], i);
	return NULL;
}

static void set_up(struct mpls_cluster *world, size_t node, const char *name, unsigned int backup)
{
	const struct xdplb_tunnel *tunnel = tunnel_at(world, node, name);
	uint32_t index = (uint32_t)(tunnel - mpls_tunnel(&world->views[node], 0));

	mpls_set_tunnel(&world->views[node], index, XDPLB_TUNNEL_UP, backup, XDPLB_TUNNEL_VERIFIED);
}

/* A tunnel is down until it is verified, unless nobody may verify it. */
Test(mpls_plan, state_of_tunnels)
{
	struct mpls_cluster world;

	mpls_cluster_open(&world, PLAIN);
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	cr_expect_eq(tunnel_at(&world, 0, "t")->control.state, XDPLB_TUNNEL_DOWN);
	cr_expect_eq(tunnel_at(&world, 0, "w")->control.state, XDPLB_TUNNEL_UP, "not co-routed");
	set_up(&world, 0, "t", 1);
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	cr_expect_eq(tunnel_at(&world, 0, "t")->control.state, XDPLB_TUNNEL_UP, "it stays");
	cr_expect_eq(tunnel_at(&world, 0, "t")->control.backup, 1);
	/* Another MAC of the next hop is no other way. */
	for (size_t i = 0; i < world.loaded.config.link_count; i++)
		world.facts[0].links[i].next_hop[3] = 9;
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	cr_expect_gt(world.changes[0], 0);
	cr_expect_eq(tunnel_at(&world, 0, "t")->control.state, XDPLB_TUNNEL_UP);
	/* Another link is. */
	mpls_cluster_change(&world, HEAD "nodes:\n" NODE_A NODE_B NODE_C "tunnels:\n"
					 " t: {ends: [a, b], interface: ptp0, path: [p1]}\n");
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	cr_expect_eq(tunnel_at(&world, 0, "t")->control.state, XDPLB_TUNNEL_DOWN);
	cr_expect_eq(tunnel_at(&world, 0, "t")->control.backup, 0);
	cr_expect(!tunnel_at(&world, 0, "u"));
	check_direction(&world, &world.loaded.config.tunnels[0], 0);
	mpls_cluster_close(&world);
}

/* From any file to any other: nothing of the former is left, all of the latter is there. */
Test(mpls_plan, nothing_is_left_of_what_went)
{
	static const char none[] = HEAD "nodes:\n" NODE_A NODE_B NODE_C;
	struct mpls_cluster world;

	mpls_cluster_open(&world, PLAIN);
	for (int round = 0; round < 40; round++) {
		mpls_cluster_change(&world, round % 3 == 0 ? PLAIN : round % 3 == 1 ? PHP : none);
		cr_assert_eq(mpls_cluster_apply(&world), 0, "round %d", round);
		for (size_t t = 0; t < world.loaded.config.tunnel_count; t++)
			check_direction(&world, &world.loaded.config.tunnels[t], round & 1);
	}
	mpls_cluster_change(&world, none);
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	for (size_t node = 0; node < 3; node++) {
		const struct map_array *arrays[] = { &world.views[node].ilm,
						     &world.views[node].nhlfes,
						     &world.views[node].tunnels,
						     &world.views[node].lsps,
						     &world.views[node].infos };

		for (size_t i = 0; i < 5; i++)
			for (size_t byte = 0; byte < arrays[i]->count * arrays[i]->stride; byte++)
				cr_assert_eq(((char *)arrays[i]->values)[byte], 0,
					     "node %zu, array %zu, byte %zu", node, i, byte);
	}
	mpls_cluster_close(&world);
}

Test(mpls_plan, a_next_hop_that_is_not_known_is_left_out)
{
	struct mpls_cluster world;
	uint32_t stack[4], link;

	mpls_cluster_open(&world, PLAIN);
	for (size_t i = 0; i < world.loaded.config.link_count; i++)
		if (!strcmp(world.loaded.config.links[i].name, "ac"))
			world.facts[0].links[i].has_next_hop = false;
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	cr_expect_gt(world.missing[0], 0);
	cr_expect_eq(mpls_cluster_push(&world, 0, "t", 0, 1, stack, &link), 0);
	cr_expect_neq(mpls_cluster_push(&world, 0, "t", 1, 1, stack, &link), 0, "its backup");
	set_up(&world, 0, "t", 0);
	cr_expect_eq(tunnel_at(&world, 0, "t")->control.state, XDPLB_TUNNEL_DOWN,
		     "without a way it can't be up");
	mpls_cluster_change(&world, PLAIN);
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	cr_expect_eq(world.missing[0], 0);
	cr_expect_neq(mpls_cluster_push(&world, 0, "t", 0, 1, stack, &link), 0);
	mpls_cluster_close(&world);
}

Test(mpls_plan, entries_are_as_configured)
{
	const struct xdplb_push_control *control;
	const struct xdplb_push_rule *rule;
	const struct xdplb_lsp *lsp;
	struct mpls_cluster world;

	mpls_cluster_open(
		&world, HEAD
		"nodes:\n a: {mpls: {labels: {first: 16, last: 99}, ttl: 9, traffic_class: "
		"5}, te: {links: {" LINK(
			"l", "e", "10.0.0.1",
			", exclusive: yes") "}}}\n"
					    " b: {" MPLS("16", "99") ", te: {links: {" LINK(
						    "l", "e", "10.0.0.2",
						    "") "}}}\n"
							"tunnels:\n t: {ends: [a, b], tag: "
							"{interface: eth0}, match: {domain: 7, "
							"peers: [10.9.0.2, 'fd09::2']}}\n");
	cr_assert_eq(mpls_cluster_apply(&world), 0);
	lsp = map_at(&world.views[0].lsps, 0);
	cr_expect_eq(ntohl(lsp->stack[0]) & 0xfff, 5 << 9 | 9);
	cr_expect_eq(ntohl(lsp->last[XDPLB_PAYLOAD_ETHERNET]) & 0xfff, 5 << 9 | 0x100 | 9);
	control = map_at(&world.views[0].push_control, 0);
	cr_assert_eq(control->count, 3);
	rule = map_at(&world.views[0].rules, control->base);
	cr_expect_eq(rule[0].transports, XDPLB_PTP_UDP4);
	cr_expect_eq(rule[0].peer.word[0], inet_addr("10.9.0.2"));
	cr_expect(rule[0].match & XDPLB_PUSH_PEER);
	cr_expect_eq(rule[1].transports, XDPLB_PTP_UDP6);
	cr_expect_eq(rule[2].transports, XDPLB_PTP_ETHERNET);
	cr_expect(!(rule[2].match & XDPLB_PUSH_PEER));
	cr_expect_eq(rule[2].domain, 7);
	cr_expect(rule[2].match & XDPLB_PUSH_DOMAIN);
	cr_expect_eq(rule[2].ifindex, 100);
	cr_expect_eq(((struct xdplb_lsr_link *)map_at(&world.views[0].links, 0))->flags,
		     XDPLB_LINK_OURS_ALONE);
	cr_expect_eq(((struct xdplb_lsr_link *)map_at(&world.views[1].links, 0))->flags, 0);
	cr_expect_eq(mpls_tunnel(&world.views[0], 0)->ifindex, 0,
		     "tagged: no interface of its own");
	mpls_cluster_close(&world);
}

Test(mpls_plan, too_many_rules_are_refused)
{
	static const char expected[] = "/c.yaml:7: tunnels: found tunnels that need 40 rules at "
				       "node a (one for each peer, "
				       "one without), expected at most 32\n";
	static char text[1 << 14];
	struct loaded loaded;
	int length = snprintf(text, sizeof(text), TO_TUNNELS);

	for (int i = 0; i < 8; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length,
				   " t%d: {ends: [a, b], tag: {interface: eth0}, match: {peers: ["
				   "10.9.0.1, 10.9.0.2, 10.9.0.3, 10.9.0.4]}}\n",
				   i);
	load_text(text, NULL, &loaded);
	cr_expect_eq(loaded.result, -EINVAL);
	cr_expect(strstr(loaded.errors.text, expected), "%s", loaded.errors.text);
	loaded_free(&loaded);
}
