/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of a node that switches labels: reading the pinned ones (mpls_view), working out what a
 * config changes in them (mpls_plan: pure), and writing it so that no packet ever meets half an entry
 * (mpls_commit).
 */
#ifndef XDPLB_MPLS_TABLES_H
#define XDPLB_MPLS_TABLES_H

#include "config/config.h"
#include "base/error.h"
#include "base/maps.h"
#include "base/paths.h"
#include "xdplb/infos.h"
#include "xdplb/tunnel.h"

#define MPLS_NO_PORT UINT32_MAX

/* The node's arrays in memory, and the maps that are none. */
struct mpls_view {
	struct map_array ilm, nhlfes, links, tunnels, lsps, rules, push_control, infos;
	int ports_fd, ingress_fd, traffic_fd, counters_fd;
};

int mpls_view_open(const struct paths *paths, struct mpls_view *ret_view, struct error *error);
void mpls_view_close(struct mpls_view *view);

/* A view that holds nothing open, for mpls_view_close(). */
#define MPLS_VIEW_CLOSED     \
	((struct mpls_view){ \
		.ports_fd = -1, .ingress_fd = -1, .traffic_fd = -1, .counters_fd = -1 })

static inline struct xdplb_tunnel *mpls_tunnel(const struct mpls_view *view, uint32_t i)
{
	return map_at(&view->tunnels, i);
}

static inline struct xdplb_tunnel_info *mpls_tunnel_info(const struct mpls_view *view, uint32_t i)
{
	return map_at(&view->infos, i);
}

static inline struct xdplb_nhlfe *mpls_nhlfe(const struct mpls_view *view, uint32_t i)
{
	return map_at(&view->nhlfes, i);
}

static inline struct xdplb_ilm *mpls_ilm(const struct mpls_view *view, uint32_t label)
{
	return map_at(&view->ilm, label & (view->ilm.count - 1));
}

/* The index of a tunnel by its number; UINT32_MAX: it is not there. */
uint32_t mpls_find_tunnel(const struct mpls_view *view, uint32_t number);

/* ---- what the host alone knows ---- */

struct mpls_link_fact {
	uint32_t ifindex; /* 0: not a link of this node */
	uint8_t mac[6]; /* of this node's interface */
	bool has_next_hop; /* else nothing can be sent there */
	uint8_t next_hop[6];
};

struct mpls_tunnel_fact {
	uint32_t ifindex; /* of the tunnel's or the tagged interface; 0: none here */
	uint8_t mac[6];
};

struct mpls_facts {
	size_t node; /* this one, index into config.nodes */
	struct mpls_link_fact *links; /* by index into config.links */
	struct mpls_tunnel_fact *tunnels; /* by index into config.tunnels */
};

/* ---- the plan ---- */

/* A label of this node. */
struct mpls_plan_label {
	uint32_t label;
	uint32_t index; /* in `nhlfes` */
	bool is_new; /* the entry is to be written, and `ilm` to be pointed to it */
	struct xdplb_nhlfe entry;
};

/* A tunnel that ends here, with its backup if it has one. */
struct mpls_plan_tunnel {
	const struct config_tunnel *config;
	size_t number; /* of it, in config.tunnels */
	unsigned int direction; /* the one that begins here */
	uint32_t index; /* in `tunnels` */
	bool is_new;
	bool way_is_new; /* to be verified (again) */
	uint64_t way;
	struct xdplb_lsp lsps[2]; /* primary and backup */
	bool has_lsp[2]; /* false: none, or its next hop is not known */
	uint32_t lsp_index[2];
	bool lsp_is_new[2];
};

struct mpls_plan {
	struct xdplb_lsr_link ports[XDPLB_PORTS_MAX];
	uint32_t *port_of; /* by index into config.links; MPLS_NO_PORT: not a link of this node */
	struct mpls_plan_label *labels;
	size_t label_count;
	struct mpls_plan_tunnel *tunnels;
	size_t tunnel_count;
	struct xdplb_push_rule rules[XDPLB_PUSH_RULES_MAX];
	uint32_t rule_count;
	bool rules_changed;
	bool *nhlfe_kept, *lsp_kept, *tunnel_kept; /* by index; the rest is cleared */
	size_t missing; /* entries left out for want of a next hop */
	size_t changes;
};

/**
 * mpls_plan_build() - Work out a node's tables.
 * @config: the file
 * @view:   what is in the maps
 * @facts:  see there
 * @ret:    filled on success; mpls_plan_free() gives it back
 *
 * Indices of ports, labels, LSPs and tunnels that stay are kept, and nothing that is in use is
 * written to: what changes gets a free index.
 *
 * Return: 0; -ENOSPC no room in a map; -ENOMEM; with words in @error.
 */
int mpls_plan_build(const struct config *config, const struct mpls_view *view,
		    const struct mpls_facts *facts, struct mpls_plan *ret, struct error *error);
void mpls_plan_free(struct mpls_plan *plan);

/* What a plan is made from, for the parts of it in mpls_labels.c and mpls_push.c. */
struct mpls_planner {
	const struct config *config;
	const struct mpls_view *view;
	const struct mpls_facts *facts;
	struct mpls_plan plan;
	struct error *error;
};

/* mpls_labels.c: the labels that this node has to know, with their entries; indices come later.
 * tunnels come first. */
int mpls_plan_labels(struct mpls_planner *planner);

/* mpls_push.c: an LSP as its first node sends it. Return: false: the next hop is not known. */
bool mpls_make_lsp(const struct mpls_planner *planner, const struct config_tunnel *tunnel,
		   unsigned int direction, struct xdplb_lsp *ret_lsp);
int mpls_plan_rules(struct mpls_planner *planner);

/* The most rules that a file needs at one of its nodes. */
size_t mpls_rules_needed(const struct config *config, size_t node);

/* The index of a tunnel that ends here in plan->tunnels, a backup's that of what it protects. */
const struct mpls_plan_tunnel *mpls_plan_find(const struct mpls_planner *planner, size_t number,
					      bool *ret_is_backup);

/* A digest of a tunnel's way and its backup's: links and labels. */
uint64_t mpls_way_of(const struct config *config, const struct config_tunnel *tunnel);

/* ---- writing ---- */

/**
 * mpls_prepare() - Make new ports known; no packet meets them yet.
 * @egress_fd: the program lsr_egress; -1: ports that exist keep theirs
 * Return: 0; -errno with words, and nothing changed.
 */
int mpls_prepare(const struct mpls_plan *plan, const struct mpls_view *view, int egress_fd,
		 struct error *error);

/* Writes the rest; can't fail. */
void mpls_commit(const struct config *config, const struct mpls_plan *plan,
		 const struct mpls_facts *facts, struct mpls_view *view);

/* Takes ports away that the plan does not have, after mpls_commit() or to take mpls_prepare() back
 * (@plan: NULL: those of the view). */
void mpls_forget_ports(const struct mpls_plan *plan, const struct mpls_view *view);

/**
 * mpls_set_tunnel() - Mark a tunnel up or down, or let its other LSP carry it.
 * @index:  of the tunnel, in `tunnels`
 * @state:  enum xdplb_tunnel_state
 * @backup: 0 or 1
 * @cause:  enum xdplb_tunnel_cause
 *
 * One 64-bit store. Return: whether anything changed.
 */
bool mpls_set_tunnel(const struct mpls_view *view, uint32_t index, unsigned int state,
		     unsigned int backup, unsigned int cause);

/**
 * mpls_set_addresses() - Have all that leaves by an interface leave with other MAC addresses.
 * @ifindex: of a link: everything that is sent there has one next hop
 * @dmac:    of the next hop; NULL: as it is
 * @smac:    of the interface itself; NULL: as it is
 *
 * In place, in entries that are in use: a packet may meet half of an address, and is lost as all were that met
 * the one before. Entries that apply left out, for want of a next hop, are not made: see node_fill_labels().
 *
 * Return: how many entries have changed.
 */
size_t mpls_set_addresses(const struct mpls_view *view, uint32_t ifindex, const uint8_t *dmac,
			  const uint8_t *smac);

/* Does an entry send by that interface? */
bool mpls_leaves_by(const struct mpls_view *view, const struct xdplb_nhlfe *nhlfe,
		    uint32_t ifindex);

#endif
