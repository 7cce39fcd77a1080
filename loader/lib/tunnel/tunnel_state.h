/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agents at the two ends of a tunnel tell each other over it: which of its LSPs are whole.
 * Pure.
 */
#ifndef XDPLB_TUNNEL_STATE_H
#define XDPLB_TUNNEL_STATE_H

#include "tunnel/tunnel_probe.h"

/* As one end sees the tunnel. */
struct tunnel_state {
	bool is_whole[2]; /* primary, backup */
	uint64_t session; /* of the telling agent; another after each start */
	uint64_t sent; /* ns of its wall clock: a later message has more */
};

/* Makes a message by the labels of @way. Return: the frame's length, of TUNNEL_FRAME_MAX at most. */
size_t tunnel_tell(const struct tunnel_way *way, const struct tunnel_state *state,
		   uint8_t *ret_frame);

/**
 * tunnel_hear() - Read a frame that may be such a message of the far end, about this tunnel.
 * Return: 0; -ENOMSG: it is not; -EBADMSG: its authentication is wrong.
 */
int tunnel_hear(const struct tunnel_way *way, const uint8_t *frame, size_t length,
		struct tunnel_state *ret_state);

#endif
