/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program of the user's when a service goes up or down: one at a time, in a PID namespace of its
 * own, so that with it end all its descendants, at the latest after the time limit. While one runs,
 * what happens meanwhile is kept, of each service the newest state alone.
 *
 * The program is run as root without capabilities beyond the agent's, input and output are /dev/null,
 * and it finds in its environment: XDPLB_SERVICE, XDPLB_VIP (address and port), XDPLB_PROTOCOL,
 * XDPLB_STATE (up, down), XDPLB_USABLE (backends), XDPLB_NODE, and PATH.
 */
#ifndef XDPLB_AGENT_HOOK_H
#define XDPLB_AGENT_HOOK_H

#include <ev.h>
#include <stdbool.h>

#include "config/config.h"
#include "tunnel/tunnel_guard.h"
#include "xdplb/infos.h"

struct hook;

/* What to run now; argv NULL: nothing. Asked when a program is started, so that it may change. */
typedef const struct config_hook *hook_which(void *context);

/* @title: for messages, the hook's key in the file. 0 or -ENOMEM. */
int hook_new(struct ev_loop *loop, const char *node, const char *title, hook_which *which,
	     void *context, struct hook **ret_hook);

/* A program that still runs is killed. */
void hook_free(struct hook *hook);

/* A service has gone up or down. What goes wrong is logged. */
void hook_tell(struct hook *hook, const struct xdplb_service_info *service, bool is_up,
	       unsigned int usable);

/* A tunnel has gone up or down, or to its other LSP: XDPLB_TUNNEL, XDPLB_STATE, XDPLB_LSP (primary,
 * backup), XDPLB_CAUSE, XDPLB_NODE and PATH. */
void hook_tell_tunnel(struct hook *hook, const char *tunnel, const struct tunnel_choice *choice);

#endif
