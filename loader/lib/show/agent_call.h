/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking the agent of a node, which runs on this machine, through its control socket: an object of
 * JSON each way. What may be asked is told in loader/README.md.
 */
#ifndef XDPLB_LIB_AGENT_CALL_H
#define XDPLB_LIB_AGENT_CALL_H

#include <jansson.h>
#include <sys/un.h>

#include "base/error.h"

#define AGENT_RUN_DIR "/run/xdplb"

/* Where the agent of a node listens. -ENAMETOOLONG: it could not. */
int agent_socket_address(const char *node, struct sockaddr_un *ret_address);

/**
 * agent_call() - Ask, and wait for the answer.
 * @request: an object; the caller keeps its reference
 * @wait_ms: for the whole answer
 * @ret_reply: an object without a member "error": that would be a failure
 *
 * Return: 0; -ECONNREFUSED no agent runs; -ETIMEDOUT; -EREMOTEIO the agent can't do it; -errno; with
 * words.
 */
int agent_call(const char *node, const json_t *request, unsigned int wait_ms, json_t **ret_reply,
	       struct error *error);

#endif
