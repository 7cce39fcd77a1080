// SPDX-License-Identifier: BSD-2-Clause
/*
 * The backends of one service of the cluster file.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

/* What all members of a service share. */
struct member_reader {
	struct config_draft *draft;
	const struct config_service *service;
	uint32_t port; /* where a member listens that sets no port */
	size_t inheriting; /* how many those are */
};

static int compare_backend_name(const void *name, const void *backend)
{
	return strcmp(name, ((const struct config_backend *)backend)->name);
}

static const struct config_backend *find_backend(const struct config *config, const char *name)
{
	if (!config->backend_count)
		return NULL;
	return bsearch(name, config->backends, config->backend_count, sizeof(*config->backends),
		       compare_backend_name);
}

static void read_member_address(const struct member_reader *reader, struct config_member *member,
				const struct yaml_place *place)
{
	const struct config_backend *backend = &reader->draft->config.backends[member->backend];
	__u8 family = reader->service->family;

	if (family == XDPLB_IPV4 && backend->has_ipv4)
		member->addr = backend->ipv4;
	else if (family == XDPLB_IPV6 && backend->has_ipv6)
		member->addr = backend->ipv6;
	else if (family && !reader->draft->has_bad_address[member->backend])
		place_refuse(place,
			     "found backend %s (line %d) without an IPv%d address, "
			     "expected one of the VIP's family",
			     backend->name, backend->line, family);
}

static void read_member_backend(const struct member_reader *reader, struct config_member *member,
				const struct yaml_place *place)
{
	const struct config *config = &reader->draft->config;
	const struct config_backend *backend = find_backend(config, place->key);

	member->backend = NOT_FOUND;
	if (!backend) {
		place_refuse(place, "found an unknown backend, expected the name of one of the "
				    "backends");
		return;
	}
	member->backend = (size_t)(backend - config->backends);
	read_member_address(reader, member, place);
	/* Without a vnic, the host would take the VIP's packets before the namespace sees them. */
	if (reader->service->restore == XDPLB_RESTORE_INTERFACE && backend->netns[0] &&
	    !backend->vnic[0])
		place_refuse(place,
			     "found backend %s (line %d) with netns and without vnic, "
			     "expected a vnic, which `restore: interface` needs there",
			     backend->name, backend->line);
}

static void read_weight(struct config_member *member, const struct yaml_place *place)
{
	static const struct yaml_range range = { 0, CONFIG_WEIGHT_MAX, "a weight" };
	uint32_t weight;

	if (place_number(place, &range, &weight))
		member->weight = (uint16_t)weight;
}

static void read_member_port(const struct member_reader *reader, struct config_member *member,
			     const struct yaml_place *place)
{
	uint32_t port;

	if (reader->service->range_count) {
		place_refuse(place, "found a port, expected none: packets of a service of many "
				    "ports keep theirs");
		return;
	}
	if (!place_number(place, &config_port_range, &port))
		return;
	draft_check_port(reader->draft, reader->service, place, port);
	member->port = htons((uint16_t)port);
}

static void read_tag(const struct member_reader *reader, struct config_member *member,
		     const struct yaml_place *place)
{
	const struct config *config = &reader->draft->config;
	struct yaml_range range = { config->tag_first, config->tag_last, "a tag port" };
	uint32_t tag = 0;

	if (reader->draft->has_bad_tags)
		range = config_port_range;
	/* A refused tag stays set, to 0: no other is derived in its place. */
	place_number(place, &range, &tag);
	member->tag = htons((uint16_t)tag);
	member->tag_is_set = true;
}

static void read_member(struct member_reader *reader, struct config_member *member,
			const struct yaml_place *place)
{
	static const struct yaml_key keys[] = { { "weight", NULL },
						{ "port", NULL },
						{ "tag", NULL } };
	struct yaml_place child;

	member->line = place->line;
	member->weight = 1;
	member->port = htons((uint16_t)reader->port);
	read_member_backend(reader, member, place);
	if (!place_keys(place, keys, ARRAY_SIZE(keys)))
		return;
	if (place_child(place, "weight", &child))
		read_weight(member, &child);
	if (place_child(place, "port", &child))
		read_member_port(reader, member, &child);
	else
		reader->inheriting++;
	if (place_child(place, "tag", &child))
		read_tag(reader, member, &child);
}

/* Aliases can name the same backends again and again: what the file holds is no bound. */
static bool is_too_many(struct config_draft *draft, const struct yaml_place *place, size_t count)
{
	draft->member_count += count;
	if (draft->member_count <= MEMBERS_MAX)
		return false;
	place_refuse(place, "found more than %u (service, backend) pairs, expected no more",
		     MEMBERS_MAX);
	return true;
}

void draft_read_members(struct config_draft *draft, size_t index,
			const struct yaml_place *port_place, uint32_t port)
{
	struct config_service *service = &draft->config.services[index];
	struct member_reader reader = { .draft = draft, .service = service, .port = port };
	size_t errors = draft->tree.errors.count;
	struct yaml_place section, *entries;
	size_t count;

	/* Once there are too many, the rest is not even looked at. */
	if (!place_child(&draft->services[index], "backends", &section) ||
	    draft->member_count > MEMBERS_MAX)
		return;
	place_entries(&section, MEMBERS_MAX, &entries, &count);
	if (count == 0 && draft->tree.errors.count == errors)
		place_refuse(&section, "found no backend, expected at least one");
	if (!is_too_many(draft, &section, count)) {
		service->members = draft_alloc(draft, count, sizeof(*service->members));
		service->member_count = service->members ? count : 0;
	}
	for (size_t i = 0; i < service->member_count; i++)
		read_member(&reader, &service->members[i], &entries[i]);
	free(entries);
	if (reader.inheriting && service->restore == XDPLB_RESTORE_SOURCE)
		draft_check_port(draft, service, port_place, port);
}
