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
 * people read; checksum deltas are compared with checksums computed in full. Also: nothing is in use
 * beside it.
 * Return: NULL if all is right, else what is wrong.
 */
const char *access_fault(const struct access_view *view, const struct config *config);

/* The same, but that what is free may be as it was when it was in use. */
const char *access_fault_unswept(const struct access_view *view, const struct config *config);

/* What is free and not zero, NULL if all is clean. After a kill such litter does no harm. */
const char *access_litter(const struct access_view *view);

/* Does a slot of `vips` say of its service's buckets what it is to? */
bool access_ref_right(const struct access_view *view, const struct xdplb_endpoint *slot);

/* Do a member's checksum deltas turn a service's VIP and port into its own address and tag? */
bool access_deltas_right(const struct config_service *service, const struct xdplb_member *member);

/**
 * access_disturbed() - What a commit must leave alone: the place and every byte of members, and health
 * words, of what is in both states; every bucket and VIP slot that was live before.
 * Return: NULL if nothing was disturbed.
 */
const char *access_disturbed(const struct access_view *before, const struct access_view *after);

/* Of that the part which holds after a kill, too: what is wrong with tables that slots of `vips` refer to. */
const char *access_written_under_slots(const struct access_view *before,
				       const struct access_view *after);

/* Index of a service by name; -1: not there. Of a member by service's and backend's names. */
int access_index(const struct access_view *view, const char *service);
int access_member_index(const struct access_view *view, const char *service, const char *backend);
int access_backend_index(const struct access_view *view, const char *backend);

/* Plan and commit, without a network to ask. */
struct applied {
	int err; /* of the plan or the preparation */
	size_t changes;
	struct error error;
};

/* access_prepare() on node a, which asks nobody: without descriptors no socket can be had, and that is
 * no failure. New members stay unconfirmed, and it takes no time. */
int access_prepare_alone(const struct config *config, const struct access_plan *plan,
			 struct access_view *view);
struct applied access_apply(const struct config *config, struct access_view *view);

/* The same as a node does it: what has gone is cleared by the next one. */
struct applied access_apply_unswept(const struct config *config, struct access_view *view);

/* As above, with a config's text, and a failed expectation if it does not go well. */
void access_apply_text(const char *row, const char *text, struct access_view *view);

/* Gives members and backends what the datapath and health writers would: flags, next hops, states. */
void access_live_on(struct access_view *view, uint64_t *random);

#endif
