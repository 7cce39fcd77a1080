/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket, /run/xdplb/NODE.sock, for root alone: a client sends one line of JSON and gets
 * one back. Knows nothing of what is asked.
 */
#ifndef XDPLB_AGENT_CONTROL_H
#define XDPLB_AGENT_CONTROL_H

#include <ev.h>
#include <jansson.h>

#include "base/error.h"

#define CONTROL_CLIENTS 16 /* at most; others wait in the socket's queue */

struct control;
struct control_client;

/* A request has come. control_reply() is to be called once, now or later. */
typedef void control_callback(void *context, struct control_client *client, const json_t *request);

/**
 * control_open() - Listen.
 * Return: 0; -EADDRINUSE another agent does so for this node; -errno; with words.
 */
int control_open(struct ev_loop *loop, const char *node, control_callback *callback, void *context,
		 struct control **ret_control, struct error *error);

/* Closes the clients too, without a reply, and removes the socket. */
void control_close(struct control *control);

/* Sends @reply, whose reference it takes, and ends with this client. */
void control_reply(struct control_client *client, json_t *reply);

/* Who replies later is told by @gone when the client does not wait any longer. */
void control_on_gone(struct control_client *client, void (*gone)(void *context), void *context);

#endif
