/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A reference model of node_tc, as model.h is one of lb_xdp: what bpf/README.md says of it.
 *
 * Left out: hand-over, which asks the host's sockets (suite node_handover); what was handed on is admitted. The client port that a clashing flow
 * is given is nobody's business but that of its replies: the model takes the one it finds, if it may be.
 */
#ifndef TEST_MODEL_NODE_H
#define TEST_MODEL_NODE_H

#include "model_hash.h"
#include "packet.h"
#include "xdplb/counters.h"
#include "xdplb/fragment.h"
#include "xdplb/node.h"

#define NODE_MODEL_FLOWS 2048
#define NODE_MODEL_FACES 512

/* A flow to a backend's own port, as its note tells it. */
struct node_flow {
	const struct xdplb_mapping *mapping; /* NULL: direct */
	struct model_end backend,
		client; /* as the packets come in; backend.port: the tag, or its own */
	__be16 own_port; /* of the backend */
	__be16 seen_port; /* of the client, as the backend sees it */
	__u8 proto, family;
};

/* Which address stands in later fragments. */
struct node_face {
	struct xdplb_fragment_key key;
	struct xdplb_addr addr;
};

struct node_model_world {
	__u8 key[16];
	__u32 ifindex; /* of the hook; 0: uplink */
	__u16 tag_first, tag_last;
	bool keeps_ports; /* else mappings without a vport are not looked for, but by their tags */
	const struct xdplb_mapping *mappings;
	size_t mapping_count;
	struct node_flow flows[NODE_MODEL_FLOWS];
	size_t flow_count;
	struct node_face faces[NODE_MODEL_FACES]; /* of both directions */
	size_t face_count;
};

#define NODE_PATHS(X)                                        \
	X(FOREIGN, "nothing that is looked at")              \
	X(OTHER, "to a port or flow that is not ours")       \
	X(OTHER_HOOK, "another hook's")                      \
	X(INTERFACE, "restored, interface")                  \
	X(SOURCE, "restored, source")                        \
	X(KEPT, "restored, with its port")                   \
	X(KEPT_DIRECT, "without a mark where ports stay")    \
	X(REMAPPED, "restored, with another client port")    \
	X(DIRECT, "direct, noted or not")                    \
	X(QUERY, "mapping query")                            \
	X(FIRST_FRAGMENT, "first fragment")                  \
	X(LATER_FRAGMENT, "later fragment that was awaited") \
	X(DELIVERED, "ICMP error for a backend")             \
	X(DELIVERED_KEPT, "... whose ports stay")            \
	X(REPLY, "reply, given its VIP")                     \
	X(REPLY_KEPT, "... with its port")                   \
	X(REPLY_PORT, "direct reply, given its client port") \
	X(ICMP_RESTORED, "ICMP error of a backend")

enum node_path {
#define X(NAME, help) NODE_PATH_##NAME,
	NODE_PATHS(X)
#undef X
	NODE_PATH_COUNT
};

struct node_result {
	int verdict; /* enum tc_verdict */
	int drop; /* enum xdplb_drop; -1: none */
	__u64 events; /* a bit for each */
	__u32 paths;
	bool takes_port; /* any client port will do that no other flow has: see node_model_take() */
	const struct xdplb_mapping *mapping; /* whose flow that is; NULL: direct */
	struct test_packet packet;
};

/* What becomes of a frame on the way to a backend, and of one that comes from there. */
void node_model_to(struct node_model_world *world, const struct test_packet *in,
		   struct node_result *ret_result);
void node_model_from(struct node_model_world *world, const struct test_packet *in,
		     struct node_result *ret_result);

/**
 * node_model_take() - A flow was given this client port, as the frame tells that came out.
 * Return: false if another flow has it, or it is not one to be given.
 */
bool node_model_take(struct node_model_world *world, const struct test_packet *in,
		     const struct test_packet *out, struct node_result *result);

#endif
