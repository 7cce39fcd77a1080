/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tunnels that end at a node, from its maps, as JSON.
 */
#ifndef XDPLB_TUNNEL_STATUS_H
#define XDPLB_TUNNEL_STATUS_H

#include <jansson.h>

#include "base/error.h"
#include "base/paths.h"

/**
 * tunnel_status() - List tunnels.
 * @ret_json: an array, one object a tunnel: name, to, state, cause, lsp, since_seconds, switches,
 *            labels, counters by name; json_decref()
 *
 * Return: 0; -ENOENT the node does not switch labels; -errno; with words.
 */
int tunnel_status(const struct paths *paths, json_t **ret_json, struct error *error);

/* Words for enum xdplb_tunnel_cause. */
const char *tunnel_cause_name(unsigned int cause);

#endif
