// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rates of services and backends, from two readings of a node's status.
 */
#include "show/status.h"

#include <string.h>

static const char *const counted[] = { "packets", "bytes", "new_flows" };

static json_t *find_named(const json_t *list, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(
		list, i, item) if (name && !strcmp(json_string_value(json_object_get(item, "name")),
						   name)) return item;
	return NULL;
}

/* What was not there before, or was counted anew since, has counted from 0 on. */
static void add_rates(json_t *now, const json_t *before, double seconds)
{
	json_t *rates = json_object();

	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		json_int_t last = json_integer_value(json_object_get(now, counted[i]));
		json_int_t first = json_integer_value(json_object_get(before, counted[i]));

		json_object_set_new(
			rates, counted[i],
			json_real((double)(last - (first > last ? 0 : first)) / seconds));
	}
	json_object_set_new(now, "per_second", rates);
}

static void add_to_list(json_t *now, const json_t *before, double seconds)
{
	json_t *item, *backends;
	size_t i;

	json_array_foreach(now, i, item)
	{
		const json_t *was =
			find_named(before, json_string_value(json_object_get(item, "name")));

		add_rates(item, was, seconds);
		backends = json_object_get(item, "backends");
		if (backends)
			add_to_list(backends, json_object_get(was, "backends"), seconds);
	}
}

void status_add_rates(json_t *now, const json_t *before, double seconds)
{
	json_object_set_new(now, "seconds", json_real(seconds));
	add_to_list(json_object_get(now, "services"), json_object_get(before, "services"), seconds);
}
