/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cluster file as structures: label switching, links, tunnels of clocks. Part of config.h;
 * include that.
 */
#ifndef XDPLB_CONFIG_MPLS_H
#define XDPLB_CONFIG_MPLS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cspf.h"
#include "xdplb/mpls.h"

/* 0 to 15 are reserved (RFC 7274, 1). */
#define CONFIG_LABEL_MIN      XDPLB_LABEL_FIRST
#define CONFIG_LABEL_MAX      XDPLB_LABEL_LAST
#define CONFIG_DEPTH_MAX      XDPLB_LABELS_MAX
#define CONFIG_AFFINITIES_MAX 64
#define CONFIG_SRLGS_MAX      16 /* of an end of a link */
#define CONFIG_HOPS_MAX       64
#define CONFIG_PEERS_MAX      8
#define CONFIG_NO_TUNNEL      ((size_t)-1)

/* The blocks `mpls` and `te` of a node. */
struct config_mpls {
	bool is_set;
	bool has_te;
	uint32_t label_first, label_last; /* inclusive; labels are handed out from here */
	uint8_t depth; /* most labels that the node pushes; default 8 */
	uint8_t ttl; /* of pushed labels; default 255 */
	uint8_t traffic_class; /* of pushed labels; default 6 */
	bool php; /* the node before the end pops (RFC 3031, 3.16); default no */
	uint32_t number; /* by which packets call the node: a digest of its name, not 0 */
	int line;
};

/* A link as one of its nodes sees it. */
struct config_link_end {
	size_t node; /* index into config.nodes */
	char interface[IF_NAMESIZE];
	__u8 family; /* of addr; 0: none, then mac is set */
	struct xdplb_addr addr; /* of the interface: the other end's next hop */
	bool has_mac;
	uint8_t mac[6]; /* of the interface; else the other end asks its neighbour table */
	bool has_tai_clock; /* the NIC's clock is kept equal to CLOCK_TAI; default no */
	bool is_exclusive; /* all MPLS that comes in here is ours; default no */
	int line;
};

/*
 * A link between two nodes. What only one end tells holds for the link; where they differ, the
 * higher metric and delay, the lower bandwidth, and all affinities and SRLGs hold: both ends see the
 * same link. ends[0] is the node that comes first in config.nodes.
 */
struct config_link {
	char name[XDPLB_NAME_LEN];
	struct config_link_end ends[2];
	uint32_t metric; /* default 10 */
	uint32_t delay_ns; /* default 0 */
	uint64_t bandwidth; /* bit/s; UINT64_MAX: unlimited (default) */
	uint64_t affinity; /* bits by index into config.affinities */
	uint32_t srlgs[2 * CONFIG_SRLGS_MAX]; /* ascending */
	size_t srlg_count;
	uint32_t number; /* by which packets call it: a digest of its name, not 0 */
};

enum config_tunnel_kind {
	CONFIG_TUNNEL_INTERFACE, /* an interface is made; what is sent there goes into the tunnel */
	CONFIG_TUNNEL_TAG, /* PTP that leaves by an ordinary interface goes into the tunnel */
	CONFIG_TUNNEL_SPARE /* protects another tunnel, and has no packets of its own */
};

/* Bits of config_match.transports: what a PTP message travels in. */
enum config_transport {
	CONFIG_PTP_IPV4 = 1 << 0, /* UDP 319, 320 (IEEE 1588-2019, annex C) */
	CONFIG_PTP_IPV6 = 1 << 1, /* annex D */
	CONFIG_PTP_ETHERNET = 1 << 2 /* Ethertype 0x88F7 (annex E) */
};

/* Which PTP messages take the tunnel. */
struct config_match {
	uint8_t transports; /* default all */
	bool has_domain; /* else any */
	uint8_t domain;
	/* Destinations (IP transports); none: any. */
	struct {
		__u8 family;
		struct xdplb_addr addr;
	} peers[CONFIG_PEERS_MAX];
	size_t peer_count;
};

/* A prefix of clients, or an address of a tunnel interface with its prefix. family 0: none. */
struct config_prefix {
	__u8 family;
	uint8_t length;
	struct xdplb_addr addr;
};

struct config_tunnel_end {
	size_t node; /* index into config.nodes */
	char interface[IF_NAMESIZE]; /* of the tunnel, or the tagged one; empty: spare */
	struct config_prefix ipv4, ipv6; /* of the tunnel interface */
};

/* An explicit hop. */
struct config_hop {
	size_t link; /* index into config.links */
	bool loose;
};

/* One direction of a tunnel. */
struct config_lsp {
	struct cspf_path path; /* links as indices into config.links, from where it begins */
	uint64_t delay_ns; /* sum of the links' */
	/* On top as a packet leaves by each link: a label of the node at the link's end, or
	 * XDPLB_LABEL_IMPLICIT_NULL (of the last link, where the end wants it popped before). */
	uint32_t labels[CSPF_LINKS_MAX];
	/* By enum xdplb_payload: the last label, one of the end's; 0: not carried. */
	uint32_t last[XDPLB_PAYLOAD_COUNT];
	/* The end's label by which a probe goes on over the LSP of the other direction: so that one
	 * end can walk both. */
	uint32_t turn;
};

/* A tunnel between two nodes. Direction 0 leads from ends[0] to ends[1], direction 1 back. */
struct config_tunnel {
	char name[XDPLB_NAME_LEN];
	enum config_tunnel_kind kind;
	struct config_tunnel_end ends[2];
	struct config_match match;
	uint64_t bandwidth; /* bit/s in each direction; default 0 */
	uint64_t include_any, include_all, exclude; /* affinities */
	bool by_delay; /* the shortest by delay, not by metric */
	struct config_hop *hops;
	size_t hop_count;
	struct config_hop *reverse_hops; /* as written in the file */
	size_t reverse_hop_count;
	bool corouted; /* both directions take the same links; anything else needs saying so */
	size_t disjoint_from; /* index into config.tunnels, or CONFIG_NO_TUNNEL */
	size_t protect_by;
	uint32_t probe_interval_ms; /* default 100 */
	uint32_t probe_missed; /* probes until the tunnel is down; default 3 */
	bool transparent_clock; /* default yes */
	struct config_lsp lsps[2]; /* by direction */
	uint32_t number; /* by which packets call it: a digest of its name, not 0 */
	int line;
};

/* Can a node be part of a tunnel's way? */
static inline bool config_can_switch(const struct config_mpls *mpls)
{
	return mpls->is_set && mpls->has_te;
}

/* Labels that the first node of an LSP pushes. */
static inline unsigned int config_stack_depth(const struct config_lsp *lsp)
{
	return lsp->labels[0] == XDPLB_LABEL_IMPLICIT_NULL ? 1 : 2;
}

struct config;

/**
 * config_protected_by() - Which tunnel does a spare one protect?
 * Return: index into config->tunnels, or CONFIG_NO_TUNNEL.
 */
size_t config_protected_by(const struct config *config, size_t spare);

#endif
