/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The digest of a config, worked out on another CPU while the config is applied: of a file with 100,000
 * backends it is a third of the work, and nothing needs it before the end.
 */
#ifndef XDPLB_NODE_DIGEST_H
#define XDPLB_NODE_DIGEST_H

#include "base/aside.h"
#include "config/config.h"

struct node_digest {
	const struct config *config;
	struct aside aside;
	uint64_t hash;
};

/**
 * node_digest_begin() - Start working it out.
 * @config: stays as it is until node_digest_end() or node_digest_drop()
 *
 * Without a thread to be had it is worked out by node_digest_end().
 */
void node_digest_begin(struct node_digest *digest, const struct config *config);

/* Waits for it and returns config_hash() of the config. */
uint64_t node_digest_end(struct node_digest *digest);

/* Waits, if it is still being worked out; of a zeroed or ended one nothing is left. */
void node_digest_drop(struct node_digest *digest);

#endif
