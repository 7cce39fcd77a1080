/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reporter and a receiver of health with a bad link between them, in virtual milliseconds, and an
 * attacker who has a recording of all that was ever sent.
 *
 * Each backend has a version, which travels as its weight; an odd one is up, an even one down. The
 * world itself asserts that what the receiver says of a backend never goes back to an older version,
 * whatever is restarted, lost or played again.
 */
#ifndef TEST_SHARE_WORLD_H
#define TEST_SHARE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "health/share_receive.h"
#include "health/share_send.h"

#define WORLD_BACKENDS 1000
#define WORLD_QUEUE    4096

struct world_packet {
	uint64_t due;
	size_t length;
	bool to_receiver;
	uint8_t bytes[SHARE_DATAGRAM_MAX];
};

struct world_backend {
	char name[24];
	uint16_t version; /* the truth */
	uint64_t since; /* when it became so */
	uint16_t
		seen; /* the highest version at the receiver; outlives the receiver, as the map does */
	uint32_t epoch; /* in the map */
	bool is_known; /* the last word was a state, not SILENT or UNREPORTED */
	unsigned int states, silents, unreporteds, renewals;
};

struct world {
	struct share_keys keys;
	struct share_send *send; /* NULL: dead */
	struct share_receive *receive;
	uint64_t now, send_due, receive_due;
	uint64_t random;
	unsigned int loss, duplicates; /* percent */
	uint64_t delay; /* at most, milliseconds */
	bool (*drop)(struct world *world, const struct world_packet *packet); /* or NULL */
	size_t count; /* of backends */
	struct world_backend backends[WORLD_BACKENDS];
	struct world_packet *queue;
	size_t queued;
	struct world_packet *record; /* a ring, if there is an attacker */
	size_t recorded;
	size_t sent, sent_bytes; /* by the reporter */
	uint64_t worst; /* milliseconds from a change to its arrival */
	size_t changes, late; /* arrived; of these later than 100 ms */
};

struct world *world_new(size_t backends, uint64_t seed);
void world_free(struct world *world);

void world_start_reporter(struct world *world);
void world_stop_reporter(struct world *world);
void world_restart_receiver(struct world *world);

/* The next version of a backend, sent at once. */
void world_change(struct world *world, size_t backend);

/* Let that many milliseconds pass. */
void world_run(struct world *world, uint64_t milliseconds);

/* Whether all that the receiver has said is the truth of now. */
bool world_agrees(const struct world *world);

/* From 0 to @limit - 1. */
uint32_t world_random(struct world *world, uint32_t limit);

/* Keep a recording of the last WORLD_QUEUE datagrams of the reporter; play one of them again. */
void world_record(struct world *world);
void world_replay(struct world *world);

/* Two keys (ids 1 and 2); the first one sends. */
void world_keys(const char *cluster, struct share_keys *ret_keys);

#endif
