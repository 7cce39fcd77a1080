// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Katran's balancer as a subject beside ours, from an object that the user has built of its source:
 * nothing of it is here. What its maps hold is told below in our own words.
 */
#include "subjects.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fill.h"
#include "katran_maps.h"
#include "sizes.h"
#include "workloads.h"
#include "bpf/lib/hash.h"
#include "bpf/lib/owner.h"

/* What Katran's own control plane takes unless told otherwise; the CPUs get equal parts. */
#define FLOW_TABLE_ENTRIES 8000000

#define AT_ONCE 4096

/*
 * Sizes that are run with Katran too; a flow table has room for the flows of three. The largest last: it
 * gets the VIPs that are left.
 */
static const __u32 large_sizes[] = { SIZE_10X10, SIZE_10X10000, SIZE_10000X10 };
static const __u32 shipped_sizes[] = { SIZE_10X400, SIZE_400X10 };

struct katran {
	struct bpf_object *object;
	struct bpf_program *program;
	struct bpf_map *vips, *rings, *reals, *real_traffic, *counters;
	int flows; /* of this CPU */
	__u32 vip_count; /* set up so far */
	__u32 vips_max, ring_size, reals_max;
	__u32 fits[SIZE_COUNT]; /* services */
};

static int find_map(const struct katran *katran, const char *name, __u32 key_size, __u32 value_size,
		    struct bpf_map **ret_map)
{
	struct bpf_map *map = bpf_object__find_map_by_name(katran->object, name);

	if (!map || bpf_map__key_size(map) != key_size || bpf_map__value_size(map) != value_size)
		return -EPROTO;
	*ret_map = map;
	return 0;
}

static int find_maps(struct katran *katran)
{
	int err = find_map(katran, "vip_map", sizeof(struct katran_vip),
			   sizeof(struct katran_vip_meta), &katran->vips);

	err = err ?: find_map(katran, "ch_rings", 4, 4, &katran->rings);
	err = err ?: find_map(katran, "reals", 4, sizeof(struct katran_real), &katran->reals);
	err = err ?: find_map(katran, "reals_stats", 4, 16, &katran->real_traffic);
	err = err ?: find_map(katran, "stats", 4, 16, &katran->counters);
	if (err)
		return err;
	katran->vips_max = bpf_map__max_entries(katran->vips);
	katran->ring_size = bpf_map__max_entries(katran->rings) / katran->vips_max;
	katran->reals_max = bpf_map__max_entries(katran->reals);
	return 0;
}

/* The flow table of the CPU that we are on. */
static int make_flow_table(struct katran *katran)
{
	__u32 cpu = sched_getcpu(), entries = FLOW_TABLE_ENTRIES / libbpf_num_possible_cpus();
	struct bpf_map *tables;
	int err = find_map(katran, "lru_mapping", 4, 4, &tables);

	if (err)
		return err;
	katran->flows = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, NULL, sizeof(struct katran_flow),
				       sizeof(struct katran_flow_real), entries, NULL);
	if (katran->flows < 0 ||
	    bpf_map_update_elem(bpf_map__fd(tables), &cpu, &katran->flows, BPF_ANY))
		return -errno;
	return 0;
}

/* The MAC address of the router that everything is sent to; and the backends. Real 0 is none. */
static int fill_reals(const struct katran *katran)
{
	const __u8 mac[8] = { 2, 0, 0, 1, 0, 1 };
	struct bpf_map *control;
	int err = find_map(katran, "ctl_array", 4, sizeof(mac), &control);

	err = err ?: fill_element(control, 0, mac);
	for (__u32 i = 1; i < katran->reals_max && !err; i++) {
		struct katran_real real = { .addr = { htonl(LB_BACKEND + i) } };

		err = fill_element(katran->reals, i, &real);
	}
	return err;
}

/* The numbers of all of a service's buckets at once; `first`: of its backends. */
static int fill_ring(const struct katran *katran, __u32 vip, __u32 first, __u32 backends)
{
	static __u32 keys[AT_ONCE], values[AT_ONCE];

	for (__u32 done = 0; done < katran->ring_size;) {
		__u32 some =
			katran->ring_size - done < AT_ONCE ? katran->ring_size - done : AT_ONCE;

		for (__u32 i = 0; i < some; i++) {
			__u32 backend = first + owner_bucket(done + i, vip + 1, backends);

			keys[i] = vip * katran->ring_size + done + i;
			values[i] = 1 + backend % (katran->reals_max - 1);
		}
		if (bpf_map_update_batch(bpf_map__fd(katran->rings), keys, values, &some, NULL))
			return -errno;
		done += some;
	}
	return 0;
}

static int add_vip(struct katran *katran, __u8 proto, __u32 vip, __u32 backends)
{
	struct katran_vip key = { { htonl(vip) }, htons(LB_VPORT), proto, 0 };
	struct katran_vip_meta meta = { .number = katran->vip_count };
	int err;

	err = fill_ring(katran, meta.number, meta.number * backends, backends);
	if (err)
		return err;
	katran->vip_count++;
	return bpf_map_update_elem(bpf_map__fd(katran->vips), &key, &meta, BPF_ANY) ? -errno : 0;
}

/* Flows 0 .. count - 1 over so many services from `vip` on, into the flow table. */
static int add_flows(const struct katran *katran, __u32 count, __u32 vip, __u32 services)
{
	static struct katran_flow keys[AT_ONCE];
	static struct katran_flow_real values[AT_ONCE];

	for (__u32 done = 0; done < count;) {
		__u32 some = count - done < AT_ONCE ? count - done : AT_ONCE;

		for (__u32 i = 0; i < some; i++) {
			struct bench_client client = bench_client_of(done + i);
			__u32 service = bench_service_of(done + i, services);

			keys[i] = (struct katran_flow){ .source = { htonl(client.addr) },
							.dest = { htonl(vip + service) },
							.sport = htons(client.port),
							.dport = htons(LB_VPORT),
							.proto = IPPROTO_TCP };
			values[i].real = 1 + (done + i) % (katran->reals_max - 1);
		}
		if (bpf_map_update_batch(katran->flows, keys, values, &some, NULL))
			return -errno;
		done += some;
	}
	return 0;
}

static int set_up_usual(struct katran *katran, bool with_flows)
{
	int err = add_vip(katran, IPPROTO_TCP, LB_VIP, LB_BACKENDS);

	err = err ?: add_vip(katran, IPPROTO_UDP, LB_VIP, LB_BACKENDS);
	return err || !with_flows ? err : add_flows(katran, LRU_FLOWS, LB_VIP, 1);
}

static int set_up_sized(struct katran *katran, const __u32 *used, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++) {
		__u32 number = used[i], left = katran->vips_max - katran->vip_count;
		__u32 services = sizes[number].services < left ? sizes[number].services : left;

		for (__u32 j = 0; j < services && !err; j++)
			err = add_vip(katran, IPPROTO_TCP, SIZE_VIP(number) + j,
				      sizes[number].backends);
		katran->fits[number] = services;
		err = err ?: add_flows(katran, LRU_FLOWS, SIZE_VIP(number), services);
	}
	return err;
}

static int load(struct katran *katran, const char *path, enum katran_use use)
{
	int err;

	katran->object = bpf_object__open_file(path, NULL);
	if (!katran->object)
		return -errno;
	katran->program = bpf_object__next_program(katran->object, NULL);
	if (!katran->program)
		return -EPROTO;
	bpf_program__set_type(katran->program, BPF_PROG_TYPE_XDP);
	err = find_maps(katran);
	err = err ?: bpf_object__load(katran->object);
	err = err ?: make_flow_table(katran);
	err = err ?: fill_reals(katran);
	if (err)
		return err;
	switch (use) {
	case KATRAN_SIZED:
		return set_up_sized(katran, large_sizes,
				    sizeof(large_sizes) / sizeof(large_sizes[0]));
	case KATRAN_SHIPPED:
		return set_up_sized(katran, shipped_sizes,
				    sizeof(shipped_sizes) / sizeof(shipped_sizes[0]));
	default:
		return set_up_usual(katran, use == KATRAN_ESTABLISHED);
	}
}

int katran_load(const char *path, enum katran_use use, struct katran **ret_katran)
{
	struct katran *katran = calloc(1, sizeof(*katran));
	int err;

	if (!katran)
		return -ENOMEM;
	katran->flows = -1;
	err = load(katran, path, use);
	if (err) {
		katran_free(katran);
		return err;
	}
	*ret_katran = katran;
	return 0;
}

void katran_free(struct katran *katran)
{
	if (!katran)
		return;
	bpf_object__close(katran->object);
	if (katran->flows >= 0)
		close(katran->flows);
	free(katran);
}

int katran_fd(const struct katran *katran)
{
	return bpf_program__fd(katran->program);
}

__u32 katran_services(const struct katran *katran, __u32 size)
{
	return katran->fits[size];
}

int katran_counts(const struct katran *katran, __u64 *ret_packets, __u64 *ret_misses)
{
	__u32 misses = katran->vips_max + KATRAN_COUNTER_TCP_MISSES;
	int cpus = libbpf_num_possible_cpus(), err = 0;
	__u64(*words)[2] = calloc(cpus > 0 ? cpus : 1, sizeof(*words));

	if (!words)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(katran->counters), &misses, words))
		err = -errno;
	*ret_misses = 0;
	for (int i = 0; i < cpus && !err; i++)
		*ret_misses += words[i][1];
	free(words);
	return err ?: fill_sum_percpu(katran->real_traffic, katran->reals_max, ret_packets);
}
