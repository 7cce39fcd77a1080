/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A small test cluster: its addresses, an access node and a service node whose maps are filled by hand,
 * without the loader. Every function fails the test if something can't be done.
 */
#ifndef TEST_NODE_SETUP_H
#define TEST_NODE_SETUP_H

#include <netinet/in.h>

#include "host/lb_skel.h"
#include "bpf/node_tc.skel.h"
#include "check_run.h"
#include "xdplb/access.h"
#include "xdplb/health.h"
#include "xdplb/node.h"

#define SETUP_KEY0 0x0706050403020100ULL
#define SETUP_KEY1 0x0f0e0d0c0b0a0908ULL

#define SETUP_SLOTS    256 /* of one endpoint table */
#define SETUP_SERVICES 16
#define SETUP_BUCKETS  1024
#define SETUP_MEMBERS  32
#define SETUP_MAPPINGS 12
#define SETUP_FLOWS    4096

#define SETUP_TAG_FIRST 61000
#define SETUP_TAG_LAST  61999

#define VIP_PORT     80
#define BACKEND_PORT 8080
#define CLIENT_PORT  40000

/* Who is who, in one family. */
struct setup_addrs {
	struct xdplb_addr client;
	struct xdplb_addr vips[3];
	struct xdplb_addr stranger; /* an address the cluster does not know */
	struct xdplb_addr backends[3];
};

extern const __u8 setup_families[2];
extern const __u8 setup_protos[2];

const struct setup_addrs *setup_addrs(__u8 family);

/* For messages: "IPv6 UDP". */
const char *setup_kind(__u8 family, __u8 proto);

/**
 * setup_spec() - A packet from the client to the first VIP: TTL 64, 32 bytes of payload, TCP with ACK.
 */
struct packet_spec setup_spec(__u8 family, __u8 proto);

/**
 * setup_flow_hash() - The flow hash under the cluster's key; ports in host byte order.
 */
__u64 setup_flow_hash(const struct packet_end *client, const struct packet_end *vip, __u8 proto,
		      __u8 family);

/**
 * setup_mark() - Puts the admission mark of the flow client -> vip into a description.
 */
void setup_mark(struct packet_spec *spec, const struct packet_end *vip);

/* A key of an endpoint table; port in host byte order. */
struct setup_endpoint {
	struct xdplb_addr addr;
	__u16 port;
	__u8 proto;
	__u8 family;
	__u32 index;
	__u16 first_port, last_port; /* of a range, whose number is `port`; else 0 */
};

/**
 * setup_put_endpoint() - Enters a key into table 0 or 1 of a map.
 *
 * Return: how many slots a lookup reads until it has found it.
 */
int setup_put_endpoint(int map, struct xdplb_table_ref ref, const struct setup_endpoint *endpoint);

/* An access node. */
struct lb_setup {
	struct lb_xdp_bpf *skel;
	struct counter_maps counters;
};

/* A member of service `service`, whose packets were for `vip`. */
struct setup_member {
	__u32 service;
	__u8 family;
	struct packet_end vip;
	struct packet_end to; /* the backend's address, the tag port, the next hop's MAC address */
	__u32 ifindex; /* of the next hop; 0: none, the kernel must be asked */
	__u32 health;
	__u16 weight;
	bool keeps_port; /* of a service of many ports: to.port is its tag, for queries alone */
};

/* The MAC address that an access node sends from. */
extern const __u8 setup_lb_mac[6];

/* How long an age is of which flows were last seen. */
enum setup_ages {
	SETUP_AGES_USUAL,
	SETUP_AGES_FINE, /* a jiffy */
	SETUP_AGES_ONE, /* for ever: number 0 */
};

/* What lb_xdp is loaded with; 0: as lb_setup_open() does. */
struct lb_setup_options {
	__u32 members; /* and entries of `health` */
	__u32 buckets; /* a multiple of XDPLB_BUCKETS_PER_LINE */
	__u64 resets_at_once; /* if set, resets_per_tick counts too */
	__u64 resets_per_tick;
	__u64 answers_at_once;
	bool no_refill; /* no budget of answers is ever refilled */
	__u64 fragment_lifetime; /* jiffies */
	__u32 cache_lines; /* of flows, and as many of newcomers; a power of two */
	enum setup_ages ages; /* of flows */
};

void lb_setup_open(struct lb_setup *ret_lb);
void lb_setup_open_as(struct lb_setup *ret_lb, const struct lb_setup_options *options);
void lb_setup_close(struct lb_setup *lb);

/* One VIP of each family and protocol, one service each, with backend 0 as its only member. */
void lb_setup_fill(struct lb_setup *lb, __u32 ifindex);

/* The index of the service, and of its member, that lb_setup_fill() makes. */
__u32 setup_service(__u8 family, __u8 proto);

void lb_setup_vip(struct lb_setup *lb, const struct setup_endpoint *endpoint);
void lb_setup_live(struct lb_setup *lb, struct xdplb_table_ref vips);
/* Are there services of many ports? */
void lb_setup_ranges(struct lb_setup *lb, bool has_ranges);
void lb_setup_service(struct lb_setup *lb, __u32 index, struct xdplb_bucket_ref buckets);
struct xdplb_service lb_setup_read_service(struct lb_setup *lb, __u32 index);
void lb_setup_service_as(struct lb_setup *lb, __u32 index, const struct xdplb_service *service);

/* Chains members first .. first + count - 1 to a service, in that order. */
void lb_setup_chain(struct lb_setup *lb, __u32 service, __u32 first, __u32 count);
void lb_setup_bucket(struct lb_setup *lb, __u32 number, __u32 member);
void lb_setup_member(struct lb_setup *lb, __u32 index, const struct setup_member *member);
void lb_setup_health(struct lb_setup *lb, __u32 index, enum xdplb_health_state state);
void lb_setup_weighted(struct lb_setup *lb, __u32 index, __u16 weight,
		       enum xdplb_health_state state);
void lb_setup_target(struct lb_setup *lb, __u32 index, const struct xdplb_health *target);

/* What an access node sends of its own, within budgets; the first two by their numbers in the map. */
enum lb_budget {
	LB_BUDGET_ECHOES,
	LB_BUDGET_REPORTS,
	LB_BUDGET_RESETS,
};

/* What each CPU has left to send of one kind of answer. */
void lb_setup_budget(struct lb_setup *lb, enum lb_budget kind, __u64 left);
void lb_setup_mtu(struct lb_setup *lb, __u32 index, __u16 mtu);
void lb_setup_confirm(struct lb_setup *lb, __u32 index, bool confirmed);
struct xdplb_member lb_setup_read(struct lb_setup *lb, __u32 index);
struct xdplb_traffic lb_setup_traffic(struct lb_setup *lb, __u32 index);

/* The member entry that lb_setup_fill() makes. */
struct setup_member setup_member(__u8 family, __u8 proto, __u32 ifindex);

/* A service node. */
struct node_setup {
	struct node_tc_bpf *skel;
	struct counter_maps counters;
};

/* Does a node that is opened from here on remember within a tick what it has found out (bpf/lib/recent.h)? Off: a
 * test's packets come at any time. */
extern bool node_setup_recalls;

void node_setup_open(struct node_setup *ret_node);
void node_setup_close(struct node_setup *node);

/* Empties the maps but for the counters: as if opened anew. */
void node_setup_clear(struct node_setup *node);

/**
 * setup_mapping() - Number `number` of a cluster: VIP number `number`, port 80, at backend 0, port 8080
 * (source) or 80 (interface), tag 61000 + number; epoch 1, uplinks.
 */
struct xdplb_mapping setup_mapping(__u8 family, __u8 proto, __u32 number,
				   enum xdplb_restore restore);

/* Writes a mapping, and its tag and endpoint into the tables; vport 0: of a service of many ports. */
void node_setup_mapping(struct node_setup *node, __u32 index, const struct xdplb_mapping *mapping);

/* Are there services of many ports? node_setup_mapping() says so by itself. */
void node_setup_keeps(struct node_setup *node, bool keeps_ports);

/* Only the mapping itself. */
void node_setup_change(struct node_setup *node, __u32 index, const struct xdplb_mapping *mapping);

/* Peers 0 to 2: the backends 0 to 2, tags 61000, 61100, 61200; number 0 lives here, as mapping 0. */
void node_setup_peers(struct node_setup *node, __u8 family);

/**
 * node_setup_owners() - The tables of succession 1, the newest first; as many as there are before NULL.
 * @tables: a digit a bucket, the number of the peer that owns it, repeated
 */
void node_setup_owners(struct node_setup *node, const char *const *tables);

/* Which of them follow the source alone: a bit each. */
void node_setup_by_source(struct node_setup *node, __u32 tables);

/* Deletes flow notes of one kind, 64 at most of new and of established flows each; returns how many. */
int node_setup_evict(struct node_setup *node, enum xdplb_note_kind kind);

/* How many flow notes there are; those of established flows alone. */
int node_setup_notes(struct node_setup *node);
int node_setup_established(struct node_setup *node);

#endif
