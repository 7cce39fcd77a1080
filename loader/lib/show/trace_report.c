// SPDX-License-Identifier: BSD-2-Clause
/*
 * A trace of an attached node as JSON.
 */
#include "show/trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/address.h"
#include "host/lb_skel.h"
#include "health/health.h"
#include "health/health_entry.h"
#include "host/hooks.h"
#include "base/jiffies.h"
#include "show/trace_handover.h"
#include "show/trace_key.h"
#include "show/trace_report.h"
#include "xdplb/counters.h"

#define HOOKS_LOOKED_AT 256

static const struct {
	const char *name, *help;
} reasons[] = {
#define X(NAME, name, help) { #name, help },
	XDPLB_DROP_REASONS(X)
#undef X
};

static const char *verdict_name(enum trace_verdict verdict)
{
	static const char *const names[] = { [TRACE_PASSED] = "passed",
					     [TRACE_DROPPED] = "dropped",
					     [TRACE_RESET] = "reset",
					     [TRACE_SENT] = "sent",
					     [TRACE_LEFT] = "left to kernel" };

	return names[verdict];
}

json_t *trace_end_json(const struct xdplb_addr *addr, __u8 family, __be16 port)
{
	char text[ADDRESS_TEXT_LEN];

	return json_string(address_port_print(addr, family, port, text));
}

json_t *trace_mark_json(uint32_t mark)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%x", mark);
	return json_string(text);
}

static const char *list_words(const struct trace *trace)
{
	bool is_served = trace->in_list == !!(trace->flags & XDPLB_SERVICE_SOURCES_ALLOWED);

	if (!(trace->flags & XDPLB_SERVICE_SOURCES))
		return "no list: all clients are served";
	if (trace->flags & XDPLB_SERVICE_SOURCES_ALLOWED)
		return is_served ? "in the list of those served"
				 : "not in the list of those served";
	return is_served ? "not in the list of those not served"
			 : "in the list of those not served";
}

static json_t *service_json(const struct trace_node *node, const struct trace *trace)
{
	const struct xdplb_service_info *info = access_service_info(node->view, trace->service);
	bool by_source = trace->flags & XDPLB_SERVICE_BY_SOURCE;
	char hash[17];

	snprintf(hash, sizeof(hash), "%016" PRIx64,
		 access_table_digest(node->view, trace->service));
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "name", info->name, "restore",
			 info->restore == XDPLB_RESTORE_SOURCE ? "source" : "interface", "affinity",
			 by_source ? "source" : "flow", "buckets",
			 (json_int_t)access_service(node->view, trace->service)->buckets.count,
			 "table_hash", hash, "client", list_words(trace));
}

/* Health, share, and what is left of the lease: negative: it is over. */
static void add_health(json_t *json, const struct trace_node *node, const struct trace *trace,
		       uint32_t target)
{
	bool unknown_is_down = trace->flags & XDPLB_SERVICE_UNKNOWN_IS_DOWN;
	const struct xdplb_health *health = map_at(&node->view->health, target);
	double left = (double)(int64_t)(health->lease - node->jiffies);

	json_object_set_new(json, "health", json_string(health_state_name(health->state)));
	json_object_set_new(json, "cause", json_string(health_cause_name(health->cause)));
	json_object_set_new(json, "reported", json_string(health_state_name(health->reported)));
	json_object_set_new(json, "share",
			    json_integer(health_share(health, node->jiffies, unknown_is_down)));
	json_object_set_new(json, "lease_seconds",
			    health->lease ? json_real(left / (double)jiffies_per_second())
					  : json_null());
}

static json_t *member_json(const struct trace_node *node, const struct trace *trace, __u8 family,
			   uint32_t number)
{
	const struct xdplb_member *member = access_member(node->view, number);
	const struct xdplb_backend_info *info;
	json_t *json = json_object();

	json_object_set_new(json, "to", trace_end_json(&member->addr, family, member->tag));
	json_object_set_new(json, "confirmed",
			    json_boolean(member->flags & XDPLB_MEMBER_CONFIRMED));
	if (member->health >= node->view->health.count)
		return json;
	info = access_backend_info(node->view, member->health);
	json_object_set_new(json, "backend", json_string(info->name));
	json_object_set_new(json, "node", json_string(info->node));
	add_health(json, node, trace, member->health);
	return json;
}

/* A member that several of the buckets name is told of once. */
static bool was_told(const struct trace *trace, uint32_t number)
{
	for (uint32_t i = 0; i < number; i++)
		if (trace->owners[i].member == trace->owners[number].member)
			return true;
	return false;
}

static json_t *owners_json(const struct trace_node *node, __u8 family, const struct trace *trace)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < trace->owner_count; i++) {
		const struct trace_owner *owner = &trace->owners[i];
		json_t *json;

		if (was_told(trace, i))
			continue;
		json = owner->member < node->view->members.count
			       ? member_json(node, trace, family, owner->member)
			       : json_object();
		json_object_set_new(json, "bucket", json_integer(owner->bucket));
		json_object_set_new(json, "attempt", json_integer(i));
		json_object_set_new(json, "usable", json_boolean(owner->usable));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *nexthop_json(const struct trace_node *node, const struct trace *trace)
{
	const struct xdplb_nexthop *nexthop;
	char text[IF_NAMESIZE + 24], name[IF_NAMESIZE] = "?";

	if (trace->member == XDPLB_NO_MEMBER || !trace->has_nexthop)
		return json_string("asked of the kernel's routes and neighbours");
	nexthop = &access_member(node->view, trace->member)->nexthop;
	if_indextoname(nexthop->ifindex, name);
	snprintf(text, sizeof(text), "%s %02x:%02x:%02x:%02x:%02x:%02x", name, nexthop->dmac[0],
		 nexthop->dmac[1], nexthop->dmac[2], nexthop->dmac[3], nexthop->dmac[4],
		 nexthop->dmac[5]);
	return json_string(text);
}

static void add_verdict(json_t *json, const struct trace_node *node, const struct trace_flow *flow,
			const struct trace *trace)
{
	static const char *const searches[] = {
		[TRACE_OWNER] = "owner",
		[TRACE_REMEMBERED] = "the flow is remembered",
		[TRACE_ANY] = "any usable member",
		[TRACE_QUIC] = "by connection id",
		[TRACE_OWNER_WHILE_DOWN] = "owner, though none is usable",
		[TRACE_NONE] = "none",
	};

	json_object_set_new(json, "verdict", json_string(verdict_name(trace->verdict)));
	if (trace->verdict == TRACE_DROPPED) {
		json_object_set_new(json, "reason", json_string(reasons[trace->reason].name));
		json_object_set_new(json, "why", json_string(reasons[trace->reason].help));
	}
	if (!trace->has_service) {
		json_object_set_new(json, "why",
				    json_string(trace->is_vip ? "a VIP, but no service at this port"
							      : "no VIP"));
		return;
	}
	json_object_set_new(json, "chosen", json_string(searches[trace->search]));
	json_object_set_new(json, "draw", json_integer(trace->draw));
	if (trace->search == TRACE_NONE)
		return;
	json_object_set_new(json, "mark", trace_mark_json(trace->mark));
	json_object_set_new(json, "next_hop", nexthop_json(node, trace));
	if (trace->member != XDPLB_NO_MEMBER)
		json_object_set_new(json, "member",
				    member_json(node, trace, flow->family, trace->member));
	else
		json_object_set_new(json, "usable_members", json_integer(trace->usable_members));
}

json_t *trace_program_json(const struct trace_flow *flow, const struct trace_outcome *outcome,
			   const char *interface)
{
	json_t *json = json_pack("{s:s}", "verdict", verdict_name(outcome->verdict));

	if (interface)
		json_object_set_new(json, "interface", json_string(interface));
	if (outcome->verdict == TRACE_SENT || outcome->verdict == TRACE_LEFT) {
		json_object_set_new(json, "to",
				    trace_end_json(&outcome->addr, flow->family, outcome->port));
		json_object_set_new(json, "mark", trace_mark_json(outcome->mark));
	}
	return json;
}

uint32_t trace_find_interface(const struct paths *paths, const char *program, char *ret_name)
{
	struct hook_state *states = calloc(HOOKS_LOOKED_AT, sizeof(*states));
	size_t count = states ? hooks_list(paths, -1, states, HOOKS_LOOKED_AT) : 0;
	uint32_t ifindex = 0;

	for (size_t i = 0; i < count && !ifindex; i++) {
		if (strcmp(states[i].program, program) != 0)
			continue;
		ifindex = if_nametoindex(states[i].interface);
		strcpy(ret_name, states[i].interface);
	}
	free(states);
	return ifindex;
}

static json_t *flow_json(const struct trace_flow *flow)
{
	return json_pack("{s:s, s:o, s:o}", "protocol", flow->proto == IPPROTO_TCP ? "tcp" : "udp",
			 "source", trace_end_json(&flow->source, flow->family, flow->source_port),
			 "vip", trace_end_json(&flow->vip, flow->family, flow->vip_port));
}

static json_t *make_json(const struct trace_node *node, const struct trace_flow *flow,
			 const struct trace *trace)
{
	json_t *json = flow_json(flow);

	if (trace->has_service && trace->service < node->view->services.count) {
		json_object_set_new(json, "service", service_json(node, trace));
		json_object_set_new(json, "owners", owners_json(node, flow->family, trace));
	}
	add_verdict(json, node, flow, trace);
	return json;
}

static int trace_node(const struct paths *paths, int program, const struct trace_node *node,
		      const struct trace_flow *flow, json_t **ret_json, struct error *error)
{
	struct trace *trace = malloc(sizeof(*trace));
	struct trace_outcome outcome;
	char interface[IF_NAMESIZE];
	uint32_t ifindex = trace_find_interface(paths, "lb_xdp", interface);
	const char *fault;
	int err;

	if (!trace)
		return fail_errno(error, -ENOMEM, "trace");
	if (!ifindex) {
		free(trace);
		return fail(error, -ENODEV, "lb_xdp stands on no interface");
	}
	trace_compute(node, flow, trace);
	err = trace_run(program, ifindex, flow, &outcome);
	if (err) {
		free(trace);
		return fail_errno(error, err, "cannot run lb_xdp on a packet of %s", interface);
	}
	fault = trace_fault(node, trace, &outcome);
	*ret_json = make_json(node, flow, trace);
	json_object_set_new(*ret_json, "program", trace_program_json(flow, &outcome, interface));
	json_object_set_new(*ret_json, "agrees", json_boolean(!fault));
	json_object_set_new(*ret_json, "differs_in", fault ? json_string(fault) : json_null());
	free(trace);
	return 0;
}

static int collect_access(const struct paths *paths, const char *name,
			  const struct trace_flow *flow, json_t **ret_json, struct error *error)
{
	struct access_view view;
	struct trace_node node = { .view = &view };
	char path[PATH_LEN];
	int program, err;

	program = map_open(path_of_program(paths, "lb_xdp", path));
	if (program < 0)
		return fail_errno(error, program, "%s is not attached: %s", name, path);
	err = trace_read_key(program, TRACE_LB_XDP, &node.key, error);
	if (!err)
		err = access_view_open(paths, &view, error);
	if (err) {
		close(program);
		return err;
	}
	err = jiffies_now(&node.jiffies);
	err = err ? fail_errno(error, err, "cannot read the kernel's tick")
		  : trace_node(paths, program, &node, flow, ret_json, error);
	access_view_close(&view);
	close(program);
	return err;
}

/* Of a service node; it agrees if each of its backends does. */
static int add_handover(const struct paths *paths, const struct trace_flow *flow, json_t *json,
			struct error *error)
{
	json_t *list, *backend;
	int err = handover_collect(paths, flow, &list, error);
	size_t i;

	if (err)
		return err;
	json_array_foreach(list, i, backend) if (json_is_false(json_object_get(backend, "agrees")))
		json_object_set_new(json, "agrees", json_false());
	json_object_set_new(json, "hand_over", list);
	return 0;
}

int trace_collect(const char *name, const struct trace_flow *flow, json_t **ret_json,
		  struct error *error)
{
	struct paths paths;
	char path[PATH_LEN];
	bool is_service_node;
	json_t *json = NULL;
	int err = 0;

	if (paths_of_node(name, &paths))
		return fail(error, -ENAMETOOLONG, "%s: the name is too long", name);
	is_service_node = !access(path_of_program(&paths, "uplink_ingress", path), F_OK);
	if (is_service_node && access(path_of_program(&paths, "lb_xdp", path), F_OK)) {
		json = flow_json(flow);
		json_object_set_new(json, "agrees", json_true());
	} else {
		err = collect_access(&paths, name, flow, &json, error);
	}
	if (!err && is_service_node) {
		err = add_handover(&paths, flow, json, error);
		if (err)
			json_decref(json);
	}
	if (!err)
		*ret_json = json;
	return err;
}
