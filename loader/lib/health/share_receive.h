/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Health sharing on an access node: decides which datagram may change which entry, what to ask, and
 * when a reporter (a service node) is silent. Pure: datagrams and the time go in; changes and
 * datagrams come out through callbacks. Knows no socket, clock, map or file.
 *
 * What is newer, without clocks and without anything kept on a disk
 *   A reporter draws a random incarnation at each start and when its set of entries changes.
 *   Incarnations have no order. A receiver follows one of each reporter: the last that has answered
 *   a challenge, a fresh random nonce. Datagrams of any other change nothing, but make it challenge.
 *   Why an older one can't win: a nonce is drawn after the incarnation that is followed, Y, was
 *   accepted, and closed by the first answer. Who answers it, X, lived after it was drawn. Had X
 *   ended before Y began, it could not. That needs no memory of the receiver: after its restart it
 *   follows nobody until somebody has answered, and takes nothing that was sent before that answer,
 *   so recorded datagrams of any age change nothing.
 *   Within an incarnation sequence numbers order the datagrams: a window of 1,024 refuses what came
 *   before, and an entry is changed only by a higher number than the one that changed it last.
 *   The epoch of an entry in the health map counts the incarnations that were followed: the highest
 *   one found in the map at the start (share_slot.epoch), one more with each.
 *
 * Is it complete? Each datagram of a reporter has the count and the digest of its full set as it
 * then was. When the newest one differs from what is known here for 100 ms, it is challenged, and
 * the answer has the full set (no entries if nothing lacks).
 *
 * Silence, with the defaults: heartbeats each 500 ms, silent after 8 of them missed = 4 s; after 3
 * missed the reporter is challenged each 100 ms. Any accepted datagram ends it.
 *   30 % loss each way, independent; 10 minutes = 1,200 heartbeats. A false silence needs a run of
 *   8 lost:                           0.3^8                = 6.6e-5
 *   and, from 1.5 s to 4 s, all of 24 challenges or their (at least one) answers lost, each with
 *   1 - 0.7 x 0.7 = 0.51:             0.51^24              = 9.6e-8
 *   A run begins after a heartbeat that came: 1,200 x 0.7 = 840 places.
 *                                     840 x 6.6e-5 x 9.6e-8 = 5.3e-9 for a pair of nodes,
 *   5.3e-5 for 1,000 reporters x 10 receivers. Without asking, 8 misses give 5.5e-2 a pair, and for
 *   5e-9 it takes 22 (11 s): 840 x 0.3^22 = 2.6e-9. Asking buys 7 s for 10 small datagrams a second
 *   to nodes that are in doubt. A silent node is asked once a second.
 */
#ifndef XDPLB_LIB_SHARE_RECEIVE_H
#define XDPLB_LIB_SHARE_RECEIVE_H

#include <stdbool.h>

#include "health/share_wire.h"

#define SHARE_INTERVAL_MS 500 /* default of the heartbeats */
#define SHARE_MISSED      8 /* default: heartbeats after which a reporter is silent */
#define SHARE_SUSPECT     3 /* heartbeats after which it is asked */
#define SHARE_ASK_MS      100 /* between two challenges */
#define SHARE_ASK_SLOW_MS 1000 /* ... of a silent reporter */
#define SHARE_SETTLE_MS   50 /* datagrams that overtook each other get so long before it is asked */
#define SHARE_NONCE_MS    2000 /* how long an unanswered nonce is asked again */
#define SHARE_WINDOW      1024 /* sequence numbers; a multiple of 64 */
#define SHARE_LEASE_MS    10000 /* default; renewed each quarter */

enum share_change_kind {
	SHARE_CHANGE_STATE, /* write state, cause and weight; a new lease */
	SHARE_CHANGE_RENEW, /* nothing has changed: a new lease alone */
	SHARE_CHANGE_SILENT, /* unknown: the reporter is silent */
	SHARE_CHANGE_UNREPORTED, /* unknown: the reporter is there and does not report this entry */
};

/* For the health map. SILENT and UNREPORTED give the last state that was reported, or unknown: the
 * writer picks between `unknown` and an expired lease on the last verdict. Entries held by an
 * operator are the writer's to leave alone. */
struct share_change {
	enum share_change_kind kind;
	uint32_t index; /* as in share_slot */
	uint32_t epoch;
	uint8_t state; /* enum xdplb_health_state */
	uint8_t cause;
	uint16_t weight;
	uint32_t age_ms; /* since the state began */
};

/* An entry of the health map that a reporter may change. */
struct share_slot {
	size_t reporter; /* index into share_receive_settings.reporters */
	const char *backend; /* its name */
	uint64_t check; /* identity of the check */
	uint32_t index; /* of the caller: in the health map */
	uint32_t epoch; /* found in the map */
};

/* Called from share_receive_datagram(), _tick() and _request(); must not call back into them. */
struct share_receive_sink {
	void *context;
	void (*change)(void *context, const struct share_change *change);
	void (*send)(void *context, size_t reporter, const uint8_t *bytes, size_t length);
	/* A check answer; whose nonce it is the caller knows. A part of it may come alone. */
	void (*answer)(void *context, size_t reporter, const struct share_message *answer);
};

struct share_receive_settings {
	const char *node; /* own name */
	const struct share_keys *keys; /* kept, not copied: new keys may be written there */
	uint32_t interval_ms; /* 0: the default, here and below */
	uint32_t missed;
	uint32_t lease_ms;
	const char *const *reporters; /* names of the service nodes */
	size_t reporter_count;
	const struct share_slot *slots;
	size_t slot_count;
	struct share_receive_sink sink;
};

/* For status and metrics. */
struct share_reporter_view {
	uint64_t incarnation; /* 0: none has answered yet */
	uint64_t incarnations; /* followed so far: many a minute mean two agents with one name */
	uint64_t heard_ms; /* the time of the last accepted datagram, or of the start */
	uint32_t known, total; /* entries */
	bool silent;
	bool complete; /* all of its set is known as it was at the last datagram */
};

struct share_receive;

/**
 * share_receive_new() - A receiver that follows nobody yet. Everything in @settings but the keys is
 * copied. When the cluster file changes: a new one, with the epochs of the map; that harms nothing.
 * @now_ms: here and below a steady clock, milliseconds, never back
 *
 * Return: 0; -EEXIST two slots of a reporter that datagrams could not tell apart, the words in
 * @error; -EINVAL a slot of no reporter; -ENOMEM.
 */
int share_receive_new(const struct share_receive_settings *settings, uint64_t now_ms,
		      struct share_receive **ret_receive, struct error *error);
void share_receive_free(struct share_receive *receive);

/* Take a datagram. What is refused is counted. */
enum share_refusal share_receive_datagram(struct share_receive *receive, const uint8_t *bytes,
					  size_t length, uint64_t now_ms);

/**
 * share_receive_tick() - Do what is due: challenges, silence. Call it at the start and then at the
 * time that it returned; earlier does no harm.
 * Return: when it is to be called next, at most SHARE_SETTLE_MS from now.
 */
uint64_t share_receive_tick(struct share_receive *receive, uint64_t now_ms);

/* A check request: what to ask of a reporter, by the service's identifier. */
struct share_request {
	enum share_action action;
	uint64_t nonce; /* random, of the caller: the answers have it; ask again with another one */
	uint64_t service;
	const struct share_target *targets;
	size_t count;
};

/**
 * share_receive_request() - Send a check request, in parts if need be.
 * Return: 0; -EAGAIN the reporter has not answered a challenge yet; -EINVAL the request is none.
 */
int share_receive_request(struct share_receive *receive, size_t reporter,
			  const struct share_request *request);

void share_receive_view(const struct share_receive *receive, size_t reporter,
			struct share_reporter_view *ret_view);
const struct share_counters *share_receive_counters(const struct share_receive *receive);

#endif
