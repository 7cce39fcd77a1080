/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent's inside: agent.c puts its parts together, agent_watch.c looks after maps and services,
 * agent_control.c answers what people ask.
 */
#ifndef XDPLB_AGENT_STATE_H
#define XDPLB_AGENT_STATE_H

#include "agent.h"
#include "asker.h"
#include "attached.h"
#include "checks.h"
#include "config/config.h"
#include "control.h"
#include "hook.h"
#include "link.h"
#include "link_hops.h"
#include "neigh.h"
#include "path.h"
#include "receiver.h"
#include "reporter.h"
#include "services.h"
#include "tunnels.h"

struct agent {
	struct ev_loop *loop;
	const char *file;
	char name[XDPLB_NAME_LEN];
	struct config *config;
	size_t node; /* index into config->nodes */
	uint64_t reloads, failed_reloads;
	struct share_keys keys; /* in use: the parts below point here */
	struct checks *checks; /* none on a node that is no service node */
	struct link *link; /* NULL: nothing is shared */
	struct reporter *reporter; /* NULL: nobody to tell */
	struct asker *asker;
	struct path *path;
	struct attached attached;
	struct receiver *receiver; /* NULL: no access node, or not attached */
	struct services *services;
	struct neigh *neigh;
	struct link_hops *link_hops;
	struct hook *hook;
	struct tunnels *tunnels; /* none on a node where none ends */
	struct hook *tunnel_hook;
	struct control *control;
	ev_timer glance, second; /* agent_watch.c */
	unsigned int glances;
	char status[256]; /* what systemd was told last */
};

static inline const struct config_node *agent_node(const struct agent *agent)
{
	return &agent->config->nodes[agent->node];
}

/* A receiver for config and maps as they now are; tells reporters what has come and gone. */
void agent_renew_receiver(struct agent *agent);

/* The same of what watches tunnels and links. */
void agent_renew_tunnels(struct agent *agent);

int watch_start(struct agent *agent);
void watch_stop(struct agent *agent);

/* A control_callback. */
void agent_answer(void *context, struct control_client *client, const json_t *request);

/* Tells the reporters, and the reporter of this node, which targets have come and gone. @old may be
 * NULL: nothing is told then. */
void agent_tell_wishes(struct agent *agent, const struct receiver *old, const struct receiver *new);

#endif
