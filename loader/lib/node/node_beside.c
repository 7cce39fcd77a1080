// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's state and the config's digest, beside the planning of tables.
 */
#include "node/node_beside.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A quarter of the share that others have. */
#define DIGEST_NICE 6

static void work(void *arg)
{
	struct node_beside *beside = arg;

	beside->err = host_look(beside->undo_fd, beside->has_routes, &beside->there);
	sem_post(&beside->looked);
	/* New tables may be filled beside now, which is waited for earlier. Linux: of this thread alone. */
	if (gettid() != getpid())
		setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + DIGEST_NICE);
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
	sem_init(&beside->looked, 0, 0);
	aside_begin(&beside->aside, work, beside);
}

int node_beside_looked(struct node_beside *beside)
{
	if (!beside->aside.is_running)
		aside_end(&beside->aside);
	while (sem_wait(&beside->looked))
		; /* a signal */
	return beside->err;
}

uint64_t node_beside_hash(struct node_beside *beside)
{
	aside_end(&beside->aside);
	return beside->hash;
}

void node_beside_drop(struct node_beside *beside)
{
	if (!beside->config)
		return;
	aside_drop(&beside->aside);
	host_there_free(&beside->there);
	sem_destroy(&beside->looked);
	memset(beside, 0, sizeof(*beside));
}
