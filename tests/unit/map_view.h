/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The maps of a loaded program as the loader has them: in memory, through mmap.
 */
#ifndef XDPLB_TEST_MAP_VIEW_H
#define XDPLB_TEST_MAP_VIEW_H

#include <bpf/libbpf.h>

#include "base/maps.h"

/* Fails the test if it can't be had. */
void map_view_open(const struct bpf_map *map, struct map_array *ret_array);
void map_view_close(struct map_array *array);

#endif
