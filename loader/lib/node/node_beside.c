// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's state and the config's digest, beside the planning of tables.
 */
#include "node/node_beside.h"

#include <string.h>

static void look(void *arg)
{
	struct node_beside *beside = arg;

	beside->err = host_look(beside->undo_fd, beside->has_routes, &beside->there);
}

static void hash(void *arg)
{
	struct node_beside *beside = arg;

	beside->hash = config_hash(beside->config);
}

void node_beside_begin(struct node_beside *beside, const struct config *config, int undo_fd,
		       bool has_routes)
{
	*beside = (struct node_beside){
		.config = config,
		.undo_fd = undo_fd,
		.has_routes = has_routes,
	};
	aside_begin(&beside->looking, look, beside);
	aside_begin(&beside->hashing, hash, beside);
}

int node_beside_looked(struct node_beside *beside)
{
	aside_end(&beside->looking);
	return beside->err;
}

uint64_t node_beside_hash(struct node_beside *beside)
{
	aside_end(&beside->hashing);
	return beside->hash;
}

void node_beside_drop(struct node_beside *beside)
{
	aside_drop(&beside->looking);
	aside_drop(&beside->hashing);
	host_there_free(&beside->there);
	memset(beside, 0, sizeof(*beside));
}
