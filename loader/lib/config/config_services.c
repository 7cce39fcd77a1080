// SPDX-License-Identifier: BSD-2-Clause
/*
 * The section `services` of the cluster file; their backends are in config_members.c.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "config/config_draft.h"
#include "base/prime.h"

/* Of the lightest member's share; and what counts as its weight at least, as a part of the heaviest. */
#define LIGHTEST_BUCKETS 75
#define LIGHTEST_PART    10

/* The smallest table with so many buckets, or the largest there is. */
static uint32_t table_size(uint64_t buckets)
{
	/* The largest primes below the powers of two: little of the last cache line is wasted. */
	static const uint32_t primes[] = { 1021,
					   2039,
					   4093,
					   8191,
					   16381,
					   32749,
					   65521,
					   131071,
					   262139,
					   524287,
					   SERVICE_BUCKETS_MAX };
	size_t i = 0;

	while (i < ARRAY_SIZE(primes) - 1 && primes[i] < buckets)
		i++;
	return primes[i];
}

uint32_t config_default_buckets(size_t members)
{
	return table_size(100ULL * members);
}

uint32_t config_buckets_for(const struct config_member *members, size_t count)
{
	uint32_t lightest = UINT32_MAX, heaviest = 0;
	uint64_t sum = 0, needed;

	for (size_t i = 0; i < count; i++) {
		sum += members[i].weight;
		if (members[i].weight > heaviest)
			heaviest = members[i].weight;
		if (members[i].weight && members[i].weight < lightest)
			lightest = members[i].weight;
	}
	if (!sum)
		return config_default_buckets(count);
	/* lightest / sum of the table is to be LIGHTEST_BUCKETS; times LIGHTEST_PART, to stay whole */
	needed = LIGHTEST_PART * (uint64_t)lightest;
	if (needed < heaviest)
		needed = heaviest;
	needed = (LIGHTEST_BUCKETS * LIGHTEST_PART * sum + needed - 1) / needed;
	return table_size(needed > 100ULL * count ? needed : 100ULL * count);
}

void draft_check_port(const struct config_draft *draft, const struct config_service *service,
		      const struct yaml_place *place, uint32_t port)
{
	const struct config *config = &draft->config;

	if (port == 0)
		return;
	if (service->restore == XDPLB_RESTORE_INTERFACE && service->port &&
	    port != ntohs(service->port))
		place_refuse(place,
			     "found %u, expected the service's port %u, which "
			     "`restore: interface` keeps",
			     port, ntohs(service->port));
	if (service->restore == XDPLB_RESTORE_SOURCE && !draft->has_bad_tags &&
	    port >= config->tag_first && port <= config->tag_last)
		place_refuse(place,
			     "found %u among the tag ports, expected a port outside %u to %u", port,
			     config->tag_first, config->tag_last);
}

static void read_vip(const struct yaml_place *place, struct config_service *service)
{
	draft_read_address(place, &service->vip, &service->family);
}

static void read_protocol(const struct yaml_place *place, struct config_service *service)
{
	static const char *const words[] = { "tcp", "udp", NULL };
	static const __u8 protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	int word = place_choice(place, words);

	if (word >= 0)
		service->proto = protocols[word];
}

static void read_restore(const struct yaml_place *place, struct config_service *service)
{
	static const char *const words[] = { "interface", "source", NULL };
	static const enum xdplb_restore modes[] = { XDPLB_RESTORE_INTERFACE, XDPLB_RESTORE_SOURCE };
	int word = place_choice(place, words);

	if (word >= 0)
		service->restore = modes[word];
}

static void read_buckets(const struct yaml_place *place, struct config_service *service)
{
	static const struct yaml_range range = { 2, SERVICE_BUCKETS_MAX, "a prime" };
	uint32_t buckets;

	if (!place_number(place, &range, &buckets))
		return;
	if (is_prime(buckets))
		service->buckets = buckets;
	else
		place_refuse_value(place, "%s from %u to %u", range.what, range.min, range.max);
}

/* Read the keys that need one value alone. */
static void read_values(const struct yaml_place *place, struct config_service *service)
{
	static const struct {
		const char *key;
		void (*read)(const struct yaml_place *place, struct config_service *service);
	} readers[] = {
		{ "vip", read_vip },           { "port", draft_read_ports },
		{ "protocol", read_protocol }, { "restore", read_restore },
		{ "buckets", read_buckets },
	};

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		struct yaml_place child;

		if (place_child(place, readers[i].key, &child))
			readers[i].read(&child, service);
	}
}

/* A table that cannot name every backend would starve some of them. */
static void check_buckets(const struct yaml_place *place, struct config_service *service,
			  bool is_set)
{
	struct yaml_place child;
	size_t weighted = 0;

	for (size_t i = 0; i < service->member_count; i++)
		weighted += service->members[i].weight > 0;
	if (service->member_count && !weighted) {
		place_child(place, "backends", &child);
		place_refuse(&child,
			     "found no backend with a weight above 0, expected at least one");
	}
	if (!is_set)
		service->buckets = config_buckets_for(service->members, service->member_count);
	if (service->buckets && service->buckets < weighted) {
		place_child(place, is_set ? "buckets" : "backends", &child);
		place_refuse(&child,
			     "found %u buckets for %zu backends, expected no fewer than "
			     "backends",
			     service->buckets, weighted);
	}
}

static void read_affinity(const struct yaml_place *place, struct config_service *service)
{
	static const char *const affinities[] = { "flow", "source", NULL };
	struct yaml_place child;

	if (place_child(place, "affinity", &child))
		service->by_source = place_choice(&child, affinities) == 1;
}

static void read_hand_over(const struct yaml_place *place, struct config_service *service)
{
	bool may_be = service->proto == IPPROTO_TCP;
	struct yaml_place child;

	service->hand_over = may_be;
	if (!place_child(place, "hand_over", &child) ||
	    !draft_read_switch(&child, &service->hand_over))
		return;
	if (service->hand_over && !may_be)
		place_refuse_value(&child, "`protocol: tcp` beside it");
}

/* Flows move while a share grows: hand-over keeps them. Only an agent that is told of its backends by checks
 * knows who comes up. */
static void read_slow_start(const struct yaml_place *place, struct config_service *service)
{
	struct yaml_place child;

	if (!place_child(place, "slow_start", &child) ||
	    !draft_read_duration(&child, 1000, 3600000, &service->slow_start_ms))
		return;
	if (service->check == CONFIG_NO_CHECK)
		place_refuse_value(&child, "a `check` beside it");
	else if (!service->hand_over)
		place_refuse_value(&child,
				   "hand-over beside it, which keeps what the growing share "
				   "moves");
}

static void read_service(struct config_draft *draft, size_t index)
{
	static const struct yaml_key keys[] = {
		{ "vip", EXPECTED_ADDRESS },
		{ "port",
		  "a port from 1 to 65535, a range like 5000-5999, a list of such, or any" },
		{ "protocol", "tcp or udp" },
		{ "restore", "interface or source" },
		{ "backend_port", NULL },
		{ "buckets", NULL },
		{ "check", NULL },
		{ "all_down", NULL },
		{ "unknown", NULL },
		{ "slow_start", NULL },
		{ "affinity", NULL },
		{ "hand_over", NULL },
		{ "quic", NULL },
		{ "flow_cache", NULL },
		{ "source_limit", NULL },
		{ "allow", NULL },
		{ "deny", NULL },
		{ "backends", "a mapping of the service's backends" },
	};
	const struct yaml_place *place = &draft->services[index];
	struct config_service *service = &draft->config.services[index];
	struct yaml_place port_place, child;
	uint32_t port;

	service->line = place->line;
	service->check = CONFIG_NO_CHECK;
	strcpy(service->name, place->key);
	if (!place_keys(place, keys, ARRAY_SIZE(keys)))
		return;
	read_values(place, service);
	draft_read_service_check(draft, place, service);
	read_affinity(place, service);
	read_hand_over(place, service);
	read_slow_start(place, service);
	draft_read_quic(place, service);
	draft_read_flow_cache(place, service);
	draft_read_source_limit(place, service);
	draft_read_sources(draft, place, service);
	port = ntohs(config_vport(service));
	place_child(place, "port", &port_place);
	if (place_child(place, "backend_port", &child) && service->range_count) {
		place_refuse(&child, "found a port, expected none: packets of a service of many "
				     "ports keep theirs");
	} else if (child.node) {
		port_place = child;
		if (!place_number(&child, &config_port_range, &port))
			port = 0;
		if (service->restore == XDPLB_RESTORE_INTERFACE)
			draft_check_port(draft, service, &port_place, port);
	}
	draft_read_members(draft, index, &port_place, port);
	check_buckets(place, service, place_child(place, "buckets", &child));
}

void draft_read_services(struct config_draft *draft)
{
	struct config *config = &draft->config;
	size_t count;

	place_entries(&draft->services_place, SERVICES_MAX, &draft->services, &count);
	config->services = draft_alloc(draft, count, sizeof(*config->services));
	config->service_count = config->services ? count : 0;
	for (size_t i = 0; i < config->service_count; i++)
		read_service(draft, i);
}
