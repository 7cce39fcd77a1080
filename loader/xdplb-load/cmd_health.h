/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of `xdplb-load health` that ask the agent. Both return an exit status.
 */
#ifndef XDPLB_CMD_HEALTH_H
#define XDPLB_CMD_HEALTH_H

#include "command.h"

int health_check(const struct command_line *line, const char *node);
int health_agent(const struct command_line *line, const char *node);

#endif
