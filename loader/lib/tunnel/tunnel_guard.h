/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a tunnel carries PTP, and by which of its two LSPs: decided at both ends by the same rule from
 * what both have seen, so that both switch together. Pure: no clock, no socket.
 *
 * An LSP is whole while probes to its end are answered and walks find every node, link and label as
 * the file says. One that failed has to be walked again without a fault, several times in a row. The
 * primary LSP carries the tunnel while both ends see it whole; else the backup, if they see that one
 * whole; else the tunnel is down: nothing falls back to anything else.
 */
#ifndef XDPLB_TUNNEL_GUARD_H
#define XDPLB_TUNNEL_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "xdplb/infos.h"
#include "xdplb/tunnel.h"

/* Walks in a row that an LSP which failed has to pass. */
#define TUNNEL_GUARD_WALKS 3

/* Ticks after which what the far end last said counts no more. */
#define TUNNEL_GUARD_FAR_TICKS 50

struct tunnel_guard_lsp {
	bool exists;
	bool is_whole;
	unsigned int missed; /* probes in a row without an answer */
	unsigned int walks; /* without a fault, in a row */
	unsigned int needed; /* walks until it is whole */
	uint8_t cause; /* enum xdplb_tunnel_cause: why it is not whole */
};

struct tunnel_guard {
	unsigned int missed_max;
	struct tunnel_guard_lsp lsps[2]; /* primary, backup */
	bool far_is_known;
	bool far_is_whole[2];
	unsigned int far_age; /* ticks */
	uint64_t far_session, far_sent; /* of the last message */
};

/* What a tunnel is to be. */
struct tunnel_choice {
	uint8_t state; /* enum xdplb_tunnel_state */
	uint8_t backup; /* 0 or 1 */
	uint8_t cause; /* enum xdplb_tunnel_cause */
};

/* @missed_max: so many probes without an answer, and an LSP has failed. */
void tunnel_guard_init(struct tunnel_guard *guard, unsigned int missed_max);

/* An LSP is there. @is_whole: it was whole when the agent before this one ended. */
void tunnel_guard_add(struct tunnel_guard *guard, unsigned int lsp, bool is_whole);

/* A probe is about to be sent over each LSP. */
void tunnel_guard_tick(struct tunnel_guard *guard);
void tunnel_guard_answer(struct tunnel_guard *guard, unsigned int lsp);

/* A walk has ended. @err: as of tunnel_judge(). */
void tunnel_guard_walk(struct tunnel_guard *guard, unsigned int lsp, int err);

/* The far end has told how it sees the LSPs. Return: false: a message that came late or twice. */
bool tunnel_guard_hear(struct tunnel_guard *guard, const bool is_whole[2], uint64_t session,
		       uint64_t sent);

struct tunnel_choice tunnel_guard_choose(const struct tunnel_guard *guard);

#endif
