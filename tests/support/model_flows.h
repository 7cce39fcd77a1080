/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What the model of lb_xdp knows of a flow beside its bucket: QUIC connection ids (include/xdplb/quic.h), limits of
 * what a source opens (source_limit.h), flows that are remembered (flow_cache.h).
 */
#ifndef TEST_MODEL_FLOWS_H
#define TEST_MODEL_FLOWS_H

#include "model_steps.h"

/* What a packet, or an ICMP error about one, asks for. */
struct model_ask {
	const struct model_service *service;
	__u8 proto;
	const struct xdplb_addr *client;
	__u64 hash; /* of the flow */
	__u64 bucket_hash; /* the same or, with affinity, that of the source */
	bool opens; /* it may open a flow */
	bool is_error; /* notes nothing */
};

/**
 * model_route() - The member that the connection id of a whole UDP packet names.
 * Return: NULL if the packet goes as others do.
 */
const struct model_member *model_route(const struct model_service *service,
				       const struct model_parsed *parsed,
				       const struct test_packet *in, struct model_result *result);

/* Takes a connection from the source's, if the packet needs one; false: there is none left. */
bool model_admit(struct model_world *world, const struct model_ask *ask);

/**
 * model_pick() - The remembered member or, where that can't be had, one by model_choose(); noted.
 * Return: NULL if there is none.
 */
const struct model_member *model_pick(struct model_world *world, const struct model_ask *ask,
				      struct model_result *result);

/* Is there a word of the flow, of whichever service? */
bool model_is_remembered(struct model_world *world, __u64 hash);

#endif
