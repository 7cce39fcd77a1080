// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "fill.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "bench_input.h"
#include "bpf/lib/hash.h"

#define TUPLES_AT_ONCE 4096

int fill_element(const struct bpf_map *map, __u32 index, const void *value)
{
	return bpf_map_update_elem(bpf_map__fd(map), &index, value, BPF_ANY) ? -errno : 0;
}

int fill_endpoint(const struct bpf_map *map, __u32 slots, const struct xdplb_endpoint *endpoint)
{
	__u32 hash = endpoint_hash(FILL_SEED, &endpoint->addr, endpoint->port, endpoint->proto,
				   endpoint->family);

	for (__u32 i = 0; i < XDPLB_ENDPOINT_PROBES; i++) {
		__u32 slot = (hash + i) & (slots - 1);
		struct xdplb_endpoint there;

		if (bpf_map_lookup_elem(bpf_map__fd(map), &slot, &there))
			return -errno;
		if (!there.family)
			return fill_element(map, slot, endpoint);
	}
	return -ENOSPC;
}

int fill_tuples(int fd, __u32 count, __u32 verdict, __u32 daddr, __u16 dport)
{
	static struct bench_tuple keys[TUPLES_AT_ONCE];
	static __u32 values[TUPLES_AT_ONCE];

	for (__u32 done = 0; done < count;) {
		__u32 some = count - done < TUPLES_AT_ONCE ? count - done : TUPLES_AT_ONCE;

		for (__u32 i = 0; i < some; i++) {
			struct bench_client client = bench_client_of(done + i);

			keys[i] = (struct bench_tuple){
				.saddr = htonl(client.addr),
				.daddr = htonl(daddr),
				.ports = htons(client.port) | (__u32)htons(dport) << 16,
				.proto = IPPROTO_TCP,
			};
			values[i] = verdict;
		}
		if (bpf_map_update_batch(fd, keys, values, &some, NULL))
			return -errno;
		done += some;
	}
	return 0;
}

int fill_sum_percpu(const struct bpf_map *map, __u32 count, __u64 *ret_sum)
{
	int cpus = libbpf_num_possible_cpus(), err = 0;
	__u64(*words)[2], sum = 0;

	if (cpus < 0)
		return cpus;
	words = calloc(cpus, sizeof(*words));
	if (!words)
		return -ENOMEM;
	for (__u32 i = 0; i < count && !err; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(map), &i, words))
			err = -errno;
		for (int cpu = 0; cpu < cpus && !err; cpu++)
			sum += words[cpu][0];
	}
	free(words);
	if (!err)
		*ret_sum = sum;
	return err;
}
