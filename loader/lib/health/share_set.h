/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a receiver knows of one incarnation of a reporter: its entries with the number of the datagram
 * that changed each last, their digest, and the window of the sequence numbers that have come.
 */
#ifndef XDPLB_LIB_SHARE_SET_H
#define XDPLB_LIB_SHARE_SET_H

#include <stdbool.h>

#include "health/share_receive.h"

#define SHARE_NO_SLOT UINT32_MAX

struct share_known {
	struct share_entry entry; /* its time is not kept up */
	uint64_t since_ms; /* when the state began, by the receiver's clock */
	uint64_t sequence; /* of the datagram that was here last */
	uint64_t digest;
	uint32_t slot; /* or SHARE_NO_SLOT: of no use here, kept for the digest */
	bool taken;
};

struct share_set {
	struct share_known *known; /* open addressing, at most half full */
	uint32_t capacity; /* a power of two */
	uint32_t total; /* entries of the reporter, the same for a whole incarnation */
	uint32_t count; /* known */
	uint64_t digest;
	uint64_t floor; /* sequence number: older ones are not taken */
	uint64_t newest; /* sequence number */
	uint64_t window[SHARE_WINDOW / 64]; /* bit n % SHARE_WINDOW: n has come; n <= newest */
};

/**
 * share_set_begin() - Begin with an incarnation; @set may hold another one.
 * @floor: the first sequence number of the answer that made it the one to follow. Older datagrams of
 *         this incarnation may have been taken by a receiver that ran here before, in part: a
 *         recording of them could put back what that one wrote since
 *
 * Return: 0, or -ENOMEM and @set is as it was.
 */
int share_set_begin(struct share_set *set, uint32_t total, uint64_t floor);
void share_set_end(struct share_set *set);

/* Mark a sequence number as come. Return: SHARE_ACCEPTED, SHARE_REFUSED_DUPLICATE or _OLD. */
enum share_refusal share_set_mark(struct share_set *set, uint64_t sequence);

/**
 * share_set_find() - The place of an entry.
 * Return: the entry, or a free place (taken is false); NULL: unknown, and all of `total` are known.
 */
struct share_known *share_set_find(struct share_set *set, uint64_t backend, uint64_t check);

/* Put an entry at the place found for it. */
void share_set_put(struct share_set *set, struct share_known *known,
		   const struct share_entry *entry);

static inline bool share_set_is_complete(const struct share_set *set, uint64_t digest)
{
	return set->count == set->total && set->digest == digest;
}

#endif
