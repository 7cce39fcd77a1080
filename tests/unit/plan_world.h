/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What planning is tested on: configs from one line of text, and the arrays of an access or a service
 * node in plain memory, which can be copied and compared. No BPF, no file.
 */
#ifndef XDPLB_TEST_PLAN_WORLD_H
#define XDPLB_TEST_PLAN_WORLD_H

#include <sys/types.h>

#include "tables/access.h"
#include "config/config.h"
#include "tables/node_tables.h"

/* The cluster's nodes: a (access), n1 and n2 (service). */
enum cluster_node {
	CLUSTER_A,
	CLUSTER_N1,
	CLUSTER_N2,
	CLUSTER_NODES
};

/**
 * cluster_parse() - A config from its services, in any order.
 * @text: "NAME VIP PORT PROTO RESTORE BUCKETS: MEMBER MEMBER ...; NAME ..."; PROTO tcp or udp, RESTORE
 *        i or s, PORT also 20-21,5000-5999. A service called - only names backends.
 *
 * MEMBER: a backend's name that ends in a number N, then in any order: *WEIGHT, @TAG, :PORT of this
 * member (default: the service's, derived from VIP, port and protocol, the service's), ^FIRST and
 * /NODE of the backend: its addresses are FIRST.0.0.N (10) and fd00:FIRST::N, its node is nNODE (1).
 * Aborts on what it does not understand: a mistake in a test.
 */
void cluster_parse(const char *text, struct config *ret_config);
void cluster_free(struct config *config);

/* Elements of a node's arrays. */
struct node_sizes {
	uint32_t services, members, backends;
	uint32_t lines; /* of buckets, 16 in each */
};

extern const struct node_sizes usual_sizes;

/* Empty arrays of an access node; of a service node, with room for so many mappings. */
void access_memory(const struct node_sizes *sizes, struct access_view *ret_view);
void node_memory(uint32_t mappings, struct node_view *ret_view);

void access_memory_copy(const struct access_view *view, struct access_view *ret_copy);
void node_memory_copy(const struct node_view *view, struct node_view *ret_copy);
void access_memory_free(struct access_view *view);
void node_memory_free(struct node_view *view);

/* Copies a child's arrays, which stand where `view`'s stand here, into `ret_copy`'s. */
void access_memory_read(pid_t child, const struct access_view *view, struct access_view *ret_copy);
void node_memory_read(pid_t child, const struct node_view *view, struct node_view *ret_copy);

/* The name of the first array in which two nodes differ by a byte; NULL: none. */
const char *access_memory_diff(const struct access_view *a, const struct access_view *b);
const char *node_memory_diff(const struct node_view *a, const struct node_view *b);

/* Are so many bytes zero? */
bool all_zero(const void *bytes, size_t len);

/**
 * endpoint_find() - The slot of a key in the live table of a map, by the rule in xdplb/endpoint.h.
 * @map: two tables of equal size
 * Return: NULL if it is not there.
 */
const struct xdplb_endpoint *endpoint_find(const struct map_array *map, struct xdplb_table_ref live,
					   const struct xdplb_endpoint *key);

/* How many slots of the live table are taken. */
size_t endpoints_taken(const struct map_array *map, struct xdplb_table_ref live);

/* From now on this process waits for no grace period (map_wait_for_readers()): nobody reads plain
 * memory, and a fuzz would wait a minute. */
void skip_grace_periods(void);

/* The same numbers in every run: 0 .. below - 1. */
uint32_t next_random(uint64_t *state, uint32_t below);

#endif
