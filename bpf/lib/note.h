/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The notes of flows: where they stand, and when they move there. What is noted, and what when two flows look the
 * same, is flow.h's.
 */
#ifndef XDPLB_BPF_NOTE_H
#define XDPLB_BPF_NOTE_H

#include "parse.h"
#include "xdplb/node.h"

/*
 * Sizes are placeholders: the loader sets them from the declared capacities. Every flow is noted in `new_flows`
 * first, and there UDP stays. A TCP flow moves to `flows` when its backend sends what a stack sends only once
 * the client has answered it: so no flood of packets, whoever they say they are from, evicts the notes of
 * established connections.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct xdplb_flow_key);
	__type(value, struct xdplb_flow);
} flows SEC(".maps"), new_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_mapping);
} mappings SEC(".maps");

/* Whose flow it is, towards which port: a mapping's, or a direct one to the backend's own port. */
struct flow_owner {
	__u32 mapping; /* or XDPLB_MAPPING_DIRECT */
	__u16 epoch;
	__be16 port; /* where the backend listens */
	__be16 entry_port; /* where the packet was sent: the tag, or the same port if direct */
	__u16 zero; /* no gap: a function's argument must be written as a whole */
};

/* A note whose mapping has gone is as good as none. */
INLINE bool note_alive(const struct xdplb_flow *note)
{
	__u32 key = note->mapping;
	const struct xdplb_mapping *mapping;

	if (note->mapping == XDPLB_MAPPING_DIRECT)
		return true;
	mapping = bpf_map_lookup_elem(&mappings, &key);
	return mapping && mapping->state != XDPLB_MAPPING_FREE && mapping->epoch == note->epoch;
}

INLINE bool note_is_of(const struct xdplb_flow *note, const struct flow_owner *owner, __be16 port)
{
	return note->mapping == owner->mapping && note->epoch == owner->epoch &&
	       note->client_port == port;
}

INLINE struct xdplb_flow *find_any_note(const struct xdplb_flow_key *key)
{
	struct xdplb_flow *note = bpf_map_lookup_elem(&flows, key);

	return likely(note) ? note : bpf_map_lookup_elem(&new_flows, key);
}

INLINE void delete_note(const struct xdplb_flow_key *key)
{
	bpf_map_delete_elem(&flows, key);
	bpf_map_delete_elem(&new_flows, key);
}

/* To the notes of established flows, if it stands among the others. */
INLINE void move_note(const struct xdplb_flow_key *key)
{
	struct xdplb_flow *found = bpf_map_lookup_elem(&new_flows, key), note;

	if (!found)
		return;
	note = *found;
	note.flags |= XDPLB_FLOW_ESTABLISHED;
	if (!bpf_map_update_elem(&flows, key, &note, BPF_ANY))
		bpf_map_delete_elem(&new_flows, key);
}

/* Does a backend send such a packet in an established connection alone? No SYN, for it answers anybody's, and no
 * reset, which answers all else. */
INLINE bool proves_flow(const struct packet *pkt)
{
	const struct tcphdr *tcp = pkt->l4;

	return pkt->proto == IPPROTO_TCP && !tcp->syn && !tcp->rst;
}

/* Writes a note; what stood there is overwritten if it was dead. */
INLINE bool put_note(const struct xdplb_flow_key *key, const struct flow_owner *owner, __be16 port)
{
	struct xdplb_flow note = {
		.mapping = owner->mapping,
		.client_port = port,
		.epoch = owner->epoch,
	};
	struct xdplb_flow *old = find_any_note(key);

	if (old) {
		if (note_alive(old))
			return false;
		delete_note(key);
	}
	return !bpf_map_update_elem(&new_flows, key, &note, BPF_NOEXIST);
}

#endif
