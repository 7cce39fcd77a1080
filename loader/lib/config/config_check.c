// SPDX-License-Identifier: BSD-2-Clause
/*
 * What concerns several entries of the cluster file: claims to the same thing, and capacities.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

static int compare_number(uint64_t left, uint64_t right)
{
	return (left > right) - (left < right);
}

static int compare_address(const struct claim *left, const struct claim *right)
{
	int order = compare_number(left->family, right->family);

	return order ? order : memcmp(&left->addr, &right->addr, sizeof(left->addr));
}

static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int order = compare_address(a, b);

	if (!order)
		order = compare_number(a->detail, b->detail);
	if (!order)
		order = compare_number((uint64_t)a->line, (uint64_t)b->line);
	return order ? order : compare_number(a->owner, b->owner);
}

void claims_sort(struct claim *claims, size_t count)
{
	if (count)
		qsort(claims, count, sizeof(*claims), compare_claims);
}

bool claims_equal(const struct claim *left, const struct claim *right)
{
	return left->detail == right->detail && !compare_address(left, right);
}

static int compare_address_only(const void *left, const void *right)
{
	return compare_address(left, right);
}

/* A backend's address as a VIP would send its packets round in a circle. */
static void check_vip_is_free(const struct config_draft *draft, const struct claim *vip)
{
	const struct config *config = &draft->config;
	const struct claim *taken = NULL;
	struct yaml_place place;
	char text[ADDRESS_TEXT_LEN];

	if (draft->address_count)
		taken = bsearch(vip, draft->addresses, draft->address_count, sizeof(*vip),
				compare_address_only);
	if (!taken)
		return;
	place_child(&draft->services[vip->owner], "vip", &place);
	place_refuse(&place,
		     "found %s, the address of backend %s (line %d), expected an address "
		     "that is no backend's",
		     address_print(&vip->addr, vip->family, text),
		     config->backends[taken->owner].name, taken->line);
}

static void refuse_duplicate_vip(const struct config_draft *draft, const struct claim *first,
				 const struct claim *claim)
{
	const struct config_service *service = &draft->config.services[claim->owner];
	const struct config_service *other = &draft->config.services[first->owner];
	struct yaml_place place;
	char text[ADDRESS_TEXT_LEN];

	place_child(&draft->services[claim->owner], "vip", &place);
	place_refuse(&place,
		     "found %s/%s, which service %s has too (line %d), expected another "
		     "VIP, port or protocol",
		     address_port_print(&service->vip, service->family, service->port, text),
		     service->proto == IPPROTO_TCP ? "tcp" : "udp", other->name, first->line);
}

static void check_vips(struct config_draft *draft)
{
	const struct config *config = &draft->config;
	struct claim *vips = draft_alloc(draft, config->service_count, sizeof(*vips));
	size_t count = 0;

	if (!vips)
		return;
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];
		struct yaml_place place;

		if (!service->family)
			continue;
		place_child(&draft->services[i], "vip", &place);
		vips[count++] = (struct claim){
			.addr = service->vip,
			.detail = (uint32_t)(service->range_count > 0) << 24 |
				  (uint32_t)ntohs(service->port) << 8 | service->proto,
			.family = service->family,
			.line = place.line,
			.owner = i,
		};
		check_vip_is_free(draft, &vips[count - 1]);
	}
	claims_sort(vips, count);
	for (size_t i = 1; i < count; i++) {
		const struct config_service *service = &config->services[vips[i].owner];

		if (!service->range_count && service->port && service->proto &&
		    claims_equal(&vips[i - 1], &vips[i]))
			refuse_duplicate_vip(draft, &vips[i - 1], &vips[i]);
	}
	free(vips);
}

static int compare_vnics(const void *left, const void *right)
{
	const struct config_backend *a = *(const struct config_backend *const *)left;
	const struct config_backend *b = *(const struct config_backend *const *)right;
	int order = compare_number(a->node, b->node);

	if (!order)
		order = strcmp(a->vnic, b->vnic);
	return order ? order : compare_number((uint64_t)a->line, (uint64_t)b->line);
}

static void refuse_shared_vnic(const struct config_draft *draft, const struct config_backend *first,
			       const struct config_backend *backend)
{
	struct yaml_place place;

	place_child(&draft->backends[backend - draft->config.backends], "vnic", &place);
	place_refuse(&place,
		     "found %s, which backend %s on node %s has too (line %d), expected an "
		     "interface of this backend alone",
		     backend->vnic, first->name, draft->config.nodes[backend->node].name,
		     first->line);
}

static void check_vnics(struct config_draft *draft)
{
	const struct config *config = &draft->config;
	const struct config_backend **list;
	size_t count = 0;

	list = draft_alloc(draft, config->backend_count, sizeof(*list));
	if (!list)
		return;
	for (size_t i = 0; i < config->backend_count; i++) {
		if (config->backends[i].vnic[0] && config->backends[i].node != NOT_FOUND)
			list[count++] = &config->backends[i];
	}
	qsort(list, count, sizeof(*list), compare_vnics);
	for (size_t i = 1; i < count; i++) {
		if (list[i - 1]->node == list[i]->node && !strcmp(list[i - 1]->vnic, list[i]->vnic))
			refuse_shared_vnic(draft, list[i - 1], list[i]);
	}
	free(list);
}

/* A service's table takes whole cache lines. */
static uint64_t count_buckets(const struct config *config)
{
	const uint64_t line = XDPLB_BUCKETS_PER_LINE;
	uint64_t sum = 0;

	for (size_t i = 0; i < config->service_count; i++)
		sum += (config->services[i].buckets + line - 1) / line * line;
	return sum;
}

/* Of the VIP table's room: each range beyond a service's first, and each backend known by connection ids,
 * takes as much as one more. */
static uint64_t count_services(const struct config *config)
{
	uint64_t sum = config->service_count;

	for (size_t i = 0; i < config->service_count; i++) {
		if (config->services[i].range_count)
			sum += config->services[i].range_count - 1;
		if (config->services[i].has_quic)
			sum += config->services[i].member_count;
	}
	return sum;
}

static void check_capacities(struct config_draft *draft)
{
	const struct config_capacities *capacities = &draft->config.capacities;
	const struct {
		const char *key;
		const char *what;
		const struct yaml_place *section; /* to report about if no capacity is set */
		uint64_t need;
		uint32_t capacity;
	} needs[] = {
		{ "services",
		  "services (each further range of ports, and each backend with `quic`, counts as "
		  "one)",
		  &draft->services_place, count_services(&draft->config), capacities->services },
		{ "members", "(service, backend) pairs", &draft->services_place,
		  draft->member_count, capacities->members },
		{ "backends", "backends", &draft->backends_place, draft->config.backend_count,
		  capacities->backends },
		{ "buckets", "buckets (each service's rounded up to a multiple of 16)",
		  &draft->services_place, count_buckets(&draft->config), capacities->buckets },
	};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		struct yaml_place place;

		if (needs[i].need <= needs[i].capacity)
			continue;
		if (!place_child(&draft->capacities_place, needs[i].key, &place))
			place.line = needs[i].section->line;
		place_refuse(&place, "found a capacity of %u, expected room for the file's %llu %s",
			     needs[i].capacity, (unsigned long long)needs[i].need, needs[i].what);
	}
}

/* Agents know each other by their addresses. */
static void check_node_addresses(struct config_draft *draft)
{
	const struct config *config = &draft->config;
	struct claim *claims = draft_alloc(draft, config->node_count, sizeof(*claims));
	size_t count = 0;

	if (!claims)
		return;
	for (size_t i = 0; i < config->node_count; i++) {
		const struct config_node *node = &config->nodes[i];

		if (node->has_address)
			claims[count++] = (struct claim){ .addr = node->address,
							  .family = node->family,
							  .line = node->line,
							  .owner = i };
	}
	claims_sort(claims, count);
	for (size_t i = 1; i < count; i++) {
		const struct config_node *other = &config->nodes[claims[i - 1].owner];
		struct yaml_place place;
		char text[ADDRESS_TEXT_LEN];

		if (!claims_equal(&claims[i - 1], &claims[i]))
			continue;
		place_child(&draft->nodes[claims[i].owner], "address", &place);
		place_refuse(&place,
			     "found %s, which node %s has too (line %d), expected another address",
			     address_print(&claims[i].addr, claims[i].family, text), other->name,
			     other->line);
	}
	free(claims);
}

/* Health is kept by target: a backend has one for each check. */
static void check_target_capacity(struct config_draft *draft)
{
	const struct config *config = &draft->config;
	struct yaml_place place;

	if (config->target_count <= config->capacities.backends)
		return;
	if (!place_child(&draft->capacities_place, "backends", &place))
		place.line = draft->backends_place.line;
	place_refuse(&place,
		     "found a capacity of %u, expected room for the file's %zu (backend, check) "
		     "pairs",
		     config->capacities.backends, config->target_count);
}

/* What an agent can tell of. */
static void check_targets_of_nodes(struct config_draft *draft)
{
	const struct config *config = &draft->config;
	size_t *counts = draft_alloc(draft, config->node_count, sizeof(*counts));

	for (size_t i = 0; counts && i < config->target_count; i++)
		if (config->targets[i].check != CONFIG_NO_CHECK)
			counts[config->backends[config->targets[i].backend].node]++;
	for (size_t i = 0; counts && config->sharing.is_set && i < config->node_count; i++)
		if (counts[i] > SHARE_SET_MAX)
			place_refuse(&draft->nodes[i],
				     "found %zu checks of its backends, expected at most %d on "
				     "one node",
				     counts[i], SHARE_SET_MAX);
	free(counts);
}

void draft_check_targets(struct config_draft *draft)
{
	check_target_capacity(draft);
	check_targets_of_nodes(draft);
}

void draft_check(struct config_draft *draft)
{
	check_node_addresses(draft);
	check_vips(draft);
	draft_check_ports(draft);
	check_vnics(draft);
	check_capacities(draft);
}
