/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an apply does on other CPUs, while tables are planned: it sees what is there of ours in the node's network, and
 * works out the config's digest; and it waits until no packet is under way that has met what the apply before has
 * replaced. With 10,000 services and 100,000 backends each of them takes as long as a third of the planning, or more.
 */
#ifndef XDPLB_NODE_BESIDE_H
#define XDPLB_NODE_BESIDE_H

#include "base/aside.h"
#include "config/config.h"
#include "host/host_there.h"

struct node_beside {
	struct aside looking, hashing, waiting;
	const struct config *config;
	uint64_t hash;
	int undo_fd;
	bool is_access;
	struct host_there there;
	int err; /* of looking */
};

/**
 * node_beside_begin() - Start.
 * @config:     stays as it is until node_beside_hash() or node_beside_drop()
 * @undo_fd:    see host_look()
 * @is_access:  the node has, or is to have, tables that packets meet at VIPs, and routes to these
 *
 * Without threads to be had the work is done by those who ask.
 */
void node_beside_begin(struct node_beside *beside, const struct config *config, int undo_fd,
		       bool is_access);

/* Waits until beside->there is filled; 0, or what host_look() returned. */
int node_beside_looked(struct node_beside *beside);

/* Waits until all packets that were under way at node_beside_begin() are through; of nodes with such tables alone. */
void node_beside_waited(struct node_beside *beside);

/* Waits for it and returns config_hash() of the config. */
uint64_t node_beside_hash(struct node_beside *beside);

/* Waits for what is still being done, and gives back what was found. Of a zeroed one nothing is left. */
void node_beside_drop(struct node_beside *beside);

#endif
