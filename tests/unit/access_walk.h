/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking at an access node as packets do, and comparing it with a config. Texts returned are valid
 * until the next call.
 */
#ifndef XDPLB_TEST_ACCESS_WALK_H
#define XDPLB_TEST_ACCESS_WALK_H

#include "plan_world.h"

/**
 * access_fault() - Walks every lookup of a config: VIP, service, bucket, member, backend, and what
 * people read; checksum deltas are compared with checksums computed in full. Also: nothing is there
 * beside it, what is free is zero.
 * Return: NULL if all is right, else what is wrong.
 */
const char *access_fault(const struct access_view *view, const struct config *config);

/**
 * access_disturbed() - What a commit must leave alone: the place and every byte of members, and health
 * words, of what is in both states; every bucket and VIP slot that was live before.
 * Return: NULL if nothing was disturbed.
 */
const char *access_disturbed(const struct access_view *before, const struct access_view *after);

/* Index of a service by name; -1: not there. Of a member by service's and backend's names. */
int access_index(const struct access_view *view, const char *service);
int access_member_index(const struct access_view *view, const char *service, const char *backend);
int access_backend_index(const struct access_view *view, const char *backend);

/* Plan and commit, without a network to ask. */
struct applied {
	int err; /* of the plan; the node is untouched if not 0 */
	size_t changes;
	struct error error;
};

/* Members stay unconfirmed: asking fails at once for want of a socket. */
struct applied access_apply(const struct config *config, struct access_view *view);

/* As above, with a config's text, and a failed expectation if it does not go well. */
void access_apply_text(const char *row, const char *text, struct access_view *view);

/* Gives members and backends what the datapath and health writers would: flags, next hops, states. */
void access_live_on(struct access_view *view, uint64_t *random);

#endif
