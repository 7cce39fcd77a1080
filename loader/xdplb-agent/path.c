// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rounds of mapping queries in a thread.
 */
#include "path.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "log.h"

struct path {
	struct ev_loop *loop;
	ev_async finished;
	path_callback *callback;
	void *context;
	pthread_t thread;
	bool is_busy, is_given_up;
	/* The thread's, from its start to its end. */
	struct path_question *questions;
	struct mapping_query *queries;
	size_t count;
	struct xdplb_key key;
	int err;
	struct error error;
};

static void free_round(struct path *path)
{
	free(path->questions);
	free(path->queries);
	path->questions = NULL;
	path->queries = NULL;
}

static void *ask(void *data)
{
	struct path *path = data;

	path->err =
		query_mappings(path->queries, path->count, &path->key, PATH_WAIT_MS, &path->error);
	ev_async_send(path->loop, &path->finished);
	return NULL;
}

static void on_finished(struct ev_loop *loop, ev_async *async, int events)
{
	struct path *path = async->data;

	if (!path->is_busy)
		return;
	pthread_join(path->thread, NULL);
	path->is_busy = false;
	for (size_t i = 0; i < path->count; i++)
		path->questions[i].query = path->queries[i];
	if (path->err && path->err != -EINTR)
		log_event(LOG_ERR, "cannot ask silent nodes' datapath: %s", path->error.text);
	else if (!path->err && !path->is_given_up)
		path->callback(path->context, path->questions, path->count);
	free_round(path);
}

int path_new(struct ev_loop *loop, struct path **ret_path)
{
	struct path *path = calloc(1, sizeof(*path));

	if (!path)
		return -ENOMEM;
	path->loop = loop;
	path->finished.data = path;
	ev_async_init(&path->finished, on_finished);
	ev_async_start(loop, &path->finished);
	*ret_path = path;
	return 0;
}

void path_free(struct path *path)
{
	if (!path)
		return;
	/* Only at the end of the process: what the thread has open goes with that. */
	if (path->is_busy && !pthread_cancel(path->thread))
		pthread_join(path->thread, NULL);
	ev_async_stop(path->loop, &path->finished);
	free_round(path);
	free(path);
}

bool path_is_busy(const struct path *path)
{
	return path->is_busy;
}

int path_ask(struct path *path, const struct path_round *round, path_callback *callback,
	     void *context)
{
	int err = -ENOMEM;

	path->queries = calloc(round->count, sizeof(*path->queries));
	path->questions = round->questions;
	path->count = round->count;
	path->key = *round->key;
	path->callback = callback;
	path->context = context;
	path->is_given_up = false;
	if (path->queries) {
		for (size_t i = 0; i < path->count; i++)
			path->queries[i] = path->questions[i].query;
		err = -pthread_create(&path->thread, NULL, ask, path);
	}
	if (err)
		free_round(path);
	else
		path->is_busy = true;
	return err;
}

void path_give_up(struct path *path)
{
	path->is_given_up = true;
}
