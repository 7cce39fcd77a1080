/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Health sharing on a service node, the reporter: what to tell the access nodes (receivers), and
 * when. Pure, as share_receive.h, which tells why a receiver believes it.
 *
 * A change goes out at once, and again 20, 50, 100 and 200 ms later; then with each of the next 4
 * heartbeats. At 30 % loss 97.3 % of the changes are there within 50 ms and 99.8 % within 200 ms; all
 * 9 lost: 2e-5; the digest shows it then and the receiver asks. Flushes are 20 ms apart at least,
 * however many changes come: one carries all entries that are due, so that 100 flaps a second cost
 * at most 50 datagrams a second (a part for each 42 entries that flap).
 *
 * A heartbeat is one datagram: digest and count of the set, and up to 42 entries that changed lately.
 * Bytes a second to one receiver, with IPv4 and UDP headers (28), a node's name of 8 bytes and an
 * interval of 500 ms, for 1,000 backends:
 *   on one node:       2 x (28 + 128)                                       =     312
 *   on 25 nodes of 40: 25 x 312                                             =   7,800
 *   on 1,000 nodes:    1,000 x 312                                          = 312,000
 * All states in each heartbeat would be 2 x (24 parts x 156 + 1,000 x 24)   =  55,488 from the one
 * node and 360,000 from 1,000 nodes. So states go when they change or are asked for: the receiver
 * sees by the digest what it lacks; nothing need be known here about who has what.
 */
#ifndef XDPLB_LIB_SHARE_SEND_H
#define XDPLB_LIB_SHARE_SEND_H

#include <stdbool.h>

#include "health/share_wire.h"

#define SHARE_ALL          SIZE_MAX
#define SHARE_FLUSH_MS     20 /* least time between two flushes */
#define SHARE_BURST        5 /* times that a change is sent by itself */
#define SHARE_ECHOES       4 /* heartbeats that carry it after that */
#define SHARE_ANSWER_MS    50 /* a receiver is answered once in this time in the long run ... */
#define SHARE_ANSWER_BURST 4 /* ... and so many times in a row */
#define SHARE_REQUESTS     256 /* check requests remembered; see share_send_sink.request */

/* An entry of this node, as it is when the set begins. */
struct share_item {
	const char *backend; /* its name */
	uint64_t check; /* identity of the check */
	uint8_t state, cause;
	uint16_t weight;
	uint32_t age_ms; /* of the state */
};

/* Called from the functions below; must not call back into them, share_send_answer() apart. */
struct share_send_sink {
	void *context;
	/* To one receiver, or SHARE_ALL: the same bytes to each. */
	void (*send)(void *context, size_t receiver, const uint8_t *bytes, size_t length);
	/*
	 * A part of a check request, fresh and seen for the first time: made for this incarnation,
	 * with a number that this node has sent and that is not older than what has been forgotten
	 * of earlier requests. So a recorded one can't stop a check, not even after a restart. More
	 * than SHARE_REQUESTS between two datagrams sent are refused as stale.
	 */
	void (*request)(void *context, size_t receiver, const struct share_message *request);
};

struct share_send_settings {
	const char *node; /* own name */
	const struct share_keys *keys; /* kept, not copied: new keys may be written there */
	uint32_t interval_ms; /* 0: SHARE_INTERVAL_MS */
	const char *const *receivers; /* names of the access nodes */
	size_t receiver_count;
	struct share_send_sink sink;
};

struct share_send;

/**
 * share_send_new() - A reporter without entries; share_send_set() gives it some.
 * Return: 0; -EINVAL a name is none; -ENOMEM; the words in @error.
 */
int share_send_new(const struct share_send_settings *settings, struct share_send **ret_send,
		   struct error *error);
void share_send_free(struct share_send *send);

/**
 * share_send_set() - Begin a new incarnation with these entries: at the start, and when the cluster
 * file has changed them. A heartbeat says so at once; the receivers then challenge.
 * @now_ms: here and below a steady clock, milliseconds, never back
 *
 * Return: 0; -EEXIST two items that datagrams can't tell apart; -E2BIG more than SHARE_SET_MAX;
 * -ENOMEM; with the words in @error and everything as it was.
 */
int share_send_set(struct share_send *send, const struct share_item *items, size_t count,
		   uint64_t now_ms, struct error *error);

/* The state of item @index has changed; call share_send_tick() next. Nothing new is no change. */
void share_send_change(struct share_send *send, size_t index, const struct share_item *item,
		       uint64_t now_ms);

/* Take a datagram: challenges are answered, check requests handed on. What is refused is counted. */
enum share_refusal share_send_datagram(struct share_send *send, const uint8_t *bytes, size_t length,
				       uint64_t now_ms);

/**
 * share_send_tick() - Send what is due. Call it at the start, after changes, and at the time that it
 * returned.
 * Return: when it is to be called next.
 */
uint64_t share_send_tick(struct share_send *send, uint64_t now_ms);

/* The results of a check request; in an entry `time` is what the probe took, in microseconds. */
struct share_results {
	enum share_action action;
	uint64_t nonce; /* of the request */
	uint64_t service;
	const struct share_entry *entries;
	size_t count;
};

/**
 * share_send_answer() - Answer a check request, in parts if need be. Each goes once: who misses one
 * asks again with another nonce.
 * Return: 0; -EINVAL the results are none.
 */
int share_send_answer(struct share_send *send, size_t receiver,
		      const struct share_results *results);

/* Of this node now: 0 before the first share_send_set(). */
uint64_t share_send_incarnation(const struct share_send *send);
const struct share_counters *share_send_counters(const struct share_send *send);

#endif
