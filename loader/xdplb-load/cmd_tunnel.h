/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the cmd_tunnel*.c files.
 */
#ifndef XDPLB_CMD_TUNNEL_H
#define XDPLB_CMD_TUNNEL_H

#include "command.h"
#include "tunnel/tunnel_walk.h"

/* tunnel list, tunnel show NAME: what runs on this node, from its maps. @name: NULL: all of them. */
int tunnel_show(const struct command_line *line, const char *node, const char *name);

/* Says why a node's label tables can't be opened. Return: the exit status. */
int no_label_tables(const char *node, int err, const struct error *error);

/* tunnel path FILE [NAME], tunnel verify FILE [NAME]. */
int tunnel_path(const struct command_line *line, const struct config *config, const char *name);
int tunnel_verify_command(const struct command_line *line, const struct config *config,
			  const char *node, const char *name);

#endif
