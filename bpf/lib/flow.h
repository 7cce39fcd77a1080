/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Flow notes of a service node, for services restored by `source`: which VIP the replies of a flow
 * belong to, and what happens when two flows look the same to a backend.
 */
#ifndef XDPLB_BPF_FLOW_H
#define XDPLB_BPF_FLOW_H

#include "note.h"

/* Other client ports tried for a flow whose own is taken. */
#define REMAP_ATTEMPTS   16
#define REMAP_FIRST_PORT 1024

INLINE __be16 remap_candidate(__be16 port, __be16 entry_port, __u32 attempt)
{
	__u32 x = ((__u32)port << 16 | entry_port) + attempt * 0x9e3779b1;

	x ^= x >> 15;
	x *= 0x85ebca6b;
	x ^= x >> 13;
	return bpf_htons(REMAP_FIRST_PORT + x % (65536 - REMAP_FIRST_PORT));
}

/* Gives a flow another client port, noted in both directions. */
INLINE bool remap_flow(struct xdplb_flow_key *reply, const struct xdplb_flow_key *remap,
		       const struct flow_owner *owner, __be16 *ret_port)
{
	struct xdplb_flow note = { .mapping = owner->mapping, .epoch = owner->epoch };

	for (__u32 i = 0; i < REMAP_ATTEMPTS; i++) {
		reply->client_port = remap_candidate(remap->client_port, remap->port, i);
		if (!put_note(reply, owner, remap->client_port))
			continue;
		note.client_port = reply->client_port;
		bpf_map_delete_elem(&flows, remap);
		if (bpf_map_update_elem(&new_flows, remap, &note, BPF_ANY)) {
			delete_note(reply);
			return false;
		}
		*ret_port = reply->client_port;
		count_event(XDPLB_EVENT_FLOW_REMAPPED);
		return true;
	}
	return false;
}

/* A port given to this flow before, if it is still its own. */
INLINE bool use_remap(struct xdplb_flow_key *reply, const struct xdplb_flow_key *remap,
		      const struct flow_owner *owner, __be16 *ret_port)
{
	const struct xdplb_flow *given = find_any_note(remap), *note;

	if (!given || given->mapping != owner->mapping || given->epoch != owner->epoch)
		return false;
	reply->client_port = given->client_port;
	*ret_port = given->client_port;
	note = find_any_note(reply);
	if (note && note_is_of(note, owner, remap->client_port))
		return true;
	return put_note(reply, owner, remap->client_port); /* the note was evicted */
}

/*
 * The client port under which a noted flow is known to the backend. False: the flow is not noted.
 * @key: its reply note, with the client's own port; is overwritten
 */
INLINE bool find_flow(struct xdplb_flow_key *key, const struct flow_owner *owner, __be16 *ret_port)
{
	const struct xdplb_flow *note = find_any_note(key);

	*ret_port = key->client_port;
	if (note && note_is_of(note, owner, key->client_port))
		return true;
	key->kind = XDPLB_NOTE_REMAP;
	key->port = owner->entry_port;
	note = find_any_note(key);
	if (!note || note->mapping != owner->mapping || note->epoch != owner->epoch)
		return false;
	*ret_port = note->client_port;
	return true;
}

/* The key of a flow's reply note, if its client keeps its port. */
INLINE void reply_key(const struct packet *pkt, const struct flow_owner *owner,
		      struct xdplb_flow_key *ret_key)
{
	*ret_key = (struct xdplb_flow_key){
		.port = owner->port,
		.client_port = packet_ports(pkt)->source,
		.proto = pkt->proto,
		.family = pkt->family,
		.kind = XDPLB_NOTE_REPLY,
	};
	read_dest(pkt, &ret_key->backend);
	read_source(pkt, &ret_key->client);
}

/*
 * Notes a new flow. *ret_port holds the port that the backend is to see.
 * Returns what note_other() does.
 */
INLINE int note_new(struct xdplb_flow_key *reply, const struct xdplb_flow_key *remap,
		    const struct flow_owner *owner, bool opens, __be16 *ret_port)
{
	bool direct = owner->mapping == XDPLB_MAPPING_DIRECT;
	const struct xdplb_flow *note = find_any_note(reply);

	if (note && note_alive(note)) {
		if (opens && remap_flow(reply, remap, owner, ret_port))
			return VERDICT_NEXT;
		return -(direct ? XDPLB_DROP_DIRECT_CLASH : XDPLB_DROP_FLOW_CLASH);
	}
	if (direct && !opens)
		return VERDICT_PASS;
	if (put_note(reply, owner, remap->client_port)) {
		count_event(XDPLB_EVENT_FLOW_NOTED);
		return VERDICT_NEXT;
	}
	note = find_any_note(reply); /* another CPU may have been faster with the same */
	return note && note_is_of(note, owner, remap->client_port) ? VERDICT_NEXT
								   : -XDPLB_DROP_FLOW_TABLE;
}

/*
 * A packet whose flow has no note of its own, with the client's port. A function of its own, which the verifier checks once:
 * few packets need it.
 * @key: of that note; client_port becomes the port that the backend is to see
 * Returns VERDICT_NEXT; VERDICT_PASS: a direct flow that nobody has noted and that need not be; or less than 0, why
 * the packet is to be refused: -enum xdplb_drop.
 */
NOINLINE int note_other(struct xdplb_flow_key *key, const struct flow_owner *known_owner,
			bool opens)
{
	struct xdplb_flow_key reply, remap;
	struct flow_owner owner;
	__be16 port;
	int verdict;

	if (!key || !known_owner)
		return VERDICT_PASS;
	reply = remap = *key; /* an older verifier takes keys of maps from the stack alone */
	owner = *known_owner;
	port = key->client_port;
	remap.port = owner.entry_port;
	remap.kind = XDPLB_NOTE_REMAP;
	if (use_remap(&reply, &remap, &owner, &port)) {
		key->client_port = port;
		return VERDICT_NEXT;
	}
	port = reply.client_port = remap.client_port;
	verdict = note_new(&reply, &remap, &owner, opens, &port);
	key->client_port = port;
	return verdict;
}

/*
 * The client port under which a packet's flow is known to the backend, noting the flow if it is new.
 * VERDICT_NEXT: *ret_port holds it. VERDICT_PASS: a direct flow that nobody has noted and that need not
 * be. VERDICT_DROP: it would be mixed up with another flow; counted.
 */
INLINE enum verdict note_flow(struct packet *pkt, const struct flow_owner *owner, __be16 *ret_port)
{
	const struct xdplb_flow *note;
	struct xdplb_flow_key key;
	int verdict;

	reply_key(pkt, owner, &key);
	note = find_any_note(&key);
	*ret_port = key.client_port;
	if (likely(note && note_is_of(note, owner, key.client_port)))
		return VERDICT_NEXT;
	verdict = note_other(&key, owner, opens_flow(pkt));
	*ret_port = key.client_port;
	if (verdict >= 0)
		return verdict;
	pkt->ours = owner->mapping != XDPLB_MAPPING_DIRECT || verdict != -XDPLB_DROP_FLOW_TABLE;
	return refuse(pkt, opaque(-verdict & (XDPLB_COUNTERS_CAPACITY - 1)));
}

#endif
