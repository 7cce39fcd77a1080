// SPDX-License-Identifier: BSD-2-Clause
/*
 * Working out what lb_xdp would do, from the tables: the steps of bpf/README.md, told again.
 */
#include "show/trace.h"

#include <netinet/in.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "health/health_entry.h"

/* What the tables know by an address, port and protocol; NULL: nothing. */
static const struct xdplb_endpoint *find_vip(const struct access_view *view,
					     const struct xdplb_endpoint *key)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	uint32_t slots = view->vips.count / 2;
	uint32_t hash =
		endpoint_hash(control->vips.seed, &key->addr, key->port, key->proto, key->family);

	for (uint32_t i = 0; i < XDPLB_ENDPOINT_PROBES; i++) {
		const struct xdplb_endpoint *slot =
			map_at(&view->vips, control->vips.base + ((hash + i) & (slots - 1)));

		if (!slot->family)
			return NULL;
		if (!memcmp(slot, key, offsetof(struct xdplb_endpoint, index)))
			return slot;
	}
	return NULL;
}

static void find_service(const struct access_view *view, const struct trace_flow *flow,
			 struct trace *trace)
{
	struct xdplb_endpoint key = { .addr = flow->vip, .family = flow->family };
	const struct xdplb_endpoint *found;

	trace->is_vip = find_vip(view, &key) != NULL;
	key.port = flow->vip_port;
	key.proto = flow->proto;
	found = find_vip(view, &key);
	trace->has_service = found != NULL;
	if (found)
		trace->service = found->index;
}

static bool is_listed(const struct access_view *view, const struct trace_flow *flow,
		      const struct trace *trace)
{
	struct xdplb_source_key key = {
		.prefix_len = XDPLB_SOURCE_KEY_BITS + (flow->family == XDPLB_IPV4 ? 32 : 128),
		.service = trace->service,
		.version = !!(trace->flags & XDPLB_SERVICE_SOURCES_B),
		.family = flow->family,
		.addr = flow->source,
	};
	uint32_t value;

	return view->sources_fd >= 0 && !map_get(view->sources_fd, &key, &value);
}

static bool is_confirmed(const struct access_view *view, uint32_t member)
{
	return member < view->members.count &&
	       access_member(view, member)->flags & XDPLB_MEMBER_CONFIRMED;
}

/* A target that drains gets no packet that may open a flow. */
static bool is_usable(const struct trace_node *node, uint32_t member, const struct trace *trace)
{
	bool unknown_is_down = trace->flags & XDPLB_SERVICE_UNKNOWN_IS_DOWN;
	const struct xdplb_health *health;
	uint32_t target;

	if (!is_confirmed(node->view, member))
		return false;
	target = access_member(node->view, member)->health;
	if (target >= node->view->health.count)
		return false;
	health = map_at(&node->view->health, target);
	return health_usable(health, node->jiffies, unknown_is_down) &&
	       !(trace->opens &&
		 health_effective(health, node->jiffies, unknown_is_down) == XDPLB_HEALTH_DRAINING);
}

/* Owners in the order in which they are tried, up to the first that may be used. */
static void find_owner(const struct trace_node *node, struct xdplb_bucket_ref ref, uint64_t hash,
		       struct trace *trace)
{
	for (uint32_t i = 0; i < XDPLB_OWNERS_MAX; i++) {
		uint32_t bucket =
			i ? owner_bucket(hash, i, ref.count) : (hash >> 32) * ref.count >> 32;
		uint32_t member = *access_bucket(node->view, ref.base + bucket);
		bool usable = is_usable(node, member, trace);

		trace->owners[trace->owner_count++] =
			(struct trace_owner){ bucket, member, usable };
		if (!usable)
			continue;
		trace->search = TRACE_OWNER;
		trace->member = member;
		return;
	}
}

static uint32_t count_usable(const struct trace_node *node, const struct trace *trace)
{
	uint32_t i = access_service(node->view, trace->service)->first_member, n = 0;

	for (uint32_t steps = 0; i < node->view->members.count && steps < XDPLB_CHAIN_MAX;
	     steps++) {
		n += access_member(node->view, i)->weight && is_usable(node, i, trace);
		i = access_member(node->view, i)->next;
	}
	return n;
}

/* Owners, then the whole chain. */
static void search_all(const struct trace_node *node, struct xdplb_bucket_ref ref, uint64_t hash,
		       struct trace *trace)
{
	trace->owner_count = 0;
	find_owner(node, ref, hash, trace);
	if (trace->search == TRACE_OWNER)
		return;
	trace->usable_members = count_usable(node, trace);
	if (trace->usable_members)
		trace->search = TRACE_ANY;
}

static void drop(struct trace *trace, enum xdplb_drop reason)
{
	trace->verdict = TRACE_DROPPED;
	trace->reason = reason;
}

/* Nobody is usable: the service says what then. */
static void go_without(const struct trace_node *node, const struct trace_flow *flow,
		       struct trace *trace)
{
	drop(trace, XDPLB_DROP_NO_USABLE_MEMBER);
	if (trace->flags & XDPLB_SERVICE_RESET_IF_DOWN && flow->proto == IPPROTO_TCP)
		trace->verdict = TRACE_RESET;
	if (!(trace->flags & XDPLB_SERVICE_ALL_IF_DOWN))
		return;
	for (uint32_t i = 0; i < trace->owner_count; i++) {
		if (!is_confirmed(node->view, trace->owners[i].member))
			continue;
		trace->search = TRACE_OWNER_WHILE_DOWN;
		trace->member = trace->owners[i].member;
		return;
	}
}

static void find_member(const struct trace_node *node, const struct trace_flow *flow,
			struct trace *trace)
{
	struct xdplb_bucket_ref ref = access_service(node->view, trace->service)->buckets;
	uint64_t hash = trace->hash;

	if (!ref.count) {
		drop(trace, XDPLB_DROP_NO_MEMBER);
		return;
	}
	if (trace->flags & XDPLB_SERVICE_BY_SOURCE)
		hash = source_hash(node->key.word[0], node->key.word[1], flow->source.word,
				   flow->vip.word, flow->family);
	trace->opens = flow->proto == IPPROTO_UDP; /* TCP: the packet has no SYN */
	search_all(node, ref, hash, trace);
	if (trace->search == TRACE_NONE && trace->opens) {
		trace->opens = false; /* rather one that drains than none */
		search_all(node, ref, hash, trace);
	}
	if (trace->search == TRACE_NONE)
		go_without(node, flow, trace);
}

static uint64_t hash_flow(const struct trace_node *node, const struct trace_flow *flow)
{
	uint64_t word = flow_word(flow->source_port, flow->vip_port, flow->proto, flow->family);

	if (flow->family == XDPLB_IPV4)
		return flow_hash4(node->key.word[0], node->key.word[1], flow->source.word[0],
				  flow->vip.word[0], word);
	return flow_hash6(node->key.word[0], node->key.word[1], flow->source.word, flow->vip.word,
			  word);
}

void trace_compute(const struct trace_node *node, const struct trace_flow *flow,
		   struct trace *ret_trace)
{
	struct trace trace = { .search = TRACE_NONE, .member = XDPLB_NO_MEMBER };

	find_service(node->view, flow, &trace);
	if (!trace.has_service) {
		*ret_trace = trace; /* passes */
		return;
	}
	trace.hash = hash_flow(node, flow);
	trace.mark = flow->family == XDPLB_IPV4 ? mark_ipv4(trace.hash) : mark_ipv6(trace.hash);
	if (trace.service >= node->view->services.count) {
		drop(&trace, XDPLB_DROP_BAD_TABLE);
		*ret_trace = trace;
		return;
	}
	trace.flags = access_service(node->view, trace.service)->flags;
	if (trace.flags & XDPLB_SERVICE_SOURCES)
		trace.in_list = is_listed(node->view, flow, &trace);
	if (trace.flags & XDPLB_SERVICE_SOURCES &&
	    trace.in_list == !!(trace.flags & XDPLB_SERVICE_SOURCES_DENIED))
		drop(&trace, XDPLB_DROP_SOURCE_DENIED);
	else
		find_member(node, flow, &trace);
	if (trace.search != TRACE_NONE) {
		trace.verdict = TRACE_SENT;
		if (trace.member != XDPLB_NO_MEMBER)
			trace.has_nexthop =
				access_member(node->view, trace.member)->nexthop.expires >
				node->jiffies;
	}
	*ret_trace = trace;
}

/* ---- and the program ---- */

static bool is_member_of(const struct trace_node *node, uint32_t member,
			 const struct trace_outcome *outcome)
{
	const struct xdplb_member *entry = access_member(node->view, member);

	return entry->tag == outcome->port &&
	       !memcmp(&entry->addr, &outcome->addr, sizeof(entry->addr));
}

/* Is where the packet went a usable member of the service? */
static bool is_any_member(const struct trace_node *node, const struct trace *trace,
			  const struct trace_outcome *outcome)
{
	uint32_t i = access_service(node->view, trace->service)->first_member;

	for (uint32_t steps = 0; i < node->view->members.count && steps < XDPLB_CHAIN_MAX;
	     steps++) {
		if (is_usable(node, i, trace) && is_member_of(node, i, outcome))
			return true;
		i = access_member(node->view, i)->next;
	}
	return false;
}

const char *trace_fault(const struct trace_node *node, const struct trace *trace,
			const struct trace_outcome *outcome)
{
	bool goes_on = outcome->verdict == TRACE_SENT || outcome->verdict == TRACE_LEFT;

	if (trace->search == TRACE_NONE) /* a reset has a budget: beyond it, a drop */
		return outcome->verdict == trace->verdict || (trace->verdict == TRACE_RESET &&
							      outcome->verdict == TRACE_DROPPED)
			       ? NULL
			       : "the verdict";
	/* Without a next hop the kernel may know no route, and then it is dropped. */
	if (outcome->verdict == TRACE_DROPPED && !trace->has_nexthop)
		return NULL;
	if (!goes_on || (trace->has_nexthop && outcome->verdict != TRACE_SENT))
		return "the verdict";
	if (trace->search == TRACE_ANY ? !is_any_member(node, trace, outcome)
				       : !is_member_of(node, trace->member, outcome))
		return "the destination";
	return outcome->mark == trace->mark ? NULL : "the mark";
}
