/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the tunnel_*.c files alone: frames with messages of xdplb/probe.h. Pure.
 */
#ifndef XDPLB_TUNNEL_MESSAGE_H
#define XDPLB_TUNNEL_MESSAGE_H

#include "tunnel/tunnel_probe.h"

#define BOTTOM  0x100U /* of a label stack entry, host order */
#define TTL_MAX 255U

/* The message's authentication under the cluster's key. */
uint64_t tunnel_message_mac(const struct config *config, const struct xdplb_ach *message);

/* The message under a frame's labels; false: there is none. */
bool tunnel_message_find(const uint8_t *frame, size_t length, struct xdplb_ach *ret_message);

/* Each writes to @at and returns what is behind: the Ethernet header; one label stack entry; the
 * labels of an LSP as the datapath pushes them, but for the last one, with another TTL. */
uint8_t *tunnel_message_ethernet(uint8_t *at, const struct xdplb_lsp *lsp);
uint8_t *tunnel_message_entry(uint8_t *at, uint32_t entry);
uint8_t *tunnel_message_stack(uint8_t *at, const struct xdplb_lsp *lsp, uint32_t ttl);

/* A last label of a running LSP with its traffic class; TTL and bottom bit are 0. */
uint32_t tunnel_message_running_last(const struct xdplb_lsp *lsp);

/* A last label of an LSP, of whatever payload is carried. */
uint32_t tunnel_any_last(const struct config_lsp *lsp);

#endif
