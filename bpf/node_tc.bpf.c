// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The service node's half: on the way to a backend the tag port becomes the VIP and its port again,
 * on the way back a reply gets the VIP as its source. It stands on a node's uplinks or on the host
 * side of a backend's virtual NIC, where ingress and egress change places. A packet's walk is told in
 * bpf/README.md.
 */
#include "lib/endpoint.h"
#include "lib/flow.h"
#include "lib/icmp.h"
#include "lib/query.h"
#include "lib/shape.h"
#include "lib/skb.h"

/* The cluster's secret; the loader sets this and all below before the program is loaded. */
const volatile __u64 hash_key[2];

/* The range of tag ports, host byte order, inclusive. */
const volatile __u16 tag_first = 61000;
const volatile __u16 tag_last = 65535;

/* Slots of one of the two tables in `tags` and in `endpoints`, less one. */
const volatile __u32 tag_mask;
const volatile __u32 endpoint_mask;

/* (backend address, tag port) -> mapping. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct xdplb_endpoint);
} tags SEC(".maps");

/* (backend address, its own port, protocol) of `source` services -> one of its mappings. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct xdplb_endpoint);
} endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_node_control);
} node_control SEC(".maps");

/*
 * The shape of what parse_skb() knows not; a function of its own, since few packets need it. Tags are
 * not looked behind: the kernel has taken the outer one off, and two are for somebody else.
 */
NOINLINE __u64 read_shape(struct __sk_buff *skb)
{
	__u32 len = skb->len < RARE_HEADERS_MAX ? skb->len : RARE_HEADERS_MAX;
	__u64 shape;

	bpf_skb_pull_data(skb, len);
	shape = find_shape((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len);
	return shape_l2_len(shape) == ETH_HLEN ? shape : PARSED_OTHER;
}

INLINE enum parsed find_headers(struct __sk_buff *skb, struct packet *pkt)
{
	enum parsed kind = parse_skb(skb, pkt);
	__u64 shape;

	if (likely(kind == PARSED_L4))
		return kind;
	shape = read_shape(skb);
	if (!open_packet(pkt, (void *)(long)skb->data, (void *)(long)skb->data_end, skb->len,
			 shape))
		return PARSED_OTHER;
	kind = shape_kind(shape);
	return kind == PARSED_L4 ? parse_l4(pkt) : kind;
}

/* Where a program is attached. */
struct hook {
	__u32 ifindex; /* the virtual NIC, or 0: an uplink */
	__u64 redirect_flags; /* for bpf_redirect(): back towards where the packet came from */
};

INLINE struct xdplb_mapping *mapping_of(const struct xdplb_endpoint *found, const struct hook *hook)
{
	struct xdplb_mapping *mapping;
	__u32 key;

	if (!found)
		return NULL;
	key = found->index;
	mapping = bpf_map_lookup_elem(&mappings, &key);
	if (!mapping || mapping->ifindex != hook->ifindex)
		return NULL; /* another hook's business */
	return mapping;
}

/* Did the packet come through an access node? */
INLINE bool admitted(const struct packet *pkt, const struct xdplb_mapping *mapping)
{
	__u64 word = flow_word(packet_ports(pkt)->source, mapping->vport, pkt->proto, pkt->family);
	__u64 hash;

	if (pkt->family == XDPLB_IPV4) {
		hash = flow_hash4(hash_key[0], hash_key[1], pkt->ip4->saddr, mapping->vip.word[0],
				  word);
		return pkt->ip4->id == bpf_htons(mark_ipv4(hash));
	}
	hash = flow_hash6(hash_key[0], hash_key[1], addr_words(&pkt->ip6->saddr), mapping->vip.word,
			  word);
	return (*(__be32 *)pkt->ip6 & bpf_htonl(0xfffff)) == bpf_htonl(mark_ipv6(hash));
}

INLINE enum verdict restore_dest(struct __sk_buff *skb, struct packet *pkt,
				 const struct xdplb_mapping *mapping, __u32 index)
{
	struct rewriting to = { .ports = *packet_ports(pkt) };
	struct flow_owner owner = {
		.mapping = index,
		.epoch = mapping->epoch,
		.port = mapping->port,
		.entry_port = mapping->tag,
	};
	enum verdict verdict;

	if (mapping->restore == XDPLB_RESTORE_INTERFACE) {
		to.side = SIDE_DEST;
		to.addr = mapping->vip;
		to.ports.dest = mapping->vport;
		return rewrite_packet(skb, pkt, &to);
	}
	verdict = note_flow(pkt, &owner, &to.ports.source);
	if (verdict != VERDICT_NEXT)
		return verdict;
	to.ports.dest = mapping->port;
	return rewrite_packet(skb, pkt, &to);
}

/* A packet to a port in the tag range. */
INLINE enum verdict to_tag(struct __sk_buff *skb, struct packet *pkt, const struct hook *hook,
			   const struct xdplb_node_control *control)
{
	struct endpoint_key key = { .port = packet_ports(pkt)->dest, .family = pkt->family };
	struct xdplb_table_ref ref = read_table_ref(&control->tags);
	struct xdplb_endpoint *found;
	struct xdplb_mapping *mapping;

	read_dest(pkt, &key.addr);
	found = find_endpoint(&tags, ref, tag_mask, &key);
	mapping = mapping_of(found, hook);
	if (!mapping || mapping->state == XDPLB_MAPPING_FREE)
		return VERDICT_PASS;
	pkt->ours = true;
	if (unlikely(!admitted(pkt, mapping)))
		return answer_query(skb, pkt, mapping, hash_key, hook->redirect_flags);
	if (pkt->proto != mapping->proto)
		return refuse(pkt, XDPLB_DROP_WRONG_PROTOCOL);
	return restore_dest(skb, pkt, mapping, found->index);
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
	struct xdplb_table_ref ref = read_table_ref(&control->endpoints);
	struct rewriting to = { .ports = *packet_ports(pkt) };
	struct flow_owner owner = {
		.mapping = XDPLB_MAPPING_DIRECT,
		.port = to.ports.dest,
		.entry_port = to.ports.dest,
	};
	enum verdict verdict;

	read_dest(pkt, &key.addr);
	if (likely(!mapping_of(find_endpoint(&endpoints, ref, endpoint_mask, &key), hook)))
		return VERDICT_PASS;
	verdict = note_flow(pkt, &owner, &to.ports.source);
	if (verdict != VERDICT_NEXT || to.ports.source == packet_ports(pkt)->source)
		return verdict;
	return rewrite_packet(skb, pkt, &to);
}

INLINE enum verdict to_backend(struct __sk_buff *skb, const struct hook *hook)
{
	struct xdplb_node_control *control;
	struct packet pkt;
	__u32 zero = 0;
	__u16 port;

	if (find_headers(skb, &pkt) != PARSED_L4)
		return VERDICT_PASS;
	control = bpf_map_lookup_elem(&node_control, &zero);
	if (!control)
		return VERDICT_PASS;
	port = bpf_ntohs(packet_ports(&pkt)->dest);
	if (port >= tag_first && port <= tag_last)
		return to_tag(skb, &pkt, hook, control);
	return to_own_port(skb, &pkt, hook, control);
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
	struct xdplb_table_ref ref;
	__u32 zero = 0;

	control = bpf_map_lookup_elem(&node_control, &zero);
	if (!control)
		return NULL;
	ref = read_table_ref(&control->endpoints);
	if (likely(!mapping_of(find_endpoint(&endpoints, ref, endpoint_mask, &endpoint), hook)))
		return NULL;
	return bpf_map_lookup_elem(&flows, key);
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
	to->ports.source = mapping->vport;
	return true;
}

/* A reply of a backend. */
INLINE enum verdict restore_source(struct __sk_buff *skb, struct packet *pkt,
				   const struct hook *hook)
{
	struct xdplb_flow_key key = {
		.port = packet_ports(pkt)->source,
		.client_port = packet_ports(pkt)->dest,
		.proto = pkt->proto,
		.family = pkt->family,
	};
	struct rewriting to = { .ports = *packet_ports(pkt) };
	const struct xdplb_flow *note;

	read_source(pkt, &key.backend);
	read_dest(pkt, &key.client);
	note = find_note(&key, hook);
	if (!note || !face_of(note, &to))
		return VERDICT_PASS;
	if (to.side == SIDE_NONE && to.ports.dest == key.client_port)
		return VERDICT_PASS; /* a direct flow as it is */
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
	restore_quote(pkt, &quote, &to.addr,
		      (struct ports){ .source = to.ports.dest, .dest = to.ports.source });
	return VERDICT_PASS;
}

INLINE enum verdict from_backend(struct __sk_buff *skb, const struct hook *hook)
{
	struct packet pkt;

	switch (find_headers(skb, &pkt)) {
	case PARSED_L4:
		return restore_source(skb, &pkt, hook);
	case PARSED_ICMP:
		return restore_error(&pkt, hook);
	default:
		return VERDICT_PASS;
	}
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
