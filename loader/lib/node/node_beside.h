/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an apply does on other CPUs, while tables are planned: it sees what is there of ours in the node's network, and
 * works out the config's digest. With 10,000 services and 100,000 backends either is a third of the work.
 */
#ifndef XDPLB_NODE_BESIDE_H
#define XDPLB_NODE_BESIDE_H

#include "base/aside.h"
#include "config/config.h"
#include "host/host_there.h"

struct node_beside {
	struct aside looking, hashing;
	const struct config *config;
	uint64_t hash;
	int undo_fd;
	bool has_routes;
	struct host_there there;
	int err; /* of looking */
};

/**
 * node_beside_begin() - Start.
 * @config:     stays as it is until node_beside_hash() or node_beside_drop()
 * @undo_fd, @has_routes: see host_look()
 *
 * Without threads to be had the work is done by those who ask.
 */
void node_beside_begin(struct node_beside *beside, const struct config *config, int undo_fd,
		       bool has_routes);

/* Waits until beside->there is filled; 0, or what host_look() returned. */
int node_beside_looked(struct node_beside *beside);

/* Waits for it and returns config_hash() of the config. */
uint64_t node_beside_hash(struct node_beside *beside);

/* Waits for what is still being done, and gives back what was found. Of a zeroed one nothing is left. */
void node_beside_drop(struct node_beside *beside);

#endif
