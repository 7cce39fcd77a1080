/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the datapath of a silent node still answers: mapping queries (query.h), which node_tc
 * answers without any daemon. They tell a dead node from one whose agent alone has ended. Asked
 * beside the loop, in a thread, since query.h waits.
 */
#ifndef XDPLB_AGENT_PATH_H
#define XDPLB_AGENT_PATH_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "node/query.h"

/* How long a round of questions is repeated: 7 questions for each mapping that is silent. At 30 % loss each
 * way all of them fail with 0.51^7 = 0.9 %. */
#define PATH_WAIT_MS 800

struct path_question {
	uint32_t index; /* of the target, in the map `health` */
	struct mapping_query query;
};

/* What is to be asked, by the key of the cluster. */
struct path_round {
	struct path_question *questions; /* allocated; freed after the callback, or on failure */
	size_t count;
	const struct xdplb_key *key; /* copied */
};

struct path;

/* A round is over. Not called when it could not be asked, or was given up. */
typedef void path_callback(void *context, const struct path_question *questions, size_t count);

/* Return: 0 or -ENOMEM. */
int path_new(struct ev_loop *loop, struct path **ret_path);

/* At the end of the process only: ends a round that is under way, whatever it has open. */
void path_free(struct path *path);

/* Is a round under way? */
bool path_is_busy(const struct path *path);

/* Begins a round; none may be under way. Return: 0; -ENOMEM; -EAGAIN no thread. */
int path_ask(struct path *path, const struct path_round *round, path_callback *callback,
	     void *context);

/* The round that is under way is of no interest any more. */
void path_give_up(struct path *path);

#endif
