// SPDX-License-Identifier: BSD-2-Clause
/*
 * The thread that works out a config's digest.
 */
#include "node/node_digest.h"

#include <signal.h>

static void *work_out(void *arg)
{
	struct node_digest *digest = arg;

	digest->hash = config_hash(digest->config);
	return NULL;
}

void node_digest_begin(struct node_digest *digest, const struct config *config)
{
	sigset_t all, before;

	*digest = (struct node_digest){ .config = config };
	/* Signals are for the thread that waits for service nodes: they end the waiting. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	digest->is_running = !pthread_create(&digest->thread, NULL, work_out, digest);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

uint64_t node_digest_end(struct node_digest *digest)
{
	if (digest->is_running)
		node_digest_drop(digest);
	else
		work_out(digest);
	return digest->hash;
}

void node_digest_drop(struct node_digest *digest)
{
	if (digest->is_running)
		pthread_join(digest->thread, NULL);
	digest->is_running = false;
}
