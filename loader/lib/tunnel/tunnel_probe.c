// SPDX-License-Identifier: BSD-2-Clause
/*
 * Path probes of a tunnel: questions, answers, and what is wrong.
 */
#include "tunnel/tunnel_probe.h"
#include "tunnel/tunnel_message.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

static const struct config_lsp *lsp_there(const struct tunnel_way *way)
{
	return &way->tunnel->lsps[way->direction];
}

static const struct config_lsp *lsp_back(const struct tunnel_way *way)
{
	return &way->tunnel->lsps[!way->direction];
}

size_t tunnel_hop_count(const struct tunnel_way *way)
{
	return lsp_there(way)->path.count + lsp_back(way)->path.count;
}

static uint32_t link_number(const struct tunnel_way *way, const struct config_lsp *lsp, size_t at)
{
	return at < lsp->path.count ? way->config->links[lsp->path.links[at]].number : 0;
}

/* Where an LSP is after so many links. */
static size_t node_after(const struct tunnel_way *way, unsigned int direction, size_t links)
{
	const struct cspf_path *path = &way->tunnel->lsps[direction].path;
	size_t node = way->tunnel->ends[direction].node;

	for (size_t i = 0; i < links; i++) {
		const struct config_link *link = &way->config->links[path->links[i]];

		node = link->ends[link->ends[0].node == node].node;
	}
	return node;
}

/* A last label, of whatever payload is carried. */
uint32_t tunnel_any_last(const struct config_lsp *lsp)
{
	for (size_t i = 1; i < XDPLB_PAYLOAD_COUNT; i++)
		if (lsp->last[i])
			return lsp->last[i];
	return 0;
}

static struct tunnel_hop wanted_there(const struct tunnel_way *way, size_t at)
{
	const struct config_lsp *lsp = lsp_there(way);
	bool is_end = at + 1 == lsp->path.count;

	return (struct tunnel_hop){
		.node = node_after(way, way->direction, at + 1),
		.type = is_end ? XDPLB_PROBE_END : XDPLB_PROBE_TRANSIT,
		.in_link = link_number(way, lsp, at),
		.out_link = link_number(way, lsp, at + 1),
		.in_label = is_end ? tunnel_any_last(lsp) : lsp->labels[at],
		.out_label = is_end ? 0 : lsp->labels[at + 1],
	};
}

static struct tunnel_hop wanted_back(const struct tunnel_way *way, size_t at)
{
	const struct config_lsp *there = lsp_there(way), *back = lsp_back(way);

	return (struct tunnel_hop){
		.node = node_after(way, !way->direction, at),
		.type = XDPLB_PROBE_TRANSIT,
		.in_link = at ? link_number(way, back, at - 1)
			      : link_number(way, there, there->path.count - 1),
		.out_link = link_number(way, back, at),
		.in_label = at ? back->labels[at - 1] : there->turn,
		.out_label = back->labels[at],
	};
}

struct tunnel_hop tunnel_hop_wanted(const struct tunnel_way *way, size_t index)
{
	size_t there = lsp_there(way)->path.count;

	return index < there ? wanted_there(way, index) : wanted_back(way, index - there);
}

/* ---- questions ---- */

static uint8_t *put_labels(const struct tunnel_way *way, size_t index, uint8_t *at)
{
	size_t there = lsp_there(way)->path.count;
	uint32_t last = tunnel_message_running_last(way->lsp), ttl = (uint32_t)index + 1;

	if (index < there) {
		at = tunnel_message_stack(at, way->lsp, ttl);
		at = tunnel_message_entry(at, last | ttl);
	} else {
		at = tunnel_message_stack(at, way->lsp, TTL_MAX);
		at = tunnel_message_entry(at, lsp_there(way)->turn << 12 | (last & 0xe00) |
						      (ttl - (uint32_t)there));
	}
	return tunnel_message_entry(at, XDPLB_LABEL_GAL << 12 | BOTTOM | 1);
}

/* An answer from beyond the far end comes there first, and is turned round again. */
static uint32_t return_label(const struct tunnel_way *way, size_t index)
{
	return index > lsp_there(way)->path.count ? lsp_there(way)->turn
						  : tunnel_any_last(lsp_back(way));
}

size_t tunnel_ask(const struct tunnel_way *way, size_t index, uint64_t session, uint64_t sent,
		  uint8_t *ret_frame)
{
	struct xdplb_ach message = {
		.channel = htonl(XDPLB_PROBE_CHANNEL),
		.version = XDPLB_PROBE_VERSION,
		.type = XDPLB_PROBE_ASK,
		.hop = (uint8_t)(index + 1),
		.backup = way->is_backup,
		.tunnel = htonl(way->number),
		.sequence = htonl((uint32_t)index),
		.session = session,
		.sent = htobe64(sent),
		.return_label = htonl(return_label(way, index)),
	};
	uint8_t *at;

	message.mac = tunnel_message_mac(way->config, &message);
	at = put_labels(way, index, tunnel_message_ethernet(ret_frame, way->lsp));
	memcpy(at, &message, sizeof(message));
	return (size_t)(at - ret_frame) + sizeof(message);
}

/* ---- answers ---- */

static size_t find_node(const struct config *config, uint32_t number)
{
	for (size_t i = 0; i < config->node_count; i++)
		if (config->nodes[i].mpls.number == number && number)
			return i;
	return SIZE_MAX;
}

int tunnel_read(const struct tunnel_way *way, const uint8_t *frame, size_t length, uint64_t session,
		size_t *ret_index, struct tunnel_hop *ret_hop)
{
	struct xdplb_ach message;
	uint32_t index;

	if (!tunnel_message_find(frame, length, &message) || message.session != session ||
	    message.channel != htonl(XDPLB_PROBE_CHANNEL) ||
	    message.version != XDPLB_PROBE_VERSION ||
	    (message.type != XDPLB_PROBE_TRANSIT && message.type != XDPLB_PROBE_END))
		return -ENOMSG;
	if (message.mac != tunnel_message_mac(way->config, &message))
		return -EBADMSG;
	index = ntohl(message.sequence);
	if (index >= tunnel_hop_count(way) || ntohl(message.tunnel) != way->number ||
	    message.backup != way->is_backup)
		return -ENOMSG;
	*ret_index = index;
	*ret_hop = (struct tunnel_hop){
		.node = find_node(way->config, ntohl(message.node)),
		.type = message.type,
		.in_link = ntohl(message.in_link),
		.out_link = ntohl(message.out_link),
		.in_label = ntohl(message.in_label),
		.out_label = ntohl(message.out_label),
		.is_answered = true,
		.sent = be64toh(message.sent),
	};
	return 0;
}

/* ---- what is wrong ---- */

const char *tunnel_link_name(const struct config *config, uint32_t number)
{
	for (size_t i = 0; i < config->link_count; i++)
		if (config->links[i].number == number)
			return config->links[i].name;
	return "?";
}

static const char *node_name(const struct config *config, size_t node)
{
	return node < config->node_count ? config->nodes[node].name : "?";
}

struct place {
	const struct tunnel_way *way;
	size_t index;
	const char *direction;
	struct tunnel_hop wanted;
};

/* Nobody answers: named is the node that should have, and the last one that did. */
static int judge_silence(const struct place *place, const struct tunnel_hop *hops,
			 struct error *error)
{
	const struct config *config = place->way->config;
	size_t first = place->index < lsp_there(place->way)->path.count
			       ? 0
			       : lsp_there(place->way)->path.count;
	const char *before =
		place->index > first ? node_name(config, hops[place->index - 1].node) : NULL;

	return fail(error, -ENETUNREACH,
		    "the way %s: node %s does not answer behind link %s%s%s%s%s", place->direction,
		    node_name(config, place->wanted.node),
		    tunnel_link_name(config, place->wanted.in_link), before ? " (node " : "",
		    before ? before : "", before ? " before it does" : "", before ? ")" : "");
}

static int judge_hop(const struct place *place, const struct tunnel_hop *hop, struct error *error)
{
	const struct config *config = place->way->config;
	const struct tunnel_hop *wanted = &place->wanted;
	const char *node = node_name(config, hop->node);

	if (hop->node != wanted->node)
		return fail(error, -EPROTO,
			    "the way %s: found node %s behind link %s, expected node %s behind "
			    "link %s",
			    place->direction, node, tunnel_link_name(config, hop->in_link),
			    node_name(config, wanted->node),
			    tunnel_link_name(config, wanted->in_link));
	if (hop->in_link != wanted->in_link)
		return fail(error, -EPROTO,
			    "the way %s: it comes to node %s by link %s, expected link %s",
			    place->direction, node, tunnel_link_name(config, hop->in_link),
			    tunnel_link_name(config, wanted->in_link));
	if (hop->type != wanted->type)
		return fail(error, -EPROTO, "the way %s: it %s at node %s, behind link %s",
			    place->direction,
			    hop->type == XDPLB_PROBE_END ? "ends" : "does not end", node,
			    tunnel_link_name(config, hop->in_link));
	if (hop->out_link != wanted->out_link)
		return fail(error, -EPROTO,
			    "the way %s: it leaves node %s by link %s, expected link %s",
			    place->direction, node, tunnel_link_name(config, hop->out_link),
			    tunnel_link_name(config, wanted->out_link));
	if (hop->in_label != wanted->in_label)
		return fail(error, -EPROTO,
			    "the way %s: it comes to node %s by link %s with label %u, expected %u",
			    place->direction, node, tunnel_link_name(config, hop->in_link),
			    hop->in_label, wanted->in_label);
	if (hop->out_label != wanted->out_label)
		return fail(error, -EPROTO,
			    "the way %s: it leaves node %s by link %s with label %u, expected %u",
			    place->direction, node, tunnel_link_name(config, hop->out_link),
			    hop->out_label, wanted->out_label);
	return 0;
}

/* What was found on the wire, one direction against the other. */
static int compare_directions(const struct tunnel_way *way, const struct tunnel_hop *hops,
			      struct error *error)
{
	size_t there = lsp_there(way)->path.count, back = lsp_back(way)->path.count;

	if (there != back)
		return fail(error, -EPROTO, "the way there has %zu links, the way back %zu", there,
			    back);
	for (size_t i = 0; i < there; i++) {
		uint32_t link = hops[there - 1 - i].in_link, other = hops[there + i].out_link;

		if (link != other)
			return fail(error, -EPROTO,
				    "the way there comes to node %s by link %s, the way back "
				    "leaves it by link %s",
				    node_name(way->config, hops[there - 1 - i].node),
				    tunnel_link_name(way->config, link),
				    tunnel_link_name(way->config, other));
	}
	return 0;
}

int tunnel_judge(const struct tunnel_way *way, const struct tunnel_hop *hops, struct error *error)
{
	size_t there = lsp_there(way)->path.count, count = tunnel_hop_count(way);

	for (size_t i = 0; i < count; i++) {
		struct place place = { way, i, i < there ? "there" : "back",
				       tunnel_hop_wanted(way, i) };
		int err = hops[i].is_answered ? judge_hop(&place, &hops[i], error)
					      : judge_silence(&place, hops, error);

		if (err)
			return err;
	}
	return compare_directions(way, hops, error);
}
