/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The service role's other half: tells the access nodes what checks.h finds, and does what they ask
 * for. Drives share_send.h. Knows no map.
 *
 * Who wants what: an access node says START when a service comes to its map, and STOP when one goes.
 * A target's check is stopped only when every access node that this reporter has heard of since its
 * last start or reload has said stop, and starts again with the first that says start, or with the
 * first word of another access node. After a start or reload all targets of the file are checked.
 */
#ifndef XDPLB_AGENT_REPORTER_H
#define XDPLB_AGENT_REPORTER_H

#include <jansson.h>

#include "checks.h"
#include "link.h"
#include "health/share_send.h"

struct reporter;

/* What it needs of others; all must outlive it. */
struct reporter_parts {
	struct ev_loop *loop;
	struct checks *checks;
	struct link *link;
	const struct share_keys *keys;
};

/**
 * reporter_new() - A reporter for a node of a config, with the targets as checks.h has them. When
 * these or the config change: a new one, unless reporter_is_like().
 * Return: 0; -EEXIST, -E2BIG, -ENOMEM as share_send_set(), with words.
 */
int reporter_new(const struct reporter_parts *parts, const struct config *config, size_t node,
		 struct reporter **ret_reporter, struct error *error);
void reporter_free(struct reporter *reporter);

/* From the link. */
void reporter_datagram(struct reporter *reporter, const uint8_t *bytes, size_t length);

/* From checks_sink. */
void reporter_changed(struct reporter *reporter, size_t index);
void reporter_answered(struct reporter *reporter, size_t index);

/* The last result of a target, as an answer to a check request has it. */
struct share_entry reporter_entry(const struct own_target *target);

/* The wish of this node's own access role. */
void reporter_wish(struct reporter *reporter, uint64_t hash, uint64_t identity, bool stop);

/* Keys: receivers (name, heard_seconds), check_requests, incarnation. */
json_t *reporter_json(const struct reporter *reporter);

const struct share_counters *reporter_counters(const struct reporter *reporter);

/* Whether a reporter made from @config would tell the same nodes the same targets in the same time:
 * it may be kept then. */
bool reporter_is_like(const struct reporter *reporter, const struct config *config, size_t node);

#endif
