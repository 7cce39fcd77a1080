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

INLINE void flow_keys(const struct packet *pkt, const struct flow_owner *owner,
		      struct xdplb_flow_key *ret_reply, struct xdplb_flow_key *ret_remap)
{
	*ret_reply = (struct xdplb_flow_key){
		.port = owner->port,
		.client_port = packet_ports(pkt)->source,
		.proto = pkt->proto,
		.family = pkt->family,
		.kind = XDPLB_NOTE_REPLY,
	};
	read_dest(pkt, &ret_reply->backend);
	read_source(pkt, &ret_reply->client);
	*ret_remap = *ret_reply;
	ret_remap->port = owner->entry_port;
	ret_remap->kind = XDPLB_NOTE_REMAP;
}

/* The flow could not be noted: another CPU may have been faster with the same. */
INLINE enum verdict take_race(struct packet *pkt, const struct flow_owner *owner,
			      const struct xdplb_flow_key *reply, __be16 client_port)
{
	const struct xdplb_flow *note = find_any_note(reply);

	if (note && note_is_of(note, owner, client_port))
		return VERDICT_NEXT;
	pkt->ours = owner->mapping != XDPLB_MAPPING_DIRECT;
	return refuse(pkt, XDPLB_DROP_FLOW_TABLE);
}

/*
 * The client port under which a packet's flow is known to the backend, noting the flow if it is new.
 * VERDICT_NEXT: *ret_port holds it. VERDICT_PASS: a direct flow that nobody has noted and that need not
 * be. VERDICT_DROP: it would be mixed up with another flow; counted.
 */
INLINE enum verdict note_flow(struct packet *pkt, const struct flow_owner *owner, __be16 *ret_port)
{
	bool direct = owner->mapping == XDPLB_MAPPING_DIRECT, opens = opens_flow(pkt);
	__be16 client_port = packet_ports(pkt)->source;
	struct xdplb_flow_key reply, remap;
	const struct xdplb_flow *note;

	flow_keys(pkt, owner, &reply, &remap);
	*ret_port = client_port;
	note = find_any_note(&reply);
	if (likely(note && note_is_of(note, owner, client_port)))
		return VERDICT_NEXT;
	if (use_remap(&reply, &remap, owner, ret_port))
		return VERDICT_NEXT;
	*ret_port = client_port;
	reply.client_port = client_port;
	note = find_any_note(&reply);
	if (!note || !note_alive(note)) {
		if (direct && !opens)
			return VERDICT_PASS;
		if (!put_note(&reply, owner, client_port))
			return take_race(pkt, owner, &reply, client_port);
		count_event(XDPLB_EVENT_FLOW_NOTED);
		return VERDICT_NEXT;
	}
	if (opens && remap_flow(&reply, &remap, owner, ret_port))
		return VERDICT_NEXT;
	pkt->ours = true;
	return refuse(pkt, direct ? XDPLB_DROP_DIRECT_CLASH : XDPLB_DROP_FLOW_CLASH);
}

#endif
