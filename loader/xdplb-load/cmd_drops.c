// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load drops: why packets were dropped, how many, and how many a second.
 */
#include <stdio.h>

#include "command.h"
#include "show/drops.h"

/* Reasons that have counted nothing are left out. */
static void print_text(const json_t *json)
{
	bool has_rates = json_real_value(json_object_get(json, "seconds")) > 0;
	size_t i, shown = 0;
	json_t *drop;

	json_array_foreach(json_object_get(json, "drops"), i, drop)
	{
		json_int_t packets = json_integer_value(json_object_get(drop, "packets"));

		if (!packets)
			continue;
		if (!shown++)
			printf("%-20s %14s %12s  %s\n", "reason", "packets", "a second",
			       "to be read as");
		printf("%-20s %14lld ", json_string_value(json_object_get(drop, "reason")),
		       (long long)packets);
		if (has_rates)
			printf("%12.1f", json_real_value(json_object_get(drop, "per_second")));
		else
			printf("%12s", "-");
		printf("  %s\n", json_string_value(json_object_get(drop, "help")));
	}
	if (!shown)
		puts("No packet was dropped.");
}

int cmd_drops(const struct command_line *line)
{
	char name[XDPLB_NAME_LEN];
	struct error error = { 0 };
	int status = node_name(line, name);
	json_t *json;

	if (status)
		return status;
	if (drops_collect(name, line->interval_ms, &json, &error))
		return complain("%s", error.text);
	if (line->json) {
		json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		putchar('\n');
	} else {
		print_text(json);
	}
	json_decref(json);
	return EXIT_DONE;
}
