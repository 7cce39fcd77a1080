// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load health, health set.
 */
#include <stdio.h>
#include <string.h>

#include "cmd_health.h"
#include "health/health.h"

static void print_entry(const json_t *entry)
{
	const json_t *age = json_object_get(entry, "age_seconds");
	const json_t *lease = json_object_get(entry, "lease_seconds");
	char age_text[32] = "-", lease_text[32] = "-";

	if (json_is_real(age))
		snprintf(age_text, sizeof(age_text), "%.1f s", json_real_value(age));
	if (json_is_real(lease) && json_real_value(lease) <= 0)
		strcpy(lease_text, "expired");
	else if (json_is_real(lease))
		snprintf(lease_text, sizeof(lease_text), "%.1f s", json_real_value(lease));
	printf("%-20s %-14s %-14s %-9s %5lld%% %-14s %-9s %10s %10s\n",
	       json_string_value(json_object_get(entry, "name")),
	       json_string_value(json_object_get(entry, "check")),
	       json_string_value(json_object_get(entry, "node")),
	       json_string_value(json_object_get(entry, "state")),
	       json_integer_value(json_object_get(entry, "share")),
	       json_string_value(json_object_get(entry, "cause")),
	       json_string_value(json_object_get(entry, "reported")), age_text, lease_text);
}

static int list(const struct command_line *line, const char *node)
{
	struct error error = { 0 };
	json_t *json, *entry;
	size_t i;

	if (health_list(node, &json, &error))
		return complain("%s", error.text);
	if (line->json) {
		json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		putchar('\n');
	} else {
		printf("%-20s %-14s %-14s %-9s %6s %-14s %-9s %10s %10s\n", "backend", "check",
		       "node", "state", "share", "cause", "reported", "since", "lease");
		json_array_foreach(json, i, entry) print_entry(entry);
	}
	json_decref(json);
	return EXIT_DONE;
}

static int set(const struct command_line *line, const char *node)
{
	struct health_wish wish;
	struct error error = { 0 };

	if (line->word_count != 3) {
		complain("health set takes a backend and one of up, down, maint, draining, NN%%, "
			 "auto");
		return EXIT_USAGE;
	}
	if (!strcmp(line->words[2], "auto"))
		return health_give_back(node, line->words[1], &error) ? complain("%s", error.text)
								      : EXIT_DONE;
	if (health_wish_parse(line->words[2], &wish)) {
		complain("health set: %s: not up, down, maint, draining, a percentage or auto",
			 line->words[2]);
		return EXIT_USAGE;
	}
	if (health_set(node, line->words[1], wish, line->lease_ms, &error))
		return complain("%s", error.text);
	return EXIT_DONE;
}

int cmd_drain(const struct command_line *line)
{
	const struct health_wish draining = { .state = XDPLB_HEALTH_DRAINING };
	char node[XDPLB_NAME_LEN];
	struct error error = { 0 };
	int status = node_name(line, node);

	if (status)
		return status;
	if (line->word_count != 1) {
		complain("drain takes a backend");
		return EXIT_USAGE;
	}
	if (health_set(node, line->words[0], draining, line->lease_ms, &error))
		return complain("%s", error.text);
	return EXIT_DONE;
}

int cmd_health(const struct command_line *line)
{
	char node[XDPLB_NAME_LEN];
	int status = node_name(line, node);

	if (status)
		return status;
	if (!line->word_count)
		return list(line, node);
	if (!strcmp(line->words[0], "set"))
		return set(line, node);
	if (!strcmp(line->words[0], "check"))
		return health_check(line, node);
	if (!strcmp(line->words[0], "agent"))
		return health_agent(line, node);
	complain("health: %s: not a thing to do (health, health set, health check, health agent)",
		 line->words[0]);
	return EXIT_USAGE;
}
