// SPDX-License-Identifier: BSD-2-Clause
/*
 * Services of many ports: a range, a list, all. Packets keep their port, so a backend is known by its
 * address, which no other service may have; and the ranges of a VIP must not be in doubt.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

#define PORT_MAX 65535U

#define EXPECTED_PORTS "a port from 1 to 65535, a range like 5000-5999, a list of such, or any"

/* ---- reading ---- */

/* "5000" or "5000-5999"; digits without a leading zero. */
static bool parse_range(const char *text, struct config_range *ret_range)
{
	unsigned long ends[2] = { 0, 0 };
	char *end;

	for (int i = 0; i < 2; i++) {
		if (*text < '1' || *text > '9' || strspn(text, "0123456789") > 5)
			return false;
		ends[i] = strtoul(text, &end, 10);
		if (!i && !*end)
			ends[1] = ends[0];
		if (!*end)
			break;
		if (i || *end != '-')
			return false;
		text = end + 1;
	}
	if (ends[0] > ends[1] || ends[1] > PORT_MAX)
		return false;
	*ret_range = (struct config_range){ (uint16_t)ends[0], (uint16_t)ends[1] };
	return true;
}

/* Return: whether the result was written; if not, it is reported. */
static bool read_range(const struct yaml_place *place, struct config_range *ret_range)
{
	const char *text = place_text(place, EXPECTED_PORTS);

	if (!text)
		return false;
	if (!parse_range(text, ret_range)) {
		place_refuse_value(place, EXPECTED_PORTS);
		return false;
	}
	return true;
}

static int by_first(const void *left, const void *right)
{
	const struct config_range *a = left, *b = right;

	return (a->first > b->first) - (a->first < b->first);
}

static void read_list(const struct yaml_place *place, struct config_service *service)
{
	long count = place_length(place, EXPECTED_PORTS);
	size_t n = 0;

	if (count < 1 || count > XDPLB_RANGES_MAX) {
		place_refuse(place, "found %ld entries, expected 1 to %d ports and ranges", count,
			     XDPLB_RANGES_MAX);
		return;
	}
	for (long i = 0; i < count; i++) {
		struct yaml_place item = place_item(place, (size_t)i);

		if (!read_range(&item, &service->ranges[n]))
			return;
		n++;
	}
	qsort(service->ranges, n, sizeof(*service->ranges), by_first);
	for (size_t i = 1; i < n; i++)
		if (service->ranges[i].first <= service->ranges[i - 1].last) {
			place_refuse(place, "found port %u twice, expected each port once",
				     service->ranges[i].first);
			return;
		}
	service->range_count = n;
}

void draft_read_ports(const struct yaml_place *place, struct config_service *service)
{
	static const struct config_range all = { 1, PORT_MAX };
	struct config_range range;

	if (place->node && place->node->type == YAML_SEQUENCE_NODE) {
		read_list(place, service);
	} else {
		const char *text = place_text(place, EXPECTED_PORTS);

		if (!text)
			return;
		if (!strcmp(text, "any")) {
			range = all;
		} else if (!read_range(place, &range)) {
			return;
		}
		service->ranges[0] = range;
		/* A port alone is an ordinary service's. */
		service->range_count = range.first < range.last;
		service->port = htons(range.first);
	}
	if (service->range_count)
		service->port = htons(service->ranges[0].first);
}

/* ---- ranges of a VIP ---- */

/* A range of a service. */
struct ranged {
	const struct config_service *service;
	const struct config_range *range;
};

static bool is_any(const struct config_range *range)
{
	return range->first == 1 && range->last == PORT_MAX;
}

static int by_vip(const void *left, const void *right)
{
	const struct ranged *a = left, *b = right;
	int order = (a->service->family > b->service->family) -
		    (a->service->family < b->service->family);

	if (!order)
		order = memcmp(&a->service->vip, &b->service->vip, sizeof(a->service->vip));
	if (!order)
		order = (a->service->proto > b->service->proto) -
			(a->service->proto < b->service->proto);
	return order;
}

/* All ports of a VIP come last of all; two of these, or any others that overlap, leave it open whose
 * a port is. */
static int by_vip_and_first(const void *left, const void *right)
{
	const struct ranged *a = left, *b = right;
	int order = by_vip(left, right);

	if (!order)
		order = is_any(a->range) - is_any(b->range);
	if (!order)
		order = by_first(a->range, b->range);
	return order ? order
		     : (a->service->line > b->service->line) -
			       (a->service->line < b->service->line);
}

static void refuse_range(struct config_draft *draft, const struct ranged *first,
			 const struct ranged *ranged)
{
	size_t index = (size_t)(ranged->service - draft->config.services);
	struct yaml_place place;

	place_child(&draft->services[index], "port", &place);
	place_refuse(
		&place,
		"found ports %u to %u, of which service %s of this VIP has some too (line %d), "
		"expected others",
		ranged->range->first, ranged->range->last, first->service->name,
		first->service->line);
}

static void check_ranges(struct config_draft *draft, const struct ranged *ranged, size_t count)
{
	size_t of_vip = 1;

	for (size_t i = 1; i < count; i++) {
		const struct ranged *before = &ranged[i - 1];

		of_vip = by_vip(before, &ranged[i]) ? 1 : of_vip + 1;
		if (of_vip == XDPLB_RANGES_MAX + 1) {
			size_t index = (size_t)(ranged[i].service - draft->config.services);
			struct yaml_place place;

			place_child(&draft->services[index], "port", &place);
			place_refuse(&place,
				     "found more than %d ranges of ports at this VIP, expected no "
				     "more for a protocol",
				     XDPLB_RANGES_MAX);
		}
		if (of_vip > 1 && is_any(before->range) == is_any(ranged[i].range) &&
		    ranged[i].range->first <= before->range->last)
			refuse_range(draft, before, &ranged[i]);
	}
}

/* ---- addresses ---- */

static const struct config_service *service_of(const struct config_draft *draft,
					       const struct claim *claim)
{
	return &draft->config.services[claim->owner];
}

/* Services of many ports share an address only if their protocols differ, others not at all. */
static bool is_in_the_way(const struct config_draft *draft, const struct claim *keeper,
			  const struct claim *other)
{
	const struct config_service *a = service_of(draft, keeper), *b = service_of(draft, other);

	return a != b && (!b->range_count || a->proto == b->proto);
}

static void check_address(struct config_draft *draft, const struct claim *claims, size_t count)
{
	const struct claim *keeper = NULL;

	for (size_t i = 0; i < count && !keeper; i++)
		if (service_of(draft, &claims[i])->range_count)
			keeper = &claims[i];
	for (size_t i = 0; keeper && i < count; i++) {
		struct yaml_place section, place;
		char text[ADDRESS_TEXT_LEN];

		if (!is_in_the_way(draft, keeper, &claims[i]))
			continue;
		place = draft_member_place(draft, &claims[i], &section);
		place_refuse(&place,
			     "found %s, which service %s keeps the ports of (line %d), expected an "
			     "address that no other service has",
			     address_print(&claims[i].addr, claims[i].family, text),
			     service_of(draft, keeper)->name, keeper->line);
	}
}

/* The members of all services, by address. */
static size_t list_addresses(const struct config_draft *draft, struct claim *claims)
{
	static const struct xdplb_addr none;
	size_t n = 0;

	for (size_t s = 0; s < draft->config.service_count; s++) {
		const struct config_service *service = &draft->config.services[s];

		for (size_t m = 0; m < service->member_count; m++)
			if (memcmp(&service->members[m].addr, &none, sizeof(none)))
				claims[n++] = (struct claim){
					service->members[m].addr, 0, service->family,
					service->members[m].line, s, m
				};
	}
	claims_sort(claims, n);
	return n;
}

static void check_addresses(struct config_draft *draft)
{
	struct claim *claims = draft_alloc(draft, draft->member_count, sizeof(*claims));
	size_t count = claims ? list_addresses(draft, claims) : 0, start = 0;

	for (size_t i = 1; i <= count; i++) {
		if (i < count && claims_equal(&claims[start], &claims[i]))
			continue;
		check_address(draft, claims + start, i - start);
		start = i;
	}
	free(claims);
}

void draft_check_ports(struct config_draft *draft)
{
	const struct config *config = &draft->config;
	struct ranged *ranged;
	size_t count = 0, n = 0;

	for (size_t i = 0; i < config->service_count; i++)
		count += config->services[i].range_count;
	if (!count)
		return;
	ranged = draft_alloc(draft, count, sizeof(*ranged));
	for (size_t i = 0; ranged && i < config->service_count; i++)
		for (size_t r = 0; r < config->services[i].range_count; r++)
			if (config->services[i].family && config->services[i].proto)
				ranged[n++] = (struct ranged){ &config->services[i],
							       &config->services[i].ranges[r] };
	if (n)
		qsort(ranged, n, sizeof(*ranged), by_vip_and_first);
	check_ranges(draft, ranged, n);
	free(ranged);
	check_addresses(draft);
}
