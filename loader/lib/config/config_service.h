/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A service of the cluster file.
 */
#ifndef XDPLB_CONFIG_SERVICE_H
#define XDPLB_CONFIG_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xdplb/endpoint.h"
#include "xdplb/node.h"
#include "xdplb/types.h"

/* What becomes of a packet when no member of its service is usable. */
enum config_all_down {
	CONFIG_ALL_DOWN_DROP,
	CONFIG_ALL_DOWN_RESET, /* TCP: a reset; others are dropped */
	CONFIG_ALL_DOWN_USE_ALL /* all confirmed members, whatever their health */
};

/* A backend in a service. */
struct config_member {
	size_t backend; /* index into config.backends */
	struct xdplb_addr addr; /* the backend's address of the service's family */
	uint16_t weight; /* 0 .. CONFIG_WEIGHT_MAX; 0: gets no new flows; default 1 */
	__be16 port; /* where it listens: the member's `port`, else the service's `backend_port`,
			  * else the service's port; 0: the service has many, and packets keep theirs */
	__be16 tag; /* set in the file, or derived */
	__be32 quic_id; /* its server id, if the service has `quic` */
	bool tag_is_set;
	size_t target; /* index into config.targets */
	int line;
};

/* Ports of a service that has many; host order, inclusive. */
struct config_range {
	uint16_t first, last;
};

/* How many new connections a source may open. */
struct config_limit {
	uint32_t connections; /* so many ... 0: there is no limit */
	uint32_t seconds; /* ... in 1 or 60 s */
	uint32_t burst; /* so many at once; default: as many as connections */
	uint32_t prefix; /* bits of an address that make a source; default 32, of IPv6 64 */
};

/* A service: one VIP and protocol, one port or many. Members are sorted by backend name. */
struct config_service {
	char name[XDPLB_NAME_LEN];
	__u8 family; /* XDPLB_IPV4 or XDPLB_IPV6 */
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__be16 port; /* of a service of many, the lowest: by which it is known */
	struct config_range ranges[XDPLB_RANGES_MAX]; /* of a service of many ports; ascending */
	size_t range_count; /* 0: it has one port */
	struct xdplb_addr vip;
	enum xdplb_restore restore;
	uint32_t buckets; /* size of its table: set in the file, or config_buckets_for(); prime */
	struct config_member *members;
	size_t member_count;
	size_t check; /* index into config.checks, or CONFIG_NO_CHECK */
	enum config_all_down all_down; /* default: drop */
	bool unknown_is_down; /* default: the last verdict stands */
	bool hand_over; /* TCP: service nodes hand connections over; default: yes */
	uint32_t slow_start_ms; /* in which a new backend's share grows; 0: at once */
	bool has_quic; /* UDP: connection ids name backends, see xdplb/quic.h ... */
	uint8_t quic; /* ... and begin with these three bits */
	bool flow_cache; /* access nodes remember its flows; default: no */
	struct config_limit limit;
	bool by_source; /* a client's flows go to one backend; default: each for itself */
	/* Clients that alone are served (sources_allowed), or are not; sorted. None: all are served. */
	struct config_prefix *sources;
	size_t source_count;
	bool sources_allowed;
	int line;
};

#endif
