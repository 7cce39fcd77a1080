// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The test cluster and its access node; the service node is in node_setup_service.c.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <string.h>

#include "bpf/lib/hash.h"
#include "xdplb/flow_cache.h"
#include "node_setup.h"

const __u8 setup_families[2] = { XDPLB_IPV4, XDPLB_IPV6 };
const __u8 setup_protos[2] = { IPPROTO_TCP, IPPROTO_UDP };
const __u8 setup_lb_mac[6] = { 0x02, 0xac, 0, 0, 0, 1 };

static const __u8 client_mac[6] = { 0x02, 0xc1, 0, 0, 0, 1 };
static const __u8 own_mac[6] = { 0x02, 0xac, 0, 0, 0, 0xff };

const struct setup_addrs *setup_addrs(__u8 family)
{
	static struct setup_addrs v4, v6;

	if (!v4.client.word[0]) {
		v4.client = packet_addr("198.51.100.7");
		v6.client = packet_addr("2001:db8:c::7");
		v4.stranger = packet_addr("203.0.113.9");
		v6.stranger = packet_addr("2001:db8:dead::9");
		v4.vips[0] = packet_addr("192.0.2.10");
		v4.vips[1] = packet_addr("192.0.2.11");
		v4.vips[2] = packet_addr("192.0.2.12");
		v6.vips[0] = packet_addr("2001:db8:10:1::10");
		v6.vips[1] = packet_addr("2001:db8:10:2::11");
		v6.vips[2] = packet_addr("2001:db8:10:3::12");
		v4.backends[0] = packet_addr("10.1.0.1");
		v4.backends[1] = packet_addr("10.1.0.2");
		v4.backends[2] = packet_addr("10.2.0.3");
		v6.backends[0] = packet_addr("fd00:1::1");
		v6.backends[1] = packet_addr("fd00:1::2");
		v6.backends[2] = packet_addr("fd00:2::3");
	}
	return family == XDPLB_IPV4 ? &v4 : &v6;
}

const char *setup_kind(__u8 family, __u8 proto)
{
	if (family == XDPLB_IPV4)
		return proto == IPPROTO_TCP ? "IPv4 TCP" : "IPv4 UDP";
	return proto == IPPROTO_TCP ? "IPv6 TCP" : "IPv6 UDP";
}

struct packet_spec setup_spec(__u8 family, __u8 proto)
{
	struct packet_spec spec = {
		.family = family,
		.proto = proto,
		.source = { setup_addrs(family)->client, CLIENT_PORT },
		.dest = { setup_addrs(family)->vips[0], VIP_PORT },
		.ttl = 64,
		.tos = 0x2a,
		.id = 0x1234,
		.flow_label = 0x54321,
		.tcp_flags = TCP_ACK,
		.payload_len = 32,
		.seed = 1,
	};

	if (family == XDPLB_IPV4)
		spec.frag_off = IP_FLAG_DF;
	memcpy(spec.source.mac, client_mac, 6);
	memcpy(spec.dest.mac, own_mac, 6);
	return spec;
}

__u64 setup_flow_hash(const struct packet_end *client, const struct packet_end *vip, __u8 proto,
		      __u8 family)
{
	__u64 word = flow_word(htons(client->port), htons(vip->port), proto, family);
	__u64 key[FLOW_KEY_WORDS];

	flow_key_expand(SETUP_KEY0, SETUP_KEY1, key);
	if (family == XDPLB_IPV4)
		return flow_hash4(key, client->addr.word[0], vip->addr.word[0], word);
	return flow_hash6(key, client->addr.word, vip->addr.word, word);
}

void setup_mark(struct packet_spec *spec, const struct packet_end *vip)
{
	__u64 hash = setup_flow_hash(&spec->source, vip, spec->proto, spec->family);

	spec->id = hash & 0xffff;
	spec->flow_label = hash & 0xfffff;
}

static void put(int map, __u32 key, const void *value)
{
	int err = bpf_map_update_elem(map, &key, value, BPF_ANY);

	cr_assert_eq(err, 0, "cannot write element %u of map %d: %s", key, map, strerror(-err));
}

static void get(int map, __u32 key, void *ret_value)
{
	int err = bpf_map_lookup_elem(map, &key, ret_value);

	cr_assert_eq(err, 0, "cannot read element %u of map %d: %s", key, map, strerror(-err));
}

int setup_put_endpoint(int map, struct xdplb_table_ref ref, const struct setup_endpoint *endpoint)
{
	struct xdplb_endpoint slot, entry = {
		.addr = endpoint->addr,
		.port = htons(endpoint->port),
		.proto = endpoint->proto,
		.family = endpoint->family,
		.index = endpoint->index,
		.first_port = endpoint->first_port,
		.last_port = endpoint->last_port,
	};
	__u32 hash = endpoint_hash(ref.seed, &entry.addr, entry.port, entry.proto, entry.family);

	for (int i = 0; i < XDPLB_ENDPOINT_PROBES; i++) {
		__u32 key = ref.base + ((hash + i) & (SETUP_SLOTS - 1));

		get(map, key, &slot);
		if (slot.family)
			continue;
		put(map, key, &entry);
		return i + 1;
	}
	cr_assert_fail("no slot is free");
	return 0;
}

#define fd_of(lb, name) bpf_map__fd((lb)->skel->maps.name)

void lb_setup_open(struct lb_setup *ret_lb)
{
	lb_setup_open_as(ret_lb, &(struct lb_setup_options){});
}

void lb_setup_open_as(struct lb_setup *ret_lb, const struct lb_setup_options *options)
{
	__u32 members = options->members ?: SETUP_MEMBERS;
	__u32 buckets = options->buckets ?: SETUP_BUCKETS;
	struct lb_xdp_bpf *skel = lb_xdp_bpf__open();

	cr_assert_not_null(skel, "cannot open lb_xdp");
	skel->rodata->hash_key[0] = SETUP_KEY0;
	skel->rodata->hash_key[1] = SETUP_KEY1;
	flow_key_expand(SETUP_KEY0, SETUP_KEY1, skel->rodata->flow_key);
	skel->rodata->vip_mask = SETUP_SLOTS - 1;
	if (options->answers_at_once)
		skel->rodata->answers_at_once = options->answers_at_once;
	if (options->no_refill)
		skel->rodata->answers_per_tick = 0;
	if (options->fragment_lifetime)
		skel->rodata->fragment_lifetime = options->fragment_lifetime;
	bpf_map__set_max_entries(skel->maps.vips, 2 * SETUP_SLOTS);
	bpf_map__set_max_entries(skel->maps.services, SETUP_SERVICES);
	if (options->resets_at_once) {
		skel->rodata->resets_at_once = options->resets_at_once;
		skel->rodata->resets_per_tick = options->resets_per_tick;
	}
	bpf_map__set_max_entries(skel->maps.buckets, buckets / XDPLB_BUCKETS_PER_LINE);
	bpf_map__set_max_entries(skel->maps.members, members);
	bpf_map__set_max_entries(skel->maps.member_traffic, members);
	bpf_map__set_max_entries(skel->maps.member_flows, members);
	bpf_map__set_max_entries(skel->maps.source_limits, SETUP_SERVICES);
	if (options->cache_lines) {
		skel->rodata->cache_mask = options->cache_lines - 1;
		if (options->ages)
			skel->rodata->cache_shift = options->ages == SETUP_AGES_FINE ? 0 : 63;
		skel->rodata->newcomer_mask = options->cache_lines * XDPLB_FLOWS_PER_LINE - 1;
		bpf_map__set_max_entries(skel->maps.flow_cache, 2 * options->cache_lines);
	}
	bpf_map__set_max_entries(skel->maps.health, members);
	cr_assert_eq(lb_xdp_bpf__load(skel), 0, "cannot load lb_xdp");
	ret_lb->skel = skel;
	ret_lb->counters = (struct counter_maps){ bpf_map__fd(skel->maps.drops),
						  bpf_map__fd(skel->maps.events) };
}

void lb_setup_close(struct lb_setup *lb)
{
	lb_xdp_bpf__destroy(lb->skel);
}

/* What the slots of a service's ports say of its buckets, as the loader has them. */
static void put_refs(struct lb_setup *lb, __u32 index)
{
	struct xdplb_service service = lb_setup_read_service(lb, index);
	struct xdplb_bucket_ref ref = service.buckets;
	struct xdplb_endpoint slots[2 * SETUP_SLOTS];
	__u32 keys[2 * SETUP_SLOTS], count = 2 * SETUP_SLOTS, next;

	ref.base |= service.flags & XDPLB_REF_FLAGS;
	if (service.flags & ~XDPLB_PLAIN_FLAGS)
		ref = (struct xdplb_bucket_ref){ 0 };
	cr_assert_eq(bpf_map_lookup_batch(fd_of(lb, vips), NULL, &next, keys, slots, &count, NULL),
		     0);
	for (__u32 i = 0; i < count; i++) {
		struct xdplb_endpoint *slot = &slots[i];

		if (slot->index != index ||
		    (slot->proto != IPPROTO_TCP && slot->proto != IPPROTO_UDP))
			continue;
		slot->buckets = ref;
		put(fd_of(lb, vips), keys[i], slot);
	}
}

void lb_setup_vip(struct lb_setup *lb, const struct setup_endpoint *endpoint)
{
	setup_put_endpoint(fd_of(lb, vips), (struct xdplb_table_ref){}, endpoint);
	if (endpoint->index < SETUP_SERVICES)
		put_refs(lb, endpoint->index);
}

void lb_setup_live(struct lb_setup *lb, struct xdplb_table_ref vips)
{
	struct xdplb_lb_control control = { .vips = vips };

	put(fd_of(lb, data_lb_control), 0, &control);
}

void lb_setup_ranges(struct lb_setup *lb, bool has_ranges)
{
	struct xdplb_lb_control control;

	get(fd_of(lb, data_lb_control), 0, &control);
	control.has_ranges = has_ranges;
	put(fd_of(lb, data_lb_control), 0, &control);
}

void lb_setup_service(struct lb_setup *lb, __u32 index, struct xdplb_bucket_ref buckets)
{
	lb_setup_service_as(
		lb, index,
		&(struct xdplb_service){ .buckets = buckets, .first_member = XDPLB_NO_MEMBER });
}

struct xdplb_service lb_setup_read_service(struct lb_setup *lb, __u32 index)
{
	struct xdplb_service service;

	get(fd_of(lb, services), index, &service);
	return service;
}

void lb_setup_service_as(struct lb_setup *lb, __u32 index, const struct xdplb_service *service)
{
	put(fd_of(lb, services), index, service);
	if (index < SETUP_SERVICES)
		put_refs(lb, index);
}

void lb_setup_chain(struct lb_setup *lb, __u32 service, __u32 first, __u32 count)
{
	struct xdplb_service entry;

	get(fd_of(lb, services), service, &entry);
	entry.first_member = count ? first : XDPLB_NO_MEMBER;
	put(fd_of(lb, services), service, &entry);
	for (__u32 i = 0; i < count; i++) {
		struct xdplb_member member = lb_setup_read(lb, first + i);

		member.next = i + 1 < count ? first + i + 1 : XDPLB_NO_MEMBER;
		put(fd_of(lb, members), first + i, &member);
	}
}

void lb_setup_bucket(struct lb_setup *lb, __u32 number, __u32 member)
{
	struct xdplb_bucket_line line;

	get(fd_of(lb, buckets), number / XDPLB_BUCKETS_PER_LINE, &line);
	line.member[number % XDPLB_BUCKETS_PER_LINE] = member;
	put(fd_of(lb, buckets), number / XDPLB_BUCKETS_PER_LINE, &line);
}

/* The ones' complement sum of (new + ~old) over 16-bit words, folded. */
static __u16 words_delta(const void *old, const void *new, size_t len)
{
	const __u16 *o = old, *n = new;
	__u32 sum = 0;

	for (size_t i = 0; i < len / 2; i++)
		sum += n[i] + (__u16)~o[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

void lb_setup_member(struct lb_setup *lb, __u32 index, const struct setup_member *member)
{
	size_t len = member->family == XDPLB_IPV4 ? 4 : 16;
	struct {
		__u8 addr[16];
		__be16 port;
	} old = {}, new = {};
	struct xdplb_member entry = {
		.addr = member->to.addr,
		.tag = htons(member->to.port),
		.flags = XDPLB_MEMBER_CONFIRMED,
		.health = member->health,
		.service = member->service,
		.weight = member->weight,
		.next = XDPLB_NO_MEMBER,
		.nexthop = { .ifindex = member->ifindex },
	};

	memcpy(old.addr, &member->vip.addr, len);
	memcpy(new.addr, &member->to.addr, len);
	old.port = htons(member->vip.port);
	new.port = member->keeps_port ? old.port : entry.tag;
	if (member->keeps_port)
		entry.flags |= XDPLB_MEMBER_KEEPS_PORT;
	entry.l4_delta = words_delta(&old, &new, sizeof(old));
	if (member->family == XDPLB_IPV4)
		entry.ip_delta = words_delta(old.addr, new.addr, len);
	if (member->ifindex) {
		memcpy(entry.nexthop.dmac, member->to.mac, 6);
		memcpy(entry.nexthop.smac, setup_lb_mac, 6);
		entry.nexthop.expires = ~0ULL;
	}
	put(fd_of(lb, members), index, &entry);
}

void lb_setup_health(struct lb_setup *lb, __u32 index, enum xdplb_health_state state)
{
	lb_setup_target(lb, index, &(struct xdplb_health){ .state = state });
}

void lb_setup_weighted(struct lb_setup *lb, __u32 index, __u16 weight,
		       enum xdplb_health_state state)
{
	lb_setup_target(lb, index, &(struct xdplb_health){ .state = state, .weight = weight });
}

void lb_setup_target(struct lb_setup *lb, __u32 index, const struct xdplb_health *target)
{
	put(fd_of(lb, health), index, target);
}

void lb_setup_budget(struct lb_setup *lb, enum lb_budget kind, __u64 left)
{
	static struct {
		__u64 tick, left;
	} budgets[1024];
	int cpus = libbpf_num_possible_cpus();

	cr_assert(cpus > 0 && cpus <= 1024);
	for (int i = 0; i < cpus; i++)
		budgets[i].left = left;
	if (kind == LB_BUDGET_RESETS)
		put(fd_of(lb, reset_budgets), 0, budgets);
	else
		put(fd_of(lb, answer_budgets), kind, budgets);
}

void lb_setup_mtu(struct lb_setup *lb, __u32 index, __u16 mtu)
{
	struct xdplb_member member = lb_setup_read(lb, index);

	member.mtu = mtu;
	put(fd_of(lb, members), index, &member);
}

void lb_setup_confirm(struct lb_setup *lb, __u32 index, bool confirmed)
{
	struct xdplb_member member = lb_setup_read(lb, index);

	member.flags &= ~XDPLB_MEMBER_CONFIRMED;
	member.flags |= confirmed ? XDPLB_MEMBER_CONFIRMED : 0;
	put(fd_of(lb, members), index, &member);
}

struct xdplb_member lb_setup_read(struct lb_setup *lb, __u32 index)
{
	struct xdplb_member member;

	get(fd_of(lb, members), index, &member);
	return member;
}

struct xdplb_traffic lb_setup_traffic(struct lb_setup *lb, __u32 index)
{
	int map = fd_of(lb, member_traffic);

	return (struct xdplb_traffic){ sum_counter(map, index, 2, 0),
				       sum_counter(map, index, 2, 1) };
}
