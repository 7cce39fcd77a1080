// SPDX-License-Identifier: BSD-2-Clause
/*
 * Configs from text and nodes in memory.
 */
#include "plan_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "bpf/lib/hash.h"

#define SEPARATORS "*@:^/"
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

const struct node_sizes usual_sizes = { 16, 64, 32, 256 };

static void *checked(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void refuse_text(const char *text)
{
	fprintf(stderr, "not understood: %s\n", text);
	abort();
}

/* ---- configs ---- */

/* Opens a gap at `at` in an array of `count` elements and returns the array. */
static void *insert(void *array, size_t *count, size_t at, size_t size)
{
	char *bytes = checked(realloc(array, (*count + 1) * size));

	memmove(bytes + (at + 1) * size, bytes + at * size, (*count - at) * size);
	memset(bytes + at * size, 0, size);
	(*count)++;
	return bytes;
}

/* A backend's index by name; sorted in if it is new, with all that refer to later ones. */
static size_t backend_index(struct config *config, const char *name)
{
	size_t at = 0;

	while (at < config->backend_count && strcmp(config->backends[at].name, name) < 0)
		at++;
	if (at < config->backend_count && !strcmp(config->backends[at].name, name))
		return at;
	config->backends =
		insert(config->backends, &config->backend_count, at, sizeof(*config->backends));
	snprintf(config->backends[at].name, sizeof(config->backends[at].name), "%s", name);
	config->backends[at].node = CLUSTER_N1;
	config->backends[at].ipv4.word[0] = htonl(10 << 24);
	for (size_t s = 0; s < config->service_count; s++)
		for (size_t m = 0; m < config->services[s].member_count; m++)
			config->services[s].members[m].backend +=
				config->services[s].members[m].backend >= at;
	return at;
}

static void parse_settings(const char *settings, struct config_member *member,
			   struct config_backend *backend)
{
	while (*settings) {
		char *end, what = *settings;
		unsigned long number = strtoul(settings + 1, &end, 10);

		if (end == settings + 1)
			refuse_text(settings);
		if (what == '*')
			member->weight = number;
		else if (what == '@')
			member->tag = htons(number);
		else if (what == ':')
			member->port = htons(number);
		else if (what == '^')
			backend->ipv4.word[0] = htonl(number << 24);
		else
			backend->node = number == 2 ? CLUSTER_N2 : CLUSTER_N1;
		settings = end;
	}
}

static void parse_member(struct config *config, size_t service, const char *token)
{
	struct config_member *member, parsed = { .weight = 1 };
	size_t len = strcspn(token, SEPARATORS), at = 0, backend;
	char name[XDPLB_NAME_LEN];

	snprintf(name, sizeof(name), "%.*s", (int)len, token);
	backend = backend_index(config, name);
	parse_settings(token + len, &parsed, &config->backends[backend]);
	parsed.backend = backend;
	if (service == SIZE_MAX)
		return;
	while (at < config->services[service].member_count &&
	       config->services[service].members[at].backend < backend)
		at++;
	config->services[service].members =
		insert(config->services[service].members,
		       &config->services[service].member_count, at, sizeof(*member));
	config->services[service].members[at] = parsed;
}

/* The part before the colon; the service's index, or SIZE_MAX. */
static size_t parse_service(struct config *config, const char *head)
{
	char name[XDPLB_NAME_LEN], vip[64], proto[4], restore;
	struct config_service *service;
	unsigned int port, buckets;
	size_t at = 0;

	if (*head == '-')
		return SIZE_MAX;
	if (sscanf(head, "%63s %63s %u %3s %c %u", name, vip, &port, proto, &restore, &buckets) !=
	    6)
		refuse_text(head);
	while (at < config->service_count && strcmp(config->services[at].name, name) < 0)
		at++;
	config->services =
		insert(config->services, &config->service_count, at, sizeof(*config->services));
	service = &config->services[at];
	memcpy(service->name, name, sizeof(name));
	if (address_parse(vip, &service->vip, &service->family))
		refuse_text(vip);
	service->port = htons(port);
	service->proto = strcmp(proto, "udp") ? IPPROTO_TCP : IPPROTO_UDP;
	service->restore = restore == 'i' ? XDPLB_RESTORE_INTERFACE : XDPLB_RESTORE_SOURCE;
	service->buckets = buckets;
	return at;
}

/* One tag for each (VIP, port, protocol) of a test: 32 VIPs, 64 ports. */
static __be16 usual_tag(const struct config_service *service)
{
	uint32_t low = ntohl(service->vip.word[service->family == XDPLB_IPV4 ? 0 : 3]);

	return htons(61000 + (low % 32) * 64 + ntohs(service->port) % 64 +
		     (service->proto == IPPROTO_UDP ? 2048 : 0));
}

static void set_addresses(struct config_backend *backend)
{
	uint32_t first = ntohl(backend->ipv4.word[0]) >> 24;
	size_t digits = strcspn(backend->name, "0123456789");
	uint32_t number = strtoul(backend->name + digits, NULL, 10);

	backend->has_ipv4 = backend->has_ipv6 = true;
	backend->ipv4.word[0] = htonl(first << 24 | number);
	backend->ipv6 = (struct xdplb_addr){ { htonl(0xfd000000 | first), 0, 0, htonl(number) } };
}

static void finish(struct config *config)
{
	for (size_t i = 0; i < config->backend_count; i++)
		set_addresses(&config->backends[i]);
	for (size_t s = 0; s < config->service_count; s++) {
		struct config_service *service = &config->services[s];

		for (size_t m = 0; m < service->member_count; m++) {
			struct config_member *member = &service->members[m];
			const struct config_backend *backend = &config->backends[member->backend];

			member->addr = service->family == XDPLB_IPV4 ? backend->ipv4
								     : backend->ipv6;
			if (!member->tag)
				member->tag = usual_tag(service);
			if (!member->port || service->restore == XDPLB_RESTORE_INTERFACE)
				member->port = service->port;
		}
	}
}

void cluster_parse(const char *text, struct config *ret_config)
{
	char *copy = checked(strdup(text)), *services = copy, *line, *token, *rest;
	struct config config = { .cluster = "c", .tag_rest = 600, .node_count = CLUSTER_NODES };

	config.key = (struct xdplb_key){ { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	config.nodes = checked(calloc(config.node_count, sizeof(*config.nodes)));
	strcpy(config.nodes[CLUSTER_A].name, "a");
	strcpy(config.nodes[CLUSTER_N1].name, "n1");
	strcpy(config.nodes[CLUSTER_N2].name, "n2");
	while ((line = strsep(&services, ";"))) {
		size_t service;

		line += strspn(line, " ");
		if (!*line)
			continue;
		rest = strstr(line, ": ");
		if (!rest)
			refuse_text(line);
		*rest = '\0';
		rest += 2;
		service = parse_service(&config, line);
		while ((token = strsep(&rest, " ")))
			if (*token)
				parse_member(&config, service, token);
	}
	finish(&config);
	free(copy);
	*ret_config = config;
}

void cluster_free(struct config *config)
{
	for (size_t s = 0; s < config->service_count; s++)
		free(config->services[s].members);
	free(config->services);
	free(config->backends);
	free(config->nodes);
	memset(config, 0, sizeof(*config));
}

/* ---- nodes in memory ---- */

/* Where an array stands in a view. */
struct place {
	const char *name;
	size_t offset;
};

#define ACCESS(array) { #array, offsetof(struct access_view, array) }
#define NODE(array)   { #array, offsetof(struct node_view, array) }

static const struct place access_places[] = {
	ACCESS(vips),   ACCESS(control),       ACCESS(services),     ACCESS(buckets),       ACCESS(members),
	ACCESS(health), ACCESS(service_infos), ACCESS(member_infos), ACCESS(backend_infos),
};

static const struct place node_places[] = {
	NODE(tags), NODE(endpoints), NODE(control), NODE(mappings), NODE(mapping_infos),
};

static struct map_array *array_at(void *view, const struct place *place)
{
	return (struct map_array *)((char *)view + place->offset);
}

static struct map_array make_array(size_t size, size_t count)
{
	struct map_array array = { .fd = -1, .stride = (size + 7) / 8 * 8, .count = count };

	array.length = array.stride * count;
	array.values = checked(calloc(count ? count : 1, array.stride));
	return array;
}

static void copy_arrays(const void *from, void *to, const struct place *places, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct map_array *source = array_at((void *)from, &places[i]);
		struct map_array *copy = array_at(to, &places[i]);

		*copy = make_array(source->stride, source->count);
		memcpy(copy->values, source->values, source->length);
	}
}

static const char *diff_arrays(const void *a, const void *b, const struct place *places,
			       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct map_array *x = array_at((void *)a, &places[i]);
		const struct map_array *y = array_at((void *)b, &places[i]);

		if (x->length != y->length || memcmp(x->values, y->values, x->length))
			return places[i].name;
	}
	return NULL;
}

static void free_arrays(void *view, const struct place *places, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(array_at(view, &places[i])->values);
}

static uint32_t table_slots(uint32_t entries)
{
	uint32_t slots = 16;

	while (slots < 4 * entries)
		slots *= 2;
	return slots;
}

void access_memory(const struct node_sizes *sizes, struct access_view *ret_view)
{
	uint32_t slots = table_slots(2 * sizes->services);

	*ret_view = (struct access_view){
		.vips = make_array(sizeof(struct xdplb_endpoint), 2 * slots),
		.control = make_array(sizeof(struct xdplb_lb_control), 1),
		.services = make_array(sizeof(struct xdplb_service), sizes->services),
		.buckets = make_array(sizeof(struct xdplb_bucket_line), sizes->lines),
		.members = make_array(sizeof(struct xdplb_member), sizes->members),
		.health = make_array(sizeof(struct xdplb_health), sizes->backends),
		.service_infos = make_array(sizeof(struct xdplb_service_info), sizes->services),
		.member_infos = make_array(sizeof(struct xdplb_member_info), sizes->members),
		.backend_infos = make_array(sizeof(struct xdplb_backend_info), sizes->backends),
		.traffic_fd = -1,
	};
}

void node_memory(uint32_t mappings, struct node_view *ret_view)
{
	uint32_t slots = table_slots(mappings);

	*ret_view = (struct node_view){
		.tags = make_array(sizeof(struct xdplb_endpoint), 2 * slots),
		.endpoints = make_array(sizeof(struct xdplb_endpoint), 2 * slots),
		.control = make_array(sizeof(struct xdplb_node_control), 1),
		.mappings = make_array(sizeof(struct xdplb_mapping), mappings),
		.mapping_infos = make_array(sizeof(struct xdplb_mapping_info), mappings),
	};
}

void access_memory_copy(const struct access_view *view, struct access_view *ret_copy)
{
	*ret_copy = *view;
	copy_arrays(view, ret_copy, access_places, COUNT(access_places));
}

void node_memory_copy(const struct node_view *view, struct node_view *ret_copy)
{
	copy_arrays(view, ret_copy, node_places, COUNT(node_places));
}

void access_memory_free(struct access_view *view)
{
	free_arrays(view, access_places, COUNT(access_places));
}

void node_memory_free(struct node_view *view)
{
	free_arrays(view, node_places, COUNT(node_places));
}

const char *access_memory_diff(const struct access_view *a, const struct access_view *b)
{
	return diff_arrays(a, b, access_places, COUNT(access_places));
}

const char *node_memory_diff(const struct node_view *a, const struct node_view *b)
{
	return diff_arrays(a, b, node_places, COUNT(node_places));
}

bool all_zero(const void *bytes, size_t len)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < len; i++)
		if (b[i])
			return false;
	return true;
}

/* ---- endpoint tables ---- */

static const struct xdplb_endpoint *slot_at(const struct map_array *map, uint32_t slot)
{
	return slot < map->count ? map_at(map, slot) : NULL;
}

const struct xdplb_endpoint *endpoint_find(const struct map_array *map, struct xdplb_table_ref live,
					   const struct xdplb_endpoint *key)
{
	uint32_t mask = map->count / 2 - 1;
	uint32_t hash = endpoint_hash(live.seed, &key->addr, key->port, key->proto, key->family);

	for (uint32_t i = 0; i < XDPLB_ENDPOINT_PROBES; i++) {
		const struct xdplb_endpoint *slot = slot_at(map, live.base + ((hash + i) & mask));

		if (!slot || !slot->family)
			return NULL;
		if (!memcmp(slot, key, offsetof(struct xdplb_endpoint, index)))
			return slot;
	}
	return NULL;
}

size_t endpoints_taken(const struct map_array *map, struct xdplb_table_ref live)
{
	size_t n = 0;

	for (uint32_t i = 0; i < map->count / 2; i++) {
		const struct xdplb_endpoint *slot = slot_at(map, live.base + i);

		n += slot && slot->family;
	}
	return n;
}

uint32_t next_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % below;
}
