// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load attach, apply.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "command.h"
#include "node/leaving.h"

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

/* Apply, when what the file leaves out has drained; if it can't be applied that is used again. */
static int drain_and_apply(const struct command_line *line, const struct config *config)
{
	struct leaving *leaving = NULL;
	struct error error = { 0 };
	size_t node = 0;
	int err, status = find_node(line, config, &node);

	if (status)
		return status;
	hold_signals();
	if (config->nodes[node].is_access &&
	    leaving_begin(config, config->nodes[node].name, &leaving, &error))
		return complain("%s", error.text);
	if (!leaving)
		return apply_config(line, config, false);
	printf("%s: %zu backend%s the file leaves out drain%s\n", config->nodes[node].name,
	       leaving_count(leaving), leaving_count(leaving) == 1 ? " that" : "s that",
	       leaving_count(leaving) == 1 ? "s" : "");
	fflush(stdout);
	err = leaving_wait(leaving, line->drain_ms);
	if (err == -EINTR)
		status = complain("interrupted: nothing has changed");
	else
		status = apply_config(line, config, false);
	leaving_end(leaving, status != EXIT_DONE);
	return status;
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
	status = line->drain_ms ? drain_and_apply(line, &config)
				: apply_config(line, &config, attach);
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
