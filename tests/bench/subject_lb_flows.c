// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes lb_xdp's flow cache as it is once a second packet of each flow has been seen, and its notes of fragments.
 */
#include "subject_lb_flows.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>

#include "host/lb_skel.h"
#include "bpf/lib/hash.h"
#include "frames.h"
#include "subjects.h"
#include "xdplb/flow_cache.h"
#include "xdplb/fragment.h"

static __u32 line_count(__u32 flows)
{
	__u32 lines = 1;

	while (lines * (XDPLB_FLOWS_PER_LINE / 2) < flows)
		lines *= 2;
	return lines;
}

int lb_flows_size(struct lb_xdp_bpf *skel, __u32 count)
{
	__u32 lines = line_count(count), newcomers = lines < 4 ? 1 : lines / 4;

	skel->rodata->cache_mask = lines - 1;
	skel->rodata->newcomer_mask = newcomers * XDPLB_FLOWS_PER_LINE - 1;
	return bpf_map__set_max_entries(skel->maps.flow_cache, lines + newcomers);
}

static int fill_flow(struct lb_xdp_bpf *skel, const struct lb_flows *flows, __u32 number)
{
	struct bench_client client = bench_client_of(number);
	__u64 word = flow_word(htons(client.port), htons(flows->port), flows->proto, XDPLB_IPV4);
	__u64 hash =
		flow_hash4(skel->rodata->flow_key, htonl(client.addr), htonl(flows->vip), word);
	__u32 index = (__u32)hash & skel->rodata->cache_mask, way = 0;
	int map = bpf_map__fd(skel->maps.flow_cache);
	struct xdplb_flow_line line;

	if (bpf_map_lookup_elem(map, &index, &line))
		return -errno;
	while (way < XDPLB_FLOWS_PER_LINE && line.flow[way])
		way++;
	if (way == XDPLB_FLOWS_PER_LINE)
		return 0;
	line.flow[way] = (hash >> 32 << 32) | XDPLB_FLOW_SET |
			 (flows->first_member + number % flows->members);
	return bpf_map_update_elem(map, &index, &line, BPF_ANY) ? -errno : 0;
}

int lb_flows_fill(struct lb_xdp_bpf *skel, const struct lb_flows *flows)
{
	int err = 0;

	for (__u32 i = 0; i < flows->count && !err; i++)
		err = fill_flow(skel, flows, i);
	return err;
}

int lb_fragments_fill(struct lb_xdp_bpf *skel, __u32 member)
{
	const struct xdplb_fragment_way way = { .expires = ~0ULL, .member = member };

	for (__u32 i = 0; i < LB_FRAGMENTS; i++) {
		struct xdplb_fragment_key key = {
			.source = frame_addr(XDPLB_IPV4, bench_client_of(i).addr),
			.dest = frame_addr(XDPLB_IPV4, LB_VIP),
			.proto = IPPROTO_UDP,
			.family = XDPLB_IPV4,
		};

		if (bpf_map_update_elem(bpf_map__fd(skel->maps.fragment_ways), &key, &way, BPF_ANY))
			return -errno;
	}
	return 0;
}
