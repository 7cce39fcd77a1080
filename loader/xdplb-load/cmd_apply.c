// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load attach, apply.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "command.h"

static int find_node(const struct command_line *line, const struct config *config, size_t *ret_node)
{
	char name[XDPLB_NAME_LEN];
	int node, status = node_name(line, name);

	if (status)
		return status;
	node = config_find_node(config, name);
	if (node < 0)
		return complain("%s: has no node %s%s", line->file, name,
				line->node ? "" : " (the host name; --node NAME picks another)");
	*ret_node = node;
	return EXIT_DONE;
}

static int apply_config(const struct command_line *line, const struct config *config, bool attach)
{
	struct node_options options = line->options;
	struct node_result result = { 0 };
	struct notes notes = { 0 };
	struct error error = { 0 };
	size_t node = 0;
	int err, status = find_node(line, config, &node);

	if (status)
		return status;
	if (!config->has_key)
		return complain("%s: the key file %s cannot be read", line->file, config->key_path);
	options.attach = attach;
	hold_signals();
	err = node_apply(config, node, &options, &result, &notes, &error);
	print_notes(&notes);
	if (err)
		return complain("%s", error.text);
	if (result.changes)
		printf("%s: %s, %zu change%s\n", config->nodes[node].name,
		       attach ? "attached" : "applied", result.changes,
		       result.changes == 1 ? "" : "s");
	else
		printf("%s: nothing to change%s\n", config->nodes[node].name,
		       result.swapped ? ", programs swapped" : "");
	return EXIT_DONE;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static int load_and_apply(const struct command_line *line, bool attach)
{
	double began = now_ms(), was_read;
	struct config config;
	int status = read_config(line, &config);

	if (status)
		return status;
	was_read = now_ms();
	status = apply_config(line, &config, attach);
	if (line->verbose)
		fprintf(stderr, "xdplb-load: %s: read in %.1f ms, applied in %.1f ms\n", line->file,
			was_read - began, now_ms() - was_read);
	config_free(&config);
	return status;
}

int cmd_attach(const struct command_line *line)
{
	return load_and_apply(line, true);
}

int cmd_apply(const struct command_line *line)
{
	return load_and_apply(line, false);
}
