/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The access role: what reporters say, into the map `health`. Drives share_receive.h; the slots are
 * the targets that the map has, the reporters the service nodes that the file has. Targets of this
 * node itself are written without any datagram.
 *
 * A receiver is made for one config and one state of the maps; when either changes, a new one
 * follows, which forgets nothing that matters: epochs and states are in the map.
 *
 * A silent node: its targets become unknown, with what was reported kept; then its datapath is asked
 * (path.h), every PATH_EVERY_MS as long as it is silent. A target whose mapping does not answer for
 * PATH_WAIT_MS is down with cause path_lost, until it does or the node is heard again.
 */
#ifndef XDPLB_AGENT_RECEIVER_H
#define XDPLB_AGENT_RECEIVER_H

#include <jansson.h>

#include "tables/access.h"
#include "asker.h"
#include "checks.h"
#include "link.h"
#include "path.h"
#include "health/share_receive.h"

#define PATH_EVERY_MS 3000

struct receiver;

/* What it needs of others; all must outlive it. */
struct receiver_parts {
	struct ev_loop *loop;
	const struct config *config;
	size_t node; /* index into config->nodes */
	const struct access_view *view;
	const struct share_keys *keys;
	struct link *link; /* NULL: nothing is shared; own targets alone */
	const struct checks *checks; /* own targets */
	struct asker *asker; /* gets the answers */
	struct path *path; /* given up when the receiver goes */
};

/* Return: 0; -EEXIST two targets that can't be told apart; -ENOMEM; with words. */
int receiver_new(const struct receiver_parts *parts, struct receiver **ret_receiver,
		 struct error *error);
void receiver_free(struct receiver *receiver);

/* From the link. */
void receiver_datagram(struct receiver *receiver, const uint8_t *bytes, size_t length);

/* From checks_sink: an own target has changed. */
void receiver_own_changed(struct receiver *receiver, size_t index);

/* From asker_sink, but for own targets. */
int receiver_ask(struct receiver *receiver, size_t reporter, const struct share_request *request);

/* The reporter that has a node's backends: as in share_receive.h; ASKER_OWN: this node itself;
 * RECEIVER_NOBODY: no service node that can be reached. */
#define RECEIVER_NOBODY ((size_t)-2)
size_t receiver_find_node(const struct receiver *receiver, size_t node);

/* A target in the map. */
struct receiver_slot {
	uint32_t index; /* in the map */
	size_t reporter; /* or ASKER_OWN */
	enum rise_fall_verdict initial;
	struct share_target target; /* family 0: the file does not have it */
};

size_t receiver_slot_count(const struct receiver *receiver);
const struct receiver_slot *receiver_slot(const struct receiver *receiver, size_t i);
const char *receiver_name(const struct receiver *receiver, size_t reporter);

/* How many reporters there are, and how many of them are silent. */
size_t receiver_silent(const struct receiver *receiver, size_t *ret_count);

/* An array: node, incarnation, heard_seconds, silent, path_lost, known, total, complete. */
json_t *receiver_json(const struct receiver *receiver);
const struct share_counters *receiver_counters(const struct receiver *receiver);

/* A target as datagrams have it. */
void receiver_fill_target(const struct config *config, const struct config_target *from,
			  struct share_target *ret_target);

#endif
