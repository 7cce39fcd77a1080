// SPDX-License-Identifier: BSD-2-Clause
/*
 * What came of the load.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

int tally_backend(struct load_tally *tally, const char *name)
{
	for (int i = 0; i < tally->name_count; i++) {
		if (!strcmp(tally->names[i], name))
			return i;
	}
	if (tally->name_count == LOAD_BACKENDS)
		return LOAD_NOBODY;
	snprintf(tally->names[tally->name_count], LOAD_NAME_LEN, "%s", name);
	return tally->name_count++;
}

static void count(struct load_counts *counts, int backend)
{
	if (backend == LOAD_NOBODY)
		counts->failed++;
	else
		counts->answered[backend]++;
}

void tally_new(struct load_tally *tally, uint64_t opened_ns, int backend)
{
	uint64_t step = tally->step_ns ? (opened_ns - tally->began_ns) / tally->step_ns : 0;

	count(&tally->total, backend);
	count(&tally->steps[step < LOAD_STEPS ? step : LOAD_STEPS - 1], backend);
}

static json_t *counts_json(const struct load_tally *tally, const struct load_counts *counts)
{
	json_t *json = json_object(), *answered = json_object();

	for (int i = 0; i < tally->name_count; i++)
		json_object_set_new(answered, tally->names[i], json_integer(counts->answered[i]));
	json_object_set_new(json, "answered", answered);
	json_object_set_new(json, "failed", json_integer(counts->failed));
	return json;
}

static json_t *kept_json(const struct load_tally *tally)
{
	json_t *json = json_object();

	for (int i = 0; i < tally->name_count; i++) {
		const struct load_kept *kept = &tally->kept[i];

		json_object_set_new(json, tally->names[i],
				    json_pack("{s:i, s:i, s:i}", "opened", kept->opened, "answers",
					      kept->answers, "broken", kept->broken));
	}
	return json;
}

static json_t *steps_json(const struct load_tally *tally)
{
	json_t *list = json_array();
	size_t used = LOAD_STEPS;

	while (used && !memcmp(&tally->steps[used - 1], &(struct load_counts){ 0 },
			       sizeof(struct load_counts)))
		used--;
	for (size_t i = 0; i < used; i++)
		json_array_append_new(list, counts_json(tally, &tally->steps[i]));
	return list;
}

int tally_print(const struct load_tally *tally)
{
	json_t *json = json_object();
	int err;

	json_object_set_new(json, "began_s", json_real((double)tally->began_ns / 1e9));
	json_object_set_new(json, "step_ms", json_real((double)tally->step_ns / 1e6));
	json_object_set_new(json, "opened", json_integer(tally->opened));
	json_object_set_new(json, "new", counts_json(tally, &tally->total));
	json_object_set_new(json, "kept", kept_json(tally));
	json_object_set_new(json, "kept_unanswered", json_integer(tally->kept_unanswered));
	if (tally->step_ns)
		json_object_set_new(json, "steps", steps_json(tally));
	err = json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(16)) ? -EIO : 0;
	putchar('\n');
	json_decref(json);
	return err;
}
