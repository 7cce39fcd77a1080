// SPDX-License-Identifier: BSD-2-Clause
/*
 * Labels: each node's are different and of its range, and stay when other tunnels come and go.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_tunnel_text.h"

static void load_fine(const char *text, struct loaded *ret)
{
	load_text(text, NULL, ret);
	cr_assert_eq(ret->result, 0, "%s\n%s", text, ret->errors.text);
}

/* The node that a direction of a tunnel is at after a number of links. */
static size_t node_after(const struct config *config, const struct config_tunnel *tunnel,
			 int direction, size_t links)
{
	size_t node = tunnel->ends[direction].node;

	for (size_t i = 0; i < links; i++) {
		const struct config_link *link =
			&config->links[tunnel->lsps[direction].path.links[i]];

		node = link->ends[0].node == node ? link->ends[1].node : link->ends[0].node;
	}
	return node;
}

struct used {
	struct {
		size_t node;
		uint32_t label;
	} list[8192];
	size_t count;
};

static void use_label(const struct config *config, struct used *used, size_t node, uint32_t label)
{
	const struct config_mpls *mpls = &config->nodes[node].mpls;

	cr_expect_geq(label, mpls->label_first);
	cr_expect_leq(label, mpls->label_last);
	for (size_t i = 0; i < used->count; i++)
		cr_expect(used->list[i].node != node || used->list[i].label != label,
			  "%u twice at %s", label, config->nodes[node].name);
	used->list[used->count].node = node;
	used->list[used->count++].label = label;
}

static void use_lsp(const struct config *config, struct used *used,
		    const struct config_tunnel *tunnel, int direction)
{
	const struct config_lsp *lsp = &tunnel->lsps[direction];

	for (size_t i = 0; i < lsp->path.count; i++)
		if (lsp->labels[i] != 3)
			use_label(config, used, node_after(config, tunnel, direction, i + 1),
				  lsp->labels[i]);
	for (size_t i = 1; i < XDPLB_PAYLOAD_COUNT; i++)
		if (lsp->last[i])
			use_label(config, used, tunnel->ends[!direction].node, lsp->last[i]);
	use_label(config, used, tunnel->ends[!direction].node, lsp->turn);
}

static void make_text(char *text, size_t size, int first, int step)
{
	size_t length = (size_t)snprintf(text, size, "%s", TO_TUNNELS);

	for (int i = first; i < 30; i += step)
		length += (size_t)snprintf(
			text + length, size - length,
			" t%02d: {ends: [a, b], interface: ptp%d, path: [ac, bc]}\n", i, i);
}

Test(config_labels, no_two_tunnels_share_one)
{
	static char text[1 << 16];
	static struct used used;
	struct loaded loaded;

	make_text(text, sizeof(text), 0, 1);
	load_fine(text, &loaded);
	for (size_t i = 0; i < loaded.config.tunnel_count; i++)
		for (int direction = 0; direction < 2; direction++)
			use_lsp(&loaded.config, &used, &loaded.config.tunnels[i], direction);
	cr_expect_eq(used.count, 360, "two labels on the way, four at the end, each way: %zu",
		     used.count);
	loaded_free(&loaded);
}

/* Few tunnels in 1000 labels: hardly a label moves when half of them go. */
Test(config_labels, stay_when_other_tunnels_go)
{
	static char text[1 << 16];
	struct loaded all, some;
	size_t same = 0;

	make_text(text, sizeof(text), 0, 1);
	load_fine(text, &all);
	make_text(text, sizeof(text), 1, 2);
	load_fine(text, &some);
	cr_assert_eq(some.config.tunnel_count, 15);
	for (size_t i = 0; i < 15; i++)
		same += !memcmp(some.config.tunnels[i].lsps[0].labels,
				all.config.tunnels[2 * i + 1].lsps[0].labels, 2 * sizeof(uint32_t));
	cr_expect_gt(same, 11, "%zu of 15", same);
	loaded_free(&all);
	loaded_free(&some);
}

Test(config_labels, fill_a_range_to_the_last)
{
	struct loaded loaded;

	load_fine(HEAD "nodes:\n a: {" MPLS("16", "20") ", te: {links: {" LINK(
			  "l", "e", "10.0.0.1",
			  "") "}}}\n"
			      " b: {" MPLS("1048571", "1048575") ", te: {links: {" LINK(
				      "l", "e", "10.0.0.2",
				      "") "}}}\n"
					  "tunnels:\n t: {ends: [a, b], interface: ptp0}\n",
		  &loaded);
	loaded_free(&loaded);
}

/* What the labels are is a promise to nodes that have older files. */
Test(config_labels, are_these)
{
	const struct config_tunnel *tunnel;
	struct loaded loaded;

	load_fine(TUNNEL(", path: [ac, bc], match: {transport: [ipv4]}"), &loaded);
	tunnel = &loaded.config.tunnels[0];
	cr_expect_eq(tunnel->lsps[0].labels[0], 3147, "%u", tunnel->lsps[0].labels[0]);
	cr_expect_eq(tunnel->lsps[0].labels[1], 2023, "%u", tunnel->lsps[0].labels[1]);
	cr_expect_eq(tunnel->lsps[0].last[XDPLB_PAYLOAD_IPV4], 2676, "%u",
		     tunnel->lsps[0].last[XDPLB_PAYLOAD_IPV4]);
	cr_expect_eq(tunnel->lsps[1].labels[1], 1041, "%u", tunnel->lsps[1].labels[1]);
	cr_expect_eq(tunnel->number, 0x1e397c66, "0x%x", tunnel->number);
	cr_expect_eq(tunnel->lsps[0].last[XDPLB_PAYLOAD_IPV6], 0);
	loaded_free(&loaded);
}

Test(config_labels, php_wants_none_at_the_end)
{
	const struct config_tunnel *tunnel;
	struct loaded loaded;

	load_fine(HEAD
		  "nodes:\n a: {mpls: {labels: {first: 16, last: 99}, php: yes, depth: 2}, "
		  "te: {links: {" LINK(
			  "l", "e", "10.0.0.1",
			  "") "}}}\n"
			      " b: {mpls: {labels: {first: 16, last: 99}, depth: 1}, te: {links: "
			      "{" LINK("l", "e", "10.0.0.2",
				       "") "}}}\n"
					   "tunnels:\n t: {ends: [a, b], interface: ptp0}\n",
		  &loaded);
	tunnel = &loaded.config.tunnels[0];
	cr_expect_neq(tunnel->lsps[0].labels[0], 3);
	cr_expect_eq(tunnel->lsps[1].labels[0], 3);
	cr_expect_eq(config_stack_depth(&tunnel->lsps[0]), 2);
	cr_expect_eq(config_stack_depth(&tunnel->lsps[1]), 1);
	loaded_free(&loaded);
}

static const struct {
	const char *text, *expected;
} errors[] = {
	{ HEAD "nodes:\n a: {" MPLS("16", "18") ", te: {links: {" LINK(
		  "l", "e", "10.0.0.1",
		  "") "}}}\n"
		      " b: {" MPLS("16", "99") ", te: {links: {" LINK(
			      "l", "e", "10.0.0.2",
			      "") "}}}\n"
				  "tunnels:\n t: {ends: [a, b], interface: ptp0}\n",
	  "4: nodes.a.mpls.labels: found 3 labels from 16 to 18, expected room for the 5 of the "
	  "tunnels through a" },
	{ HEAD "nodes:\n a: {mpls: {labels: {first: 16, last: 99}, depth: 1}, te: {links: {" LINK(
		  "l", "e", "10.0.0.1",
		  "") "}}}\n"
		      " b: {" MPLS("16", "99") ", te: {links: {" LINK(
			      "l", "e", "10.0.0.2",
			      "") "}}}\n"
				  "tunnels:\n t: {ends: [a, b], interface: ptp0}\n",
	  "7: tunnels.t: found a stack of 2 labels, expected at most 1, the depth of node a "
	  "(line 4)" },
};

Test(config_labels, errors)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		char expected[512];
		struct loaded loaded;

		snprintf(expected, sizeof(expected), "/c.yaml:%s\n", errors[i].expected);
		load_text(errors[i].text, NULL, &loaded);
		cr_expect_eq(loaded.result, -EINVAL, "%s", errors[i].expected);
		cr_expect(strstr(loaded.errors.text, expected), "expected\n%snot\n%s", expected,
			  loaded.errors.text);
		cr_expect_eq(loaded.errors.count, 1);
		loaded_free(&loaded);
	}
}
