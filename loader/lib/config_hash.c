// SPDX-License-Identifier: BSD-2-Clause
/*
 * A digest of the cluster file as understood. What goes in is fixed in width and order, and texts
 * carry their length, so that no two files write the same bytes.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <sodium.h>
#include <string.h>

#include "config.h"

/* The shortest that libsodium promises to make; the digest is its first half. */
#define DIGEST_BYTES crypto_generichash_BYTES_MIN

static void put_number(crypto_generichash_state *state, uint64_t number)
{
	uint64_t bytes = htole64(number);

	crypto_generichash_update(state, (const unsigned char *)&bytes, sizeof(bytes));
}

static void put_text(crypto_generichash_state *state, const char *text)
{
	size_t length = strlen(text);

	put_number(state, length);
	crypto_generichash_update(state, (const unsigned char *)text, length);
}

static void put_address(crypto_generichash_state *state, const struct xdplb_addr *addr)
{
	crypto_generichash_update(state, (const unsigned char *)addr, sizeof(*addr));
}

static void put_interfaces(crypto_generichash_state *state, const char (*names)[IF_NAMESIZE],
			   size_t count)
{
	put_number(state, count);
	for (size_t i = 0; i < count; i++)
		put_text(state, names[i]);
}

static void put_settings(crypto_generichash_state *state, const struct config *config)
{
	put_text(state, config->cluster);
	put_number(state, config->tag_first);
	put_number(state, config->tag_last);
	put_number(state, config->tag_rest);
	put_number(state, config->capacities.services);
	put_number(state, config->capacities.members);
	put_number(state, config->capacities.backends);
	put_number(state, config->capacities.buckets);
	put_number(state, config->capacities.flows);
}

static void put_node(crypto_generichash_state *state, const struct config_node *node)
{
	put_text(state, node->name);
	put_number(state, node->is_access);
	put_number(state, node->is_service);
	put_number(state, node->mode);
	put_interfaces(state, node->access_interfaces, node->access_interface_count);
	put_interfaces(state, node->uplinks, node->uplink_count);
}

static void put_backend(crypto_generichash_state *state, const struct config *config,
			const struct config_backend *backend)
{
	put_text(state, backend->name);
	put_text(state, config->nodes[backend->node].name);
	put_number(state, backend->has_ipv4);
	put_number(state, backend->has_ipv6);
	put_address(state, &backend->ipv4);
	put_address(state, &backend->ipv6);
	put_text(state, backend->vnic);
	put_text(state, backend->netns);
}

static void put_service(crypto_generichash_state *state, const struct config *config,
			const struct config_service *service)
{
	put_text(state, service->name);
	put_number(state, service->family);
	put_number(state, service->proto);
	put_number(state, ntohs(service->port));
	put_address(state, &service->vip);
	put_number(state, service->restore);
	put_number(state, service->buckets);
	put_number(state, service->member_count);
	for (size_t i = 0; i < service->member_count; i++) {
		const struct config_member *member = &service->members[i];

		put_text(state, config->backends[member->backend].name);
		put_number(state, member->weight);
		put_number(state, ntohs(member->port));
		put_number(state, ntohs(member->tag));
	}
}

uint64_t config_hash(const struct config *config)
{
	unsigned char digest[DIGEST_BYTES];
	crypto_generichash_state state;
	uint64_t number;

	crypto_generichash_init(&state, NULL, 0, sizeof(digest));
	put_settings(&state, config);
	put_number(&state, config->node_count);
	for (size_t i = 0; i < config->node_count; i++)
		put_node(&state, &config->nodes[i]);
	put_number(&state, config->backend_count);
	for (size_t i = 0; i < config->backend_count; i++)
		put_backend(&state, config, &config->backends[i]);
	put_number(&state, config->service_count);
	for (size_t i = 0; i < config->service_count; i++)
		put_service(&state, config, &config->services[i]);
	crypto_generichash_final(&state, digest, sizeof(digest));
	memcpy(&number, digest, sizeof(number));
	return le64toh(number);
}
