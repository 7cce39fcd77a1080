// SPDX-License-Identifier: BSD-2-Clause
/*
 * Working out what lb_xdp would do, from the tables: the steps of bpf/README.md, told again.
 */
#include "show/trace.h"

#include <netinet/in.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "bpf/lib/owner.h"
#include "health/health_entry.h"
#include "tables/access_lookup.h"

static void find_service(const struct access_view *view, const struct trace_flow *flow,
			 struct trace *trace)
{
	struct xdplb_endpoint key = { .addr = flow->vip, .family = flow->family };
	const struct xdplb_endpoint *found;

	trace->is_vip = access_find_vip(view, &key) != NULL;
	key.port = flow->vip_port;
	key.proto = flow->proto;
	found = access_find_served(view, &key);
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

/*
 * A target that drains gets no packet that may open a flow; one with a weight, as the first owner, flows
 * whose draw is below it.
 * @draw: 0 for a later owner
 */
static bool is_usable(const struct trace_node *node, uint32_t member, const struct trace *trace,
		      uint32_t draw)
{
	bool unknown_is_down = trace->flags & XDPLB_SERVICE_UNKNOWN_IS_DOWN;
	const struct xdplb_health *health;
	enum xdplb_health_state state;
	uint32_t target;

	if (!is_confirmed(node->view, member))
		return false;
	target = access_member(node->view, member)->health;
	if (target >= node->view->health.count)
		return false;
	health = map_at(&node->view->health, target);
	state = health_effective(health, node->jiffies, unknown_is_down);
	if (state == XDPLB_HEALTH_DRAINING)
		return !trace->opens;
	return draw < health_share(health, node->jiffies, unknown_is_down);
}

static uint32_t owner_at(const struct trace_node *node, struct xdplb_bucket_ref ref, uint64_t hash,
			 uint32_t attempt, uint32_t *ret_bucket)
{
	*ret_bucket =
		attempt ? owner_bucket(hash, attempt, ref.count) : (hash >> 32) * ref.count >> 32;
	return *access_bucket(node->view, ref.base + *ret_bucket);
}

/*
 * Owners in the order in which they are tried, up to the first that may be used.
 * @draw: of the flow, for its first owner, which later counts no more; 0: any of them may have it
 */
static void find_owner(const struct trace_node *node, struct xdplb_bucket_ref ref, uint64_t hash,
		       uint32_t draw, struct trace *trace)
{
	uint32_t bucket, first = owner_at(node, ref, hash, 0, &bucket);

	for (uint32_t i = 0; i < XDPLB_OWNERS_MAX; i++) {
		uint32_t member = owner_at(node, ref, hash, i, &bucket);
		bool usable = is_usable(node, member, trace, member == first ? draw : 0);

		trace->owners[trace->owner_count++] =
			(struct trace_owner){ bucket, member, usable };
		if (!usable)
			continue;
		trace->search = TRACE_OWNER;
		trace->member = member;
		return;
	}
}

static uint32_t count_usable(const struct trace_node *node, const struct trace *trace,
			     uint32_t skip)
{
	uint32_t i = access_service(node->view, trace->service)->first_member, n = 0;

	for (uint32_t steps = 0; i < node->view->members.count && steps < XDPLB_CHAIN_MAX;
	     steps++) {
		n += i != skip && access_member(node->view, i)->weight &&
		     is_usable(node, i, trace, 0);
		i = access_member(node->view, i)->next;
	}
	return n;
}

/* Owners, then the whole chain. */
static void search_all(const struct trace_node *node, struct xdplb_bucket_ref ref, uint64_t hash,
		       uint32_t draw, struct trace *trace)
{
	trace->owner_count = 0;
	find_owner(node, ref, hash, draw, trace);
	if (trace->search == TRACE_OWNER)
		return;
	trace->usable_members =
		count_usable(node, trace, draw ? trace->owners[0].member : XDPLB_NO_MEMBER);
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

/* An index that was the service's once may be another's by now. */
static bool is_own_usable(const struct trace_node *node, uint32_t member, const struct trace *trace)
{
	return member < node->view->members.count &&
	       access_member(node->view, member)->service == trace->service &&
	       is_usable(node, member, trace, 0);
}

/* A flow that is remembered stays where it is, if it may. */
static bool stays(const struct trace_node *node, struct trace *trace)
{
	uint32_t member = trace_recall(node->view, trace->hash);

	if (!(trace->flags & XDPLB_SERVICE_CACHE) || !is_own_usable(node, member, trace))
		return false;
	trace->search = TRACE_REMEMBERED;
	trace->member = member;
	return true;
}

static void find_member(const struct trace_node *node, const struct trace_flow *flow,
			struct trace *trace)
{
	struct xdplb_bucket_ref ref = access_service(node->view, trace->service)->buckets;
	uint64_t hash = trace->hash;

	if (stays(node, trace))
		return;
	if (!ref.count) {
		drop(trace, XDPLB_DROP_NO_MEMBER);
		return;
	}
	if (trace->flags & XDPLB_SERVICE_BY_SOURCE) {
		__u64 key[FLOW_KEY_WORDS];

		flow_key_expand(node->key.word[0], node->key.word[1], key);
		hash = source_hash(key, flow->source.word, flow->vip.word, flow->family);
	}
	trace->opens = flow->proto == IPPROTO_UDP; /* TCP: the packet has no SYN */
	trace->draw = flow_draw(hash);
	search_all(node, ref, hash, trace->draw, trace);
	if (trace->search == TRACE_NONE) {
		trace->opens =
			false; /* rather one that drains, or has not enough weight, than none */
		search_all(node, ref, hash, 0, trace);
	}
	if (trace->search == TRACE_NONE)
		go_without(node, flow, trace);
}

/* By the connection id, where it names a member to which packets may be sent; one that drains keeps its own. */
static bool find_quic_member(const struct trace_node *node, const struct trace_flow *flow,
			     struct trace *trace)
{
	struct xdplb_endpoint key = { .addr = { { trace->service } },
				      .proto = XDPLB_QUIC_ENTRY,
				      .family = XDPLB_IPV6 };
	const struct xdplb_endpoint *found;

	if (!(trace->flags & XDPLB_SERVICE_QUIC) || flow->proto != IPPROTO_UDP ||
	    flow->cid_len < 1 + XDPLB_QUIC_ID_LEN ||
	    flow->cid[0] >> 5 != (trace->flags >> XDPLB_SERVICE_QUIC_CONFIG & 7))
		return false;
	memcpy(&key.addr.word[1], flow->cid + 1, XDPLB_QUIC_ID_LEN);
	found = access_find_vip(node->view, &key);
	if (!found || !is_own_usable(node, found->index, trace))
		return false;
	trace->search = TRACE_QUIC;
	trace->member = found->index;
	return true;
}

static uint64_t hash_flow(const struct trace_node *node, const struct trace_flow *flow)
{
	uint64_t word = flow_word(flow->source_port, flow->vip_port, flow->proto, flow->family);
	__u64 key[FLOW_KEY_WORDS];

	flow_key_expand(node->key.word[0], node->key.word[1], key);
	if (flow->family == XDPLB_IPV4)
		return flow_hash4(key, flow->source.word[0], flow->vip.word[0], word);
	return flow_hash6(key, flow->source.word, flow->vip.word, word);
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
	else if (!find_quic_member(node, flow, &trace))
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

	return (entry->flags & XDPLB_MEMBER_KEEPS_PORT || entry->tag == outcome->port) &&
	       !memcmp(&entry->addr, &outcome->addr, sizeof(entry->addr));
}

/* Is where the packet went a usable member of the service? */
static bool is_any_member(const struct trace_node *node, const struct trace *trace,
			  const struct trace_outcome *outcome)
{
	uint32_t i = access_service(node->view, trace->service)->first_member;

	for (uint32_t steps = 0; i < node->view->members.count && steps < XDPLB_CHAIN_MAX;
	     steps++) {
		if (is_usable(node, i, trace, 0) && is_member_of(node, i, outcome))
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
