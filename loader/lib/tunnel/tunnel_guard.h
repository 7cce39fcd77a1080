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

/* Probe intervals after which what the far end last said counts no more. */
#define TUNNEL_GUARD_FAR_TICKS 50

/*
 * Times the silence that is allowed: where the other LSP is as silent, so that there is nowhere to go and what both
 * have in common is likelier to be late than an LSP to have failed; where nothing could be sent.
 */
#define TUNNEL_GUARD_SHARED 4
#define TUNNEL_GUARD_UNSENT 10

struct tunnel_guard_lsp {
	bool exists;
	bool is_whole;
	bool is_asked; /* a probe was sent at the last tick, and no answer has come since */
	uint64_t silent_ns; /* for so long probes have not been answered */
	uint64_t
		alone_ns; /* and for so long of that those of the other LSP were, if there is one */
	uint64_t unsent_ns; /* and for so long none could be sent */
	unsigned int walks; /* without a fault, in a row */
	unsigned int needed; /* walks until it is whole */
	uint8_t cause; /* enum xdplb_tunnel_cause: why it is not whole */
};

struct tunnel_guard {
	uint64_t interval_ns;
	unsigned int missed_max;
	uint64_t ticked; /* when, ns; 0: not yet */
	struct tunnel_guard_lsp lsps[2]; /* primary, backup */
	bool far_is_known;
	bool far_is_whole[2];
	uint64_t far_age_ns;
	uint64_t far_session, far_sent; /* of the last message */
};

/* What a tunnel is to be. */
struct tunnel_choice {
	uint8_t state; /* enum xdplb_tunnel_state */
	uint8_t backup; /* 0 or 1 */
	uint8_t cause; /* enum xdplb_tunnel_cause */
};

/**
 * tunnel_guard_init() - Begin with no LSP.
 * @interval_ns: between two ticks, if they are on time
 * @missed_max:  so many probes in a row without an answer, an interval for each, and an LSP has failed
 */
void tunnel_guard_init(struct tunnel_guard *guard, uint64_t interval_ns, unsigned int missed_max);

/* An LSP is there. @is_whole: it was whole when the agent before this one ended. */
void tunnel_guard_add(struct tunnel_guard *guard, unsigned int lsp, bool is_whole);

/**
 * tunnel_guard_tick() - Another probe is due over each LSP; all answers that have come are counted.
 * @now: ns, of a clock that never goes back
 *
 * A tick that comes late counts for one interval: one probe was under way meanwhile, and what kept
 * this end from looking says nothing about the way. One that comes early, after a late one, counts for
 * what has passed.
 *
 * Return: ns, what the time since the last tick counts for.
 */
uint64_t tunnel_guard_tick(struct tunnel_guard *guard, uint64_t now);

/* What became of the probe that was due. @err: 0; -ENOBUFS, -EAGAIN: there was no room for it, so nobody
 * can have missed it; anything else: it is lost, as on the way. */
void tunnel_guard_sent(struct tunnel_guard *guard, unsigned int lsp, int err);

void tunnel_guard_answer(struct tunnel_guard *guard, unsigned int lsp);

/* Probes in a row without an answer, of an LSP. */
unsigned int tunnel_guard_missed(const struct tunnel_guard *guard, unsigned int lsp);

/* A walk has ended. @err: as of tunnel_judge(). */
void tunnel_guard_walk(struct tunnel_guard *guard, unsigned int lsp, int err);

/* The far end has told how it sees the LSPs. Return: false: a message that came late or twice. */
bool tunnel_guard_hear(struct tunnel_guard *guard, const bool is_whole[2], uint64_t session,
		       uint64_t sent);

struct tunnel_choice tunnel_guard_choose(const struct tunnel_guard *guard);

#endif
