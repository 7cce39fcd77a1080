/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Room for bucket tables in a map of lines: what is taken, and the first gap that is large enough. Pure.
 */
#ifndef XDPLB_EXTENTS_H
#define XDPLB_EXTENTS_H

#include <stddef.h>
#include <stdint.h>

#include "xdplb/access.h"

struct extent {
	uint32_t first, count; /* lines of XDPLB_BUCKETS_PER_LINE buckets */
};

/* Zeroed: nothing is taken. Sorted by `first`. */
struct extents {
	struct extent *list;
	size_t count, room;
};

void extents_free(struct extents *extents);

/* A table's lines are taken; one that is taken already stays so. Count 0: nothing. 0 or -ENOMEM. */
int extents_take(struct extents *extents, struct xdplb_bucket_ref table);

/**
 * extents_find() - Take the first gap that holds a table.
 * @lines:   how many there are
 * @buckets: of the table
 * Return: 0; -ENOSPC there is none; -ENOMEM.
 */
int extents_find(struct extents *extents, uint32_t lines, uint32_t buckets,
		 struct xdplb_bucket_ref *ret_table);

#endif
