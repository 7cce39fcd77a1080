/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What people and `status` want to know and packets do not: names, by the same indices as the maps
 * of the datapath. The pinned maps are the only state of a node, so the names are pinned too.
 */
#ifndef XDPLB_INFOS_H
#define XDPLB_INFOS_H

#include "handover.h"
#include "node.h"

/* Of a service, by its index in `services`. An empty name marks a free index. */
struct xdplb_service_info {
	char name[XDPLB_NAME_LEN];
	struct xdplb_addr vip;
	__be16 port; /* of many the lowest */
	__u8 proto;
	__u8 family;
	enum xdplb_restore restore;
	__u8 many_ports; /* 1: those that its ranges in `vips` hold */
	__u8 reserved[2];
	__u64 table_hash; /* of the bucket table, as backend names, by the release that wrote it */
	__u32 members;
	__u32 reserved2;
};
XDPLB_ASSERT_SIZE(struct xdplb_service_info, 104);

/* Of a member, by its index in `members`. in_use 0 marks a free index. */
struct xdplb_member_info {
	__u32 in_use;
	__u32 service; /* index into services */
	__u32 backend; /* index into backend_infos and health */
	__u32 weight; /* 0 .. 1000, from the file */
	__u32 buckets; /* how many buckets name it first */
	__u32 reserved;
};
XDPLB_ASSERT_SIZE(struct xdplb_member_info, 24);

/* Of a target, a backend as one check tests it, by its index in `health`. An empty name marks a
 * free index. */
struct xdplb_backend_info {
	char name[XDPLB_NAME_LEN]; /* of the backend */
	char node[XDPLB_NAME_LEN];
	char check[XDPLB_NAME_LEN]; /* empty: nobody probes it */
	/* Of what is tested and how (config_target.identity); 0: nobody probes it. */
	__u64 identity;
	__u64 reserved;
};
XDPLB_ASSERT_SIZE(struct xdplb_backend_info, 208);

/* Of a mapping, by its index in `mappings`. */
struct xdplb_mapping_info {
	char service[XDPLB_NAME_LEN];
	char backend[XDPLB_NAME_LEN];
};
XDPLB_ASSERT_SIZE(struct xdplb_mapping_info, 128);

/* Why a tunnel carries nothing. */
enum xdplb_tunnel_cause {
	XDPLB_TUNNEL_NOT_VERIFIED = 0, /* new, or changed by an apply */
	XDPLB_TUNNEL_VERIFIED = 1, /* it is up */
	XDPLB_TUNNEL_SILENT = 2, /* probes are not answered */
	XDPLB_TUNNEL_WRONG_WAY = 3, /* another node, link or label than the file says */
	XDPLB_TUNNEL_UNCHECKED = 4, /* it is up; `corouted: false` in the file */
};

#define XDPLB_NO_LSP 0xffffffffU

/* Of a tunnel, by its index in `tunnels`. id 0 marks a free index. */
struct xdplb_tunnel_info {
	char name[XDPLB_NAME_LEN];
	char far_node[XDPLB_NAME_LEN];
	char backup[XDPLB_NAME_LEN]; /* the tunnel that protects it; empty: none */
	__u32 id;
	__u32 lsps[2]; /* primary and backup, indices into `lsps`; XDPLB_NO_LSP: none */
	__u8 cause; /* enum xdplb_tunnel_cause */
	__u8 unchecked; /* 1: it is never verified */
	__u8 reserved[2];
	__u64 changed; /* CLOCK_REALTIME, ns, of the last change of state or LSP */
	__u64 switches; /* from one LSP to the other, by the agent */
	__u64 way; /* digest of its links and labels: another way is to be verified anew */
};
XDPLB_ASSERT_SIZE(struct xdplb_tunnel_info, 232);

/* Of the tables that connections are handed over by, by the index in `successions`. An empty name marks a
 * free index. A service is known by VIP, port and protocol. */
struct xdplb_succession_info {
	char name[XDPLB_NAME_LEN];
	struct xdplb_addr vip;
	__be16 port;
	__u8 proto;
	__u8 family;
	__u8 many_ports;
	__u8 reserved[3];
	__u64 table_hash
		[XDPLB_GENERATIONS]; /* as xdplb_service_info.table_hash, the newest first */
};
XDPLB_ASSERT_SIZE(struct xdplb_succession_info, 112);

/* Of the node: the only element of `node_info`. */
struct xdplb_node_info {
	char cluster[XDPLB_NAME_LEN];
	char node[XDPLB_NAME_LEN];
	__u64 applied; /* CLOCK_REALTIME, seconds, of the last apply */
	__u64 config_hash; /* of the file as understood: equal wherever the same file is applied */
	__u64 program_hash; /* of the constants the running programs were loaded with */
	__u32 abi; /* XDPLB_ABI */
	__u32 generation; /* counts applied changes, and files */
};
XDPLB_ASSERT_SIZE(struct xdplb_node_info, 160);

/* Raised whenever a pinned map changes its meaning: attach refuses to reuse another one's maps. */
#define XDPLB_ABI 3

/*
 * What detach must undo, so that a killed loader leaves no mess: key of the map `undos`.
 * kind 'a': remove address `what` ("ADDRESS") from lo; 's': write the value back to the file below
 * /proc/sys/net `what`; 'q': remove the clsact qdisc of device `what`; 'f': remove our filter from
 * device `what` ("DEVICE/ingress" or "DEVICE/egress"); 'r': remove our unreachable route to `what`
 * ("ADDRESS"); 'd': delete the tunnel interface `what`; 'o': turn checksum offload for sending on
 * again at device `what`.
 */
struct xdplb_undo_key {
	char kind;
	char netns[63]; /* path of the network namespace; empty: the node's own */
	char what[128];
};
XDPLB_ASSERT_SIZE(struct xdplb_undo_key, 192);

struct xdplb_undo {
	char value[64]; /* 's': what was there before; 'd': the other end's name */
	__u64 generation; /* of the apply that last wanted it */
};
XDPLB_ASSERT_SIZE(struct xdplb_undo, 72);

#endif
