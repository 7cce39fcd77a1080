// SPDX-License-Identifier: BSD-2-Clause
/*
 * `flow_cache` and `source_limit` of a service: what is kept of flows, and of who opens them.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"
#include "xdplb/source_limit.h"

#define EXPECTED_RATE "a rate such as 100/s or 20/m, of at most 10000/s"
#define RATE_MAX      10000
#define BURST_MAX     1000000

/* Of a source's address over IPv6: what one customer has. */
#define IPV6_SOURCE_BITS 64

void draft_read_flow_cache(const struct yaml_place *place, struct config_service *service)
{
	struct yaml_place child;

	if (place_child(place, "flow_cache", &child))
		draft_read_switch(&child, &service->flow_cache);
}

static bool read_rate(const struct yaml_place *place, struct config_limit *limit)
{
	const char *text = place_text(place, EXPECTED_RATE), *unit;
	unsigned long count;

	if (!text)
		return false;
	unit = text + strspn(text, "0123456789");
	count = unit - text <= 6 ? strtoul(text, NULL, 10) : 0;
	limit->seconds = !strcmp(unit, "/s") ? 1 : !strcmp(unit, "/m") ? 60 : 0;
	if (!count || !limit->seconds || count > (unsigned long)RATE_MAX * limit->seconds) {
		place_refuse_value(place, EXPECTED_RATE);
		return false;
	}
	limit->connections = (uint32_t)count;
	return true;
}

static void read_limit(const struct yaml_place *place, __u8 family, struct config_limit *limit)
{
	static const struct yaml_key keys[] = { { "rate", EXPECTED_RATE },
						{ "burst", NULL },
						{ "prefix", NULL } };
	const struct yaml_range bits = { 1, family == XDPLB_IPV4 ? 32 : 128, "a prefix length" };
	static const struct yaml_range bursts = { 1, BURST_MAX, "a number of connections" };
	struct config_limit read = { .prefix = family == XDPLB_IPV4 ? 32 : IPV6_SOURCE_BITS };
	struct yaml_place child;

	if (!place_keys(place, keys, ARRAY_SIZE(keys)) || !place_child(place, "rate", &child) ||
	    !read_rate(&child, &read))
		return;
	read.burst = read.connections;
	if (place_child(place, "prefix", &child) && !place_number(&child, &bits, &read.prefix))
		return;
	if (place_child(place, "burst", &child) && !place_number(&child, &bursts, &read.burst))
		return;
	if ((uint64_t)read.burst * read.seconds >
	    (uint64_t)XDPLB_SOURCE_FILL_SECONDS * read.connections) {
		place_refuse(&child,
			     "found a burst that takes longer than %u s to be had again, "
			     "expected no longer",
			     XDPLB_SOURCE_FILL_SECONDS);
		return;
	}
	*limit = read;
}

void draft_read_source_limit(const struct yaml_place *place, struct config_service *service)
{
	struct yaml_place child;

	if (!place_child(place, "source_limit", &child))
		return;
	if (service->proto == IPPROTO_UDP && !service->flow_cache) {
		place_refuse(&child,
			     "found a limit of new flows, expected `flow_cache: yes` beside "
			     "it, since of UDP nobody else knows which flows are new");
		return;
	}
	read_limit(&child, service->family, &service->limit);
}
