// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether a tunnel carries PTP, and by which of its LSPs.
 */
#include "tunnel/tunnel_guard.h"

#include <errno.h>
#include <string.h>

void tunnel_guard_init(struct tunnel_guard *guard, unsigned int missed_max)
{
	memset(guard, 0, sizeof(*guard));
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

void tunnel_guard_tick(struct tunnel_guard *guard)
{
	for (int i = 0; i < 2; i++) {
		struct tunnel_guard_lsp *lsp = &guard->lsps[i];

		if (!lsp->exists)
			continue;
		if (lsp->missed >= guard->missed_max && lsp->is_whole)
			give_up(lsp, XDPLB_TUNNEL_SILENT);
		lsp->missed++;
	}
	if (guard->far_is_known && ++guard->far_age > TUNNEL_GUARD_FAR_TICKS)
		guard->far_is_known = false;
}

void tunnel_guard_answer(struct tunnel_guard *guard, unsigned int lsp)
{
	guard->lsps[lsp].missed = 0;
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
	lsp->missed = 0;
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
	guard->far_age = 0;
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
