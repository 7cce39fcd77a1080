// SPDX-License-Identifier: BSD-2-Clause
/*
 * Configs from text.
 */
#include "plan_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"

#define SEPARATORS "*@:^/"

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
		insert(config->services[service].members, &config->services[service].member_count,
		       at, sizeof(*member));
	config->services[service].members[at] = parsed;
}

/* "80", or "20-21,5000-5999", ascending. */
static void parse_ports(char *text, struct config_service *service)
{
	unsigned int first, last;
	char *range;

	while ((range = strsep(&text, ","))) {
		int count = sscanf(range, "%u-%u", &first, &last);

		if (count < 1 || service->range_count == XDPLB_RANGES_MAX)
			refuse_text(range);
		if (!service->port)
			service->port = htons(first);
		if (count == 2)
			service->ranges[service->range_count++] =
				(struct config_range){ first, last };
	}
}

/* The part before the colon; the service's index, or SIZE_MAX. */
static size_t parse_service(struct config *config, const char *head)
{
	char name[XDPLB_NAME_LEN], vip[64], proto[4], restore;
	struct config_service *service;
	char ports[64];
	unsigned int buckets;
	size_t at = 0;

	if (*head == '-')
		return SIZE_MAX;
	if (sscanf(head, "%63s %63s %63s %3s %c %u", name, vip, ports, proto, &restore, &buckets) !=
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
	parse_ports(ports, service);
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

		service->check = CONFIG_NO_CHECK;
		for (size_t m = 0; m < service->member_count; m++) {
			struct config_member *member = &service->members[m];
			const struct config_backend *backend = &config->backends[member->backend];

			member->addr =
				service->family == XDPLB_IPV4 ? backend->ipv4 : backend->ipv6;
			if (!member->tag)
				member->tag = usual_tag(service);
			if (!member->port || service->restore == XDPLB_RESTORE_INTERFACE)
				member->port = config_vport(service);
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
	if (config_derive_targets(&config))
		abort();
	free(copy);
	*ret_config = config;
}

void cluster_free(struct config *config)
{
	for (size_t s = 0; s < config->service_count; s++)
		free(config->services[s].members);
	free(config->services);
	free(config->targets);
	free(config->backends);
	free(config->nodes);
	memset(config, 0, sizeof(*config));
}
