// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include <criterion/criterion.h>
#include <sys/mman.h>

#include "map_view.h"

void map_view_open(const struct bpf_map *map, struct map_array *ret_array)
{
	size_t stride = (bpf_map__value_size(map) + 7) / 8 * 8;
	size_t length = stride * bpf_map__max_entries(map);

	*ret_array = (struct map_array){ .fd = bpf_map__fd(map),
					 .stride = stride,
					 .count = bpf_map__max_entries(map),
					 .length = (length + 4095) / 4096 * 4096 };
	ret_array->values =
		mmap(NULL, ret_array->length, PROT_READ | PROT_WRITE, MAP_SHARED, ret_array->fd, 0);
	cr_assert_neq(ret_array->values, MAP_FAILED);
}

void map_view_close(struct map_array *array)
{
	munmap(array->values, array->length);
}
