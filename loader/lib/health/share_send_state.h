/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reporter's inside: share_send_new.c makes it, share_send.c lets it act.
 */
#ifndef XDPLB_LIB_SHARE_SEND_STATE_H
#define XDPLB_LIB_SHARE_SEND_STATE_H

#include "health/share_send.h"

#define SEND_NEVER UINT64_MAX

struct send_item {
	struct share_entry entry; /* time is filled in when it is sent */
	uint64_t since; /* milliseconds, as all times here; before 0 counts as 0 */
	unsigned int left; /* times that it is still to be sent: the echoes come last */
};

struct send_receiver {
	char name[XDPLB_NAME_LEN];
	uint64_t paid_until; /* each answer adds SHARE_ANSWER_MS */
};

/* A part of a check request that was taken. */
struct send_taken {
	uint64_t nonce, sequence;
	uint16_t part;
};

struct share_send {
	char node[XDPLB_NAME_LEN];
	const struct share_keys *keys;
	uint64_t interval;
	struct share_send_sink sink;
	struct send_receiver *receivers;
	size_t receiver_count;
	struct send_item *items;
	size_t count;
	uint64_t digest;
	uint64_t incarnation, sequence;
	uint64_t next_heartbeat, next_flush, last_flush;
	struct send_taken taken[SHARE_REQUESTS]; /* a ring; nonce 0 and sequence 0: free */
	size_t taken_next;
	uint64_t request_floor; /* requests that name an older number are stale */
	struct share_counters counters;
};

/* What may change in an entry. */
void send_fill_entry(struct share_entry *entry, const struct share_item *item);

#endif
