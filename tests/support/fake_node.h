/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that answers mapping queries on loopback as node_tc does, and in all the ways in which it
 * must not be believed. How it answers a query stands in the query's vport.
 */
#ifndef XDPLB_TEST_FAKE_NODE_H
#define XDPLB_TEST_FAKE_NODE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "xdplb/types.h"

#define FAKE_NODE_TAG 61000 /* the port it listens on at every address, host order */

/* vport of a query (host order): what the node does. */
enum fake_behaviour {
	FAKE_YES,
	FAKE_LOSE_TWO, /* answers the third time it is asked, and then yes */
	FAKE_OTHER,
	FAKE_OTHER_THEN_YES, /* yes the third time */
	FAKE_YES_THEN_OTHER, /* both at once */
	FAKE_SILENT,
	FAKE_WRONG_MAC,
	FAKE_WRONG_NONCE,
	FAKE_WRONG_ADDRESS, /* from another address */
	FAKE_WRONG_PORT,
	FAKE_WRONG_TYPE, /* the question itself, sent back */
	FAKE_WRONG_VERSION,
	FAKE_LONGER,
	FAKE_SHORTER,
	FAKE_BEHAVIOURS,
};

struct fake_node {
	struct xdplb_key key;
	pthread_t thread;
	int sockets[2]; /* IPv4, IPv6 */
	int other_socket; /* IPv4, at another port */
	atomic_uint asked[FAKE_BEHAVIOURS]; /* how often */
	atomic_uint bad_questions; /* with a wrong mac: none should be */
	atomic_bool stop;
};

/* Starts the thread in the caller's network namespace; the test fails if it can't be. */
void fake_node_start(struct fake_node *node, const struct xdplb_key *key);
void fake_node_stop(struct fake_node *node);

#endif
