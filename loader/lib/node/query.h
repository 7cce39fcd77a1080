/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking service nodes whether they hold mappings (xdplb/query.h tells the message). Knows nothing of
 * the node's own maps.
 */
#ifndef XDPLB_LIB_QUERY_H
#define XDPLB_LIB_QUERY_H

#include <stddef.h>

#include "base/error.h"
#include "xdplb/types.h"

enum query_answer {
	QUERY_SILENT, /* no answer that could be believed */
	QUERY_CONFIRMED, /* the mapping is there */
	QUERY_MISMATCH, /* the tag stands for something else there */
};

struct mapping_query {
	struct xdplb_addr backend;
	struct xdplb_addr vip;
	__be16 tag;
	__be16 vport;
	__u8 proto; /* the service's: the question itself always goes by UDP */
	__u8 family; /* XDPLB_IPV4 or XDPLB_IPV6 */
	enum query_answer answer; /* result */
};

/**
 * query_mappings() - Ask (backend address, tag port) of every query whether the mapping is there.
 * @queries: the questions; each gets its answer, on failure all are silent
 * @count:   how many
 * @key:     the cluster's
 * @wait_ms: how long questions without a confirmation are repeated. However short: each is asked
 *           once and the last has 20 ms for its answer
 * @error:   the words on failure
 *
 * Ends early when all are confirmed. Destinations that can't be reached are silent, no failure.
 *
 * All signals are let through while it waits, also those that the caller has blocked.
 *
 * Return: 0; -EINTR a signal came; -ENOMEM; -errno no socket could be had.
 */
int query_mappings(struct mapping_query *queries, size_t count, const struct xdplb_key *key,
		   unsigned int wait_ms, struct error *error);

#endif
