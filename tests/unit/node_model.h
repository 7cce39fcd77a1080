/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a service node must come to, kept by a model of its own: which mappings there are, where, until
 * when they rest. Texts returned are valid until the next call.
 */
#ifndef XDPLB_TEST_NODE_MODEL_H
#define XDPLB_TEST_NODE_MODEL_H

#include "plan_world.h"

#define MODEL_MAX     512
#define MODEL_SECONDS 1000000000ULL

/* A mapping as the model knows it: identity, names, fate. */
struct model_mapping {
	struct xdplb_mapping mapping; /* state, ifindex, rest_until as they must be */
	char service[XDPLB_NAME_LEN], backend[XDPLB_NAME_LEN];
	int index; /* where it was first seen; -1: not yet */
	uint64_t rested; /* which step put it to rest */
};

struct node_model {
	struct model_mapping mappings[MODEL_MAX];
	size_t count;
	uint16_t epochs[MODEL_MAX]; /* by index: of the last mapping that had it */
	uint64_t step;
	uint64_t now; /* nanoseconds */
};

/* What is applied to a service node. */
struct node_step {
	const struct config *config; /* with its tag_rest */
	const uint32_t *ifindexes; /* of each backend; NULL: all 0 */
	uint64_t now; /* nanoseconds */
};

/* Plan and commit for node n1. */
struct node_applied {
	int err; /* of the plan; nothing was changed if not 0 */
	size_t changes;
	struct error error;
};

struct node_applied node_apply_step(const struct node_step *step, struct node_view *view);

/* Must this step be refused because a tag is another service's or rests? */
bool model_is_busy(const struct node_model *model, const struct node_step *step);

/* Takes a step that is not refused. */
void model_take(struct node_model *model, const struct node_step *step);

/**
 * model_fault() - Compares a node with the model: every mapping is where it was, in its state; tags and
 * endpoints hold exactly what they must; free indices have no name; epochs rise with each new owner.
 * Learns the indices of new mappings.
 * Return: NULL if all is right, else what is wrong.
 */
const char *model_fault(struct node_model *model, const struct node_view *view);

/**
 * node_fault() - Whatever was there before: is every mapping of a step's config active, once, named by
 * its tag and, if it restores by source, by its endpoint? Is no other active, and does no tag lead
 * nowhere?
 * Return: NULL if so.
 */
const char *node_fault(const struct node_view *view, const struct node_step *step);

/* What packets of a config's mappings meet: tags that lead to them. NULL if all do. */
const char *node_packet_fault(const struct node_view *view, const struct node_step *step);

#endif
