// SPDX-License-Identifier: BSD-2-Clause
/*
 * To whom an attached service node would hand the packets of a flow, as JSON.
 */
#include "show/trace_handover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/address.h"
#include "show/trace_key.h"
#include "show/trace_report.h"
#include "tables/succession.h"

static json_t *peer_json(const struct node_view *view, const struct xdplb_mapping *mapping,
			 const struct trace_flow *flow, uint32_t number)
{
	const struct xdplb_peer *peer;
	json_t *json = json_object();

	if (number == HANDOVER_NOBODY)
		return json_null();
	peer = map_at(&view->peers, number);
	json_object_set_new(json, "to",
			    trace_end_json(&peer->addr, flow->family,
					   mapping->vport ? peer->tag : flow->vip_port));
	json_object_set_new(json, "backend",
			    peer->mapping < view->mappings.count
				    ? json_string(node_mapping_info(view, peer->mapping)->backend)
				    : json_null());
	return json;
}

/* The tables, the newest first, and whose the flow is by each. */
static json_t *tables_json(const struct node_view *view, const struct handover_trace *trace,
			   const struct trace_flow *flow)
{
	const struct xdplb_mapping *mapping = node_mapping(view, trace->mapping);
	const struct xdplb_succession_info *info;
	json_t *list = json_array();
	char hash[17];

	for (uint32_t g = 0; g < trace->table_count; g++) {
		const struct handover_owners *owners = &trace->owners[g];

		info = map_at(&view->succession_infos, mapping->succession);
		snprintf(hash, sizeof(hash), "%016" PRIx64, (uint64_t)info->table_hash[g]);
		json_array_append_new(
			list,
			json_pack("{s:s, s:I, s:s, s:o, s:o}", "table_hash", hash, "buckets",
				  (json_int_t)succession_tables(view, mapping->succession)[g].count,
				  "affinity",
				  succession_by_source(view, mapping->succession) >> g & 1
					  ? "source"
					  : "flow",
				  "first", peer_json(view, mapping, flow, owners->first), "second",
				  peer_json(view, mapping, flow, owners->second)));
	}
	return list;
}

static json_t *steps_json(const struct node_view *view, const struct handover_trace *trace,
			  const struct trace_flow *flow)
{
	const struct xdplb_mapping *mapping = node_mapping(view, trace->mapping);
	json_t *list = json_array(), *json;

	for (uint32_t i = 0; i < trace->step_count; i++) {
		json = peer_json(view, mapping, flow, trace->steps[i].peer);
		json_object_set_new(json, "mark", trace_mark_json(trace->steps[i].mark));
		json_array_append_new(list, json);
	}
	return list;
}

/* The program that stands where a mapping's packets come by. */
static int open_program(const struct paths *paths, const struct xdplb_mapping *mapping,
			uint32_t *ret_ifindex, struct error *error)
{
	const char *name = mapping->ifindex ? "vnic_egress" : "uplink_ingress";
	char path[PATH_LEN], interface[IF_NAMESIZE];
	int program;

	*ret_ifindex = mapping->ifindex ?: trace_find_interface(paths, name, interface);
	if (!*ret_ifindex)
		return fail(error, -ENODEV, "%s stands on no interface", name);
	program = map_open(path_of_program(paths, name, path));
	return program < 0 ? fail_errno(error, program, "cannot open %s", path) : program;
}

/* What the program itself does; nothing where packets are not handed over. */
static int add_program(const struct paths *paths, const struct handover_node *node,
		       const struct trace_flow *flow, const struct handover_trace *trace,
		       json_t *json, struct error *error)
{
	const struct xdplb_mapping *mapping = node_mapping(node->view, trace->mapping);
	struct trace_outcome outcome;
	const char *fault;
	uint32_t ifindex;
	int program, err;

	program = open_program(paths, mapping, &ifindex, error);
	if (program < 0)
		return program;
	err = handover_run(program, ifindex, flow, mapping, trace->mark, &outcome);
	close(program);
	if (err)
		return fail_errno(error, err, "cannot run node_tc on a packet");
	fault = handover_fault(node->view, trace, &outcome);
	json_object_set_new(json, "program", trace_program_json(flow, &outcome, NULL));
	json_object_set_new(json, "agrees", json_boolean(!fault));
	json_object_set_new(json, "differs_in", fault ? json_string(fault) : json_null());
	return 0;
}

/* A backend of the node. */
static int backend_json(const struct paths *paths, struct handover_node *node,
			const struct trace_flow *flow, uint32_t index, json_t **ret_json,
			struct error *error)
{
	const struct xdplb_mapping *mapping = node_mapping(node->view, index);
	const struct xdplb_mapping_info *info = node_mapping_info(node->view, index);
	struct handover_trace trace;
	json_t *json;
	int err = 0;

	handover_compute(node, flow, index, &trace);
	json = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "service", info->service, "backend",
			 info->backend, "to",
			 trace_end_json(&mapping->backend, flow->family,
					mapping->vport ? mapping->tag : flow->vip_port),
			 "mark", trace_mark_json(trace.mark), "tables",
			 tables_json(node->view, &trace, flow), "next",
			 steps_json(node->view, &trace, flow));
	if (trace.table_count)
		err = add_program(paths, node, flow, &trace, json, error);
	if (err)
		json_decref(json);
	else
		*ret_json = json;
	return err;
}

static int read_key(const struct paths *paths, struct xdplb_key *ret_key, struct error *error)
{
	char path[PATH_LEN];
	int err, program = map_open(path_of_program(paths, "uplink_ingress", path));

	if (program < 0)
		return fail_errno(error, program, "cannot open %s", path);
	err = trace_read_key(program, TRACE_NODE_TC, ret_key, error);
	close(program);
	return err;
}

int handover_collect(const struct paths *paths, const struct trace_flow *flow, json_t **ret_json,
		     struct error *error)
{
	struct node_view view;
	struct handover_node node = { .view = &view };
	json_t *list = json_array(), *json;
	int err = read_key(paths, &node.key, error);

	if (!err)
		err = node_view_open(paths, &view, error);
	if (err) {
		json_decref(list);
		return err;
	}
	for (uint32_t i = 0; !err && handover_find(&view, flow, &i); i++) {
		err = backend_json(paths, &node, flow, i, &json, error);
		if (!err)
			json_array_append_new(list, json);
	}
	node_view_close(&view);
	if (err)
		json_decref(list);
	else
		*ret_json = list;
	return err;
}
