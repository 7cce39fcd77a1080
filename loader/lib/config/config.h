/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cluster file as structures. config.c turns text into these and finds every error in it; it
 * opens nothing but that file and its key, and knows no map, node or kernel.
 */
#ifndef XDPLB_CONFIG_H
#define XDPLB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <net/if.h>

#include "config/config_health.h"
#include "config/config_mpls.h"
#include "config/config_service.h"
#include "xdplb/node.h"
#include "xdplb/types.h"

#define CONFIG_INTERFACES_MAX 16
#define CONFIG_WEIGHT_MAX     1000
#define CONFIG_PATH_LEN       63 /* of a network namespace; fits struct xdplb_undo_key */

/* How lb_xdp is attached: native with a warned fall-back to generic (auto), or one of them. */
enum config_xdp_mode {
	CONFIG_XDP_AUTO,
	CONFIG_XDP_NATIVE,
	CONFIG_XDP_GENERIC
};

/* One node of the cluster. `line` everywhere: where in the file it was defined, from 1. */
struct config_node {
	char name[XDPLB_NAME_LEN];
	bool is_access;
	bool is_service;
	char access_interfaces[CONFIG_INTERFACES_MAX][IF_NAMESIZE];
	size_t access_interface_count;
	enum config_xdp_mode mode;
	char uplinks[CONFIG_INTERFACES_MAX][IF_NAMESIZE];
	size_t uplink_count;
	/* Where the other nodes' agents reach this one's. */
	bool has_address;
	__u8 family; /* of address */
	struct xdplb_addr address;
	struct config_mpls mpls;
	int line;
};

/* A backend: one server process's home, with at most one address of each family. */
struct config_backend {
	char name[XDPLB_NAME_LEN];
	size_t node; /* index into config.nodes */
	bool has_ipv4, has_ipv6;
	struct xdplb_addr ipv4, ipv6;
	char vnic[IF_NAMESIZE]; /* host side of its virtual NIC; empty: reached through an uplink */
	char netns[CONFIG_PATH_LEN +
		   1]; /* absolute path of its network namespace; empty: the node's */
	int line;
};

/* Elements of the maps; changing one needs detach and attach. */
struct config_capacities {
	uint32_t services; /* default 1024 */
	uint32_t members; /* default 8192: also of mappings on a service node */
	uint32_t backends; /* default 4096: targets, that is backends times the checks of each */
	uint32_t buckets; /* default 2097152: a table being changed needs room for both versions */
	uint32_t flows; /* default 262144: flow notes of a service node */
	uint32_t labels; /* default 4096: labels that a node switches */
	uint32_t tunnels; /* default 256: that end at a node */
	uint32_t cached_flows; /* default 131072: that an access node remembers */
};

/* The whole file. Nodes, backends and services are sorted by name: their order in it changes nothing. */
struct config {
	char cluster[XDPLB_NAME_LEN];
	char key_path[4096]; /* as found: relative to the file's folder, or absolute */
	bool has_key; /* the key file could be read */
	struct xdplb_key key;
	uint16_t tag_first, tag_last; /* host order, inclusive; default 61000 .. 65535 */
	uint32_t tag_rest; /* seconds a freed tag rests; default 600 */
	bool no_echo; /* access nodes leave pings of VIPs unanswered */
	struct config_capacities capacities;
	struct config_node *nodes;
	size_t node_count;
	struct config_backend *backends;
	size_t backend_count;
	struct config_service *services;
	size_t service_count;
	struct config_check *checks; /* sorted by name */
	size_t check_count;
	struct config_target *targets; /* of all members */
	size_t target_count;
	struct config_sharing sharing;
	struct config_hook on_service; /* run by an access node's agent: one went up or down */
	char affinities[CONFIG_AFFINITIES_MAX][XDPLB_NAME_LEN];
	size_t affinity_count;
	struct config_link *links; /* sorted by name */
	size_t link_count;
	struct config_tunnel *tunnels; /* sorted by name */
	size_t tunnel_count;
	struct config_hook on_tunnel; /* run by the agent of an end: a tunnel went up or down */
};

/* So many members are asked of memory before their turn. */
#define CONFIG_MEMBERS_AHEAD 8

/*
 * For those who go over a service's members and look at backends: backends lie in another order than members, so those
 * that come soon are asked of memory already.
 */
static inline void config_fetch_ahead(const struct config *config,
				      const struct config_service *service, size_t member)
{
	size_t ahead = member + CONFIG_MEMBERS_AHEAD;

	if (ahead < service->member_count)
		__builtin_prefetch(&config->backends[service->members[ahead].backend]);
}

/* What is wrong with a file: for people, one error a line,
 * "FILE:LINE: KEY: found WHAT, expected WHAT". NUL-terminated, allocated, may hold several lines. */
struct config_errors {
	char *text;
	size_t count;
};

/**
 * config_load() - Read and check a cluster file.
 * @path:       the file
 * @ret_config: filled on success; free with config_free()
 * @ret_errors: filled on failure with every error found, on success with warnings (count is then
 *              the number of warnings); free with config_errors_free()
 *
 * A missing or unreadable key file is a warning here (so that a file can be checked where the key
 * is not), and has_key is false then; a key file that is there and malformed is an error.
 *
 * Return: 0; -EINVAL the file is wrong; -errno it could not be read.
 */
int config_load(const char *path, struct config *ret_config, struct config_errors *ret_errors);

void config_free(struct config *config);
void config_errors_free(struct config_errors *errors);

/**
 * config_find_node() - Find a node by name.
 * Return: its index in config->nodes, or -ENOENT.
 */
int config_find_node(const struct config *config, const char *name);

/**
 * config_quic_id() - The server id of a backend's address in a service, as it stands in connection ids.
 *
 * Derived like a tag from what is on the wire, so it stays while VIP, port and address do, whatever is
 * renamed. Two backends of a service whose ids are the same by chance are refused.
 */
__be32 config_quic_id(const struct config_service *service, const struct xdplb_addr *addr);

/* The port at the VIP that a service's mappings have: 0 if it has many. */
static inline __be16 config_vport(const struct config_service *service)
{
	return service->range_count ? 0 : service->port;
}

/* Is a backend (index into config->backends) in any service? */
bool config_in_service(const struct config *config, size_t backend);

/**
 * config_default_buckets() - The table size of a service that sets none.
 * @members: number of members of the service
 *
 * The smallest of a fixed list of primes that is at least 100 times the number of members (at
 * least 1021, at most 1048573): Maglev's method then leaves every share within 1 % of fair
 * (Eisenbud et al., Maglev, NSDI 2016, section 5.3).
 */
uint32_t config_default_buckets(size_t members);

/**
 * config_buckets_for() - The same with weights: also at least 75 buckets for the lightest member, so that
 * a share is within 2 % of fair while weights differ by no more than 10:1. Beyond that the lightest
 * gets fewer, for a table that follows any ratio would not fit into memory.
 */
uint32_t config_buckets_for(const struct config_member *members, size_t count);

/**
 * config_derive_tag() - The tag port of a member that sets none.
 *
 * A keyless hash of what identifies the mapping on the wire, (VIP, port, protocol, backend
 * address), taken into first .. last: no other service's coming or going changes it, and neither
 * does a renaming.
 *
 * Return: the tag, network byte order.
 */
__be16 config_derive_tag(const struct config *config, const struct config_service *service,
			 const struct xdplb_addr *addr);

/**
 * config_derive_targets() - Fill config.targets and the members' `target` from the rest.
 *
 * config_load() does it; who builds or changes a config by hand calls it then. Members of services
 * without a check share their backend's target without one. Checks of different names that would
 * probe a backend alike make one target, that of the first name.
 *
 * Return: 0 or -ENOMEM, with nothing changed.
 */
int config_derive_targets(struct config *config);

/**
 * config_hash() - A digest of the file as understood (64 bit): equal for files that differ
 * in order, layout and comments alone. The key is not part of it.
 */
uint64_t config_hash(const struct config *config);

#endif
