/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Steps 4 and 5 of bpf/README.md, "lb_xdp": the member that a flow goes to.
 */
#ifndef TEST_MODEL_CHOOSE_H
#define TEST_MODEL_CHOOSE_H

#include "model.h"

/**
 * model_choose() - The member of a flow.
 * @hash: of the flow or, with affinity, of its source
 * @opens: may the packet open a flow?
 * Return: NULL if none may be used. Adds to ret_result's events and paths.
 */
const struct model_member *model_choose(const struct model_service *service, __u64 hash, bool opens,
					struct model_result *ret_result);

/* May a packet that belongs to a member go there, whatever its weight? A draining one takes what opens no flow. */
bool model_may_use(const struct model_service *service, const struct model_member *member,
		   bool opens);

#endif
