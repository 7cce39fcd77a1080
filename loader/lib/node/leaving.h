/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backends that a file leaves out: drained on an access node before the file is applied. While they drain they get
 * no new connections, as by `xdplb-load drain`; established ones go on.
 */
#ifndef XDPLB_LEAVING_H
#define XDPLB_LEAVING_H

#include "config/config.h"
#include "base/error.h"

/* They have drained when none of them was sent a packet for so long. */
#define LEAVING_QUIET_MS 5000

struct leaving;

/**
 * leaving_begin() - Drain what runs and has no member in a config any more.
 * @ret_leaving: NULL if there is nothing to drain
 *
 * An operator's `up`, share or drain with an end is taken over; what an operator has out of use is left as it is. All
 * are waited for.
 *
 * Return: 0; -ENOENT the node is not attached as an access node; -errno; with words.
 */
int leaving_begin(const struct config *config, const char *node, struct leaving **ret_leaving,
		  struct error *error);

/* How many targets drain. */
size_t leaving_count(const struct leaving *leaving);

/**
 * leaving_wait() - Wait until they have drained, or for @limit_ms. Signals that end a command must be blocked:
 * they end the waiting.
 *
 * Return: 0; -ETIME the time was over first; -EINTR.
 */
int leaving_wait(struct leaving *leaving, uint64_t limit_ms);

/* @give_back: they did not leave after all, and are as they were. */
void leaving_end(struct leaving *leaving, bool give_back);

#endif
