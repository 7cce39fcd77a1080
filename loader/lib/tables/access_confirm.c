// SPDX-License-Identifier: BSD-2-Clause
/*
 * Asking service nodes whether they hold the mappings of an access node's members.
 */
#include "tables/access_confirm.h"

#include <errno.h>
#include <stdlib.h>

#include "node/query.h"

/* One member that waits for its service node's word. */
struct pending {
	const struct access_plan_service *service;
	size_t number; /* of the config member */
};

static bool is_pending(const struct access_plan_service *service, size_t number,
		       const struct access_view *view)
{
	return !(access_member(view, service->members[number])->flags & XDPLB_MEMBER_CONFIRMED);
}

/*
 * How many are to be asked for. A node that is access and service node has its mappings in place before this runs:
 * members of its own are confirmed on the way.
 */
static size_t count_pending(const struct config *config, const struct access_plan *plan,
			    size_t node, struct access_view *view)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct config_service *service = plan->services[i].config;

		for (size_t m = 0; m < service->member_count; m++) {
			if (!is_pending(&plan->services[i], m, view))
				continue;
			if (config->backends[service->members[m].backend].node == node)
				access_member(view, plan->services[i].members[m])->flags |=
					XDPLB_MEMBER_CONFIRMED;
			else
				n++;
		}
	}
	return n;
}

/* @count: as many as there are */
static void list_pending(const struct access_plan *plan, const struct access_view *view,
			 struct pending *pending, struct mapping_query *queries, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->service_count && n < count; i++) {
		const struct access_plan_service *service = &plan->services[i];
		const struct config_service *config = service->config;

		for (size_t m = 0; m < config->member_count; m++) {
			const struct xdplb_member *member =
				access_member(view, service->members[m]);

			if (!is_pending(service, m, view))
				continue;
			pending[n] = (struct pending){ .service = service, .number = m };
			queries[n++] = (struct mapping_query){
				.backend = member->addr,
				.vip = config->vip,
				.tag = member->tag,
				.vport = config_vport(config),
				.proto = config->proto,
				.family = config->family,
			};
		}
	}
}

static void take_answers(const struct config *config, const struct pending *pending,
			 const struct mapping_query *queries, size_t count,
			 struct access_view *view, struct access_asking *asking)
{
	size_t silent = 0;

	for (size_t i = 0; i < count; i++) {
		const struct config_service *service = pending[i].service->config;
		const struct config_backend *backend =
			&config->backends[service->members[pending[i].number].backend];
		uint32_t index = pending[i].service->members[pending[i].number];

		if (queries[i].answer == QUERY_CONFIRMED) {
			access_member(view, index)->flags |= XDPLB_MEMBER_CONFIRMED;
			asking->confirmed++;
			continue;
		}
		if (++silent <= 10)
			note(asking->notes,
			     "service %s: backend %s gets no traffic yet: node %s %s",
			     service->name, backend->name, config->nodes[backend->node].name,
			     queries[i].answer == QUERY_MISMATCH
				     ? "has another mapping at its tag port"
				     : "has not confirmed the mapping");
	}
	if (silent > 10)
		note(asking->notes, "... and %zu more backends", silent - 10);
	if (silent)
		note(asking->notes, "apply on the service nodes first, then here again");
}

int access_confirm(const struct config *config, const struct access_plan *plan,
		   struct access_view *view, struct access_asking *asking)
{
	struct mapping_query *queries;
	struct error error = { 0 };
	struct pending *pending;
	size_t count;
	int err = -ENOMEM;

	count = count_pending(config, plan, asking->node, view);
	queries = calloc(count + 1, sizeof(*queries));
	pending = calloc(count + 1, sizeof(*pending));
	if (queries && pending) {
		list_pending(plan, view, pending, queries, count);
		err = count ? query_mappings(queries, count, &config->key, asking->wait_ms, &error)
			    : 0;
		if (err != -EINTR)
			take_answers(config, pending, queries, count, view, asking);
		if (err && err != -EINTR)
			note(asking->notes, "cannot ask service nodes: %s", error.text);
	}
	free(queries);
	free(pending);
	return err;
}
