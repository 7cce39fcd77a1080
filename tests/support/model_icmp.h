/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * "ICMP at a VIP" of bpf/README.md: pings and relayed errors.
 */
#ifndef TEST_MODEL_ICMP_H
#define TEST_MODEL_ICMP_H

#include "model_steps.h"

void model_meet_icmp(struct model_world *world, const struct model_parsed *parsed,
		     const struct test_packet *in, struct model_result *ret_result);

#endif
