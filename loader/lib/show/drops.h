/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dropped packets by reason, as JSON: how many, and how many a second just now.
 */
#ifndef XDPLB_DROPS_H
#define XDPLB_DROPS_H

#include <jansson.h>

#include "base/error.h"

/**
 * drops_collect() - Read a node's counters of drops, twice.
 * @node:        its name
 * @interval_ms: between the two readings; 0: read once, and tell no rates
 * @ret_json:    on success: {"node", "seconds" (measured), "drops": [{"reason", "help", "packets",
 *               "per_second"}]}, all reasons in the order of their numbers; the caller's to decref
 *
 * Return: 0; -EINTR a signal ended the waiting; -errno with words in @error.
 */
int drops_collect(const char *node, unsigned int interval_ms, json_t **ret_json,
		  struct error *error);

#endif
