// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether a tunnel carries PTP, and by which of its LSPs.
 */
#include "tunnel/tunnel_guard.h"

#include <errno.h>
#include <string.h>

void tunnel_guard_init(struct tunnel_guard *guard, uint64_t interval_ns, unsigned int missed_max)
{
	memset(guard, 0, sizeof(*guard));
	guard->interval_ns = interval_ns;
	guard->missed_max = missed_max;
}

void tunnel_guard_add(struct tunnel_guard *guard, unsigned int lsp, bool is_whole)
{
	guard->lsps[lsp] = (struct tunnel_guard_lsp){
		.exists = true,
		.is_whole = is_whole,
		.needed = 1, /* it has not failed yet */
		.cause = XDPLB_TUNNEL_NOT_VERIFIED,
	};
}

static void give_up(struct tunnel_guard_lsp *lsp, uint8_t cause)
{
	if (lsp->is_whole)
		lsp->needed = TUNNEL_GUARD_WALKS;
	lsp->is_whole = false;
	lsp->walks = 0;
	lsp->cause = cause;
}

/* The silence that is too long. Half an interval less than the probes' own: ticks come a little early or late. */
static uint64_t silence_max(const struct tunnel_guard *guard)
{
	return guard->missed_max * guard->interval_ns - guard->interval_ns / 2;
}

static bool has_failed(const struct tunnel_guard *guard, const struct tunnel_guard_lsp *lsp)
{
	uint64_t max = silence_max(guard);

	return lsp->alone_ns >= max || lsp->silent_ns >= TUNNEL_GUARD_SHARED * max ||
	       lsp->unsent_ns >= TUNNEL_GUARD_UNSENT * max;
}

static void wait_longer(struct tunnel_guard *guard, uint64_t passed)
{
	struct tunnel_guard_lsp *lsps = guard->lsps;
	const bool is_silent[2] = { lsps[0].is_asked, lsps[1].is_asked };

	for (int i = 0; i < 2; i++) {
		lsps[i].unsent_ns += passed;
		lsps[i].silent_ns += is_silent[i] ? passed : 0;
		lsps[i].alone_ns += is_silent[i] && !is_silent[!i] ? passed : 0;
		lsps[i].is_asked = false;
		if (lsps[i].is_whole && has_failed(guard, &lsps[i]))
			give_up(&lsps[i], XDPLB_TUNNEL_SILENT);
	}
}

uint64_t tunnel_guard_tick(struct tunnel_guard *guard, uint64_t now)
{
	uint64_t passed = guard->ticked ? now - guard->ticked : 0;

	if (passed > guard->interval_ns)
		passed = guard->interval_ns;
	guard->ticked = now;
	wait_longer(guard, passed);
	guard->far_age_ns += passed;
	if (guard->far_age_ns > TUNNEL_GUARD_FAR_TICKS * guard->interval_ns)
		guard->far_is_known = false;
	return passed;
}

void tunnel_guard_sent(struct tunnel_guard *guard, unsigned int number, int err)
{
	struct tunnel_guard_lsp *lsp = &guard->lsps[number];

	if (err == -ENOBUFS || err == -EAGAIN)
		return;
	lsp->is_asked = true;
	lsp->unsent_ns = 0;
}

void tunnel_guard_answer(struct tunnel_guard *guard, unsigned int number)
{
	struct tunnel_guard_lsp *lsp = &guard->lsps[number];

	lsp->is_asked = false;
	lsp->silent_ns = 0;
	lsp->alone_ns = 0;
}

unsigned int tunnel_guard_missed(const struct tunnel_guard *guard, unsigned int lsp)
{
	return (unsigned int)((guard->lsps[lsp].silent_ns + guard->interval_ns / 2) /
			      guard->interval_ns);
}

void tunnel_guard_walk(struct tunnel_guard *guard, unsigned int number, int err)
{
	struct tunnel_guard_lsp *lsp = &guard->lsps[number];

	if (err) {
		give_up(lsp, err == -EPROTO ? XDPLB_TUNNEL_WRONG_WAY : XDPLB_TUNNEL_SILENT);
		return;
	}
	if (lsp->is_whole || ++lsp->walks < lsp->needed)
		return;
	lsp->is_whole = true;
	lsp->silent_ns = 0;
	lsp->alone_ns = 0;
	lsp->unsent_ns = 0;
	lsp->cause = XDPLB_TUNNEL_VERIFIED;
}

bool tunnel_guard_hear(struct tunnel_guard *guard, const bool is_whole[2], uint64_t session,
		       uint64_t sent)
{
	/* Sent again by whoever has heard it; the far end's clock may have been set back, but then its
	 * agent's session is another one only if it was started anew. */
	if (sent <= guard->far_sent && (session == guard->far_session || guard->far_is_known))
		return false;
	guard->far_session = session;
	guard->far_sent = sent;
	guard->far_age_ns = 0;
	guard->far_is_known = true;
	memcpy(guard->far_is_whole, is_whole, sizeof(guard->far_is_whole));
	return true;
}

static bool can_carry(const struct tunnel_guard *guard, int lsp)
{
	return guard->lsps[lsp].exists && guard->lsps[lsp].is_whole &&
	       (!guard->far_is_known || guard->far_is_whole[lsp]);
}

struct tunnel_choice tunnel_guard_choose(const struct tunnel_guard *guard)
{
	struct tunnel_choice choice = { .backup = !can_carry(guard, 0) && can_carry(guard, 1) };

	if (can_carry(guard, choice.backup)) {
		choice.state = XDPLB_TUNNEL_UP;
		choice.cause = XDPLB_TUNNEL_VERIFIED;
		return choice;
	}
	/* Whole here, so it is the far end that does not see it whole. */
	choice.state = XDPLB_TUNNEL_DOWN;
	choice.cause = guard->lsps[0].is_whole ? XDPLB_TUNNEL_SILENT : guard->lsps[0].cause;
	return choice;
}
