// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "subjects.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fill.h"
#include "bpf/lb_xdp.skel.h"
#include "bpf/lib/hash.h"
#include "xdplb/access.h"
#include "xdplb/health.h"

/* The loader's default capacities, see config.h. */
#define SERVICES  1024
#define MEMBERS   8192
#define BACKENDS  4096
#define BUCKETS   2097152
#define VIP_SLOTS 4096

/* The last target is down, all others are up. */
#define DOWN_TARGET (BACKENDS - 1)

/* BPF_PROG_TEST_RUN's frames come in by lo. */
#define INGRESS_IFINDEX 1

/* All at LB_VIP; their members and buckets follow each other in the maps. */
static const struct {
	__u8 family;
	__u8 proto;
	__u16 port;
	__u32 members;
	__u32 buckets;
	__u32 down; /* members, the last ones */
	__u32 allowed; /* prefixes */
} services[] = {
	{ XDPLB_IPV4, IPPROTO_TCP, LB_VPORT, LB_BACKENDS, LB_BUCKETS, 0 },
	{ XDPLB_IPV4, IPPROTO_UDP, LB_VPORT, LB_BACKENDS, LB_BUCKETS, 0 },
	{ XDPLB_IPV6, IPPROTO_TCP, LB_VPORT, LB_BACKENDS, LB_BUCKETS, 0 },
	{ XDPLB_IPV4, IPPROTO_TCP, LB_LARGE_VPORT, LB_LARGE_BACKENDS, LB_LARGE_BUCKETS, 0 },
	{ XDPLB_IPV4, IPPROTO_TCP, LB_HALF_VPORT, LB_BACKENDS, LB_BUCKETS, LB_BACKENDS / 2 },
	{ XDPLB_IPV4, IPPROTO_TCP, LB_DOWN_VPORT, LB_BACKENDS, LB_BUCKETS, LB_BACKENDS },
	{ XDPLB_IPV4, IPPROTO_TCP, LB_ACL_VPORT, LB_BACKENDS, LB_BUCKETS, 0, XDPLB_SOURCES_MAX },
};

#define SERVICE_COUNT (sizeof(services) / sizeof(services[0]))

/* Where a service's part of the map `members` begins; of SERVICE_COUNT: how many there are. */
static __u32 first_member(__u32 service)
{
	__u32 first = 0;

	for (__u32 i = 0; i < service; i++)
		first += services[i].members;
	return first;
}

/* The same of `buckets`, which begin at whole lines. */
static __u32 first_bucket(__u32 service)
{
	__u32 first = 0;

	for (__u32 i = 0; i < service; i++)
		first += (services[i].buckets | (XDPLB_BUCKETS_PER_LINE - 1)) + 1;
	return first;
}

static int size_maps(const struct lb_xdp_bpf *lb)
{
	const struct {
		struct bpf_map *map;
		__u32 entries;
	} sizes[] = {
		{ lb->maps.vips, 2 * VIP_SLOTS },
		{ lb->maps.services, SERVICES },
		{ lb->maps.buckets, BUCKETS / XDPLB_BUCKETS_PER_LINE },
		{ lb->maps.members, MEMBERS },
		{ lb->maps.member_traffic, MEMBERS },
		{ lb->maps.health, BACKENDS },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !err; i++)
		err = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);
	return err;
}

/* Ones' complement sum of new + ~old over 16-bit words as loaded, see struct xdplb_member. */
static __u32 add_delta(__u32 sum, const void *old, const void *new, size_t len)
{
	for (size_t i = 0; i < len; i += 2) {
		__u16 o, n;

		memcpy(&o, (const __u8 *)old + i, sizeof(o));
		memcpy(&n, (const __u8 *)new + i, sizeof(n));
		sum += n + (__u16)~o;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static int fill_member(const struct lb_xdp_bpf *lb, __u32 service, __u32 backend)
{
	__u32 index = first_member(service) + backend, members = services[service].members;
	bool is_down = backend >= members - services[service].down;
	__u8 family = services[service].family;
	struct xdplb_addr vip = frame_addr(family, LB_VIP);
	__be16 vport = htons(services[service].port);
	struct xdplb_member member = {
		.addr = frame_addr(family, LB_BACKEND + backend),
		.tag = htons(LB_TAG),
		.flags = XDPLB_MEMBER_CONFIRMED,
		.health = is_down ? DOWN_TARGET : backend % DOWN_TARGET,
		.service = service,
		.weight = 1,
		.next = backend + 1 < members ? index + 1 : XDPLB_NO_MEMBER,
		.nexthop = {
			.dmac = { 2, 0, 0, 1, backend >> 8, backend },
			.smac = { 2, 0, 0, 0, 0, 1 },
			.ifindex = INGRESS_IFINDEX,
			.expires = ~0ULL,
		},
	};
	__u32 addr_delta = add_delta(0, &vip, &member.addr, sizeof(vip));

	member.l4_delta = add_delta(addr_delta, &vport, &member.tag, sizeof(vport));
	member.ip_delta = family == XDPLB_IPV4 ? addr_delta : 0;
	return fill_element(lb->maps.members, index, &member);
}

/* Any table will do that names all members about equally often and without a pattern. */
static int fill_buckets(const struct lb_xdp_bpf *lb, __u32 service)
{
	__u32 members = services[service].members;

	for (__u32 i = 0; i < services[service].buckets; i += XDPLB_BUCKETS_PER_LINE) {
		__u32 number = (first_bucket(service) + i) / XDPLB_BUCKETS_PER_LINE;
		struct xdplb_bucket_line line;
		int err;

		for (__u32 j = 0; j < XDPLB_BUCKETS_PER_LINE; j++)
			line.member[j] =
				first_member(service) + owner_bucket(i + j, service + 1, members);
		err = fill_element(lb->maps.buckets, number, &line);
		if (err)
			return err;
	}
	return 0;
}

/*
 * All clients are in one of 8192 prefixes that share out 10.0.0.0/8, some of which have a longer one
 * within: no lookup is short.
 */
static int fill_allowed(const struct lb_xdp_bpf *lb, __u32 number)
{
	const __u32 value = 1;

	for (__u32 i = 0; i < services[number].allowed; i++) {
		bool is_long = i >= 8192;
		struct xdplb_source_key key = {
			.prefix_len = XDPLB_SOURCE_KEY_BITS + (is_long ? 26 : 21),
			.service = number,
			.family = XDPLB_IPV4,
			.addr = { { htonl(0x0a000000 | (is_long ? (i - 8192) << 13 : i << 11)) } },
		};

		if (bpf_map_update_elem(bpf_map__fd(lb->maps.sources), &key, &value, BPF_NOEXIST))
			return -errno;
	}
	return 0;
}

static int fill_service(const struct lb_xdp_bpf *lb, __u32 number)
{
	struct xdplb_service service = {
		.buckets = { .base = first_bucket(number), .count = services[number].buckets },
		.flags = services[number].allowed ? XDPLB_SERVICE_SOURCES_ALLOWED : 0,
		.first_member = first_member(number),
	};
	struct xdplb_endpoint endpoint = {
		.addr = frame_addr(services[number].family, LB_VIP),
		.port = htons(services[number].port),
		.proto = services[number].proto,
		.family = services[number].family,
		.index = number,
	};
	int err = fill_endpoint(lb->maps.vips, VIP_SLOTS, &endpoint);

	for (__u32 i = 0; i < services[number].members && !err; i++)
		err = fill_member(lb, number, i);
	err = err ?: fill_buckets(lb, number);
	err = err ?: fill_allowed(lb, number);
	return err ?: fill_element(lb->maps.services, number, &service);
}

static int fill_vip(const struct lb_xdp_bpf *lb, __u8 family)
{
	struct xdplb_endpoint endpoint = {
		.addr = frame_addr(family, LB_VIP),
		.family = family,
		.index = XDPLB_INDEX_ADDRESS,
	};

	return fill_endpoint(lb->maps.vips, VIP_SLOTS, &endpoint);
}

static int fill_maps(const struct lb_xdp_bpf *lb)
{
	struct xdplb_lb_control control = { .vips = { .base = 0, .seed = FILL_SEED } };
	struct xdplb_health up = { .state = XDPLB_HEALTH_UP },
			    down = { .state = XDPLB_HEALTH_DOWN };
	int err = fill_element(lb->maps.lb_control, 0, &control);

	for (__u32 i = 0; i < BACKENDS && !err; i++)
		err = fill_element(lb->maps.health, i, i == DOWN_TARGET ? &down : &up);
	err = err ?: fill_vip(lb, XDPLB_IPV4);
	err = err ?: fill_vip(lb, XDPLB_IPV6);
	for (__u32 i = 0; i < SERVICE_COUNT && !err; i++)
		err = fill_service(lb, i);
	return err;
}

int lb_subject_load(struct lb_xdp_bpf **ret_lb)
{
	struct lb_xdp_bpf *lb = lb_xdp_bpf__open();
	int err;

	if (!lb)
		return -errno;
	lb->rodata->hash_key[0] = BENCH_KEY0;
	lb->rodata->hash_key[1] = BENCH_KEY1;
	lb->rodata->vip_mask = VIP_SLOTS - 1;
	err = size_maps(lb);
	err = err ?: lb_xdp_bpf__load(lb);
	err = err ?: fill_maps(lb);
	if (err) {
		lb_xdp_bpf__destroy(lb);
		return err;
	}
	*ret_lb = lb;
	return 0;
}

void lb_subject_free(struct lb_xdp_bpf *lb)
{
	lb_xdp_bpf__destroy(lb);
}

int lb_subject_fd(const struct lb_xdp_bpf *lb)
{
	return bpf_program__fd(lb->progs.lb_xdp);
}

int lb_subject_packets(const struct lb_xdp_bpf *lb, __u64 *ret_packets)
{
	int cpus = libbpf_num_possible_cpus();
	struct xdplb_traffic *traffic;
	__u64 packets = 0;

	if (cpus < 0)
		return cpus;
	traffic = calloc(cpus, sizeof(*traffic));
	if (!traffic)
		return -ENOMEM;
	for (__u32 i = 0; i < first_member(SERVICE_COUNT); i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(lb->maps.member_traffic), &i, traffic)) {
			free(traffic);
			return -errno;
		}
		for (int cpu = 0; cpu < cpus; cpu++)
			packets += traffic[cpu].packets;
	}
	free(traffic);
	*ret_packets = packets;
	return 0;
}
