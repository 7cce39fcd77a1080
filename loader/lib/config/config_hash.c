// SPDX-License-Identifier: BSD-2-Clause
/*
 * A digest of the cluster file as understood.
 */
#include <arpa/inet.h>

#include "config/config.h"
#include "config/config_draft.h"
#include "base/digest.h"

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
	if (config->no_echo)
		digest_text(digest, "no echo");
	if (config->capacities.cached_flows == CACHED_FLOWS_DEFAULT)
		return;
	digest_text(digest, "cached_flows");
	digest_number(digest, config->capacities.cached_flows);
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

/*
 * Large files have a hundred thousand backends, and members: what is put in of each is few words. Nodes and backends
 * are put in before they are referred to, in the order of their names, so a number says which.
 */
static void put_backend(struct digest *digest, const struct config_backend *backend)
{
	digest_text(digest, backend->name);
	digest_number(digest,
		      (uint64_t)backend->node << 2 | backend->has_ipv4 << 1 | backend->has_ipv6);
	if (backend->has_ipv4)
		put_address(digest, &backend->ipv4);
	if (backend->has_ipv6)
		put_address(digest, &backend->ipv6);
	digest_text(digest, backend->vnic);
	digest_text(digest, backend->netns);
}

static void put_sources(struct digest *digest, const struct config_service *service)
{
	digest_text(digest, service->sources_allowed ? "allow" : "deny");
	digest_number(digest, service->source_count);
	for (size_t i = 0; i < service->source_count; i++) {
		put_address(digest, &service->sources[i].addr);
		digest_number(digest, service->sources[i].length);
	}
}

static void put_ranges(struct digest *digest, const struct config_service *service)
{
	digest_text(digest, "ranges");
	digest_number(digest, service->range_count);
	for (size_t i = 0; i < service->range_count; i++) {
		digest_number(digest, service->ranges[i].first);
		digest_number(digest, service->ranges[i].last);
	}
}

static void put_limit(struct digest *digest, const struct config_limit *limit)
{
	digest_text(digest, "limit");
	digest_number(digest, limit->connections);
	digest_number(digest, limit->seconds);
	digest_number(digest, limit->burst);
	digest_number(digest, limit->prefix);
}

static void put_member(struct digest *digest, const struct config_member *member)
{
	uint32_t ports = (uint32_t)ntohs(member->port) << 16 | ntohs(member->tag);

	digest_number(digest, (uint64_t)member->backend << 32 | ports);
	digest_number(digest, member->weight);
}

static void put_service(struct digest *digest, const struct config_service *service)
{
	digest_text(digest, service->name);
	digest_number(digest, service->family);
	digest_number(digest, service->proto);
	digest_number(digest, ntohs(service->port));
	put_address(digest, &service->vip);
	digest_number(digest, service->restore);
	digest_number(digest, service->buckets);
	digest_number(digest, service->hand_over);
	/* A service without a list keeps the digest that it had before there were any. */
	if (service->source_count)
		put_sources(digest, service);
	if (service->range_count)
		put_ranges(digest, service);
	if (service->has_quic) {
		digest_text(digest, "quic");
		digest_number(digest, service->quic);
	}
	if (service->flow_cache)
		digest_text(digest, "flow_cache");
	if (service->limit.connections)
		put_limit(digest, &service->limit);
	digest_number(digest, service->member_count);
	for (size_t i = 0; i < service->member_count; i++)
		put_member(digest, &service->members[i]);
}

static void put_mpls(struct digest *digest, const struct config_mpls *mpls)
{
	digest_number(digest, mpls->is_set);
	digest_number(digest, mpls->has_te);
	digest_number(digest, mpls->label_first);
	digest_number(digest, mpls->label_last);
	digest_number(digest, mpls->depth);
	digest_number(digest, mpls->ttl);
	digest_number(digest, mpls->traffic_class);
	digest_number(digest, mpls->php);
}

/* Ways and labels follow from what is here; what only led to a way is not. */
static void put_link(struct digest *digest, const struct config *config,
		     const struct config_link *link)
{
	digest_text(digest, link->name);
	for (size_t i = 0; i < 2; i++) {
		const struct config_link_end *end = &link->ends[i];

		digest_text(digest, config->nodes[end->node].name);
		digest_text(digest, end->interface);
		digest_number(digest, end->family);
		put_address(digest, &end->addr);
		digest_bytes(digest, end->mac, end->has_mac ? sizeof(end->mac) : 0);
		digest_number(digest, end->is_exclusive);
		digest_number(digest, end->has_tai_clock);
	}
}

static void put_tunnel_end(struct digest *digest, const struct config *config,
			   const struct config_tunnel_end *end)
{
	digest_text(digest, config->nodes[end->node].name);
	digest_text(digest, end->interface);
	digest_number(digest, end->ipv4.family + end->ipv4.length);
	put_address(digest, &end->ipv4.addr);
	digest_number(digest, end->ipv6.family + end->ipv6.length);
	put_address(digest, &end->ipv6.addr);
}

static void put_match(struct digest *digest, const struct config_match *match)
{
	digest_number(digest, match->transports);
	digest_number(digest, match->has_domain ? match->domain : 256);
	digest_number(digest, match->peer_count);
	for (size_t i = 0; i < match->peer_count; i++)
		put_address(digest, &match->peers[i].addr);
}

static void put_lsp(struct digest *digest, const struct config *config,
		    const struct config_lsp *lsp)
{
	digest_number(digest, lsp->path.count);
	for (size_t i = 0; i < lsp->path.count; i++) {
		digest_text(digest, config->links[lsp->path.links[i]].name);
		digest_number(digest, lsp->labels[i]);
	}
	for (size_t i = 1; i < XDPLB_PAYLOAD_COUNT; i++)
		digest_number(digest, lsp->last[i]);
	digest_number(digest, lsp->turn);
}

static void put_tunnel(struct digest *digest, const struct config *config,
		       const struct config_tunnel *tunnel)
{
	digest_text(digest, tunnel->name);
	digest_number(digest, tunnel->kind);
	put_tunnel_end(digest, config, &tunnel->ends[0]);
	put_tunnel_end(digest, config, &tunnel->ends[1]);
	put_match(digest, &tunnel->match);
	put_lsp(digest, config, &tunnel->lsps[0]);
	put_lsp(digest, config, &tunnel->lsps[1]);
	digest_text(digest, tunnel->protect_by == CONFIG_NO_TUNNEL
				    ? NULL
				    : config->tunnels[tunnel->protect_by].name);
	digest_number(digest, tunnel->probe_interval_ms);
	digest_number(digest, tunnel->probe_missed);
	digest_number(digest, tunnel->transparent_clock);
}

static void put_switching(struct digest *digest, const struct config *config)
{
	for (size_t i = 0; i < config->node_count; i++)
		put_mpls(digest, &config->nodes[i].mpls);
	digest_number(digest, config->capacities.labels);
	digest_number(digest, config->capacities.tunnels);
	digest_number(digest, config->link_count);
	for (size_t i = 0; i < config->link_count; i++)
		put_link(digest, config, &config->links[i]);
	digest_number(digest, config->tunnel_count);
	for (size_t i = 0; i < config->tunnel_count; i++)
		put_tunnel(digest, config, &config->tunnels[i]);
}

uint64_t config_hash(const struct config *config)
{
	struct digest digest;

	digest_init_fast(&digest);
	put_settings(&digest, config);
	digest_number(&digest, config->node_count);
	for (size_t i = 0; i < config->node_count; i++)
		put_node(&digest, &config->nodes[i]);
	digest_number(&digest, config->backend_count);
	for (size_t i = 0; i < config->backend_count; i++)
		put_backend(&digest, &config->backends[i]);
	digest_number(&digest, config->service_count);
	for (size_t i = 0; i < config->service_count; i++)
		put_service(&digest, &config->services[i]);
	/* A file without links keeps the digest that it had before there were any. */
	if (config->link_count)
		put_switching(&digest, config);
	return digest_final(&digest);
}
