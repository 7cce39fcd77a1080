// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load tunnel list, tunnel show.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd_tunnel.h"
#include "tunnel/tunnel_status.h"

static const char *text_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static json_int_t count_of(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(json, "counters"), key));
}

static void print_line(const json_t *tunnel)
{
	printf("%-20s %-16s %-5s %-13s %-8s %8.1f s %12" JSON_INTEGER_FORMAT
	       " %12" JSON_INTEGER_FORMAT "\n",
	       text_of(tunnel, "name"), text_of(tunnel, "to"), text_of(tunnel, "state"),
	       text_of(tunnel, "cause"), text_of(tunnel, "lsp"),
	       json_real_value(json_object_get(tunnel, "since_seconds")),
	       count_of(tunnel, "pushed_event") + count_of(tunnel, "pushed_general"),
	       count_of(tunnel, "popped"));
}

static void print_labels(const json_t *labels)
{
	const json_t *label;
	const char *payload;
	size_t i;

	printf("  labels  ");
	json_array_foreach(json_object_get(labels, "stack"), i, label)
		printf("%" JSON_INTEGER_FORMAT " / ", json_integer_value(label));
	json_object_foreach(json_object_get(labels, "last"), payload, label)
		printf("%s %" JSON_INTEGER_FORMAT "  ", payload, json_integer_value(label));
	putchar('\n');
}

static void print_tunnel(const json_t *tunnel)
{
	const json_t *counter;
	const char *name;

	print_line(tunnel);
	if (*text_of(tunnel, "backup"))
		printf("  backup  %s, switched %" JSON_INTEGER_FORMAT " times\n",
		       text_of(tunnel, "backup"),
		       json_integer_value(json_object_get(tunnel, "switches")));
	if (json_object_get(tunnel, "labels"))
		print_labels(json_object_get(tunnel, "labels"));
	json_object_foreach(json_object_get(tunnel, "counters"), name, counter)
		printf("  %-16s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(counter));
}

static void print_all(const json_t *tunnels, bool in_full)
{
	const json_t *tunnel;
	size_t i;

	printf("%-20s %-16s %-5s %-13s %-8s %10s %12s %12s\n", "tunnel", "to", "state", "cause",
	       "lsp", "since", "pushed", "popped");
	json_array_foreach(tunnels, i, tunnel)
	{
		if (in_full)
			print_tunnel(tunnel);
		else
			print_line(tunnel);
	}
}

/* Leaves one tunnel, if it is there. */
static void keep_one(json_t *tunnels, const char *name)
{
	for (size_t i = json_array_size(tunnels); i > 0; i--)
		if (strcmp(text_of(json_array_get(tunnels, i - 1), "name"), name))
			json_array_remove(tunnels, i - 1);
}

int no_label_tables(const char *node, int err, const struct error *error)
{
	if (err == -EACCES || err == -EPERM)
		return complain("%s: not attached, or not to be seen: root is needed", node);
	return complain("%s: not attached as a node that switches labels (%s)", node, error->text);
}

int tunnel_show(const struct command_line *line, const char *node, const char *name)
{
	struct error error = { 0 };
	struct paths paths;
	json_t *tunnels;
	int err;

	if (paths_of_node(node, &paths))
		return complain("%s: the name is too long", node);
	err = tunnel_status(&paths, &tunnels, &error);
	if (err)
		return no_label_tables(node, err, &error);
	if (name)
		keep_one(tunnels, name);
	if (name && !json_array_size(tunnels)) {
		json_decref(tunnels);
		return complain("%s: no tunnel %s ends here", node, name);
	}
	if (line->json) {
		json_dumpf(tunnels, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		putchar('\n');
	} else {
		print_all(tunnels, name);
	}
	json_decref(tunnels);
	return EXIT_DONE;
}
