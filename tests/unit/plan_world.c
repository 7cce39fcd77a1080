// SPDX-License-Identifier: BSD-2-Clause
/*
 * Nodes in memory.
 */
#include "plan_world.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "bpf/lib/hash.h"
#include "stepper.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct node_sizes usual_sizes = { 16, 64, 32, 256 };

static void *checked(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* ---- nodes in memory ---- */

/* Where an array stands in a view. */
struct place {
	const char *name;
	size_t offset;
};

#define ACCESS(array)                                       \
	{                                                   \
#array, offsetof(struct access_view, array) \
	}
#define NODE(array)                                       \
	{                                                 \
#array, offsetof(struct node_view, array) \
	}

static const struct place access_places[] = {
	ACCESS(vips),          ACCESS(control),       ACCESS(services),      ACCESS(buckets),
	ACCESS(members),       ACCESS(health),        ACCESS(service_infos), ACCESS(member_infos),
	ACCESS(backend_infos), ACCESS(source_limits),
};

static const struct place node_places[] = {
	NODE(tags),     NODE(endpoints),     NODE(control),
	NODE(mappings), NODE(mapping_infos), NODE(successions),
	NODE(owners),   NODE(peers),         NODE(succession_infos),
};

static struct map_array *array_at(void *view, const struct place *place)
{
	return (struct map_array *)((char *)view + place->offset);
}

static struct map_array make_array(size_t size, size_t count)
{
	struct map_array array = { .fd = -1, .stride = (size + 7) / 8 * 8, .count = count };

	array.length = array.stride * count;
	array.values = checked(calloc(count ? count : 1, array.stride));
	return array;
}

static void copy_arrays(const void *from, void *to, const struct place *places, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct map_array *source = array_at((void *)from, &places[i]);
		struct map_array *copy = array_at(to, &places[i]);

		*copy = make_array(source->stride, source->count);
		memcpy(copy->values, source->values, source->length);
	}
}

static void read_arrays(pid_t child, const void *from, void *to, const struct place *places,
			size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct map_array *array = array_at((void *)from, &places[i]);

		if (step_read(child, array->values, array_at(to, &places[i])->values,
			      array->length))
			abort();
	}
}

static const char *diff_arrays(const void *a, const void *b, const struct place *places,
			       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct map_array *x = array_at((void *)a, &places[i]);
		const struct map_array *y = array_at((void *)b, &places[i]);

		if (x->length != y->length || memcmp(x->values, y->values, x->length))
			return places[i].name;
	}
	return NULL;
}

static void free_arrays(void *view, const struct place *places, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(array_at(view, &places[i])->values);
}

static uint32_t table_slots(uint32_t entries)
{
	uint32_t slots = 16;

	while (slots < 4 * entries)
		slots *= 2;
	return slots;
}

void access_memory(const struct node_sizes *sizes, struct access_view *ret_view)
{
	uint32_t slots = table_slots(2 * sizes->services);

	*ret_view = (struct access_view){
		.vips = make_array(sizeof(struct xdplb_endpoint), 2 * slots),
		.control = make_array(sizeof(struct xdplb_lb_control), 1),
		.services = make_array(sizeof(struct xdplb_service), sizes->services),
		.buckets = make_array(sizeof(struct xdplb_bucket_line), sizes->lines),
		.members = make_array(sizeof(struct xdplb_member), sizes->members),
		.health = make_array(sizeof(struct xdplb_health), sizes->backends),
		.service_infos = make_array(sizeof(struct xdplb_service_info), sizes->services),
		.member_infos = make_array(sizeof(struct xdplb_member_info), sizes->members),
		.backend_infos = make_array(sizeof(struct xdplb_backend_info), sizes->backends),
		.source_limits = make_array(sizeof(struct xdplb_source_limit), sizes->services),
		.traffic_fd = -1,
		.flows_fd = -1,
		.sources_fd = -1,
	};
}

void node_memory(uint32_t mappings, struct node_view *ret_view)
{
	uint32_t slots = table_slots(mappings);

	*ret_view = (struct node_view){
		.tags = make_array(sizeof(struct xdplb_endpoint), 2 * slots),
		.endpoints = make_array(sizeof(struct xdplb_endpoint), 2 * slots),
		.control = make_array(sizeof(struct xdplb_node_control), 1),
		.mappings = make_array(sizeof(struct xdplb_mapping), mappings),
		.mapping_infos = make_array(sizeof(struct xdplb_mapping_info), mappings),
		.successions = make_array(sizeof(struct xdplb_succession), 17),
		.succession_infos = make_array(sizeof(struct xdplb_succession_info), 17),
		.owners = make_array(sizeof(struct xdplb_bucket_line), 1024),
		.peers = make_array(sizeof(struct xdplb_peer), 2 * mappings),
	};
}

void access_memory_copy(const struct access_view *view, struct access_view *ret_copy)
{
	*ret_copy = *view;
	copy_arrays(view, ret_copy, access_places, COUNT(access_places));
}

void node_memory_copy(const struct node_view *view, struct node_view *ret_copy)
{
	copy_arrays(view, ret_copy, node_places, COUNT(node_places));
}

void access_memory_read(pid_t child, const struct access_view *view, struct access_view *ret_copy)
{
	read_arrays(child, view, ret_copy, access_places, COUNT(access_places));
}

void node_memory_read(pid_t child, const struct node_view *view, struct node_view *ret_copy)
{
	read_arrays(child, view, ret_copy, node_places, COUNT(node_places));
}

void access_memory_free(struct access_view *view)
{
	free_arrays(view, access_places, COUNT(access_places));
}

void node_memory_free(struct node_view *view)
{
	free_arrays(view, node_places, COUNT(node_places));
}

const char *access_memory_diff(const struct access_view *a, const struct access_view *b)
{
	return diff_arrays(a, b, access_places, COUNT(access_places));
}

const char *node_memory_diff(const struct node_view *a, const struct node_view *b)
{
	return diff_arrays(a, b, node_places, COUNT(node_places));
}

bool all_zero(const void *bytes, size_t len)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < len; i++)
		if (b[i])
			return false;
	return true;
}

/* ---- endpoint tables ---- */

static const struct xdplb_endpoint *slot_at(const struct map_array *map, uint32_t slot)
{
	return slot < map->count ? map_at(map, slot) : NULL;
}

const struct xdplb_endpoint *endpoint_find(const struct map_array *map, struct xdplb_table_ref live,
					   const struct xdplb_endpoint *key)
{
	uint32_t mask = map->count / 2 - 1;
	uint32_t hash = endpoint_hash(live.seed, &key->addr, key->port, key->proto, key->family);

	for (uint32_t i = 0; i < XDPLB_ENDPOINT_PROBES; i++) {
		const struct xdplb_endpoint *slot = slot_at(map, live.base + ((hash + i) & mask));

		if (!slot || !slot->family)
			return NULL;
		if (!memcmp(slot, key, offsetof(struct xdplb_endpoint, index)))
			return slot;
	}
	return NULL;
}

size_t endpoints_taken(const struct map_array *map, struct xdplb_table_ref live)
{
	size_t n = 0;

	for (uint32_t i = 0; i < map->count / 2; i++) {
		const struct xdplb_endpoint *slot = slot_at(map, live.base + i);

		n += slot && slot->family;
	}
	return n;
}

void skip_grace_periods(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = COUNT(filter), .filter = filter };

	/* Where that is forbidden the test takes longer. */
	if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

uint32_t next_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % below;
}
