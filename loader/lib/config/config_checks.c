// SPDX-License-Identifier: BSD-2-Clause
/*
 * The section `checks` of the cluster file: what all kinds have in common.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_check_kinds.h"

#define INTERVAL_MS     2000
#define TIMEOUT_MS      1000
#define INTERVAL_MIN_MS 10
#define INTERVAL_MAX_MS 3600000

static const char *const common_keys[] = { "type",   "interval", "timeout", "rise",   "fall",
					   "jitter", "port",     "initial", "at_vip", NULL };

static const char *const type_words[] = {
#define X(name, word) #word,
	PROBE_TYPES(X)
#undef X
		NULL,
};

char *draft_copy_text(struct config_draft *draft, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		draft->tree.errors.out_of_memory = true;
	return copy;
}

static bool check_keys(const struct yaml_place *place, const struct check_kind *kind)
{
	struct yaml_key keys[ARRAY_SIZE(common_keys) + CHECK_KIND_KEYS_MAX];
	size_t count = 0;

	for (const char *const *name = common_keys; *name; name++)
		keys[count++] = (struct yaml_key){ *name, NULL };
	for (const char *const *name = kind->keys; *name; name++)
		keys[count++] = (struct yaml_key){
			*name,
			kind->required && !strcmp(*name, kind->required) ? kind->expected : NULL,
		};
	return place_keys(place, keys, count);
}

static void read_times(const struct yaml_place *place, struct config_check *check)
{
	struct yaml_place child;

	check->interval_ms = INTERVAL_MS;
	if (place_child(place, "interval", &child))
		draft_read_duration(&child, INTERVAL_MIN_MS, INTERVAL_MAX_MS, &check->interval_ms);
	check->spec.timeout_ms = check->interval_ms < TIMEOUT_MS ? check->interval_ms : TIMEOUT_MS;
	if (place_child(place, "timeout", &child))
		draft_read_duration(&child, 1, PROBE_TIMEOUT_MAX, &check->spec.timeout_ms);
}

static void read_counts(const struct yaml_place *place, struct config_check *check)
{
	static const struct yaml_range results = { 1, 1000, "a number of results" };
	static const struct yaml_range percent = { 0, 50, "percent of the interval" };
	struct yaml_place child;
	uint32_t number;

	check->rule = (struct rise_fall_rule){ .rise = 2, .fall = 3 };
	check->jitter_percent = 10;
	if (place_child(place, "rise", &child) && place_number(&child, &results, &number))
		check->rule.rise = (uint16_t)number;
	if (place_child(place, "fall", &child) && place_number(&child, &results, &number))
		check->rule.fall = (uint16_t)number;
	if (place_child(place, "jitter", &child))
		place_number(&child, &percent, &check->jitter_percent);
}

static void read_choices(const struct yaml_place *place, struct config_check *check)
{
	static const char *const verdicts[] = { "unknown", "up", "down", NULL };
	static const char *const booleans[] = { "false", "true", NULL };
	struct yaml_place child;
	uint32_t port;
	int word;

	if (place_child(place, "port", &child) && place_number(&child, &config_port_range, &port))
		check->spec.port = htons((uint16_t)port);
	if (place_child(place, "initial", &child)) {
		word = place_choice(&child, verdicts);
		check->initial = word > 0 ? (enum rise_fall_verdict)word : RISE_FALL_UNKNOWN;
	}
	if (place_child(place, "at_vip", &child))
		check->at_vip = place_choice(&child, booleans) == 1;
}

/* What can't be probed with is said here, and not by the first probe. */
static void refuse_values(const struct yaml_place *place, const struct probe_spec *spec)
{
	struct error expected = { "" };
	struct yaml_place child;
	const char *key;

	if (!probe_spec_check_values(spec, &key, &expected))
		return;
	place_child(place, key, &child);
	place_refuse_value(&child, "%s", expected.text);
}

static void read_check(struct config_draft *draft, const struct yaml_place *place,
		       struct config_check *check)
{
	const struct check_kind *kind;
	size_t errors = draft->tree.errors.count;
	struct yaml_place child;
	int word;

	check->line = place->line;
	strcpy(check->name, place->key);
	if (!place_child(place, "type", &child)) {
		place_refuse(place, "found no type, expected one of tcp, http, https, udp, dns, "
				    "icmp, grpc, exec");
		return;
	}
	word = place_choice(&child, type_words);
	if (word < 0)
		return;
	check->spec.type = (enum probe_type)word;
	kind = &check_kinds[word];
	if (!check_keys(place, kind))
		return;
	read_times(place, check);
	read_counts(place, check);
	read_choices(place, check);
	if (kind->read)
		kind->read(draft, place, &check->spec);
	if (draft->tree.errors.count == errors && !draft->tree.errors.out_of_memory)
		refuse_values(place, &check->spec);
}

void draft_read_checks(struct config_draft *draft)
{
	struct config *config = &draft->config;
	struct yaml_place section, *places = NULL;
	size_t count = 0;

	if (!place_child(&draft->root, "checks", &section))
		return;
	place_entries(&section, CHECKS_MAX, &places, &count);
	config->checks = draft_alloc(draft, count, sizeof(*config->checks));
	config->check_count = config->checks ? count : 0;
	for (size_t i = 0; i < config->check_count; i++)
		read_check(draft, &places[i], &config->checks[i]);
	free(places);
}

static int compare_check_name(const void *name, const void *check)
{
	return strcmp(name, ((const struct config_check *)check)->name);
}

void draft_read_service_check(struct config_draft *draft, const struct yaml_place *place,
			      struct config_service *service)
{
	static const char *const all_down[] = { "drop", "reset", "use_all", NULL };
	static const char *const unknown[] = { "keep", "down", NULL };
	const struct config *config = &draft->config;
	const struct config_check *check = NULL;
	struct yaml_place child;
	const char *name;
	int word;

	service->check = CONFIG_NO_CHECK;
	if (place_child(place, "check", &child) && (name = place_name(&child))) {
		if (config->check_count)
			check = bsearch(name, config->checks, config->check_count, sizeof(*check),
					compare_check_name);
		if (check)
			service->check = (size_t)(check - config->checks);
		else
			place_refuse_value(&child, "the name of a check in `checks`");
		if (check && service->range_count && !check->spec.port &&
		    check->spec.type != PROBE_ICMP && check->spec.type != PROBE_EXEC)
			place_refuse(&child,
				     "found check %s (line %d) without a port, expected one with "
				     "`port`: a service of many has none of its own",
				     check->name, check->line);
	}
	if (place_child(place, "all_down", &child)) {
		word = place_choice(&child, all_down);
		service->all_down = word > 0 ? (enum config_all_down)word : CONFIG_ALL_DOWN_DROP;
	}
	if (place_child(place, "unknown", &child))
		service->unknown_is_down = place_choice(&child, unknown) == 1;
}
