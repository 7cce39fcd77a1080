/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One LSP of a watched tunnel: its socket, the probes and the walk under way. Decides nothing.
 */
#ifndef XDPLB_AGENT_TUNNEL_LSP_H
#define XDPLB_AGENT_TUNNEL_LSP_H

#include <ev.h>

#include "tunnel/tunnel_state.h"

struct tunnel_lsp;

/* What has come in. */
struct tunnel_lsp_sink {
	void *context;
	void (*on_answer)(void *context, unsigned int lsp); /* of the far end, to a probe */
	void (*on_walk)(void *context, unsigned int lsp, int err, const char *fault);
	void (*on_state)(void *context, const struct tunnel_state *state);
};

/**
 * tunnel_lsp_new() - Open an LSP's socket.
 * @way: copied; what it refers to must outlive the LSP
 * @walk_ms: a walk has so long until what has not answered counts as silent
 *
 * Return: 0 or -errno.
 */
int tunnel_lsp_new(struct ev_loop *loop, const struct tunnel_way *way, unsigned int walk_ms,
		   const struct tunnel_lsp_sink *sink, struct tunnel_lsp **ret_lsp);
void tunnel_lsp_free(struct tunnel_lsp *lsp);

/* Takes what has come in, instead of waiting until the loop does. */
void tunnel_lsp_read(struct tunnel_lsp *lsp);

/**
 * tunnel_lsp_tick() - Send a probe to the far end, and what the walk still waits for; begin and end walks.
 * @passed: ns, what the time since the last tick counts for: a walk is not over by ticks that come late
 *
 * Return: 0 or -errno: what became of the probe.
 */
int tunnel_lsp_tick(struct tunnel_lsp *lsp, uint64_t passed);

void tunnel_lsp_tell(struct tunnel_lsp *lsp, const struct tunnel_state *state);

/* Nanoseconds from probe to answer, the last one; 0: none yet. */
uint64_t tunnel_lsp_rtt(const struct tunnel_lsp *lsp);

#endif
