// SPDX-License-Identifier: BSD-2-Clause
/*
 * A config's digest, worked out beside.
 */
#include "node/node_digest.h"

static void work_out(void *arg)
{
	struct node_digest *digest = arg;

	digest->hash = config_hash(digest->config);
}

void node_digest_begin(struct node_digest *digest, const struct config *config)
{
	*digest = (struct node_digest){ .config = config };
	aside_begin(&digest->aside, work_out, digest);
}

uint64_t node_digest_end(struct node_digest *digest)
{
	aside_end(&digest->aside);
	return digest->hash;
}

void node_digest_drop(struct node_digest *digest)
{
	aside_drop(&digest->aside);
}
