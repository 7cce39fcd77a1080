/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What the two ways through the model of node_tc share.
 */
#ifndef TEST_MODEL_NODE_STEPS_H
#define TEST_MODEL_NODE_STEPS_H

#include "model_node.h"
#include "model_send.h"
#include "prog_run.h"

bool node_same_end(const struct model_end *a, const struct model_end *b);
void node_pass(const struct test_packet *in, enum node_path path, struct node_result *result);
void node_refuse(enum xdplb_drop reason, struct node_result *result);

bool node_is_tag(const struct node_model_world *world, __be16 port);
const struct xdplb_mapping *node_find_tag(const struct node_model_world *world, __u8 family,
					  const struct model_end *end);
const struct xdplb_mapping *node_find_endpoint(const struct node_model_world *world, __u8 family,
					       __u8 proto, const struct model_end *end);
/* The service of many ports that the address is of. */
const struct xdplb_mapping *node_find_kept(const struct node_model_world *world, __u8 family,
					   __u8 proto, const struct xdplb_addr *addr);

/* VIP and vport of a packet that came for this port. */
struct model_end node_vip_of(const struct xdplb_mapping *mapping, __be16 port);

struct node_flow *node_find_flow(struct node_model_world *world, const struct node_flow *like);
struct node_flow *node_find_seen(struct node_model_world *world, const struct node_flow *like);
bool node_opens(const struct model_parsed *parsed, const struct test_packet *in);

/* The flow client -> VIP, of which an outer header may carry a mark. */
struct node_marked {
	const struct model_end *client;
	struct model_end vip;
	__u8 proto, family;
};

/* Does it carry the mark? */
bool node_admits(const struct node_model_world *world, const struct model_parsed *outer,
		 const struct node_marked *flow, const struct test_packet *in);

/* ... or, of a TCP flow, one of the marks of hand-over? */
bool node_is_handed(const struct node_model_world *world, const struct model_parsed *outer,
		    const struct node_marked *flow, const struct test_packet *in);

void node_put_end(struct test_packet *packet, const struct model_parsed *parsed, bool is_dest,
		  const struct model_end *end);
void node_note_face(struct node_model_world *world, const struct xdplb_fragment_key *key,
		    const struct xdplb_addr *addr);
const struct xdplb_addr *node_find_face(const struct node_model_world *world,
					const struct xdplb_fragment_key *key);

/* ICMP errors for a backend. */
void node_deliver(struct node_model_world *world, const struct model_parsed *parsed,
		  const struct test_packet *in, struct node_result *result);

#endif
