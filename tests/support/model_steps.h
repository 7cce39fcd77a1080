/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What the steps of the model of lb_xdp share.
 */
#ifndef TEST_MODEL_STEPS_H
#define TEST_MODEL_STEPS_H

#include "model.h"
#include "model_parse.h"

#define EVENT(name) (1ULL << XDPLB_EVENT_##name)
#define PATH(name)  (1ULL << MODEL_PATH_##name)

/* The tables. */
bool model_is_vip(const struct model_world *world, const struct model_parsed *parsed);
const struct model_service *model_find_service(const struct model_world *world, __u8 family,
					       __u8 proto, const struct model_end *vip);
bool model_is_denied(const struct model_service *service, const struct xdplb_addr *source);

/* The member with this index, if it is the service's. */
const struct model_member *model_member_at(const struct model_service *service, __u32 index);

/* What picks the bucket, and the owners, of a flow. */
__u64 model_bucket_hash(const struct model_world *world, const struct model_service *service,
			const struct model_end *client, __u64 flow_hash);

void model_pass(const struct test_packet *in, struct model_result *ret_result);
void model_drop(enum xdplb_drop reason, struct model_result *ret_result);

/* Notes of datagrams in fragments. */
struct model_note *model_find_note(struct model_world *world, const struct xdplb_fragment_key *key);
void model_note_datagram(struct model_world *world, const struct model_note *note,
			 struct model_result *result);

/* To somebody's own address something may be said. */
bool model_is_somebody(const struct model_parsed *parsed);

/* Sends a frame that is rewritten but for TTL and MAC addresses on to its member. */
void model_leave(const struct model_world *world, const struct model_parsed *parsed,
		 const struct model_member *member, struct model_result *result);

#endif
