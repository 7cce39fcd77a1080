// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The service node's half: on the way to a backend the tag port becomes the VIP and its port again,
 * on the way back a reply gets the VIP as its source. It stands on a node's uplinks or on the host
 * side of a backend's virtual NIC, where ingress and egress change places. A packet's walk is told in
 * bpf/README.md.
 */
#include "lib/flow.h"
#include "lib/handover_error.h"
#include "lib/icmp.h"
#include "lib/mapping.h"
#include "lib/query.h"
#include "lib/restore.h"
#include "lib/restore_fragment.h"
#include "lib/shape.h"
#include "lib/skb.h"

/* A packet to a mapping's tag port, or to any port of its address if it keeps ports. VERDICT_NEXT: it is
 * the backend's own traffic, past any VIP. */
INLINE enum verdict to_mapping(struct __sk_buff *skb, struct packet *pkt, const struct hook *hook,
			       const struct xdplb_mapping *mapping, __u32 index)
{
	__u64 shape = pack_shape(pkt, PARSED_L4), hash = hash_flow(pkt, mapping);
	struct recent_flow *recent = NULL;
	enum verdict verdict;
	int handed;

	handed = pkt->admitted
			 ? 0
			 : read_handed(pkt, hash, pkt->proto != IPPROTO_TCP || opens_flow(pkt));
	if (unlikely(handed == NOT_ADMITTED))
		return keeps_port(mapping)
			       ? VERDICT_NEXT
			       : last_word(answer_query(skb, shape, index, hook->redirect_flags));
	pkt->ours = true;
	if (pkt->proto != mapping->proto)
		return refuse(pkt, XDPLB_DROP_WRONG_PROTOCOL);
	if (mapping->succession || mapping->restore == XDPLB_RESTORE_SOURCE)
		recent = find_recent(hash, index, mapping->epoch);
	if (recent && mapping->succession && pkt->proto == IPPROTO_TCP && !opens_flow(pkt)) {
		verdict = check_connection(skb, pkt, index, recent, handed);
		if (verdict != VERDICT_NEXT)
			return verdict;
	}
	return restore_dest(skb, pkt, mapping, index, recent);
}

/* A packet to a backend's own port: noted, so that no balanced flow is taken for it. */
INLINE enum verdict to_own_port(struct __sk_buff *skb, struct packet *pkt, const struct hook *hook,
				const struct xdplb_node_control *control)
{
	struct endpoint_key key = {
		.port = packet_ports(pkt)->dest,
		.proto = pkt->proto,
		.family = pkt->family,
	};
	struct rewriting to = { .ports = *packet_ports(pkt) };
	struct flow_owner owner = {
		.mapping = XDPLB_MAPPING_DIRECT,
		.port = to.ports.dest,
		.entry_port = to.ports.dest,
	};
	const struct xdplb_mapping *mapping;
	enum verdict verdict;
	__u32 index;

	read_dest(pkt, &key.addr);
	mapping = mapping_of(find_own_port(control, &key), hook);
	if (!mapping)
		mapping = find_kept(control, &key, hook, &index);
	if (likely(!mapping) || mapping->restore != XDPLB_RESTORE_SOURCE)
		return VERDICT_PASS;
	verdict = note_flow(pkt, &owner, &to.ports.source);
	if (verdict != VERDICT_NEXT || to.ports.source == packet_ports(pkt)->source)
		return verdict;
	return rewrite_packet(skb, pkt, &to);
}

/* Is a packet to the tag port of a mapping that keeps ports a query? VERDICT_NEXT: no, it goes on like one
 * to any other port. */
INLINE enum verdict ask_kept(struct __sk_buff *skb, struct packet *pkt, const struct hook *hook,
			     __u32 index)
{
	__u64 shape = pack_shape(pkt, PARSED_L4);
	enum verdict verdict;

	if (pkt->admitted)
		return VERDICT_NEXT; /* a fragment */
	verdict = answer_query(skb, shape, index, hook->redirect_flags);
	if (verdict != VERDICT_PASS || !open_shape(skb, pkt, shape) || parse_l4(pkt) != PARSED_L4)
		return last_word(verdict);
	return VERDICT_NEXT;
}

/* By its destination: a tag port, an address that belongs to a service of many ports, a backend's own. */
INLINE enum verdict to_address(struct __sk_buff *skb, struct packet *pkt, const struct hook *hook,
			       const struct xdplb_node_control *control)
{
	struct endpoint_key key = { .proto = pkt->proto, .family = pkt->family };
	const struct xdplb_mapping *mapping;
	enum verdict verdict;
	__u32 index = 0;

	mapping = find_tagged(pkt, hook, control, &index);
	if (unlikely(mapping && keeps_port(mapping))) {
		verdict = ask_kept(skb, pkt, hook, index);
		if (verdict != VERDICT_NEXT)
			return verdict;
		mapping = NULL;
	}
	if (!mapping) {
		read_dest(pkt, &key.addr);
		mapping = find_kept(control, &key, hook, &index);
	}
	if (mapping) {
		verdict = to_mapping(skb, pkt, hook, mapping, index);
		if (verdict != VERDICT_NEXT)
			return verdict;
	}
	return to_own_port(skb, pkt, hook, control);
}

/* The first fragment of a datagram, which may be treated like any packet from here on. */
INLINE bool open_first(struct __sk_buff *skb, struct packet *pkt, __u64 shape)
{
	struct fragment fragment;

	if (!open_shape(skb, pkt, shape) || !read_fragment(pkt, &fragment) ||
	    parse_l4(pkt) != PARSED_L4)
		return false;
	pkt->admitted = true;
	return true;
}

INLINE enum verdict to_backend(struct __sk_buff *skb, const struct hook *hook)
{
	struct xdplb_node_control *control;
	struct packet pkt;
	enum verdict verdict;
	__u32 zero = 0;
	__u64 shape;

	switch (find_headers(skb, &pkt, &shape)) {
	case PARSED_L4:
		break;
	case PARSED_ICMP:
		return take_error(skb, shape, hook->ifindex);
	case PARSED_FRAGMENT:
		verdict = admit_fragment(skb, shape, hook->ifindex,
					 find_first_target(skb, shape, hook->ifindex));
		if (verdict != VERDICT_NEXT)
			return verdict;
		if (!open_first(skb, &pkt, shape))
			return VERDICT_PASS;
		break;
	default:
		return VERDICT_PASS;
	}
	control = bpf_map_lookup_elem(&node_control, &zero);
	if (!control)
		return VERDICT_PASS;
	return to_address(skb, &pkt, hook, control);
}

/* The live note of the flow whose packets the backend sees with this key. */
INLINE struct xdplb_flow *find_note(const struct xdplb_flow_key *key, const struct hook *hook)
{
	struct endpoint_key endpoint = {
		.addr = key->backend,
		.port = key->port,
		.proto = key->proto,
		.family = key->family,
	};
	struct xdplb_node_control *control;
	__u32 zero = 0, index;

	control = bpf_map_lookup_elem(&node_control, &zero);
	if (!control)
		return NULL;
	if (likely(!mapping_of(find_own_port(control, &endpoint), hook)) &&
	    !find_kept(control, &endpoint, hook, &index))
		return NULL;
	return find_any_note(key);
}

/* Who a noted flow's backend is to the client: a VIP, or itself in a direct flow; false: the mapping
 * has gone, and nobody's packets are changed for it. */
INLINE bool face_of(const struct xdplb_flow *note, struct rewriting *to)
{
	__u32 key = note->mapping;
	const struct xdplb_mapping *mapping;

	to->ports.dest = note->client_port;
	if (note->mapping == XDPLB_MAPPING_DIRECT)
		return true;
	mapping = bpf_map_lookup_elem(&mappings, &key);
	if (!mapping || mapping->state == XDPLB_MAPPING_FREE || mapping->epoch != note->epoch)
		return false;
	to->side = SIDE_SOURCE;
	to->addr = mapping->vip;
	to->ports.source = vip_port(mapping, to->ports.source);
	return true;
}

/*
 * The flow of a reply is established: so are its notes from here on.
 * @key: of its reply note; is overwritten
 */
INLINE void establish(struct xdplb_flow_key *key, struct xdplb_flow *reply)
{
	__be16 client_port = reply->client_port;
	const struct xdplb_mapping *mapping;
	__u32 index = reply->mapping;

	reply->flags |= XDPLB_FLOW_ESTABLISHED;
	move_note(key);
	if (key->client_port == client_port)
		return;
	mapping = bpf_map_lookup_elem(&mappings, &index);
	if (mapping) /* else direct: to the same port */
		key->port = entry_port(mapping, key->port);
	key->client_port = client_port;
	key->kind = XDPLB_NOTE_REMAP;
	move_note(key);
}

/* A reply of a backend. @fragment_shape: if it is the first of several, else 0 */
INLINE enum verdict restore_source(struct __sk_buff *skb, struct packet *pkt,
				   const struct hook *hook, __u64 fragment_shape)
{
	struct xdplb_flow_key key = {
		.port = packet_ports(pkt)->source,
		.client_port = packet_ports(pkt)->dest,
		.proto = pkt->proto,
		.family = pkt->family,
	};
	struct rewriting to = { .ports = *packet_ports(pkt) };
	struct xdplb_flow *note;

	read_source(pkt, &key.backend);
	read_dest(pkt, &key.client);
	note = find_note(&key, hook);
	if (!note || !face_of(note, &to))
		return VERDICT_PASS;
	if (unlikely(!(note->flags & XDPLB_FLOW_ESTABLISHED) && proves_flow(pkt)))
		establish(&key, note);
	if (to.side == SIDE_NONE && to.ports.dest == packet_ports(pkt)->dest)
		return VERDICT_PASS; /* a direct flow as it is */
	if (unlikely(fragment_shape && to.side == SIDE_SOURCE))
		note_reply(skb, fragment_shape, &to.addr, hook->ifindex);
	pkt->ours = true;
	return rewrite_packet(skb, pkt, &to);
}

/* An ICMP error that a backend itself sends about a packet of a noted flow. */
INLINE enum verdict restore_error(struct packet *pkt, const struct hook *hook)
{
	struct xdplb_flow_key key = {};
	const struct xdplb_flow *note;
	struct rewriting to = {};
	struct xdplb_addr sender;
	struct quote quote;

	if (!read_quote(pkt, &quote))
		return VERDICT_PASS;
	key.port = packet_ports(&quote.inner)->dest;
	key.client_port = packet_ports(&quote.inner)->source;
	key.proto = quote.inner.proto;
	key.family = pkt->family;
	read_dest(&quote.inner, &key.backend);
	read_source(&quote.inner, &key.client);
	read_source(pkt, &sender);
	if (!same_addr(&sender, &key.backend))
		return VERDICT_PASS;
	note = find_note(&key, hook);
	to.addr = key.backend;
	to.ports.source = key.port;
	if (!note || !face_of(note, &to))
		return VERDICT_PASS;
	if (to.side == SIDE_SOURCE)
		count_event(XDPLB_EVENT_ICMP_RESTORED);
	/* The quoted packet goes the other way: its source is the client. */
	to.ports = (struct ports){ .source = to.ports.dest, .dest = to.ports.source };
	rewrite_quote(pkt, &quote, &to);
	return VERDICT_PASS;
}

INLINE enum verdict from_backend(struct __sk_buff *skb, const struct hook *hook)
{
	enum verdict verdict;
	struct packet pkt;
	__u64 shape;

	switch (find_headers(skb, &pkt, &shape)) {
	case PARSED_L4:
		shape = 0;
		break;
	case PARSED_ICMP:
		return restore_error(&pkt, hook);
	case PARSED_FRAGMENT:
		verdict = restore_later_reply(skb, shape, hook->ifindex);
		if (verdict != VERDICT_NEXT || !open_first(skb, &pkt, shape))
			return VERDICT_PASS;
		break;
	default:
		return VERDICT_PASS;
	}
	return restore_source(skb, &pkt, hook, shape);
}

/* TC_ACT_UNSPEC: other people's programs at the same hook have their say. */
INLINE int tc_action(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DROP:
		return TC_ACT_SHOT;
	case VERDICT_REDIRECT:
		return TC_ACT_REDIRECT;
	default:
		return TC_ACT_UNSPEC;
	}
}

SEC("tc")
int uplink_ingress(struct __sk_buff *skb)
{
	struct hook hook = {};

	return tc_action(to_backend(skb, &hook));
}

SEC("tc")
int uplink_egress(struct __sk_buff *skb)
{
	struct hook hook = {};

	return tc_action(from_backend(skb, &hook));
}

SEC("tc")
int vnic_egress(struct __sk_buff *skb)
{
	struct hook hook = { .ifindex = skb->ifindex, .redirect_flags = BPF_F_INGRESS };

	return tc_action(to_backend(skb, &hook));
}

SEC("tc")
int vnic_ingress(struct __sk_buff *skb)
{
	struct hook hook = { .ifindex = skb->ifindex };

	return tc_action(from_backend(skb, &hook));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
