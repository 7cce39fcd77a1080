// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the agents at the two ends of a tunnel tell each other.
 */
#include "tunnel/tunnel_state.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "tunnel/tunnel_message.h"

static uint32_t number_at(const struct tunnel_way *way, unsigned int end)
{
	return way->config->nodes[way->tunnel->ends[end].node].mpls.number;
}

size_t tunnel_tell(const struct tunnel_way *way, const struct tunnel_state *state,
		   uint8_t *ret_frame)
{
	struct xdplb_ach message = {
		.channel = htonl(XDPLB_PROBE_CHANNEL),
		.version = XDPLB_PROBE_VERSION,
		.type = XDPLB_PROBE_STATE,
		.backup = way->is_backup,
		.tunnel = htonl(way->number),
		.session = state->session,
		.sent = htobe64(state->sent),
		.node = htonl(number_at(way, way->direction)),
		.in_label = htonl((uint32_t)state->is_whole[0] | (uint32_t)state->is_whole[1] << 1),
	};
	uint8_t *at = tunnel_message_ethernet(ret_frame, way->lsp);

	message.mac = tunnel_message_mac(way->config, &message);
	at = tunnel_message_stack(at, way->lsp, TTL_MAX);
	at = tunnel_message_entry(at, tunnel_message_running_last(way->lsp) | TTL_MAX);
	at = tunnel_message_entry(at, XDPLB_LABEL_GAL << 12 | BOTTOM | 1);
	memcpy(at, &message, sizeof(message));
	return (size_t)(at - ret_frame) + sizeof(message);
}

int tunnel_hear(const struct tunnel_way *way, const uint8_t *frame, size_t length,
		struct tunnel_state *ret_state)
{
	struct xdplb_ach message;

	if (!tunnel_message_find(frame, length, &message) || message.type != XDPLB_PROBE_STATE ||
	    message.channel != htonl(XDPLB_PROBE_CHANNEL) ||
	    message.version != XDPLB_PROBE_VERSION || ntohl(message.tunnel) != way->number ||
	    ntohl(message.node) != number_at(way, !way->direction))
		return -ENOMSG;
	if (message.mac != tunnel_message_mac(way->config, &message))
		return -EBADMSG;
	*ret_state = (struct tunnel_state){
		.is_whole = { ntohl(message.in_label) & 1, ntohl(message.in_label) >> 1 & 1 },
		.session = message.session,
		.sent = be64toh(message.sent),
	};
	return 0;
}
