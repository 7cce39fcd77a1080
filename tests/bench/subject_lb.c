// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "subjects.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "tables/endpoint_table.h"
#include "fill.h"
#include "sizes.h"
#include "subject_lb_flows.h"
#include "host/lb_skel.h"
#include "bpf/lib/hash.h"
#include "bpf/lib/owner.h"
#include "xdplb/access.h"
#include "xdplb/health.h"
#include "xdplb/quic.h"

/* The loader's default capacities, see config.h. */
#define SERVICES 1024
#define MEMBERS  8192
#define BACKENDS 4096
#define BUCKETS  2097152

/* BPF_PROG_TEST_RUN's frames come in by lo. */
#define INGRESS_IFINDEX 1

/* A service. Members and buckets of all follow each other in the maps. */
struct lb_row {
	__u8 family;
	__u8 proto;
	__u16 port;
	__u32 vip;
	__u32 members;
	__u32 buckets;
	__u32 down; /* members, the last ones */
	__u32 allowed; /* prefixes */
	bool quic;
	__u32 remembered; /* flows, those of the first clients */
	__u32 first_member;
	__u32 first_bucket; /* the first of a line */
};

/* What is loaded, with how much room in its maps. */
struct lb_subject {
	struct lb_xdp_bpf *skel;
	struct lb_row *rows;
	__u32 row_count;
	__u32 member_count; /* of all rows */
	__u32 services, members, targets, buckets, vip_slots; /* capacities */
};

static const struct lb_row usual_rows[] = {
	{ XDPLB_IPV4, IPPROTO_TCP, LB_VPORT, LB_VIP, LB_BACKENDS, LB_BUCKETS, 0 },
	{ XDPLB_IPV4, IPPROTO_UDP, LB_VPORT, LB_VIP, LB_BACKENDS, LB_BUCKETS, 0 },
	{ XDPLB_IPV6, IPPROTO_TCP, LB_VPORT, LB_VIP, LB_BACKENDS, LB_BUCKETS, 0 },
	{ XDPLB_IPV4, IPPROTO_TCP, LB_LARGE_VPORT, LB_VIP, LB_LARGE_BACKENDS, LB_LARGE_BUCKETS, 0 },
	{ XDPLB_IPV4, IPPROTO_TCP, LB_HALF_VPORT, LB_VIP, LB_BACKENDS, LB_BUCKETS,
	  LB_BACKENDS / 2 },
	{ XDPLB_IPV4, IPPROTO_TCP, LB_DOWN_VPORT, LB_VIP, LB_BACKENDS, LB_BUCKETS, LB_BACKENDS },
	{ XDPLB_IPV4, IPPROTO_TCP, LB_ACL_VPORT, LB_VIP, LB_BACKENDS, LB_BUCKETS, 0,
	  XDPLB_SOURCES_MAX },
	{ XDPLB_IPV4, IPPROTO_UDP, LB_QUIC_VPORT, LB_VIP, LB_BACKENDS, LB_BUCKETS, 0,
	  .quic = true },
	{ XDPLB_IPV4, IPPROTO_TCP, LB_CACHE_VPORT, LB_VIP, LB_BACKENDS, LB_BUCKETS, 0,
	  .remembered = LB_CACHED_FLOWS },
};

static int add_rows(struct lb_subject *lb, const struct lb_row *rows, __u32 count)
{
	struct lb_row *more = reallocarray(lb->rows, lb->row_count + count, sizeof(*more));

	if (!more)
		return -ENOMEM;
	lb->rows = more;
	memcpy(more + lb->row_count, rows, count * sizeof(*rows));
	lb->row_count += count;
	return 0;
}

static int add_size(struct lb_subject *lb, __u32 number)
{
	const struct bench_size *size = &sizes[number];
	struct lb_row row = { XDPLB_IPV4, IPPROTO_TCP, LB_VPORT, 0, size->backends, 0, 0 };
	int err = 0;

	row.buckets = config_default_buckets(size->backends);
	for (__u32 i = 0; i < size->services && !err; i++) {
		row.vip = SIZE_VIP(number) + i;
		err = add_rows(lb, &row, 1);
	}
	return err;
}

/* Where each row's part of the maps begins. Returns how many buckets there are. */
static __u32 lay_out(struct lb_subject *lb)
{
	__u32 bucket = 0;

	for (__u32 i = 0; i < lb->row_count; i++) {
		lb->rows[i].first_member = lb->member_count;
		lb->rows[i].first_bucket = bucket;
		lb->member_count += lb->rows[i].members;
		bucket += (lb->rows[i].buckets | (XDPLB_BUCKETS_PER_LINE - 1)) + 1;
	}
	return bucket;
}

static int plan_usual(struct lb_subject *lb)
{
	int err = add_rows(lb, usual_rows, sizeof(usual_rows) / sizeof(usual_rows[0]));

	lay_out(lb);
	lb->services = SERVICES;
	lb->members = MEMBERS;
	lb->targets = BACKENDS;
	lb->buckets = BUCKETS;
	return err;
}

/* Each member has a target of its own, as backends that serve one service each do. */
static int plan_sized(struct lb_subject *lb)
{
	int err = 0;

	for (__u32 i = 0; i < SIZE_COUNT && !err; i++)
		err = add_size(lb, i);
	lb->buckets = lay_out(lb);
	lb->services = lb->row_count;
	lb->members = lb->member_count;
	lb->targets = lb->member_count + 1;
	return err;
}

static int size_maps(const struct lb_subject *lb)
{
	const struct {
		struct bpf_map *map;
		__u32 entries;
	} maps[] = {
		{ lb->skel->maps.vips, 2 * lb->vip_slots },
		{ lb->skel->maps.services, lb->services },
		{ lb->skel->maps.buckets, lb->buckets / XDPLB_BUCKETS_PER_LINE },
		{ lb->skel->maps.members, lb->members },
		{ lb->skel->maps.member_traffic, lb->members },
		{ lb->skel->maps.member_flows, lb->members },
		{ lb->skel->maps.health, lb->targets },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && !err; i++)
		err = bpf_map__set_max_entries(maps[i].map, maps[i].entries);
	return err;
}

/* The last target is down, all others are up. */
static __u32 down_target(const struct lb_subject *lb)
{
	return lb->targets - 1;
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

static int fill_member(const struct lb_subject *lb, __u32 number, __u32 backend)
{
	const struct lb_row *row = &lb->rows[number];
	__u32 index = row->first_member + backend;
	bool is_down = backend >= row->members - row->down;
	struct xdplb_addr vip = frame_addr(row->family, row->vip);
	__be16 vport = htons(row->port);
	struct xdplb_member member = {
		.addr = frame_addr(row->family, LB_BACKEND + backend),
		.tag = htons(LB_TAG),
		.flags = XDPLB_MEMBER_CONFIRMED,
		.health = is_down ? down_target(lb) : index % down_target(lb),
		.service = number,
		.weight = 1,
		.next = backend + 1 < row->members ? index + 1 : XDPLB_NO_MEMBER,
		.nexthop = {
			.dmac = { 2, 0, 0, 1, backend >> 8, backend },
			.smac = { 2, 0, 0, 0, 0, 1 },
			.ifindex = INGRESS_IFINDEX,
			.expires = ~0ULL,
		},
	};
	__u32 addr_delta = add_delta(0, &vip, &member.addr, sizeof(vip));

	member.l4_delta = add_delta(addr_delta, &vport, &member.tag, sizeof(vport));
	member.ip_delta = row->family == XDPLB_IPV4 ? addr_delta : 0;
	return fill_element(lb->skel->maps.members, index, &member);
}

/* Any table will do that names all members about equally often and without a pattern. */
static int fill_buckets(const struct lb_subject *lb, __u32 number)
{
	const struct lb_row *row = &lb->rows[number];

	for (__u32 i = 0; i < row->buckets; i += XDPLB_BUCKETS_PER_LINE) {
		__u32 index = (row->first_bucket + i) / XDPLB_BUCKETS_PER_LINE;
		struct xdplb_bucket_line line;
		int err;

		for (__u32 j = 0; j < XDPLB_BUCKETS_PER_LINE; j++)
			line.member[j] =
				row->first_member + owner_bucket(i + j, number + 1, row->members);
		err = fill_element(lb->skel->maps.buckets, index, &line);
		if (err)
			return err;
	}
	return 0;
}

/* The VIP as such, if it is not the one of the rows before too. */
static int fill_vip(const struct lb_subject *lb, __u32 number)
{
	const struct lb_row *row = &lb->rows[number];
	struct xdplb_endpoint endpoint = {
		.addr = frame_addr(row->family, row->vip),
		.family = row->family,
		.index = XDPLB_INDEX_ADDRESS,
	};

	for (__u32 i = 0; i < number && row->vip == LB_VIP; i++)
		if (lb->rows[i].vip == row->vip && lb->rows[i].family == row->family)
			return 0;
	return fill_endpoint(lb->skel->maps.vips, lb->vip_slots, &endpoint);
}

/*
 * All clients are in one of 8192 prefixes that share out 10.0.0.0/8, some of which have a longer one
 * within: no lookup is short.
 */
static int fill_allowed(const struct lb_subject *lb, __u32 number)
{
	const __u32 value = 1;

	for (__u32 i = 0; i < lb->rows[number].allowed; i++) {
		bool is_long = i >= 8192;
		struct xdplb_source_key key = {
			.prefix_len = XDPLB_SOURCE_KEY_BITS + (is_long ? 26 : 21),
			.service = number,
			.family = XDPLB_IPV4,
			.addr = { { htonl(0x0a000000 | (is_long ? (i - 8192) << 13 : i << 11)) } },
		};

		if (bpf_map_update_elem(bpf_map__fd(lb->skel->maps.sources), &key, &value,
					BPF_NOEXIST))
			return -errno;
	}
	return 0;
}

static int fill_quic_ids(const struct lb_subject *lb, __u32 number)
{
	const struct lb_row *row = &lb->rows[number];
	int err = 0;

	for (__u32 i = 0; row->quic && i < row->members && !err; i++) {
		struct xdplb_endpoint entry = { .addr = { { number, htonl(LB_QUIC_ID + i) } },
						.proto = XDPLB_QUIC_ENTRY,
						.family = XDPLB_IPV6,
						.index = row->first_member + i };

		err = fill_endpoint(lb->skel->maps.vips, lb->vip_slots, &entry);
	}
	return err;
}

static int fill_flows(const struct lb_subject *lb, __u32 number)
{
	const struct lb_row *row = &lb->rows[number];
	struct lb_flows flows = {
		.count = row->remembered,
		.vip = row->vip,
		.port = row->port,
		.proto = row->proto,
		.first_member = row->first_member,
		.members = row->members,
	};

	return lb_flows_fill(lb->skel, &flows);
}

static int fill_service(const struct lb_subject *lb, __u32 number)
{
	const struct lb_row *row = &lb->rows[number];
	struct xdplb_service service = {
		.buckets = { .base = row->first_bucket, .count = row->buckets },
		.flags = (row->allowed ? XDPLB_SERVICE_SOURCES_ALLOWED : 0) |
			 (row->quic ? XDPLB_SERVICE_QUIC : 0) |
			 (row->remembered ? XDPLB_SERVICE_CACHE : 0),
		.first_member = row->first_member,
	};
	struct xdplb_endpoint endpoint = {
		.addr = frame_addr(row->family, row->vip),
		.port = htons(row->port),
		.proto = row->proto,
		.family = row->family,
		.index = number,
	};
	int err;

	if (!(service.flags & ~XDPLB_PLAIN_FLAGS))
		endpoint.buckets = service.buckets;
	err = fill_endpoint(lb->skel->maps.vips, lb->vip_slots, &endpoint);

	err = err ?: fill_vip(lb, number);
	for (__u32 i = 0; i < row->members && !err; i++)
		err = fill_member(lb, number, i);
	err = err ?: fill_buckets(lb, number);
	err = err ?: fill_quic_ids(lb, number);
	err = err ?: fill_allowed(lb, number);
	err = err ?: fill_flows(lb, number);
	return err ?: fill_element(lb->skel->maps.services, number, &service);
}

static int fill_maps(const struct lb_subject *lb)
{
	struct xdplb_lb_control control = { .vips = { .base = 0, .seed = FILL_SEED } };
	struct xdplb_health up = { .state = XDPLB_HEALTH_UP },
			    down = { .state = XDPLB_HEALTH_DOWN };
	int err = fill_element(lb->skel->maps.data_lb_control, 0, &control);

	for (__u32 i = 0; i < lb->targets && !err; i++)
		err = fill_element(lb->skel->maps.health, i, i == down_target(lb) ? &down : &up);
	for (__u32 i = 0; i < lb->row_count && !err; i++)
		err = fill_service(lb, i);
	return err;
}

static int load(struct lb_subject *lb, bool sized)
{
	int err = sized ? plan_sized(lb) : plan_usual(lb);

	if (err)
		return err;
	lb->skel = lb_xdp_bpf__open();
	if (!lb->skel)
		return -errno;
	lb->vip_slots = endpoint_table_slots(2 * lb->services);
	flow_key_expand(BENCH_KEY0, BENCH_KEY1, lb->skel->rodata->flow_key);
	lb->skel->rodata->vip_mask = lb->vip_slots - 1;
	err = size_maps(lb);
	err = err ?: lb_flows_size(lb->skel, sized ? 0 : LB_CACHED_FLOWS);
	err = err ?: lb_xdp_bpf__load(lb->skel);
	err = err ?: fill_maps(lb);
	return sized ? err : err ?: lb_fragments_fill(lb->skel, lb->rows[1].first_member);
}

int lb_subject_load(bool sized, struct lb_subject **ret_lb)
{
	struct lb_subject *lb = calloc(1, sizeof(*lb));
	int err = lb ? load(lb, sized) : -ENOMEM;

	if (err) {
		lb_subject_free(lb);
		return err;
	}
	*ret_lb = lb;
	return 0;
}

void lb_subject_free(struct lb_subject *lb)
{
	if (!lb)
		return;
	lb_xdp_bpf__destroy(lb->skel);
	free(lb->rows);
	free(lb);
}

int lb_subject_fd(const struct lb_subject *lb)
{
	return bpf_program__fd(lb->skel->progs.lb_xdp);
}

int lb_subject_packets(const struct lb_subject *lb, __u64 *ret_packets)
{
	return fill_sum_percpu(lb->skel->maps.member_traffic, lb->member_count, ret_packets);
}
