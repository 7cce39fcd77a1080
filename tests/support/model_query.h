/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
#ifndef TEST_MODEL_QUERY_H
#define TEST_MODEL_QUERY_H

#include "model_node.h"
#include "model_parse.h"

/* Answers a packet that is a valid mapping query (xdplb/query.h); false: it is none. */
bool model_answer_query(const __u8 key[16], const struct test_packet *in,
			const struct model_parsed *parsed, const struct xdplb_mapping *mapping,
			struct node_result *result);

#endif
