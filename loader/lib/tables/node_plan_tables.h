/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The step of node_plan_build() that fills `tags` and `endpoints`.
 */
#ifndef XDPLB_NODE_PLAN_TABLES_H
#define XDPLB_NODE_PLAN_TABLES_H

#include "tables/node_tables.h"

/* Builds both tables from plan->mappings and what rests; one that stays as it is becomes NULL. */
int node_plan_tables(const struct node_view *view, struct node_plan *plan, struct error *error);

#endif
