// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * What CPUs share: a packet reads it and never writes it, so that no cache line goes from one CPU to another
 * for the sake of a packet. What it writes is per CPU: the traffic of its member.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "host/lb_skel.h"
#include "node_setup.h"

TestSuite(lb_shared, .timeout = 60);

#define IN_IFINDEX 1
#define FLOWS      400
#define MAPS_MAX   64

/* All elements of an array that CPUs share; NULL: no such map. */
static __u8 *read_shared(const struct bpf_map *map)
{
	__u32 size = bpf_map__value_size(map), count = bpf_map__max_entries(map);
	__u8 *bytes;

	if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY)
		return NULL;
	bytes = calloc(count, size);
	cr_assert_not_null(bytes);
	for (__u32 i = 0; i < count; i++)
		cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(map), &i, bytes + (size_t)i * size), 0,
			     "%s", bpf_map__name(map));
	return bytes;
}

/* Maps that grow with what packets bring: how many entries. */
static int count_entries(const struct bpf_map *map)
{
	__u8 key[64], *from = NULL;
	int count = 0;

	if (bpf_map__type(map) != BPF_MAP_TYPE_HASH && bpf_map__type(map) != BPF_MAP_TYPE_LRU_HASH)
		return 0;
	cr_assert_leq(bpf_map__key_size(map), sizeof(key));
	while (!bpf_map_get_next_key(bpf_map__fd(map), from, key)) {
		from = key;
		count++;
	}
	return count;
}

struct snapshot {
	__u8 *bytes[MAPS_MAX];
	int entries[MAPS_MAX];
	int shared; /* arrays */
};

static struct snapshot take_snapshot(const struct lb_setup *lb)
{
	struct snapshot snapshot = { 0 };
	const struct bpf_map *map;
	int i = 0;

	bpf_object__for_each_map(map, lb->skel->obj)
	{
		cr_assert_lt(i, MAPS_MAX);
		snapshot.bytes[i] = read_shared(map);
		snapshot.entries[i] = count_entries(map);
		snapshot.shared += snapshot.bytes[i] != NULL;
		i++;
	}
	return snapshot;
}

static void compare_snapshots(const struct lb_setup *lb, const struct snapshot *before,
			      const struct snapshot *after)
{
	const struct bpf_map *map;
	int i = 0;

	bpf_object__for_each_map(map, lb->skel->obj)
	{
		size_t len = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);

		cr_assert_eq(before->entries[i], after->entries[i], "%s has grown",
			     bpf_map__name(map));
		if (before->bytes[i])
			cr_assert_eq(memcmp(before->bytes[i], after->bytes[i], len), 0,
				     "packets have written to %s", bpf_map__name(map));
		i++;
	}
}

static void free_snapshot(struct snapshot *snapshot)
{
	for (int i = 0; i < MAPS_MAX; i++)
		free(snapshot->bytes[i]);
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* The verdict. */
static int send_one(struct lb_setup *lb, struct test_packet *packet)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet->data, .data_size_in = packet->len,
		    .repeat = 1);

	cr_assert_eq(bpf_prog_test_run_opts(bpf_program__fd(lb->skel->progs.lb_xdp), &opts), 0);
	return (int)opts.retval;
}

/* FLOWS flows, each by one packet. */
static void send_flows(struct lb_setup *lb, __u8 family, __u8 proto)
{
	for (int i = 0; i < FLOWS; i++) {
		struct packet_spec in = setup_spec(family, proto);
		struct test_packet packet;

		in.source.port = 1024 + i;
		packet_build(&in, &packet);
		cr_assert_eq(send_one(lb, &packet), XDP_TX, "%s, flow %d",
			     setup_kind(family, proto), i);
	}
}

Test(lb_shared, nothing_is_written)
{
	struct snapshot before, after;
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	before = take_snapshot(&lb);
	cr_assert_geq(before.shared, 6, "the tables are no arrays any more");
	for (int i = 0; i < 4; i++)
		send_flows(&lb, setup_families[i / 2], setup_protos[i % 2]);
	after = take_snapshot(&lb);
	compare_snapshots(&lb, &before, &after);
	free_snapshot(&before);
	free_snapshot(&after);
	lb_setup_close(&lb);
}

/* A CPU counts in memory of its own. */
Test(lb_shared, traffic_is_counted_per_cpu)
{
	__u32 index = setup_service(XDPLB_IPV4, IPPROTO_TCP);
	int cpus = libbpf_num_possible_cpus();
	struct xdplb_traffic traffic[cpus];
	struct lb_setup lb;

	lb_setup_open(&lb);
	lb_setup_fill(&lb, IN_IFINDEX);
	stay_on(0);
	send_flows(&lb, XDPLB_IPV4, IPPROTO_TCP);
	cr_assert_eq(
		bpf_map_lookup_elem(bpf_map__fd(lb.skel->maps.member_traffic), &index, traffic), 0);
	cr_assert_eq(traffic[0].packets, FLOWS);
	for (int cpu = 1; cpu < cpus; cpu++)
		cr_assert_eq(traffic[cpu].packets, 0, "CPU %d", cpu);
	lb_setup_close(&lb);
}
