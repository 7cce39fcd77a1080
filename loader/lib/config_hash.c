// SPDX-License-Identifier: BSD-2-Clause
/*
 * A digest of the cluster file as understood.
 */
#include <arpa/inet.h>

#include "config.h"
#include "digest.h"

static void put_address(struct digest *digest, const struct xdplb_addr *addr)
{
	digest_bytes(digest, addr, sizeof(*addr));
}

static void put_interfaces(struct digest *digest, const char (*names)[IF_NAMESIZE], size_t count)
{
	digest_number(digest, count);
	for (size_t i = 0; i < count; i++)
		digest_text(digest, names[i]);
}

static void put_settings(struct digest *digest, const struct config *config)
{
	digest_text(digest, config->cluster);
	digest_number(digest, config->tag_first);
	digest_number(digest, config->tag_last);
	digest_number(digest, config->tag_rest);
	digest_number(digest, config->capacities.services);
	digest_number(digest, config->capacities.members);
	digest_number(digest, config->capacities.backends);
	digest_number(digest, config->capacities.buckets);
	digest_number(digest, config->capacities.flows);
}

static void put_node(struct digest *digest, const struct config_node *node)
{
	digest_text(digest, node->name);
	digest_number(digest, node->is_access);
	digest_number(digest, node->is_service);
	digest_number(digest, node->mode);
	put_interfaces(digest, node->access_interfaces, node->access_interface_count);
	put_interfaces(digest, node->uplinks, node->uplink_count);
}

static void put_backend(struct digest *digest, const struct config *config,
			const struct config_backend *backend)
{
	digest_text(digest, backend->name);
	digest_text(digest, config->nodes[backend->node].name);
	digest_number(digest, backend->has_ipv4);
	digest_number(digest, backend->has_ipv6);
	put_address(digest, &backend->ipv4);
	put_address(digest, &backend->ipv6);
	digest_text(digest, backend->vnic);
	digest_text(digest, backend->netns);
}

static void put_service(struct digest *digest, const struct config *config,
			const struct config_service *service)
{
	digest_text(digest, service->name);
	digest_number(digest, service->family);
	digest_number(digest, service->proto);
	digest_number(digest, ntohs(service->port));
	put_address(digest, &service->vip);
	digest_number(digest, service->restore);
	digest_number(digest, service->buckets);
	digest_number(digest, service->member_count);
	for (size_t i = 0; i < service->member_count; i++) {
		const struct config_member *member = &service->members[i];

		digest_text(digest, config->backends[member->backend].name);
		digest_number(digest, member->weight);
		digest_number(digest, ntohs(member->port));
		digest_number(digest, ntohs(member->tag));
	}
}

uint64_t config_hash(const struct config *config)
{
	struct digest digest;

	digest_init(&digest);
	put_settings(&digest, config);
	digest_number(&digest, config->node_count);
	for (size_t i = 0; i < config->node_count; i++)
		put_node(&digest, &config->nodes[i]);
	digest_number(&digest, config->backend_count);
	for (size_t i = 0; i < config->backend_count; i++)
		put_backend(&digest, config, &config->backends[i]);
	digest_number(&digest, config->service_count);
	for (size_t i = 0; i < config->service_count; i++)
		put_service(&digest, config, &config->services[i]);
	return digest_final(&digest);
}
