/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cluster file half read: shared by the config_*.c files alone. Each of them adds its part to the
 * configuration and its errors to the tree. What was refused is left at a value that later checks
 * skip (family, proto, port, tag 0; index NOT_FOUND), so that one mistake makes one error.
 */
#ifndef XDPLB_CONFIG_DRAFT_H
#define XDPLB_CONFIG_DRAFT_H

#include "base/address.h"
#include "config/config.h"
#include "xdplb/access.h"
#include "config/yaml_tree.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define NOT_FOUND ((size_t)-1)

/* Upper bounds of the capacities, and so of what a file may hold. */
#define SERVICES_MAX (1U << 16)
#define MEMBERS_MAX  (1U << 20)
#define BACKENDS_MAX (1U << 18)
#define BUCKETS_MAX  (1U << 26)
#define FLOWS_MAX    (1U << 24)
#define NODES_MAX    (1U << 16)
#define CHECKS_MAX   (1U << 12)
#define LABELS_MAX   (1U << 20)
#define TUNNELS_MAX  (1U << 10)

#define CACHED_FLOWS_MAX     (1U << 26)
#define CACHED_FLOWS_DEFAULT 131072U

/* The largest prime below 2^20. */
#define SERVICE_BUCKETS_MAX 1048573U

/* Something that only one entry of the file may have: (addr, detail). */
struct claim {
	struct xdplb_addr addr;
	uint32_t detail; /* VIPs: kind, port and protocol; tags: the tag; backends: 0 */
	__u8 family;
	int line;
	size_t owner; /* index of the service or backend */
	size_t member; /* tags: index of the member */
};

struct config_draft {
	struct config config;
	struct yaml_tree tree;
	struct yaml_place root;
	/* The sections; their nodes are NULL where the file has none. */
	struct yaml_place capacities_place, nodes_place, backends_place, services_place;
	/* Parallel to config.nodes, .backends and .services. */
	struct yaml_place *nodes, *backends, *services;
	/* The backends' addresses, sorted. */
	struct claim *addresses;
	size_t address_count;
	/* Of each backend: an address was refused, so that missing ones are no news. */
	bool *has_bad_address;
	size_t member_count; /* of all services */
	size_t source_count; /* prefixes, of all services */
	bool has_bad_tags; /* the range was refused */
	struct yaml_place tunnels_place;
	struct yaml_place *tunnels; /* parallel to config.tunnels */
	bool has_bad_links; /* some were refused: what they are wanted for is no news */
};

/* What parts of a message are worth having in one place. */
#define EXPECTED_ADDRESS "an IPv4 or IPv6 unicast address"

extern const struct yaml_range config_port_range;

/* config_key.c, config_nodes.c, config_backends.c, config_services.c, config_members.c: the parts. */
void draft_read_key(struct config_draft *draft);
void draft_read_nodes(struct config_draft *draft);
void draft_read_backends(struct config_draft *draft);
void draft_read_services(struct config_draft *draft);

/* config_checks.c, config_sharing.c: after the nodes and before the services. */
void draft_read_checks(struct config_draft *draft);
void draft_read_sharing(struct config_draft *draft);
void draft_read_node_addresses(struct config_draft *draft);
void draft_read_hook(struct config_draft *draft);

/* The keys of a service that concern health. */
void draft_read_service_check(struct config_draft *draft, const struct yaml_place *place,
			      struct config_service *service);

/* config_quic.c: `quic` of a service; the server ids of its members, once these have been read. */
void draft_read_quic(const struct yaml_place *place, struct config_service *service);
void draft_allot_quic_ids(struct config_draft *draft);

/* config_ports.c: `port` of a service; and what services of many ports must have to themselves. */
void draft_read_ports(const struct yaml_place *place, struct config_service *service);
void draft_check_ports(struct config_draft *draft);

/* The place of a claim's member; @ret_section is its parent. */
struct yaml_place draft_member_place(struct config_draft *draft, const struct claim *claim,
				     struct yaml_place *ret_section);

/* config_flows.c: `flow_cache` of a service; `source_limit`, once that and its VIP have been read. */
void draft_read_flow_cache(const struct yaml_place *place, struct config_service *service);
void draft_read_source_limit(const struct yaml_place *place, struct config_service *service);

/* config_sources.c: `allow` and `deny` of a service whose VIP has been read. */
void draft_read_sources(struct config_draft *draft, const struct yaml_place *place,
			struct config_service *service);

/* config_mpls.c: `mpls` of a node; config_links.c: the links of all nodes, once those are read. */
void draft_read_mpls(const struct yaml_place *place, struct config_node *node);
void draft_read_links(struct config_draft *draft);

/* config_tunnels.c, then config_paths.c: their ways through the links. */
void draft_read_tunnels(struct config_draft *draft);
void draft_find_paths(struct config_draft *draft);

/* config_labels.c: the labels and numbers that packets carry; once all else is read without error. */
void draft_allot_labels(struct config_draft *draft);

/* config_tunnel_ends.c: what a tunnel is at each of its ends. */
void draft_read_tunnel_ends(struct config_draft *draft, const struct yaml_place *place,
			    struct config_tunnel *tunnel);
void draft_read_match(struct config_draft *draft, const struct yaml_place *place,
		      struct config_tunnel *tunnel);

/**
 * draft_read_affinities() - Read a list of affinities' names as bits.
 * @may_add: names that are new get a bit; else they are refused
 */
void draft_read_affinities(struct config_draft *draft, const struct yaml_place *place, bool may_add,
			   uint64_t *ret_bits);

/* config_quantity.c: "10M" bit/s; "50us". Return: whether the result was written; else reported. */
bool draft_read_bandwidth(const struct yaml_place *place, uint64_t *ret_bits_per_second);
bool draft_read_delay(const struct yaml_place *place, uint32_t *ret_ns);

/* A yes or a no: true, false, yes, no, on, off. Return: as above. */
bool draft_read_switch(const struct yaml_place *place, bool *ret_on);

/* A copy that outlives the tree; NULL: no memory, noted in the tree. */
char *draft_copy_text(struct config_draft *draft, const char *text);

/**
 * draft_resolve_path() - A path as it is meant: a relative one is looked up beside the cluster file.
 * Return: false: it is too long.
 */
bool draft_resolve_path(const struct config_draft *draft, const char *path, char *ret_path,
			size_t size);

/**
 * draft_read_duration() - Read a time: a number of seconds, or with ms, s, m or h.
 * Return: whether @ret_ms was written; if not, it is reported.
 */
bool draft_read_duration(const struct yaml_place *place, uint32_t min_ms, uint32_t max_ms,
			 uint32_t *ret_ms);

/**
 * draft_read_members() - Read the backends of a service whose own keys have been read.
 * @service:    its index
 * @port_place: of the key that says where backends listen
 * @port:       that port, host order; 0: refused
 */
void draft_read_members(struct config_draft *draft, size_t service,
			const struct yaml_place *port_place, uint32_t port);

/**
 * draft_check_port() - Refuse a port where a backend cannot listen, given how the VIP is restored.
 * @place: to report about
 * @port:  host order; 0: refused already
 */
void draft_check_port(const struct config_draft *draft, const struct config_service *service,
		      const struct yaml_place *place, uint32_t port);

/* config_tag.c: allot the tags that the file does not set, and refuse clashes. */
void draft_allot_tags(struct config_draft *draft);

/* config_check.c: what concerns several entries. */
void draft_check(struct config_draft *draft);

/* The same, of what has been derived from a file that has no error yet. */
void draft_check_targets(struct config_draft *draft);

/**
 * draft_read_address() - Read a scalar that must be a usable unicast address.
 * Return: whether the results were written; if not, it is reported.
 */
bool draft_read_address(const struct yaml_place *place, struct xdplb_addr *ret_addr,
			__u8 *ret_family);

/**
 * draft_read_node() - Read a scalar that must be the name of one of the nodes.
 * @ret_index: into config.nodes
 * Return: as above.
 */
bool draft_read_node(const struct config_draft *draft, const struct yaml_place *place,
		     size_t *ret_index);

/**
 * draft_parse_prefix() - Take "ADDRESS/LENGTH" apart, or "ADDRESS", whose length is all of it.
 * @ret_prefix: written on success; bits behind the length are left as they stand
 * Return: whether it is one.
 */
bool draft_parse_prefix(const char *text, struct config_prefix *ret_prefix);

/**
 * draft_read_interface() - Read a scalar that must be an interface's name.
 * @ret_name: IF_NAMESIZE bytes
 * Return: as above.
 */
bool draft_read_interface(const struct yaml_place *place, char *ret_name);

/**
 * draft_alloc() - An array of zeroes.
 * Return: NULL if count is 0 or memory ran out, which is then noted in the tree.
 */
void *draft_alloc(struct config_draft *draft, size_t count, size_t size);

/* Sort by address, detail and line: equal claims are neighbours, the one to keep comes first. */
void claims_sort(struct claim *claims, size_t count);
bool claims_equal(const struct claim *left, const struct claim *right);

#endif
