/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * TCP packets that no socket of their backend expects, and who is to have them instead; so are ICMP errors about
 * such (handover_error.h). Whom they may belong to is told in xdplb/handover.h; in which order the owners are
 * asked, in bpf/README.md.
 */
#ifndef XDPLB_BPF_HANDOVER_H
#define XDPLB_BPF_HANDOVER_H

#include "dnat.h"
#include "expected.h"
#include "next_owner.h"
#include "mapping.h"
#include "recent.h"
#include "skb.h"
#include "xdplb/handover.h"

#define NOT_ADMITTED (-1)

/*
 * enum xdplb_handed of an admitted packet; NOT_ADMITTED: its mark is none of the flow's.
 * @opens: it is none that is ever handed on
 */
INLINE int read_handed(const struct packet *pkt, __u64 hash, bool opens)
{
	__u32 mark = pkt->family == XDPLB_IPV4
			     ? bpf_ntohs(pkt->ip4->id)
			     : bpf_ntohl(*(__be32 *)pkt->ip6 & bpf_htonl(0xfffff));

	if (likely(mark == handover_mark(pkt->family, hash, 0)))
		return 0;
	if (opens)
		return NOT_ADMITTED;
	for (int handed = XDPLB_HANDED_BY_FIRST; handed <= XDPLB_HANDED_BY_OTHER; handed++)
		if (mark == handover_mark(pkt->family, hash, handed))
			return handed;
	return NOT_ADMITTED;
}

/*
 * The interface by which a packet is to come in again for a peer that lives here; at a virtual NIC for any, as if
 * the backend had sent it. A peer on the node's own addresses is restored at uplinks alone. 0: none, it leaves.
 * @lives: mapping of the peer, or XDPLB_ELSEWHERE
 * @hook_ifindex: where the packet is: the virtual NIC, or 0: an uplink
 * @ret_mac: the address that it needs there
 */
INLINE __u32 interface_in(struct __sk_buff *skb, __u32 lives, __u32 hook_ifindex,
			  const __u8 **ret_mac)
{
	const struct xdplb_node_control *control;
	const struct xdplb_mapping *mapping;
	__u32 zero = 0;

	*ret_mac = NULL;
	if (lives == XDPLB_ELSEWHERE)
		return hook_ifindex;
	if (!hook_ifindex)
		return opaque(skb->ifindex);
	mapping = bpf_map_lookup_elem(&mappings, &lives);
	control = bpf_map_lookup_elem(&node_control, &zero);
	if (!mapping || mapping->ifindex || !control || !control->uplink)
		return hook_ifindex;
	*ret_mac = control->uplink_mac;
	return control->uplink;
}

/* From a virtual NIC, to whom it comes in again: the host, from the backend's; or with that address. */
INLINE void turn_macs(struct ethhdr *eth, const __u8 *mac)
{
	if (mac)
		__builtin_memcpy(eth->h_dest, mac, sizeof(eth->h_dest));
	else
		swap_macs(eth);
}

/*
 * Who is asked next, with the mark that says so. NULL: nobody is left.
 * @search: the client's address is set
 * @handed: enum xdplb_handed
 */
INLINE const struct xdplb_peer *find_peer(const struct xdplb_mapping *mapping, __u64 hash,
					  struct owner_search *search, __u32 handed,
					  __u32 *ret_mark)
{
	const struct xdplb_succession *succession;
	const struct xdplb_peer *peer = NULL;
	__u32 key = mapping->succession;

	succession = bpf_map_lookup_elem(&successions, &key);
	if (!succession)
		return NULL;
	search->hashes[OWNER_HASH_FLOW] = hash;
	if (succession->by_source[0] | succession->by_source[1])
		search->hashes[OWNER_HASH_SOURCE] = source_hash(flow_key, search->client.word,
								mapping->vip.word, mapping->family);
	if (handed != XDPLB_HANDED_TWICE)
		peer = next_owner(succession, handed, &mapping->backend);
	if (!peer)
		return NULL;
	handed = next_handed(succession, handed, &mapping->backend);
	*ret_mark = handover_mark(mapping->family, hash, handed);
	return peer;
}

/* The packet, which bears the peer's address and tag by now, leaves for it; or comes in again, if that is said. */
INLINE enum verdict send_to_peer(struct __sk_buff *skb, __u32 in)
{
	if (in)
		bpf_redirect(in, BPF_F_INGRESS);
	else
		bpf_redirect_neigh(opaque(skb->ifindex), NULL, 0, 0);
	return VERDICT_REDIRECT;
}

/* Where a peer gets what came to a mapping's backend at this port. */
INLINE __be16 peer_port(const struct xdplb_mapping *mapping, const struct xdplb_peer *peer,
			__be16 port)
{
	return keeps_port(mapping) ? port : peer->tag;
}

/* As if an access node had chosen the peer, to that port; the packet has been marked. */
INLINE enum verdict address_peer(struct __sk_buff *skb, struct packet *pkt, __u32 hook_ifindex,
				 const struct xdplb_peer *peer, __be16 port)
{
	struct rewriting to = { .side = SIDE_DEST,
				.addr = peer->addr,
				.ports = *packet_ports(pkt) };
	const __u8 *mac;
	__u32 in;

	if (ttl_expired(pkt))
		return refuse(pkt, XDPLB_DROP_TTL_EXPIRED);
	to.ports.dest = port;
	decrement_ttl(pkt);
	in = interface_in(skb, peer->mapping, hook_ifindex, &mac);
	if (hook_ifindex)
		turn_macs(pkt->data, mac);
	if (rewrite_packet(skb, pkt, &to) != VERDICT_PASS)
		return VERDICT_DROP;
	count_event(XDPLB_EVENT_HANDED_OVER);
	return send_to_peer(skb, in);
}

/*
 * To the next owner, a TCP packet that nobody expects here. VERDICT_NEXT: nobody is left to ask.
 * @handed: enum xdplb_handed
 */
NOINLINE int hand_over(struct __sk_buff *skb, __u64 shape, __u32 index, __u64 hash, __u32 handed)
{
	const struct xdplb_mapping *mapping;
	const struct xdplb_peer *peer;
	struct owner_search *search = owner_room();
	struct packet pkt;
	__u32 mark = 0;

	mapping = bpf_map_lookup_elem(&mappings, &index);
	if (!mapping || !search || !open_tcp(skb, &pkt, shape))
		return VERDICT_PASS;
	pkt.ours = true;
	read_source(&pkt, &search->client);
	peer = find_peer(mapping, hash, search, handed, &mark);
	if (!peer) {
		count_event(XDPLB_EVENT_NOT_FOUND);
		return VERDICT_NEXT;
	}
	write_mark(&pkt, mark);
	return address_peer(skb, &pkt, mapping->ifindex, peer,
			    peer_port(mapping, peer, packet_ports(&pkt)->dest));
}

/* Whose is a TCP packet that opens no flow? VERDICT_NEXT: the mapping's, as far as can be found out. */
INLINE enum verdict find_connection(struct __sk_buff *skb, __u64 shape, __u32 index,
				    struct recent_flow *recent, __u32 handed)
{
	if (unlikely(!is_expected(skb, shape, index)))
		return hand_over(skb, shape, index, recent->hash, handed);
	recent->expected = true;
	if (unlikely(handed))
		count_event(XDPLB_EVENT_HANDED_HERE);
	return VERDICT_NEXT;
}

#endif
