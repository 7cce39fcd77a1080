/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent of one node: puts the roles together that the file gives to the node, and takes them
 * over to a new file.
 */
#ifndef XDPLB_AGENT_H
#define XDPLB_AGENT_H

#include <ev.h>

struct agent;

/**
 * agent_new() - Read the file and begin. What is wrong is logged.
 * @file: must live as long as the agent
 * @node: its name
 *
 * Return: 0 or -errno.
 */
int agent_new(struct ev_loop *loop, const char *file, const char *node, struct agent **ret_agent);
void agent_free(struct agent *agent);

/* Reads the file and the key file anew. When something is wrong with them it is logged, and
 * everything goes on as before. */
void agent_reload(struct agent *agent);

#endif
