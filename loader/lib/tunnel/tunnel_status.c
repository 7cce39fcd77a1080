// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tunnels that end at a node, as JSON.
 */
#include "tunnel/tunnel_status.h"

#include <arpa/inet.h>
#include <errno.h>
#include <time.h>

#include "tables/mpls_tables.h"

#define COUNTERS (sizeof(struct xdplb_tunnel_counters) / sizeof(uint64_t))

/* As in struct xdplb_tunnel_counters. */
static const char *const counter_names[] = {
	"pushed_event",   "pushed_general", "pushed_bytes",  "stamp_hardware",
	"stamp_software", "stamp_none",     "stamp_unknown", "push_dropped",
	"popped",         "popped_bytes",   "pop_dropped",   "probes",
};

const char *tunnel_cause_name(unsigned int cause)
{
	static const char *const names[] = {
		[XDPLB_TUNNEL_NOT_VERIFIED] = "not_verified",
		[XDPLB_TUNNEL_VERIFIED] = "verified",
		[XDPLB_TUNNEL_SILENT] = "silent",
		[XDPLB_TUNNEL_WRONG_WAY] = "wrong_way",
		[XDPLB_TUNNEL_UNCHECKED] = "unchecked",
	};

	return cause < sizeof(names) / sizeof(names[0]) ? names[cause] : "?";
}

static json_t *counters_json(const struct mpls_view *view, uint32_t index)
{
	uint64_t sums[COUNTERS] = { 0 };
	json_t *json = json_object();

	map_sum_percpu(view->counters_fd, index, sums, COUNTERS);
	for (size_t i = 0; i < sizeof(counter_names) / sizeof(counter_names[0]); i++)
		json_object_set_new(json, counter_names[i], json_integer((json_int_t)sums[i]));
	return json;
}

/* The labels that are pushed, outermost first; the last one for each payload. */
static json_t *labels_json(const struct mpls_view *view, uint32_t index)
{
	static const char *const payloads[] = { NULL, "ipv4", "ipv6", "ethernet" };
	const struct xdplb_lsp *lsp = map_at(&view->lsps, index);
	json_t *stack = json_array(), *last = json_object();

	for (size_t i = 0; i < lsp->depth; i++)
		json_array_append_new(stack, json_integer(ntohl(lsp->stack[i]) >> 12));
	for (size_t i = 1; i < XDPLB_PAYLOAD_COUNT; i++)
		if (lsp->last[i])
			json_object_set_new(last, payloads[i],
					    json_integer(ntohl(lsp->last[i]) >> 12));
	return json_pack("{s:o, s:o}", "stack", stack, "last", last);
}

static json_t *tunnel_json(const struct mpls_view *view, uint32_t index)
{
	const struct xdplb_tunnel_info *info = mpls_tunnel_info(view, index);
	struct xdplb_tunnel_control control = mpls_tunnel(view, index)->control;
	struct timespec now;
	json_t *json;

	clock_gettime(CLOCK_REALTIME, &now);
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:o}", "name", info->name, "to",
			 info->far_node, "state", control.state == XDPLB_TUNNEL_UP ? "up" : "down",
			 "cause", tunnel_cause_name(info->cause), "lsp",
			 control.backup ? "backup" : "primary", "backup", info->backup, "switches",
			 (json_int_t)info->switches, "since_seconds",
			 info->changed ? (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
						 (double)info->changed / 1e9
				       : 0.0,
			 "counters", counters_json(view, index));
	if (info->lsps[control.backup & 1] < view->lsps.count)
		json_object_set_new(json, "labels",
				    labels_json(view, info->lsps[control.backup & 1]));
	return json;
}

int tunnel_status(const struct paths *paths, json_t **ret_json, struct error *error)
{
	struct mpls_view view;
	json_t *json;
	int err = mpls_view_open(paths, &view, error);

	if (err)
		return err;
	json = json_array();
	for (uint32_t i = 0; i < view.infos.count; i++)
		if (mpls_tunnel_info(&view, i)->id)
			json_array_append_new(json, tunnel_json(&view, i));
	mpls_view_close(&view);
	*ret_json = json;
	return json ? 0 : fail_errno(error, -ENOMEM, "tunnels");
}
