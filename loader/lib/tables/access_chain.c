// SPDX-License-Identifier: BSD-2-Clause
/*
 * Flags and chains of services, and what describes their targets.
 */
#include "tables/access_chain.h"

#include "tables/access_limit.h"
#include "tables/access_sources.h"

#include <string.h>

uint32_t access_chain_flags(const struct access_plan_service *planned)
{
	const struct config_service *service = planned->config;
	uint32_t flags = service->unknown_is_down ? XDPLB_SERVICE_UNKNOWN_IS_DOWN : 0;

	if (service->by_source)
		flags |= XDPLB_SERVICE_BY_SOURCE;
	if (service->all_down == CONFIG_ALL_DOWN_RESET)
		flags |= XDPLB_SERVICE_RESET_IF_DOWN;
	if (service->all_down == CONFIG_ALL_DOWN_USE_ALL)
		flags |= XDPLB_SERVICE_ALL_IF_DOWN;
	if (service->has_quic)
		flags |= XDPLB_SERVICE_QUIC | (uint32_t)service->quic << XDPLB_SERVICE_QUIC_CONFIG;
	if (service->flow_cache)
		flags |= XDPLB_SERVICE_CACHE;
	if (service->limit.connections)
		flags |= XDPLB_SERVICE_LIMIT;
	return flags | access_sources_flags(planned);
}

uint32_t access_chain_next(const struct access_plan_service *service, size_t number)
{
	return number + 1 < service->config->member_count ? service->members[number + 1]
							  : XDPLB_NO_MEMBER;
}

static uint32_t first_member(const struct access_plan_service *service)
{
	return service->config->member_count ? service->members[0] : XDPLB_NO_MEMBER;
}

bool access_chain_differs(const struct access_plan *plan, const struct access_plan_service *service,
			  const struct access_view *view)
{
	const struct xdplb_service *running = access_service(view, service->index);

	if (running->flags != access_chain_flags(service) ||
	    running->first_member != first_member(service) || access_limit_differs(service, view))
		return true;
	for (size_t i = 0; i < service->config->member_count; i++) {
		const struct xdplb_member *member = access_member(view, service->members[i]);
		const struct config_member *config = &service->config->members[i];

		if (member->next != access_chain_next(service, i) ||
		    member->weight != config->weight ||
		    member->health != plan->targets[config->target] ||
		    access_member_info(view, service->members[i])->backend != member->health)
			return true;
	}
	return false;
}

void access_chain_write(const struct access_plan *plan, const struct access_plan_service *service,
			struct access_view *view)
{
	struct xdplb_service *running = access_service(view, service->index);

	for (size_t i = 0; i < service->config->member_count; i++) {
		struct xdplb_member *member = access_member(view, service->members[i]);
		const struct config_member *config = &service->config->members[i];
		uint32_t target = plan->targets[config->target];

		access_member_info(view, service->members[i])->backend = target;
		__atomic_store_n(&member->health, target, __ATOMIC_RELEASE);
		__atomic_store_n(&member->weight, config->weight, __ATOMIC_RELAXED);
		__atomic_store_n(&member->next, access_chain_next(service, i), __ATOMIC_RELEASE);
	}
	__atomic_store_n(&running->first_member, first_member(service), __ATOMIC_RELEASE);
	access_limit_write(service, view);
	__atomic_store_n(&running->flags, access_chain_flags(service), __ATOMIC_RELEASE);
	/* What a search has found may hold no longer. */
	__atomic_store_n(&running->down_until, 0, __ATOMIC_RELAXED);
}

static const char *check_name(const struct config *config, const struct config_target *target)
{
	return target->check == CONFIG_NO_CHECK ? "" : config->checks[target->check].name;
}

bool access_target_differs(const struct config *config, const struct config_target *target,
			   const struct xdplb_backend_info *info)
{
	const char *node = config->nodes[config->backends[target->backend].node].name;

	return strcmp(info->node, node) || strcmp(info->check, check_name(config, target));
}

void access_target_describe(const struct config *config, const struct config_target *target,
			    struct xdplb_backend_info *info)
{
	const char *node = config->nodes[config->backends[target->backend].node].name;

	if (!access_target_differs(config, target, info))
		return;
	memset(info->node, 0, sizeof(info->node));
	strcpy(info->node, node);
	memset(info->check, 0, sizeof(info->check));
	strcpy(info->check, check_name(config, target));
}
