// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * QUIC ids, limits per source and remembered flows, for lb_xdp and its model alike.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "model_lab.h"
#include "xdplb/quic.h"
#include "xdplb/source_limit.h"

/* Between connections, in ticks: a minute, more than any world lasts. */
#define INTERVAL 58593750

#define ABSENT_INDEX 0x7fffffff

#define LINES (2 * MODEL_LINES)

static int map_of(const struct model_lab *lab, const char *name)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(lab->lb.skel->obj, name);

	cr_assert_not_null(map, "no map %s", name);
	return bpf_map__fd(map);
}

/* ---- QUIC ---- */

/* Ids of all members, then of one that is another service's, of one that is not there, and one of nobody. */
static __u32 index_of_id(__u32 service, __u32 number)
{
	if (number < LAB_MEMBERS)
		return service * LAB_MEMBERS + number;
	if (number == LAB_MEMBERS)
		return (service + 1) % LAB_SERVICES * LAB_MEMBERS;
	return number == LAB_MEMBERS + 1 ? ABSENT_INDEX : MODEL_NO_INDEX;
}

void lab_enter_ids(struct model_lab *lab, __u32 index)
{
	struct model_service *service = &lab->services[index];

	for (__u32 i = 0; i < MODEL_IDS; i++) {
		struct model_id *id = &service->ids[i];
		struct setup_endpoint entry;

		*id = (struct model_id){ htonl(lab->fuzz.first_id + i), index_of_id(index, i) };
		entry = (struct setup_endpoint){ .addr = { { index, id->id } },
						 .proto = XDPLB_QUIC_ENTRY,
						 .family = XDPLB_IPV6,
						 .index = id->index };
		if (service->proto == IPPROTO_UDP && id->index != MODEL_NO_INDEX)
			lb_setup_vip(&lab->lb, &entry);
	}
}

/* ---- limits ---- */

static struct xdplb_addr draw_mask(struct model_lab *lab, __u8 family)
{
	__u32 hidden = fuzz_draw(&lab->fuzz, 8);
	struct xdplb_addr mask = { { ~0U, ~0U, ~0U, htonl(~0U << hidden) } };

	if (family == XDPLB_IPV4)
		return (struct xdplb_addr){ { mask.word[3] } };
	if (!fuzz_draw(&lab->fuzz, 4))
		mask.word[2] = mask.word[3] = 0;
	return mask;
}

static void draw_limit(struct model_lab *lab, __u32 index)
{
	struct model_limit *limit = &lab->services[index].limit;
	struct xdplb_source_limit element;

	limit->burst = fuzz_draw(&lab->fuzz, 8);
	limit->mask = draw_mask(lab, lab->services[index].family);
	element = (struct xdplb_source_limit){
		.interval = limit->burst ? INTERVAL : 0,
		.tolerance = limit->burst ? (limit->burst - 1) * INTERVAL : 0,
		.mask = limit->mask,
	};
	cr_assert_eq(bpf_map_update_elem(map_of(lab, "source_limits"), &index, &element, BPF_ANY),
		     0);
}

__u32 lab_draw_particulars(struct model_lab *lab, __u32 index)
{
	__u32 flags = 0, config = lab->fuzz.quic_config;

	draw_limit(lab, index);
	if (!fuzz_draw(&lab->fuzz, 3))
		flags |= XDPLB_SERVICE_LIMIT;
	if (fuzz_draw(&lab->fuzz, 2))
		flags |= XDPLB_SERVICE_CACHE;
	if (!fuzz_draw(&lab->fuzz, 4))
		config = fuzz_draw(&lab->fuzz, XDPLB_QUIC_CONFIGS);
	if (fuzz_draw(&lab->fuzz, 2))
		flags |= XDPLB_SERVICE_QUIC | config << XDPLB_SERVICE_QUIC_CONFIG;
	return flags;
}

/* ---- flows ---- */

static void zero_map(int map, __u32 count, size_t size)
{
	__u32 *keys = calloc(count, sizeof(*keys));
	void *values = calloc(count, size);

	cr_assert(keys && values);
	for (__u32 i = 0; i < count; i++)
		keys[i] = i;
	cr_assert_eq(bpf_map_update_batch(map, keys, values, &count, NULL), 0);
	free(keys);
	free(values);
}

void lab_forget_flows(struct model_lab *lab)
{
	zero_map(map_of(lab, "source_budgets"), XDPLB_SOURCE_LINES,
		 sizeof(struct xdplb_source_line));
	zero_map(map_of(lab, "flow_cache"), LINES, sizeof(struct xdplb_flow_line));
	lab->model.source_count = 0;
	lab->model.cache = (struct model_cache){ .lines = MODEL_LINES };
}

static __u64 word_of(const struct model_place *place)
{
	if (!place->is_set)
		return 0;
	return (__u64)place->upper << 32 | (__u64)place->age << XDPLB_FLOW_AGE_BIT |
	       XDPLB_FLOW_SET | place->member;
}

static void redraw(struct model_lab *lab, struct model_place *place)
{
	if (!place->is_set)
		return;
	if (!fuzz_draw(&lab->fuzz, 4))
		place->age = -fuzz_draw(&lab->fuzz, fuzz_draw(&lab->fuzz, 2) ? 64 : 2048) &
			     XDPLB_FLOW_AGE_MASK;
	if (!fuzz_draw(&lab->fuzz, 32))
		place->member = fuzz_draw(&lab->fuzz, LAB_SERVICES * LAB_MEMBERS + 8);
}

void lab_age_flows(struct model_lab *lab)
{
	int map = map_of(lab, "flow_cache");

	for (__u32 line = 0; line < LINES; line++) {
		struct model_place *places = &lab->model.cache.places[line * XDPLB_FLOWS_PER_LINE];
		struct xdplb_flow_line entry;

		for (int way = 0; way < XDPLB_FLOWS_PER_LINE; way++) {
			redraw(lab, &places[way]);
			entry.flow[way] = word_of(&places[way]);
		}
		cr_assert_eq(bpf_map_update_elem(map, &line, &entry, BPF_ANY), 0);
	}
}

void lab_check_flows(struct model_lab *lab)
{
	int map = map_of(lab, "flow_cache");

	for (__u32 line = 0; line < LINES; line++) {
		const struct model_place *places =
			&lab->model.cache.places[line * XDPLB_FLOWS_PER_LINE];
		struct xdplb_flow_line entry;

		cr_assert_eq(bpf_map_lookup_elem(map, &line, &entry), 0);
		for (int way = 0; way < XDPLB_FLOWS_PER_LINE; way++)
			cr_assert_eq(entry.flow[way], word_of(&places[way]),
				     "line %u, way %d: %#llx, must be %#llx", line, way,
				     entry.flow[way], word_of(&places[way]));
	}
}
