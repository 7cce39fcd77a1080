// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A clock node's TC programs: ptp_push puts PTP messages that leave into the tunnel that a rule names,
 * ptp_deliver hands what lsr_xdp has taken out of one to the tunnel's interface. All else passes
 * untouched. A packet's walk is told in bpf/README.md.
 */
#include "lib/classify.h"
#include "lib/endpoint.h"
#include "lib/push.h"
#include "lib/skb.h"
#include "lib/tunnel.h"

/* Two tables of rules, of which push_control names the live one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * XDPLB_PUSH_RULES_MAX);
	__type(key, __u32);
	__type(value, struct xdplb_push_rule);
} push_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_push_control);
} push_control SEC(".maps");

INLINE bool same_mac(const __u8 *a, const __u8 *b)
{
	return !((*(const __u32 *)a ^ *(const __u32 *)b) |
		 (*(const __u16 *)(a + 4) ^ *(const __u16 *)(b + 4)));
}

INLINE bool peer_matches(const struct xdplb_push_rule *rule, const struct message *message)
{
	if (message->transport == XDPLB_PTP_ETHERNET)
		return same_mac(rule->peer_mac, message->peer_mac);
	return same_addr(&rule->peer, &message->peer);
}

INLINE bool rule_matches(const struct xdplb_push_rule *rule, const struct message *message,
			 __u32 ifindex)
{
	if (!(rule->transports & message->transport) || !(rule->classes & message->class))
		return false;
	if (rule->match & XDPLB_PUSH_INTERFACE && rule->ifindex != ifindex)
		return false;
	if (rule->match & XDPLB_PUSH_VERSION && rule->version != message->version)
		return false;
	if (rule->match & XDPLB_PUSH_DOMAIN && rule->domain != message->domain)
		return false;
	return !(rule->match & XDPLB_PUSH_PEER) || peer_matches(rule, message);
}

/* The tunnel of the first rule that matches. */
INLINE bool find_tunnel(const struct message *message, __u32 ifindex, __u32 *ret_tunnel)
{
	__u32 zero = 0, base, count;
	__u64 *control = bpf_map_lookup_elem(&push_control, &zero), word;

	if (!control)
		return false;
	word = *(const volatile __u64 *)control; /* struct xdplb_push_control of one moment */
	base = (__u32)word;
	count = word >> 32;
	for (__u32 i = 0; i < XDPLB_PUSH_RULES_MAX && i < count; i++) {
		__u32 key = base + i;
		struct xdplb_push_rule *rule = bpf_map_lookup_elem(&push_rules, &key);

		if (rule && rule_matches(rule, message, ifindex)) {
			*ret_tunnel = rule->tunnel;
			return true;
		}
	}
	return false;
}

INLINE enum verdict push_message(struct __sk_buff *skb)
{
	struct xdplb_tunnel_counters *counters;
	struct message message = {};
	struct packet pkt;
	enum verdict verdict;
	__u32 tunnel;

	if (skb->vlan_present)
		return VERDICT_PASS; /* of a VLAN on this interface */
	if (!classify(skb, &pkt, &message) || !find_tunnel(&message, skb->ifindex, &tunnel))
		return VERDICT_PASS;
	pkt.ours = true;
	counters = bpf_map_lookup_elem(&tunnel_counters, &tunnel);
	if (!counters)
		return refuse(&pkt, XDPLB_DROP_BAD_TABLE);
	verdict = push_labels(skb, &pkt, tunnel, message.payload);
	if (verdict == VERDICT_DROP) {
		counters->push_dropped++;
		return verdict;
	}
	count_push(skb, &message, counters);
	return verdict;
}

SEC("tc")
int ptp_push(struct __sk_buff *skb)
{
	switch (push_message(skb)) {
	case VERDICT_DROP:
		return TC_ACT_SHOT;
	case VERDICT_REDIRECT:
		return TC_ACT_REDIRECT;
	default:
		return TC_ACT_UNSPEC;
	}
}

SEC("tc")
int ptp_deliver(struct __sk_buff *skb)
{
	struct xdplb_delivery *meta = (void *)(long)skb->data_meta;

	if ((void *)(meta + 1) > (void *)(long)skb->data || meta->magic != XDPLB_DELIVERY_MAGIC)
		return TC_ACT_UNSPEC;
	return bpf_redirect(meta->ifindex, BPF_F_INGRESS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
