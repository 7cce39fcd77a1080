/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The step of access_prepare() that asks service nodes.
 */
#ifndef XDPLB_ACCESS_CONFIRM_H
#define XDPLB_ACCESS_CONFIRM_H

#include "tables/access.h"

/**
 * access_confirm() - Mark the members whose service nodes confirm their mappings.
 *
 * Those that stay silent are named in asking->notes.
 *
 * Return: 0; -EINTR a signal ended the waiting; -errno nobody could be asked (noted).
 */
int access_confirm(const struct config *config, const struct access_plan *plan,
		   struct access_view *view, struct access_asking *asking);

#endif
