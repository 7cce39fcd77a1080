/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cluster file as structures: what is tested, how, and how agents tell each other. Part of
 * config.h; include that.
 */
#ifndef XDPLB_CONFIG_HEALTH_H
#define XDPLB_CONFIG_HEALTH_H

#include "config/probe_spec.h"
#include "health/rise_fall.h"
#include "health/share_wire.h"

/* How agents share health. Without it no node has an agent that shares. */
struct config_sharing {
	bool is_set;
	char key_path[4096]; /* as config.key_path */
	bool has_keys; /* the key file could be read */
	struct share_keys keys;
	uint16_t port; /* UDP, host order; default 7926 */
	uint32_t interval_ms; /* between heartbeats; default SHARE_INTERVAL_MS */
	uint32_t missed; /* heartbeats until a node is silent; default SHARE_MISSED */
	uint32_t lease_ms; /* default SHARE_LEASE_MS */
	int line;
};

/* What an agent runs when something goes up or down. argv is NULL: nothing. */
struct config_hook {
	char **argv; /* ends in NULL; argv[0] is an absolute path */
	uint32_t timeout_ms; /* then it is killed, with its children; default 10 s */
	int line;
};

/* A way to test backends: a type with its settings, and how often. */
struct config_check {
	char name[XDPLB_NAME_LEN];
	/* family, addr and netns are the target's; port 0: the port where the backend listens. All
	 * strings belong to the config. */
	struct probe_spec spec;
	uint32_t interval_ms; /* from start to start; default 2 s */
	uint32_t jitter_percent; /* of the interval, either way; default 10 */
	struct rise_fall_rule rule; /* results in a row; default rise 2, fall 3 */
	enum rise_fall_verdict initial; /* until the first verdict; default unknown */
	bool at_vip; /* connect to the VIP instead of the backend's address: where it is local */
	int line;
};

/*
 * A backend as one check tests it: the unit of probing and of health, an entry of the map `health`.
 * Services whose members would be probed alike share one. Sorted by backend, check name (none first)
 * and identity.
 */
struct config_target {
	size_t backend; /* index into config.backends */
	size_t check; /* index into config.checks, or CONFIG_NO_CHECK: nobody probes */
	struct xdplb_addr addr; /* where the probe goes to */
	__u8 family; /* XDPLB_IPV4, XDPLB_IPV6; 0: no check */
	__be16 port;
	/* Digest of all that the probe's outcome depends on: type, settings, address, port. Not the
	 * timing, not the names. 0: no check. The check identity in share_wire.h. */
	uint64_t identity;
};

#define CONFIG_NO_CHECK ((size_t)-1)

#endif
