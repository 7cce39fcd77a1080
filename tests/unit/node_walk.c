// SPDX-License-Identifier: BSD-2-Clause
/*
 * Walking a service node's tables, without a memory of what was there before.
 */
#include "node_model.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static char text[256];

static const char *fault(const char *what, const struct config_service *service,
			 const struct config_member *member)
{
	snprintf(text, sizeof(text), "%s: tag %u: %s", service->name, ntohs(member->tag), what);
	return text;
}

static bool is_mapping(const struct xdplb_mapping *mapping, const struct config_service *service,
		       const struct config_member *member)
{
	return mapping->state != XDPLB_MAPPING_FREE && mapping->tag == member->tag &&
	       !memcmp(&mapping->backend, &member->addr, sizeof(member->addr)) &&
	       !memcmp(&mapping->vip, &service->vip, sizeof(service->vip)) &&
	       mapping->vport == config_vport(service) && mapping->proto == service->proto &&
	       mapping->family == service->family && mapping->port == member->port &&
	       mapping->restore == service->restore;
}

static const char *tag_fault(const struct node_view *view, const struct config_service *service,
			     const struct config_member *member)
{
	const struct xdplb_node_control *control = map_at(&view->control, 0);
	struct xdplb_endpoint key = { member->addr, member->tag, 0, service->family };
	const struct xdplb_endpoint *found = endpoint_find(&view->tags, control->tags, &key);

	if (!found || found->index >= view->mappings.count)
		return fault("not there", service, member);
	if (!is_mapping(node_mapping(view, found->index), service, member))
		return fault("another mapping's", service, member);
	if (service->range_count && !control->keeps_ports)
		return fault("nobody looks for kept ports", service, member);
	if (service->restore != XDPLB_RESTORE_SOURCE && !service->range_count)
		return NULL;
	key = (struct xdplb_endpoint){ member->addr, member->port, service->proto,
				       service->family };
	found = endpoint_find(&view->endpoints, control->endpoints, &key);
	if (!found || found->index >= view->mappings.count ||
	    node_mapping(view, found->index)->state == XDPLB_MAPPING_FREE)
		return fault("no endpoint", service, member);
	return NULL;
}

static const char *active_fault(const struct node_view *view, const struct config_service *service,
				const struct config_member *member)
{
	size_t active = 0;

	for (uint32_t i = 0; i < view->mappings.count; i++)
		active += node_mapping(view, i)->state == XDPLB_MAPPING_ACTIVE &&
			  is_mapping(node_mapping(view, i), service, member);
	return active == 1 ? NULL : fault("not active once", service, member);
}

/* Walks the mappings of node n1; `ret_count`: how many there are. */
static const char *walk(const struct node_view *view, const struct config *config, bool active,
			size_t *ret_count)
{
	const char *wrong = NULL;

	*ret_count = 0;
	for (size_t s = 0; s < config->service_count; s++) {
		const struct config_service *service = &config->services[s];

		for (size_t m = 0; m < service->member_count && !wrong; m++) {
			const struct config_member *member = &service->members[m];

			if (config->backends[member->backend].node != CLUSTER_N1)
				continue;
			(*ret_count)++;
			wrong = tag_fault(view, service, member);
			if (!wrong && active)
				wrong = active_fault(view, service, member);
		}
	}
	return wrong;
}

const char *node_packet_fault(const struct node_view *view, const struct node_step *step)
{
	size_t count;

	return walk(view, step->config, false, &count);
}

const char *node_fault(const struct node_view *view, const struct node_step *step)
{
	const struct xdplb_node_control *control = map_at(&view->control, 0);
	size_t count, active = 0;
	const char *wrong = walk(view, step->config, true, &count);

	if (wrong)
		return wrong;
	for (uint32_t i = 0; i < view->mappings.count; i++)
		active += node_mapping(view, i)->state == XDPLB_MAPPING_ACTIVE;
	if (active != count)
		return "more mappings are active";
	for (uint32_t i = 0; i < view->tags.count / 2; i++) {
		const struct xdplb_endpoint *slot = map_at(&view->tags, control->tags.base + i);

		if (slot->family && (slot->index >= view->mappings.count ||
				     node_mapping(view, slot->index)->tag != slot->port ||
				     !node_mapping(view, slot->index)->state))
			return "a tag leads nowhere";
	}
	return NULL;
}
