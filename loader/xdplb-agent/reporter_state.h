/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reporter's inside: reporter.c talks, requests.c does what the access nodes ask for.
 */
#ifndef XDPLB_AGENT_REPORTER_STATE_H
#define XDPLB_AGENT_REPORTER_STATE_H

#include "reporter.h"

#define REQUESTS_MAX 256 /* parts of check requests under way; more are left to be asked again */

struct receiver_peer {
	char name[XDPLB_NAME_LEN];
	struct link_peer peer;
	bool is_heard;
	uint64_t heard_ms;
};

/* A part of a check request whose probes run. */
struct request {
	struct request *next;
	size_t receiver;
	uint64_t nonce, service;
	size_t count, done, told; /* targets; with a result; whose result was sent */
	uint64_t began_ms;
	struct {
		size_t index; /* in checks.h */
		struct share_entry entry;
		bool is_done, is_told;
	} targets[SHARE_TARGETS_MAX];
};

struct reporter {
	struct reporter_parts parts;
	char node[XDPLB_NAME_LEN];
	uint32_t interval_ms;
	struct share_send *send;
	ev_timer due;
	struct receiver_peer *receivers; /* the last one, of no peer, is this node's access role */
	size_t receiver_count; /* without that one */
	bool has_own; /* this node is an access node too */
	size_t target_count;
	uint64_t *identities; /* of each target: backend's hash, check */
	bool *stopped; /* receiver_count + 1 for each target: who has said stop */
	struct request *requests;
	size_t request_count;
	ev_timer answers; /* results that wait for company */
	uint64_t requests_taken;
	/* The request that the datagram at hand has brought. */
	bool has_pending;
	size_t pending_receiver;
	struct share_message pending;
};

/* A receiver has said something that was accepted. */
void requests_hear(struct reporter *reporter, size_t receiver);

/* A part of a check request. */
void requests_take(struct reporter *reporter, size_t receiver, const struct share_message *request);

/* A target's result is there. */
void requests_result(struct reporter *reporter, size_t index);

void requests_start(struct reporter *reporter);
void requests_free(struct reporter *reporter);

/* Whoever wants it says so; SIZE_MAX: a target that is none. */
void requests_wish(struct reporter *reporter, size_t receiver, size_t index, bool stop);

/* Calls share_send_tick() and sets the timer. */
void reporter_tick(struct reporter *reporter);

#endif
