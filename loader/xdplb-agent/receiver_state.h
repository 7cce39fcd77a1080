/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiver's inside: receiver_new.c makes it, receiver.c writes what it hears, silence.c sees to
 * nodes that say nothing.
 */
#ifndef XDPLB_AGENT_RECEIVER_STATE_H
#define XDPLB_AGENT_RECEIVER_STATE_H

#include "receiver.h"
#include "slow_start.h"
#include "verdicts.h"

#define NO_SLOT UINT32_MAX

struct reporter_node {
	char name[XDPLB_NAME_LEN];
	size_t node; /* index into config->nodes */
	struct link_peer peer;
	bool is_heard, is_silent; /* as was logged */
	bool is_lost; /* some of its targets are, by the last round of questions */
	unsigned int unanswered; /* in the round at hand */
	uint64_t next_start; /* ms: not before is a START sent to it by silence.c */
};

struct receiver {
	struct receiver_parts parts;
	uint32_t lease_ms;
	struct share_receive *receive; /* NULL: nothing is shared */
	ev_timer due; /* share_receive_tick() */
	ev_timer renew; /* leases of own targets */
	struct reporter_node *nodes;
	size_t node_count;
	struct receiver_slot *slots;
	size_t slot_count;
	uint32_t *slot_of; /* by index in the map; NO_SLOT: none */
	uint32_t own_epoch;
	ev_timer watch; /* silence.c */
	uint64_t next_round; /* ms: of path questions */
	struct slow_start *slow; /* NULL: no service has slow_start */
	ev_timer grow; /* slow_start_step() */
	bool *unwanted; /* slots whose check its reporter says is stopped */
};

void receiver_write(struct receiver *receiver, uint32_t index, const struct verdict *verdict);
/* Of share_receive_sink. */
void receiver_take_change(void *context, const struct share_change *change);
void receiver_send_bytes(void *context, size_t reporter, const uint8_t *bytes, size_t length);
void receiver_take_answer(void *context, size_t reporter, const struct share_message *answer);

/* VERDICT_STATE or VERDICT_RENEW for all own targets. */
void receiver_write_own(struct receiver *receiver, enum verdict_event event);
void receiver_tick(struct receiver *receiver);
void receiver_grow(struct receiver *receiver);

void silence_start(struct receiver *receiver);
void silence_stop(struct receiver *receiver);

#endif
