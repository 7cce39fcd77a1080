// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's state, the config's digest and a grace period, beside the planning of tables.
 */
#include "node/node_beside.h"

#include <string.h>

#include "base/maps.h"

static void hash(void *arg)
{
	struct node_beside *beside = arg;

	beside->hash = config_hash(beside->config);
}

/* The digest is needed last of all, so it is begun last: each thread more takes from those that plan and fill tables. */
static void look(void *arg)
{
	struct node_beside *beside = arg;

	beside->err = host_look(beside->undo_fd, beside->is_access, &beside->there);
	aside_begin(&beside->hashing, hash, beside);
}

static void wait_for_readers(void *nothing)
{
	map_wait_for_readers();
}

void node_beside_begin(struct node_beside *beside, const struct config *config, int undo_fd,
		       bool is_access)
{
	*beside = (struct node_beside){
		.config = config,
		.undo_fd = undo_fd,
		.is_access = is_access,
	};
	if (is_access)
		aside_begin(&beside->waiting, wait_for_readers, NULL);
	aside_begin(&beside->looking, look, beside);
}

int node_beside_looked(struct node_beside *beside)
{
	aside_end(&beside->looking);
	return beside->err;
}

void node_beside_waited(struct node_beside *beside)
{
	aside_end(&beside->waiting);
}

uint64_t node_beside_hash(struct node_beside *beside)
{
	aside_end(&beside->looking);
	aside_end(&beside->hashing);
	return beside->hash;
}

void node_beside_drop(struct node_beside *beside)
{
	aside_drop(&beside->looking);
	aside_drop(&beside->hashing);
	aside_drop(&beside->waiting);
	host_there_free(&beside->there);
	memset(beside, 0, sizeof(*beside));
}
