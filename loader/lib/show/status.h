/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs on a node, read from its pinned maps and links alone; writes nothing.
 */
#ifndef XDPLB_STATUS_H
#define XDPLB_STATUS_H

#include <jansson.h>

#include "base/error.h"

/**
 * status_collect() - The state of a node as a JSON object.
 * @node:     its name
 * @ret_json: on success; json_decref() gives it back
 *
 * Keys: node, cluster, generation, config_hash, applied (UTC), hooks [{interface, program, how,
 * program_id}]; on an access node table_hash and services [{name, vip, port, protocol, restore,
 * buckets, table_hash, all_down, usable (how many backends packets are sent to), backends [{name, node,
 * address, tag, weight, share (percent of the buckets), health (the state in the map), confirmed, usable,
 * next_hop, packets, bytes, new_flows}]}]; on a service node mappings [{service, backend, vip,
 * vport, protocol, address, tag, port, restore, state, rests_seconds}], hand_over [{service, vip, port, tables
 * [{buckets, table_hash}] (the newest first)}]; drops and events {name: n}
 * without the zeroes; on a node that switches labels tunnels, see tunnel_status.h. Hashes are 16 hex digits.
 *
 * Return: 0; -ENOENT the node is not attached; -errno with words.
 */
int status_collect(const char *node, json_t **ret_json, struct error *error);

/**
 * status_add_rates() - Rates of services and backends, from two readings.
 * @now:     the later one; gets the key seconds, and its services and backends per_second {packets, bytes,
 *           new_flows}
 * @before:  the earlier one
 * @seconds: between them; above 0
 */
void status_add_rates(json_t *now, const json_t *before, double seconds);

#endif
