// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the agent looks after by the clock: maps that come, change and go, services that go up and
 * down, and what systemd is told.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/address.h"
#include "agent_state.h"
#include "log.h"
#include "tick.h"

#define LOOK_EVERY 5 /* glances */

static void on_service(void *context, const struct xdplb_service_info *info, bool is_up,
		       unsigned int usable)
{
	struct agent *agent = context;
	char text[ADDRESS_TEXT_LEN];

	address_port_print(&info->vip, info->family, info->port, text);
	if (is_up)
		log_event(LOG_NOTICE, "service %s (%s): up, %u usable", info->name, text, usable);
	else
		log_event(LOG_ERR, "service %s (%s): down, no usable backend", info->name, text);
	hook_tell(agent->hook, info, is_up, usable);
}

static void on_tunnel(void *context, const struct config_tunnel *tunnel,
		      const struct tunnel_choice *choice, const char *fault)
{
	struct agent *agent = context;
	bool is_up = choice->state == XDPLB_TUNNEL_UP;

	log_event(is_up && !choice->backup ? LOG_NOTICE : LOG_ERR, "tunnel %s: %s%s%s%s",
		  tunnel->name,
		  !is_up           ? "down, it carries nothing"
		  : choice->backup ? "up, by its backup"
				   : "up",
		  fault[0] ? ": " : "", fault, is_up || fault[0] ? "" : ": not answered");
	hook_tell_tunnel(agent->tunnel_hook, tunnel->name, choice);
}

static const struct config_hook *which_tunnel_hook(void *context)
{
	const struct agent *agent = context;

	return &agent->config->on_tunnel;
}

void agent_renew_tunnels(struct agent *agent)
{
	bool may = agent->attached.is_open && agent->attached.wants_mpls &&
		   config_can_switch(&agent_node(agent)->mpls) && agent->config->has_key;

	struct mpls_view *view = may ? &agent->attached.mpls : NULL;
	int err;

	if (agent->tunnels && tunnels_set(agent->tunnels, agent->config, agent->node, view))
		log_line(LOG_ERR, "cannot watch tunnels: out of memory");
	err = agent->link_hops ? link_hops_set(agent->link_hops, agent->config, agent->node, view,
					       view ? map_at(&agent->attached.node_info, 0) : NULL)
			       : 0;
	if (err)
		log_line(LOG_ERR, "cannot follow the neighbours of links: %s", strerror(-err));
}

static const struct config_hook *which_hook(void *context)
{
	const struct agent *agent = context;

	return &agent->config->on_service;
}

/* The view is about to be closed. */
static void leave_maps(void *context)
{
	struct agent *agent = context;

	receiver_free(agent->receiver);
	agent->receiver = NULL;
	neigh_use(agent->neigh, NULL);
	tunnels_set(agent->tunnels, agent->config, agent->node, NULL);
	link_hops_set(agent->link_hops, agent->config, agent->node, NULL, NULL);
}

/* A new file may have given the node another role. */
static void want_maps(struct agent *agent)
{
	bool access = agent_node(agent)->is_access;
	bool mpls = config_can_switch(&agent_node(agent)->mpls);

	if (agent->attached.wants_access == access && agent->attached.wants_mpls == mpls)
		return;
	leave_maps(agent);
	attached_close(&agent->attached);
	agent->attached.wants_access = access;
	agent->attached.wants_mpls = mpls;
}

static void use_maps(struct agent *agent)
{
	int err = 0;

	if (agent->attached.wants_access)
		err = neigh_use(agent->neigh, &agent->attached.view);
	if (err)
		log_line(LOG_ERR, "cannot follow routes and neighbours: %s", strerror(-err));
	agent_renew_receiver(agent);
	agent_renew_tunnels(agent);
}

static void take_change(struct agent *agent, enum attached_change change)
{
	if (change == ATTACHED_GONE)
		log_line(LOG_NOTICE, "the node was detached: waiting");
	if (change == ATTACHED_OPENED && agent->attached.wants_access)
		log_line(LOG_NOTICE, "writes the health map of %s", agent->name);
	if (change == ATTACHED_OPENED || change == ATTACHED_APPLIED)
		use_maps(agent);
}

static void on_glance(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct agent *agent = timer->data;
	enum attached_change change;

	want_maps(agent);
	if (!agent->attached.wants_access && !agent->attached.wants_mpls)
		return;
	change = agent->glances++ % LOOK_EVERY ? attached_glance(&agent->attached)
					       : attached_look(&agent->attached, leave_maps, agent);
	take_change(agent, change);
	if (agent->attached.is_open && agent->attached.wants_access)
		services_scan(agent->services, &agent->attached.view, tick_now(),
			      change != ATTACHED_SAME);
}

/* ---- systemd ---- */

static void print_status(const struct agent *agent, char *ret_text, size_t size)
{
	size_t up = 0, services = 0, silent = 0, nodes = 0, length = 0;

	if (agent_node(agent)->is_service)
		length =
			(size_t)snprintf(ret_text, size, "%zu checks", checks_count(agent->checks));
	tunnels_count(agent->tunnels, &up, &nodes);
	if (nodes)
		length +=
			(size_t)snprintf(ret_text + length, size - length,
					 "%s%zu of %zu tunnels up", length ? ", " : "", up, nodes);
	nodes = 0;
	if (!agent_node(agent)->is_access)
		return;
	if (length)
		length += (size_t)snprintf(ret_text + length, size - length, ", ");
	if (!agent->attached.is_open) {
		snprintf(ret_text + length, size - length, "waiting for xdplb-load attach (%s)",
			 agent->attached.why);
		return;
	}
	services_count(agent->services, &up, &services);
	if (agent->receiver)
		silent = receiver_silent(agent->receiver, &nodes);
	snprintf(ret_text + length, size - length,
		 "%zu of %zu services up, %zu of %zu nodes silent", up, services, silent, nodes);
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct agent *agent = timer->data;
	char status[sizeof(agent->status)] = "";

	log_tick();
	print_status(agent, status, sizeof(status));
	if (strcmp(status, agent->status)) {
		strcpy(agent->status, status);
		sd_notifyf(0, "STATUS=%s", status);
	}
}

int watch_start(struct agent *agent)
{
	int err = hook_new(agent->loop, agent->name, "on_service", which_hook, agent, &agent->hook);

	if (!err)
		err = hook_new(agent->loop, agent->name, "on_tunnel", which_tunnel_hook, agent,
			       &agent->tunnel_hook);
	if (!err)
		err = tunnels_new(agent->loop, on_tunnel, agent, &agent->tunnels);
	if (!err)
		err = services_new(on_service, agent, &agent->services);
	if (!err)
		err = neigh_new(agent->loop, &agent->neigh);
	if (!err)
		err = link_hops_new(agent->loop, agent->neigh, &agent->link_hops);
	if (err)
		return err;
	ev_init(&agent->glance, on_glance);
	agent->glance.data = agent;
	agent->glance.repeat = SERVICES_SECONDS;
	ev_timer_again(agent->loop, &agent->glance);
	ev_init(&agent->second, on_second);
	agent->second.data = agent;
	agent->second.repeat = 1;
	ev_timer_again(agent->loop, &agent->second);
	/* So that whoever waits for readiness finds the maps in use. */
	on_glance(agent->loop, &agent->glance, 0);
	on_second(agent->loop, &agent->second, 0);
	return 0;
}

void watch_stop(struct agent *agent)
{
	hook_free(agent->hook);
	agent->hook = NULL;
	hook_free(agent->tunnel_hook);
	agent->tunnel_hook = NULL;
	if (!agent->neigh)
		return;
	ev_timer_stop(agent->loop, &agent->glance);
	ev_timer_stop(agent->loop, &agent->second);
}
