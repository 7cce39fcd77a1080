/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Path probes (xdplb/probe.h) of a tunnel: what to ask, what each node has to answer, and what is wrong
 * if it does not. Pure: no socket, no clock.
 *
 * One end walks both directions. Hop 1 .. N of the way there is asked with a TTL of that many; the way
 * back by the far end's turn label, under which the probe goes on over the other LSP: its hop 1 is
 * the far end itself, its last one the node before the asker.
 */
#ifndef XDPLB_TUNNEL_PROBE_H
#define XDPLB_TUNNEL_PROBE_H

#include "config/config.h"
#include "base/error.h"
#include "xdplb/probe.h"
#include "xdplb/tunnel.h"

#define TUNNEL_HOPS_MAX (2 * CSPF_LINKS_MAX)

/* Room for any question: Ethernet, stack, last label, GAL, message. */
#define TUNNEL_FRAME_MAX (14 + 4 * (XDPLB_LABELS_MAX + 2) + sizeof(struct xdplb_ach))

/* One LSP pair of a tunnel, as one of its ends asks about it. */
struct tunnel_way {
	const struct config *config;
	const struct config_tunnel *tunnel; /* the one whose links these are: maybe the spare one */
	unsigned int direction; /* that begins at the asking end */
	uint32_t number; /* of the tunnel that packets go through */
	bool is_backup;
	const struct xdplb_lsp *lsp; /* as the running datapath sends it */
};

/* What a node has to answer, or has answered. Numbers and labels in host order. */
struct tunnel_hop {
	size_t node; /* index into config.nodes; of an answer: SIZE_MAX, an unknown one */
	uint8_t type; /* enum xdplb_probe_type */
	uint32_t in_link, out_link; /* links' numbers; out 0: the LSP ends */
	uint32_t in_label, out_label;
	bool is_answered;
	uint64_t sent; /* as it stood in the question */
};

/* How many hops are asked: those of the way there first. */
size_t tunnel_hop_count(const struct tunnel_way *way);

/* What hop @index (from 0) has to answer. */
struct tunnel_hop tunnel_hop_wanted(const struct tunnel_way *way, size_t index);

/**
 * tunnel_ask() - Make the question to a hop.
 * @session:   tells its answers from others'
 * @sent:      any number; the answer has it too
 * @ret_frame: TUNNEL_FRAME_MAX bytes
 *
 * Return: the frame's length.
 */
size_t tunnel_ask(const struct tunnel_way *way, size_t index, uint64_t session, uint64_t sent,
		  uint8_t *ret_frame);

/**
 * tunnel_read() - Read a frame that may be an answer.
 * @frame:     from the Ethernet header on
 * @ret_index: which hop it answers
 *
 * Return: 0; -ENOMSG: it is no answer of this session; -EBADMSG: its authentication is wrong.
 */
int tunnel_read(const struct tunnel_way *way, const uint8_t *frame, size_t length, uint64_t session,
		size_t *ret_index, struct tunnel_hop *ret_hop);

/**
 * tunnel_judge() - Are all answers as the file says?
 * @hops:  tunnel_hop_count() of them; those not answered are a fault
 *
 * Compares node, links and labels of each hop, and the links of the two directions with each other.
 *
 * Return: 0; -ENETUNREACH a hop did not answer; -EPROTO it is another way; with words in @error that
 * name the node and the link.
 */
int tunnel_judge(const struct tunnel_way *way, const struct tunnel_hop *hops, struct error *error);

/* A link's name by its number, "?" if it has none. */
const char *tunnel_link_name(const struct config *config, uint32_t number);

#endif
