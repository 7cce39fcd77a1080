// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load check.
 */
#include <stdio.h>

#include "command.h"

int cmd_check(const struct command_line *line)
{
	struct config config;
	int status = read_config(line, &config);

	if (status)
		return status;
	if (line->node && config_find_node(&config, line->node) < 0)
		status = complain("%s: has no node %s", line->file, line->node);
	else
		printf("%s: ok: %zu nodes, %zu backends, %zu services, %zu checks, %zu tunnels\n",
		       line->file, config.node_count, config.backend_count, config.service_count,
		       config.check_count, config.tunnel_count);
	config_free(&config);
	return status;
}
