// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load tunnel: the verbs; path and verify. What runs is in cmd_tunnel_show.c.
 */
#include "cmd_tunnel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

/* The tunnels of that name, or all: begins with SIZE_MAX, ends with config->tunnel_count. */
static size_t next_tunnel(const struct config *config, const char *name, size_t number)
{
	for (number++; number < config->tunnel_count; number++)
		if (!name || !strcmp(config->tunnels[number].name, name))
			break;
	return number;
}

static int no_tunnel(const struct command_line *line, const char *name)
{
	return complain("%s: has no tunnel %s", line->file, name);
}

/* ---- path ---- */

static const char *node_name_of(const struct config *config, size_t node)
{
	return config->nodes[node].name;
}

static json_t *hop_json(const struct config *config, size_t link, uint32_t label, size_t node)
{
	return json_pack("{s:s, s:i, s:s}", "link", config->links[link].name, "label", (int)label,
			 "node", node_name_of(config, node));
}

/* A direction: each link with the label on top and the node behind it. */
static json_t *lsp_json(const struct config *config, const struct config_tunnel *tunnel,
			unsigned int direction)
{
	const struct config_lsp *lsp = &tunnel->lsps[direction];
	size_t node = tunnel->ends[direction].node;
	json_t *hops = json_array();

	for (size_t i = 0; i < lsp->path.count; i++) {
		const struct config_link *link = &config->links[lsp->path.links[i]];

		node = link->ends[link->ends[0].node == node].node;
		json_array_append_new(hops,
				      hop_json(config, lsp->path.links[i], lsp->labels[i], node));
	}
	return json_pack("{s:s, s:I, s:I, s:o}", "from",
			 node_name_of(config, tunnel->ends[direction].node), "cost",
			 (json_int_t)lsp->path.cost, "delay_ns", (json_int_t)lsp->delay_ns, "hops",
			 hops);
}

static void print_lsp(const json_t *lsp)
{
	const json_t *hop, *hops = json_object_get(lsp, "hops");
	size_t i;

	printf("  %s", json_string_value(json_object_get(lsp, "from")));
	json_array_foreach(hops, i, hop)
	{
		json_int_t label = json_integer_value(json_object_get(hop, "label"));

		printf(" =%s", json_string_value(json_object_get(hop, "link")));
		if (label == XDPLB_LABEL_IMPLICIT_NULL)
			printf("(popped)");
		else
			printf("(%" JSON_INTEGER_FORMAT ")", label);
		printf("= %s", json_string_value(json_object_get(hop, "node")));
	}
	printf("  cost %" JSON_INTEGER_FORMAT ", delay %.1f us\n",
	       json_integer_value(json_object_get(lsp, "cost")),
	       (double)json_integer_value(json_object_get(lsp, "delay_ns")) / 1000);
}

int tunnel_path(const struct command_line *line, const struct config *config, const char *name)
{
	size_t i = next_tunnel(config, name, SIZE_MAX);
	json_t *json = json_object();

	if (name && i == config->tunnel_count)
		return no_tunnel(line, name);
	for (; i < config->tunnel_count; i = next_tunnel(config, name, i)) {
		const struct config_tunnel *tunnel = &config->tunnels[i];
		json_t *lsps = json_pack("[o, o]", lsp_json(config, tunnel, 0),
					 lsp_json(config, tunnel, 1));

		json_object_set_new(json, tunnel->name, lsps);
		if (line->json)
			continue;
		printf("%s%s\n", tunnel->name,
		       tunnel->kind == CONFIG_TUNNEL_SPARE ? " (spare)" : "");
		print_lsp(json_array_get(lsps, 0));
		print_lsp(json_array_get(lsps, 1));
	}
	if (line->json) {
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(json);
	return EXIT_DONE;
}

/* ---- verify ---- */

static json_t *walk_json(const struct config *config, const struct config_tunnel *tunnel,
			 const struct tunnel_walk *walk, const char *fault)
{
	json_t *hops = json_array();

	for (size_t i = 0; i < walk->count; i++) {
		const struct tunnel_hop *hop = &walk->hops[i];

		if (!hop->is_answered) {
			json_array_append_new(hops, json_null());
			continue;
		}
		json_array_append_new(
			hops,
			json_pack("{s:s, s:s, s:s, s:i, s:i, s:I}", "node",
				  hop->node == SIZE_MAX ? "?" : node_name_of(config, hop->node),
				  "in_link", tunnel_link_name(config, hop->in_link), "out_link",
				  hop->out_link ? tunnel_link_name(config, hop->out_link) : "",
				  "in_label", (int)hop->in_label, "out_label", (int)hop->out_label,
				  "rtt_ns", (json_int_t)walk->rtt_ns[i]));
	}
	return json_pack("{s:s, s:b, s:s, s:o}", "tunnel", tunnel->name, "verified", !fault[0],
			 "fault", fault, "hops", hops);
}

static void print_walk(const struct config *config, const struct config_tunnel *tunnel,
		       const struct tunnel_walk *walk)
{
	for (size_t i = 0; i < walk->count; i++) {
		const struct tunnel_hop *hop = &walk->hops[i];
		bool is_back = i >= tunnel->lsps[0].path.count;

		if (!hop->is_answered)
			printf("  %s  no answer\n", is_back ? "back " : "there");
		else
			printf("  %s  %-20s in %s (%u)  out %s (%u)  %.1f us\n",
			       is_back ? "back " : "there",
			       hop->node == SIZE_MAX ? "?" : node_name_of(config, hop->node),
			       tunnel_link_name(config, hop->in_link), hop->in_label,
			       hop->out_link ? tunnel_link_name(config, hop->out_link) : "-",
			       hop->out_label, (double)walk->rtt_ns[i] / 1000);
	}
}

/* What tunnels of a node are walked by. */
struct verifier {
	const struct command_line *line;
	const struct config *config;
	size_t node;
	const struct mpls_view *view;
	json_t *all;
	int status;
};

static void verify_lsp(struct verifier *verifier, size_t number, unsigned int backup)
{
	static struct tunnel_walk walk; /* too large for a stack */
	const struct config *config = verifier->config;
	const struct config_tunnel *tunnel = &config->tunnels[number];
	struct error error = { 0 };
	int err = tunnel_verify_lsp(config, verifier->node, number, backup, verifier->view,
				    verifier->line->options.wait_ms, &walk, &error);

	if (backup)
		tunnel = &config->tunnels[tunnel->protect_by];
	json_array_append_new(verifier->all, walk_json(config, tunnel, &walk, error.text));
	if (err)
		verifier->status = EXIT_FAILED;
	if (verifier->line->json)
		return;
	printf("%s%s%s%s: %s\n", tunnel->name, backup ? " (protects " : "",
	       backup ? config->tunnels[number].name : "", backup ? ")" : "",
	       err ? "failed" : "verified");
	print_walk(config, tunnel, &walk);
	fflush(stdout);
	if (err)
		complain("%s: %s", tunnel->name, error.text);
}

static bool is_own(const struct config_tunnel *tunnel, size_t node)
{
	return tunnel->ends[0].node == node || tunnel->ends[1].node == node;
}

/* A tunnel with the one that protects it; a spare one as what it is there for. */
static void verify_one(struct verifier *verifier, size_t number)
{
	const struct config_tunnel *tunnel = &verifier->config->tunnels[number];

	if (tunnel->kind == CONFIG_TUNNEL_SPARE) {
		number = config_protected_by(verifier->config, number);
		if (number == CONFIG_NO_TUNNEL)
			complain("%s: it protects no tunnel, so no node has labels for it",
				 tunnel->name);
		else
			verify_lsp(verifier, number, 1);
		return;
	}
	verify_lsp(verifier, number, 0);
	if (tunnel->protect_by != CONFIG_NO_TUNNEL && is_own(tunnel, verifier->node))
		verify_lsp(verifier, number, 1);
}

static void verify_all(struct verifier *verifier, const char *name)
{
	const struct config *config = verifier->config;
	size_t i = next_tunnel(config, name, SIZE_MAX);
	bool is_any = false;

	for (; i < config->tunnel_count; i = next_tunnel(config, name, i)) {
		const struct config_tunnel *tunnel = &config->tunnels[i];

		/* Of those that were not asked for by name, what can't be verified is left out. */
		if (!name && (tunnel->kind == CONFIG_TUNNEL_SPARE || !tunnel->corouted ||
			      !is_own(tunnel, verifier->node)))
			continue;
		verify_one(verifier, i);
		is_any = true;
	}
	if (!is_any && !verifier->line->json)
		printf("%s: no tunnel ends here that could be verified\n",
		       config->nodes[verifier->node].name);
	if (verifier->line->json) {
		json_dumpf(verifier->all, stdout, JSON_INDENT(2));
		putchar('\n');
	}
}

int tunnel_verify_command(const struct command_line *line, const struct config *config,
			  const char *node, const char *name)
{
	int number = config_find_node(config, node);
	struct verifier verifier = { .line = line, .config = config, .node = (size_t)number };
	struct error error = { 0 };
	struct mpls_view view;
	struct paths paths;
	int err;

	if (number < 0)
		return complain("%s: has no node %s", line->file, node);
	if (name && next_tunnel(config, name, SIZE_MAX) == config->tunnel_count)
		return no_tunnel(line, name);
	if (!config->has_key)
		return complain("%s: the key file %s cannot be read", line->file, config->key_path);
	if (paths_of_node(node, &paths))
		return complain("%s: the name is too long", node);
	err = mpls_view_open(&paths, &view, &error);
	if (err)
		return no_label_tables(node, err, &error);
	verifier.view = &view;
	verifier.all = json_array();
	verifier.status = EXIT_DONE;
	verify_all(&verifier, name);
	json_decref(verifier.all);
	mpls_view_close(&view);
	return verifier.status;
}

/* ---- the verbs ---- */

static int with_file(const struct command_line *given, const char *node)
{
	struct command_line line = *given;
	const char *name = line.word_count == 3 ? line.words[2] : NULL;
	struct config config;
	int status;

	line.file = line.words[1];
	status = read_config(&line, &config);
	if (status)
		return status;
	status = !strcmp(line.words[0], "path") ? tunnel_path(&line, &config, name)
						: tunnel_verify_command(&line, &config, node, name);
	config_free(&config);
	return status;
}

int cmd_tunnel(const struct command_line *line)
{
	const char *verb = line->word_count ? line->words[0] : "list";
	char node[XDPLB_NAME_LEN];
	int status = node_name(line, node);

	if (status)
		return status;
	if (!strcmp(verb, "list") && line->word_count <= 1)
		return tunnel_show(line, node, NULL);
	if (!strcmp(verb, "show") && line->word_count == 2)
		return tunnel_show(line, node, line->words[1]);
	if ((!strcmp(verb, "path") || !strcmp(verb, "verify")) && line->word_count >= 2 &&
	    line->word_count <= 3)
		return with_file(line, node);
	complain("tunnel: list, show NAME, path FILE [NAME] or verify FILE [NAME]");
	return EXIT_USAGE;
}
