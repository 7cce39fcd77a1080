// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The rules of include/xdplb/source_limit.h, for a time in which nothing that was spent comes back.
 */
#include <netinet/in.h>
#include <string.h>

#include "model_flows.h"

static struct xdplb_addr source_of(const struct model_ask *ask)
{
	struct xdplb_addr source = *ask->client;

	for (int i = 0; i < 4; i++)
		source.word[i] &= ask->service->limit.mask.word[i];
	return source;
}

/* NULL: no room is left. */
static struct model_source *find_source(struct model_world *world, const struct model_ask *ask)
{
	struct model_source wanted = { .service = ask->service, .addr = source_of(ask) };
	struct model_source *source = world->sources;

	while (source < world->sources + world->source_count &&
	       (source->service != wanted.service ||
		memcmp(&source->addr, &wanted.addr, sizeof(wanted.addr))))
		source++;
	if (source < world->sources + world->source_count)
		return source;
	if (world->source_count == MODEL_SOURCES)
		return NULL;
	world->source_count++;
	*source = wanted;
	return source;
}

bool model_admit(struct model_world *world, const struct model_ask *ask)
{
	const struct model_service *service = ask->service;
	struct model_source *source;

	if (!(service->flags & XDPLB_SERVICE_LIMIT) || !service->limit.burst || !ask->opens ||
	    (ask->proto == IPPROTO_UDP && model_is_remembered(world, ask->hash)))
		return true;
	source = find_source(world, ask);
	if (!source || source->opened == service->limit.burst)
		return false;
	source->opened++;
	return true;
}
