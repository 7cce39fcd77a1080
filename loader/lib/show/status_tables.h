/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of status_collect() that read the tables of the datapath.
 */
#ifndef XDPLB_STATUS_TABLES_H
#define XDPLB_STATUS_TABLES_H

#include <jansson.h>

#include "base/error.h"
#include "base/paths.h"
#include "tables/access.h"

/* Each adds its keys if the node has the role (its maps are pinned). 0, or -errno with words. */
int status_add_services(json_t *json, const struct paths *paths, struct error *error);
int status_add_mappings(json_t *json, const struct paths *paths, struct error *error);

/* ["20-21", "5000-5999"]: the ranges of a service of many ports, the narrower first. */
json_t *status_ports(const struct access_view *view, uint32_t index);

/* How full the cache of flows is, and its size; null: the node has none. */
json_t *status_flow_cache(const struct access_view *view);

/* Adds to a service's JSON what it remembers of flows, and how many a source may open. */
void status_add_flows(json_t *service, const struct access_view *view, uint32_t index);

#endif
