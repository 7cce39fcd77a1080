// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load quic-id: what backends are to put into their connection ids, from the file alone.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "command.h"

/* The first octets of an id, in hex: without the length, which says how long the backend makes it. */
static json_t *member_json(const struct config *config, const struct config_service *service,
			   const struct config_member *member)
{
	const unsigned char *id = (const unsigned char *)&member->quic_id;
	char address[ADDRESS_TEXT_LEN], hex[9];

	snprintf(hex, sizeof(hex), "%02x%02x%02x%02x", id[0], id[1], id[2], id[3]);
	return json_pack("{s:s, s:s, s:s, s:i, s:s}", "service", service->name, "backend",
			 config->backends[member->backend].name, "address",
			 address_print(&member->addr, service->family, address), "config",
			 (int)service->quic, "server_id", hex);
}

static json_t *ids_json(const struct config *config, const char *backend)
{
	json_t *list = json_array();

	for (size_t s = 0; s < config->service_count; s++) {
		const struct config_service *service = &config->services[s];

		for (size_t m = 0; service->has_quic && m < service->member_count; m++)
			if (!backend ||
			    !strcmp(config->backends[service->members[m].backend].name, backend))
				json_array_append_new(
					list, member_json(config, service, &service->members[m]));
	}
	return list;
}

static void print_ids(const json_t *list)
{
	json_t *entry;
	size_t i;

	printf("%-15s  %-15s  %-24s %6s  %s\n", "service", "backend", "address", "config",
	       "server id");
	json_array_foreach(list, i, entry)
		printf("%-15s  %-15s  %-24s %6lld  %s\n",
		       json_string_value(json_object_get(entry, "service")),
		       json_string_value(json_object_get(entry, "backend")),
		       json_string_value(json_object_get(entry, "address")),
		       (long long)json_integer_value(json_object_get(entry, "config")),
		       json_string_value(json_object_get(entry, "server_id")));
}

int cmd_quic_id(const struct command_line *line)
{
	const char *backend = line->word_count > 1 ? line->words[1] : NULL;
	struct command_line file = *line;
	struct config config;
	json_t *list;
	int status;

	if (line->word_count < 1 || line->word_count > 2)
		return EXIT_USAGE;
	file.file = line->words[0];
	status = read_config(&file, &config);
	if (status)
		return status;
	list = ids_json(&config, backend);
	if (!json_array_size(list))
		status = complain("%s: no service with `quic` has %s%s", file.file,
				  backend ? "a backend " : "backends", backend ? backend : "");
	else if (line->json)
		json_dumpf(list, stdout, JSON_INDENT(2)), putchar('\n');
	else
		print_ids(list);
	json_decref(list);
	config_free(&config);
	return status;
}
