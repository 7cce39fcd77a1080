/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiver's inside: share_receive_new.c makes it, share_receive.c lets it act.
 */
#ifndef XDPLB_LIB_SHARE_RECEIVE_STATE_H
#define XDPLB_LIB_SHARE_RECEIVE_STATE_H

#include "health/share_receive.h"
#include "health/share_set.h"

#define NOT_KNOWN UINT32_MAX

struct receive_slot {
	uint64_t backend, check;
	uint32_t reporter;
	uint32_t index; /* of the caller */
	uint32_t known; /* its place in the set of the reporter, or NOT_KNOWN */
	uint8_t state; /* the last one told; unknown before */
	bool is_silent; /* SILENT was the last word on it */
	bool is_unreported; /* UNREPORTED was */
};

struct receive_reporter {
	char name[XDPLB_NAME_LEN];
	struct receive_slot *slots; /* sorted by backend and check */
	uint32_t slot_count;
	uint32_t epoch;
	uint64_t incarnation; /* followed; 0: none yet */
	uint64_t incarnations;
	struct share_set set;
	uint64_t digest; /* of its full set, as the newest datagram says */
	uint64_t heard; /* milliseconds, as all times here */
	uint64_t renewed;
	uint64_t lacking_since; /* UINT64_MAX: complete */
	bool silent;
	bool other_seen; /* a datagram of an incarnation that is not followed, since the last answer */
	uint64_t nonce; /* 0: no challenge is open */
	uint64_t nonce_drawn;
	uint64_t next_ask; /* not before */
};

struct share_receive {
	char node[XDPLB_NAME_LEN];
	const struct share_keys *keys;
	uint64_t interval, missed, lease;
	struct share_receive_sink sink;
	struct receive_reporter *reporters;
	size_t reporter_count;
	uint32_t *by_name; /* reporters, sorted */
	struct receive_slot *slots; /* sorted by reporter, backend, check */
	size_t slot_count;
	uint64_t incarnation, sequence; /* of what this node sends: for whoever traces it */
	struct share_counters counters;
};

/* The index in reporter->slots, or SHARE_NO_SLOT. */
uint32_t receive_find_slot(const struct receive_reporter *reporter,
			   const struct share_entry *entry);

/* NULL: none. */
struct receive_reporter *receive_find_reporter(const struct share_receive *receive,
					       const char *name);

#endif
