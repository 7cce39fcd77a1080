/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one run of node_apply() holds, for its steps in node.c and node_open.c.
 */
#ifndef XDPLB_NODE_WORK_H
#define XDPLB_NODE_WORK_H

#include "tables/access.h"
#include "host/host.h"
#include "base/maps.h"
#include "tables/mpls_tables.h"
#include "node/node.h"
#include "node/node_beside.h"
#include "tables/node_tables.h"
#include "base/paths.h"
#include "host/programs.h"
#include "tables/succession.h"
#include "host/tunnel_host.h"
#include "xdplb/infos.h"

/* Everything one run of node_apply() holds. */
struct work {
	const struct config *config;
	const struct config_node *node;
	size_t number;
	const struct node_options *options;
	struct notes *notes;
	struct error *error;

	struct paths paths;
	struct config constants; /* a shallow copy of config, see widen_tag_range() */
	bool had_folder; /* something is pinned already */
	bool was_attached;
	bool load; /* programs are to be loaded (anew) */
	struct programs programs;
	struct hooks hooks;
	struct hooks_options hooks_options;
	int undo_fd;
	struct map_array node_info;
	struct node_beside beside; /* what is there, and the digest of config */
	struct access_view access;
	struct node_view tables;
	struct access_plan access_plan;
	struct node_plan node_plan;
	struct succession_plan succession;
	bool is_switch; /* the node switches labels */
	struct mpls_view mpls;
	struct mpls_facts mpls_facts;
	struct mpls_plan mpls_plan;
	struct tunnel_host tunnel_host; /* what this run has done */
	struct host_wanted host;
	uint32_t *ifindexes; /* of virtual NICs, by backend */
	int32_t *netns; /* where sockets are, by backend */
	uint64_t now;
	size_t confirmed; /* members that may be used from now on */
};

/* Is the node attached, by this version, with the file's capacities? Says whether programs are to be
 * loaded. */
int work_look_at_running(struct work *work);

/* Loads the programs, or opens those that run. */
int work_open_programs(struct work *work);

/* Opens the maps of the node's roles. */
int work_open_maps(struct work *work);

/* node_switch.c: makes the plans true when all that may fail is done. */
void work_commit(struct work *work, struct node_result *result);

/* Tells node_tc the uplink by which packets for the node's own addresses come in, and its MAC address. */
void work_write_uplink(struct work *work);

/* node_mpls.c: interfaces of tunnels, then the label tables, which need them. Each takes back its own
 * on failure. */
int work_prepare_mpls_host(struct work *work);
int work_prepare_mpls(struct work *work);
void work_take_back_mpls(struct work *work);
void work_commit_mpls(struct work *work, struct node_result *result);
void work_free_mpls(struct work *work);

/* Next hops by an interface that lb_xdp leaves are learned anew at once. Most leave by the same one. */
void work_forget_ways(struct work *work);

#endif
