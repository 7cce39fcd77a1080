// SPDX-License-Identifier: BSD-2-Clause
/*
 * Working out to whom node_tc would hand a packet, from the tables: the rules of bpf/README.md, told again.
 */
#include "show/trace_handover.h"

#include <arpa/inet.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "bpf/lib/owner.h"

static bool same_addr(const struct xdplb_addr *a, const struct xdplb_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool handover_find(const struct node_view *view, const struct trace_flow *flow, uint32_t *index)
{
	for (; *index < view->mappings.count; ++*index) {
		const struct xdplb_mapping *mapping = node_mapping(view, *index);

		if (mapping->state != XDPLB_MAPPING_FREE && mapping->proto == flow->proto &&
		    mapping->family == flow->family && same_addr(&mapping->vip, &flow->vip) &&
		    (!mapping->vport || mapping->vport == flow->vip_port))
			return true;
	}
	return false;
}

static uint32_t known_peer(const struct node_view *view, uint32_t peer)
{
	return peer < view->peers.count ? peer : HANDOVER_NOBODY;
}

static struct handover_owners find_owners(const struct node_view *view, struct xdplb_bucket_ref ref,
					  uint64_t hash)
{
	uint32_t first = succession_owner(view, ref.base + (hash >> 32) * ref.count / (1ULL << 32));
	uint32_t second = first;

	for (uint32_t i = 1; i < XDPLB_OWNERS_MAX && second == first; i++)
		second = succession_owner(view, ref.base + owner_bucket(hash, i, ref.count));
	return (struct handover_owners){
		.first = known_peer(view, first),
		.second = second == first ? HANDOVER_NOBODY : known_peer(view, second),
	};
}

static const struct xdplb_peer *peer_at(const struct node_view *view, uint32_t peer)
{
	return peer == HANDOVER_NOBODY ? NULL : map_at(&view->peers, peer);
}

/* The candidates' order. */
static uint32_t candidate(const struct handover_trace *trace, uint32_t i)
{
	static const struct {
		uint32_t table;
		bool second;
	} order[] = { { 0, false }, { 1, false }, { 0, true },
		      { 2, false }, { 1, true },  { 2, true } };
	const struct handover_owners *owners;

	if (i >= sizeof(order) / sizeof(order[0]) || order[i].table >= trace->table_count)
		return HANDOVER_NOBODY;
	owners = &trace->owners[order[i].table];
	return order[i].second ? owners->second : owners->first;
}

struct handover_step handover_next(const struct node_view *view, const struct handover_trace *trace,
				   const struct xdplb_addr *own, uint32_t handed)
{
	const struct xdplb_peer *first = peer_at(view, candidate(trace, 0)), *asked = NULL, *peer;
	bool is_first = first && same_addr(&first->addr, own);
	struct handover_step step = { .peer = HANDOVER_NOBODY };
	uint32_t asked_from = 0;

	if (handed == XDPLB_HANDED_TWICE)
		return step;
	step.handed = handed               ? XDPLB_HANDED_TWICE
		      : first && !is_first ? XDPLB_HANDED_BY_OTHER
					   : XDPLB_HANDED_BY_FIRST;
	if (handed == XDPLB_HANDED_BY_FIRST && !is_first)
		asked = first;
	if (handed == XDPLB_HANDED_BY_OTHER && is_first) {
		asked = peer_at(view, candidate(trace, 2));
		asked_from = 2;
	}
	for (uint32_t i = 0; i < 2 * XDPLB_GENERATIONS; i++) {
		peer = peer_at(view, candidate(trace, i));
		if (!peer || same_addr(&peer->addr, own) ||
		    (asked && i >= asked_from && same_addr(&peer->addr, &asked->addr)))
			continue;
		step.peer = candidate(trace, i);
		break;
	}
	return step;
}

static uint64_t hash_flow(const __u64 *key, const struct trace_flow *flow)
{
	uint64_t word = flow_word(flow->source_port, flow->vip_port, flow->proto, flow->family);

	if (flow->family == XDPLB_IPV4)
		return flow_hash4(key, flow->source.word[0], flow->vip.word[0], word);
	return flow_hash6(key, flow->source.word, flow->vip.word, word);
}

static void add_tables(const struct node_view *view, uint32_t succession, uint64_t by_source_hash,
		       struct handover_trace *trace)
{
	const struct xdplb_bucket_ref *tables = succession_tables(view, succession);
	uint32_t by_source = succession_by_source(view, succession);

	for (uint32_t g = 0; g < XDPLB_GENERATIONS && tables[g].count; g++) {
		trace->owners[g] = find_owners(view, tables[g],
					       by_source >> g & 1 ? by_source_hash : trace->hash);
		trace->table_count = g + 1;
	}
}

void handover_compute(const struct handover_node *node, const struct trace_flow *flow,
		      uint32_t mapping, struct handover_trace *ret_trace)
{
	const struct xdplb_mapping *entry = node_mapping(node->view, mapping);
	struct handover_trace trace = { .mapping = mapping };
	struct xdplb_addr own = entry->backend;
	uint32_t handed = XDPLB_HANDED_NEVER;
	__u64 key[FLOW_KEY_WORDS];

	flow_key_expand(node->key.word[0], node->key.word[1], key);
	trace.hash = hash_flow(key, flow);
	trace.mark = handover_mark(flow->family, trace.hash, XDPLB_HANDED_NEVER);
	if (entry->succession && flow->proto == IPPROTO_TCP)
		add_tables(node->view, entry->succession,
			   source_hash(key, flow->source.word, flow->vip.word, flow->family),
			   &trace);
	while (trace.step_count < XDPLB_HANDOVERS_MAX) {
		struct handover_step step = handover_next(node->view, &trace, &own, handed);

		if (step.peer == HANDOVER_NOBODY)
			break;
		step.mark = handover_mark(flow->family, trace.hash, step.handed);
		trace.steps[trace.step_count++] = step;
		handed = step.handed;
		own = peer_at(node->view, step.peer)->addr;
	}
	*ret_trace = trace;
}

const char *handover_fault(const struct node_view *view, const struct handover_trace *trace,
			   const struct trace_outcome *outcome)
{
	const struct xdplb_mapping *mapping = node_mapping(view, trace->mapping);
	const struct xdplb_peer *peer;

	if (outcome->verdict == TRACE_LEFT)
		return NULL;
	if (outcome->verdict != TRACE_SENT || !trace->step_count)
		return "the verdict";
	peer = peer_at(view, trace->steps[0].peer);
	if (!same_addr(&peer->addr, &outcome->addr) ||
	    (mapping->vport && peer->tag != outcome->port))
		return "the destination";
	return outcome->mark == trace->steps[0].mark ? NULL : "the mark";
}
